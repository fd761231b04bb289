"""Fits that are cut off and go on: the same bits, and one line for what can't be gone on with."""

from __future__ import annotations

import csv
import json
import math
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cubes import write_box
from interrupted import interrupt_at

from invrender.cli import run
from invrender.config.resources import PACKAGE
from invrender.io.lock import FolderLock
from invrender.record import checkpoint
from invrender.sweep.summary import Job
from invrender.sweep.sweeper import Sweep

JUDGED = (0, 4, 5, 6)
PIXELS = ("target.samples=1", "renderer.samples=1", "target.camera.azimuth=35")
RECORDS = ("record.tensorboard=false", "record.gif=false", "record.report=false", "record.bar=false")
FITS = {
    "adam": ("recover=[camera_pose,texture]", "optimizer=adam", "optimizer.stages=[{steps: 3, size: 12}, {steps: 3}]"),
    "search": (
        *("recover=camera_pose", "optimizer=lm", "search=on", "optimizer.stages=[{steps: 3, size: 12}]"),
        *("search.poses=4", "search.survivors=1", "search.finalists=1", "search.steps=1"),
    ),
}


@pytest.fixture(autouse=True, scope="module")
def every_step() -> Iterator[None]:
    """The state is written after each step, and curves, which take long to draw, as the numbers in them."""

    def write_points(path: Path, points: Any) -> None:
        path.write_text(repr(points))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoint, "SECONDS", 0.0)
        patch.setattr(checkpoint, "SHARE", math.inf)
        patch.setattr("invrender.record.files.write_curves", write_points)
        yield


def command(name: str) -> list[str]:
    return ["fit", "--config-dir", "cfg", "scene=box", *FITS[name], *PIXELS, *RECORDS, "hydra.run.dir=run"]


def contents(folder: Path) -> dict[str, Any]:
    """What is in a run's folder, without times."""
    found: dict[str, Any] = {
        str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }
    result = json.loads(found["result.json"])
    del result["seconds"]
    rows = [row[:1] + row[2:] for row in csv.reader((folder / "history.csv").read_text().splitlines())]
    return {**found, "result.json": result, "history.csv": rows}


@pytest.fixture(scope="module")
def place(every_step: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a finished fit, ``whole``, and an interrupted one, ``run``; ``kept`` beside it is a copy."""
    place = tmp_path_factory.mktemp("place") / "here"
    write_box(place)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        assert run(command("adam")) in JUDGED
        (place / "run").rename(place / "whole")
        interrupt_at(4, patch, lambda: signal.raise_signal(signal.SIGINT))
        assert run(command("adam")) == 130
    shutil.copytree(place, place.parent / "kept")
    return place


@pytest.fixture
def cut_off(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the fit that was interrupted, as it was then; the working folder is the one above."""
    restore(place)
    monkeypatch.chdir(place)
    return place / "run"


def restore(place: Path) -> None:
    """Have all be in a working folder that was there."""
    shutil.rmtree(place)
    shutil.copytree(place.parent / "kept", place)


def everything(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def told_by(capfd: pytest.CaptureFixture[str], *arguments: str, status: int = 2) -> str:
    """The one line of an error."""
    capfd.readouterr()
    assert run(["fit", *arguments]) == status
    told = capfd.readouterr().err
    assert told.count("\n") == 1, told
    return told


def test_a_fit_that_was_ended_goes_on_with_the_same_bits(
    cut_off: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """By Ctrl-C, then by SIGTERM, then by SIGHUP, and gone on with from another folder."""
    whole = contents(cut_off.parent / "whole")
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name)
        with monkeypatch.context() as patch:
            interrupt_at(2, patch, lambda number=number: signal.raise_signal(number))  # type: ignore[misc]
            assert run(["fit", "--resume", "run", "-q"]) == 128 + number
        assert json.loads((cut_off / "result.json").read_text())["stopped_because"] == "interrupted"
        assert (cut_off / "recovered").is_dir()
    elsewhere = cut_off.parent / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert run(["fit", f"--resume={cut_off}"]) in JUDGED
    assert Path.cwd() == elsewhere
    assert contents(cut_off) == whole
    assert "is finished, and nothing is left to do" in told_by(capfd, "--resume", "../run", status=0)
    assert contents(cut_off) == whole


@pytest.mark.long
def test_a_search_under_way_goes_on_with_the_same_bits(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    status = run(command("search"))
    whole = contents((workspace / "run").rename(workspace / "whole"))
    nearby = "invrender.fitting.search.search.Search.look_nearby"
    with monkeypatch.context() as patch:
        patch.setattr(nearby, lambda *_: signal.raise_signal(signal.SIGINT))
        assert run(command("search")) == 130
    assert run(["fit", "--resume", "run"]) == status
    assert contents(workspace / "run") == whole


# Is killed when the file of a name gets it for the so-manieth time.
KILLED = """
import math, os, signal, sys
from pathlib import Path
from invrender.cli import run
from invrender.record import checkpoint
checkpoint.SECONDS, checkpoint.SHARE = 0.0, math.inf
name, number, *arguments = sys.argv[1:]
replace, calls = Path.replace, []
def fatal(path, target):
    calls.append(Path(target).name)
    if calls.count(name) == int(number):
        os.kill(os.getpid(), signal.SIGKILL)
    return replace(path, target)
Path.replace = fatal
run(arguments)
"""


@pytest.mark.parametrize(("name", "number"), [("state.json", 4), pytest.param("target.png", 1, marks=pytest.mark.long)])
def test_a_fit_that_was_killed_goes_on_with_the_same_bits(cut_off: Path, name: str, number: int) -> None:
    """While a state is being written, or before there is one."""
    shutil.rmtree(cut_off)
    killed = [sys.executable, "-c", KILLED, name, str(number), *command("adam")]
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE.parent)}
    done = subprocess.run(killed, env=environment, capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert (cut_off / "state" / "state.json").exists() == (name == "state.json")
    assert run(["fit", "--resume", "run"]) in JUDGED
    assert contents(cut_off) == contents(cut_off.parent / "whole")


def damage(folder: Path, name: str) -> str:
    """Do something to a run's folder; what is said of it then."""
    state = folder / "state"
    origin = json.loads((state / "run.json").read_text())
    cube = next(path for path in origin["inputs"] if path.endswith("cube.obj"))
    if name == "no state":
        shutil.rmtree(state)
        (folder / "result.json").unlink()
        return "holds no state of a run"
    if name == "no folder":
        folder.rename(folder.parent / "moved")
        return "there is no folder"
    if name == "a state that is cut off":
        os.truncate(state / "state.json", 1000)
        return "state.json is cut off or damaged"
    if name == "a state of nothing":
        (state / "state.json").write_text('{"iteration": 3, "memories": {}, "state": {}}')
        return "not the state of a"
    if name == "a state after no number of steps":
        content = json.loads((state / "state.json").read_text())
        (state / "state.json").write_text(json.dumps({**content, "iteration": math.inf}))
        return "not the state of a run"
    if name == "an origin that is cut off":
        os.truncate(state / "run.json", 100)
        return "run.json is cut off or damaged"
    if name == "another version":
        (state / "run.json").write_text(json.dumps({**origin, "program": "0.0.9"}))
        return "run.json is of invrender '0.0.9', format 2, and this is"
    if name == "another scene":
        Path(cube).write_text(Path(cube).read_text().replace("0.5", "0.4"))
        return "cube.obj, which has changed since then"
    if name == "a scene that is gone":
        Path(cube).rename(folder.parent / "cube.obj")
        return "cube.obj, which is gone"
    if name == "another config":
        (state / "run.json").write_text(json.dumps({**origin, "config": {**origin["config"], "seed": 7}}))
        return "holds another run: seed was 7 there and is 0 now"
    if name == "the state of another fit":
        content = json.loads((state / "state.json").read_text())
        content["state"]["problem"] = "0" * 32
        (state / "state.json").write_text(json.dumps(content))
        return "the state is that of another fit"
    if name == "a folder that is gone":
        (state / "run.json").write_text(json.dumps({**origin, "place": "/nowhere/at/all"}))
        return "was begun in /nowhere/at/all, which is not there"
    if name == "a link":
        state.rename(folder.parent / "state")
        state.symlink_to(folder.parent / "state")
        return "is a link to what may be another's"
    assert name == "a class", name
    (state / "run.json").write_text(json.dumps({**origin, "arguments": [*origin["arguments"], "allow_targets=[os.]"]}))
    return "gives allow_targets=[os.], which counts on the command line alone"


DAMAGES = (
    *("no state", "no folder", "a state that is cut off", "a state of nothing", "an origin that is cut off"),
    *("another version", "another scene", "a scene that is gone", "another config", "the state of another fit"),
    "a state after no number of steps",
    *("a folder that is gone", "a link", "a class"),
)


def test_what_can_not_be_gone_on_with_is_told_in_a_line(cut_off: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for name in DAMAGES:
        restore(cut_off.parent)
        os.chdir(cut_off.parent)
        expected = damage(cut_off, name)
        before = everything(cut_off.parent)
        told = told_by(capfd, "--resume", "run")
        assert expected in told, name
        assert everything(cut_off.parent) == before, name


def test_further_arguments_are_refused(cut_off: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for given in ("seed=3", "hydra.run.dir=other", "-m", "stopping.seconds=9", "allow_targets=[os.]"):
        assert f"{given} may make it another" in told_by(capfd, "--resume", "run", given)
    for given in (["--resume"], ["--resume", "-q"], ["--resume="]):
        assert "expected the folder of a run" in told_by(capfd, *given)


def test_a_folder_is_written_by_one_process(cut_off: Path, capfd: pytest.CaptureFixture[str]) -> None:
    before = everything(cut_off)
    with FolderLock(cut_off):
        told = told_by(capfd, "--resume", "run")
        assert f"run is in use by process {os.getpid()} on " in told
        assert "is in use by process" in told_by(capfd, *command("adam")[1:])
    assert everything(cut_off) == before


RECORDED = (
    *("allow_targets=[os.]", "++hydra.callbacks.x._target_=os.system", "hydra/job_logging=default", "-m", "--multirun"),
    *("scene.folder=${oc.env:HOME}", "scene.folder=${fresh_folder:left}", "--config-path=/tmp", "output=left.png"),
    *("recover=../../evil", "--resume=x", "+hydra/callbacks=x", "renderer._target_=os.system"),
)


@pytest.mark.parametrize("argument", RECORDED)
def test_recorded_arguments_play_no_tricks(argument: str) -> None:
    from invrender.cli.resuming import check_recorded
    from invrender.errors import UserError

    check_recorded(["--config-dir", "a=b", "-q", "seed=3", "target.path=${scenes:x.png}"], [], "run.json")
    with pytest.raises(UserError, match=r"^run\.json"):
        check_recorded(["seed=3", argument], [], "run.json")
    # Whoever types it again knows where it comes from.
    check_recorded(["seed=3", argument], [argument], "run.json")


def test_jobs_of_a_sweep_that_were_cut_off_go_on(cut_off: Path) -> None:
    """A job's folder keeps what its fit can go on from; the others are begun again."""
    sweep = Sweep()
    sweep.folder = cut_off.parent / "out"
    for number, status in enumerate(("missing", "failed", "missing")):
        shutil.copytree(cut_off, sweep.folder / str(number))
        if number == 2:
            os.truncate(sweep.folder / "2" / "state" / "run.json", 20)
        sweep.clear(Job(number, [], {}, status=status))
    assert [path.name for path in sweep.folder.iterdir()] == ["0"]


@pytest.mark.long
def test_a_sweep_goes_on_with_jobs_that_were_cut_off(workspace: Path) -> None:
    given = [*command("adam")[1:-1], "seed=0,1", "--jobs=1", "hydra.sweep.dir=out", "-q"]
    status = run(["sweep", *given])
    whole = {name: contents(workspace / "out" / name) for name in ("0", "1")}
    summary = json.loads((workspace / "out" / "summary.json").read_text())
    for job in summary["jobs"]:
        job.update(status="missing", rank=None)
    (workspace / "out" / "summary.json").write_text(json.dumps(summary))
    for name in whole:
        shutil.rmtree(workspace / "out" / name)
    # As the sweep's own process would have left it, killed in the middle of the first job.
    job = [*command("adam")[:-1], "seed=0", "hydra.run.dir=out/0"]
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE.parent)}
    killed = [sys.executable, "-c", KILLED, "state.json", "4", *job]
    assert subprocess.run(killed, env=environment, capture_output=True, check=False).returncode == -signal.SIGKILL
    begun = (workspace / "out" / "0" / "start.png").stat().st_ino
    assert run(["sweep", "--resume", "out", "-q"]) == status
    assert (workspace / "out" / "0" / "start.png").stat().st_ino == begun
    for name, before in whole.items():
        found = contents(workspace / "out" / name)
        for each in (before, found):
            each.pop("command.txt")
            each.pop("loss.png")
            each.pop("log.txt")
        assert found == before
