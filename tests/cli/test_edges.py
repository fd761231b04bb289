"""What is given wrongly is refused with status 2, whatever it is: one line, and nothing is left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from invrender.cli import run
from invrender.config.resources import PACKAGE

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(PACKAGE.parent)}
QUICK = ("optimizer.stages=[{steps: 1}]", "renderer.samples=1", "target.samples=1", "record.bar=false")
HUGE = 10**400


def everything(folder: Path) -> set[Path]:
    return set(folder.rglob("*"))


@pytest.mark.parametrize(
    ("argument", "told"),
    [
        ("loss=[1]", "loss=[1] chooses nothing, expected one of bilaplacian"),
        ("loss=[]", "loss is empty"),
        ("scene=[null,1,2]", "scene=[null,1,2] chooses nothing"),
        ("recover=[camera_pose,null]", "chooses nothing, expected one of albedo"),
        ("hydra/sweeper=basic", "hydra/sweeper=basic: expected one of grid, search"),
        ("camera.look_at=[]", "camera.look_at is []"),
        ("camera.focal={}", "camera.focal is"),
        ("light.key.color=[]", "light.key.color is []"),
        ("light.key.color=[1e300,0,0]", "light.key.color is [1e+300, 0.0, 0.0]"),
        ("scene.background=[]", "scene.background is []"),
        ("scene.objects.cube.albedo=[]", "scene.objects.cube.albedo is []"),
        ("scene.objects.cube.mesh=''", "mesh is ''"),
        ("scene.objects.cube.texture=''", "texture is ''"),
        ("scene.picture=''", "picture is ''"),
        ("target.views=[{azimuth: 0, look_at: [100, 100, 100]}]", "target.views[0] sees no object"),
        ("+camera.nothing=1", "camera has no key 'nothing'"),
        ("+light.key.nothing=1", "light.key has no key 'nothing'"),
        (
            "scene.objects.cube.parts.lid=1",
            "has no key 'lid'; add it with +scene.objects.cube.parts.lid=…",
        ),
        ("+nothing=1", "there is no key or group 'nothing'"),
        ("+stopping.second=1", "stopping has no key 'second'; did you mean 'seconds'?"),
        ("hydra.mode=MULTIRUN", "hydra.mode=MULTIRUN can't be given"),
        ("hydra.verbose=1", "Hydra can't use these arguments (AssertionError"),
        ("scene.objects.cube.rotation=[]", "scene.objects.cube.rotation is []"),
        ("hydra.run.dir=named/${oc.env:NOWHERE}", "NOWHERE"),
        ("++scene.objects=${camera}", "${camera} has keys of its own; name the key that has the value itself"),
        (f"~camera=[{'a,' * 900}a]", "Config group override deletion value must be a string"),
    ],
)
def test_a_fit_is_refused(invrender: Any, workspace: Path, argument: str, told: str) -> None:
    before = everything(workspace)
    outcome = invrender("fit", "hydra.run.dir=named/run", argument, *QUICK)
    assert outcome.status == 2
    assert told in outcome.error
    assert everything(workspace) == before


VIEWS = [
    ({"mask": 3}, "mask is 3, expected the name of a picture file"),
    ({"weight": ["a.png"]}, "weight is ['a.png'], expected the name"),
    ({"picture": ""}, "picture is '', expected the name"),
    ({"mask": ""}, "mask is '', expected the name"),
    ({"picture": "."}, "no such picture file"),
    ({"focal": 20, "width": 0}, "views[0].width is 0"),
    ({"focal": 20, "width": -1, "height": 0}, "views[0].width is -1"),
    ({"focal": True}, "views[0].focal is"),
    ({"focal": []}, "views[0].focal is []"),
    ({"focal": [[20]]}, "views[0].focal is"),
    ({"focal": HUGE}, "views[0]"),
    ({"azimuth": HUGE}, "views[0]"),
    ({"width": HUGE}, "views[0].width is 1000"),
    ({"principal": [HUGE, 1]}, "views[0]"),
    ({"azimuth": float("nan")}, "views[0].azimuth is"),
    ({"up": []}, "views[0].up is []"),
    ({"camera_from_world": [[1]]}, "views[0].camera_from_world is [[1]]"),
    ({"look_at": [-100, 100, 100]}, "views[0] sees no object"),
]


@pytest.mark.parametrize(("view", "told"), VIEWS, ids=[told for _, told in VIEWS])
def test_a_camera_file_is_refused(invrender: Any, workspace: Path, view: dict[str, Any], told: str) -> None:
    Image.new("RGB", (24, 16)).save(workspace / "a.png")
    (workspace / "cameras.json").write_text(json.dumps({"views": [{"picture": "a.png", **view}]}))
    before = everything(workspace)
    outcome = invrender("fit", "target=cameras.json", "recover=light_intensity", "hydra.run.dir=named", *QUICK[:2])
    assert outcome.status == 2
    assert told in outcome.error
    assert len(outcome.error) < 600
    assert everything(workspace) == before


def test_an_empty_name_is_no_file(invrender: Any, workspace: Path) -> None:
    Image.new("RGB", (24, 16)).save(workspace / "a.png")
    given = ("target=a.png", "recover=light_intensity", "hydra.run.dir=named", *QUICK[:2])
    assert "target.mask is '', expected the name of a file" in invrender("fit", "target.mask=", *given).error
    assert not (workspace / "named").exists()


@pytest.mark.parametrize(
    "text", ['{"views": ' + "[" * 100_000, '{"views": [{"picture": "a", "focal": ' + "9" * 9999 + "}]}"]
)
def test_a_camera_file_that_python_can_not_read(invrender: Any, workspace: Path, text: str) -> None:
    (workspace / "cameras.json").write_text(text)
    assert "cameras.json: not readable as JSON" in invrender("fit", "target=cameras.json").error


RESULT = {"stopped_because": "finished", "parameters": {}}
DAMAGED: list[tuple[str, str]] = [
    ("result.json", ""),
    ("result.json", "[]"),
    ("result.json", "{}"),
    ("result.json", "[" * 100_000),
    ("result.json", json.dumps({**RESULT, "parameters": 3})),
    ("result.json", json.dumps({**RESULT, "parameters": {"x": None}})),
    ("result.json", json.dumps({**RESULT, "stopped_because": []})),
    ("summary.json", "{}"),
    ("summary.json", json.dumps({"jobs": 3})),
    ("summary.json", json.dumps({"jobs": [{}], "swept": []})),
    ("summary.json", json.dumps({"jobs": [{"rank": "a"}, {"rank": 1}], "swept": []})),
]


@pytest.mark.parametrize(("name", "text"), DAMAGED)
def test_a_damaged_run_has_no_report(workspace: Path, name: str, text: str, capfd: pytest.CaptureFixture[str]) -> None:
    (workspace / "run").mkdir()
    (workspace / "run" / name).write_text(text)
    (workspace / "run" / "start.png").write_bytes(b"no picture")
    before = everything(workspace)
    assert run(["report", "run"]) == 2
    error = capfd.readouterr().err
    assert error.startswith("invrender report: error: runs: run")
    assert error.count("\n") == 1
    assert everything(workspace) == before


def test_a_report_shows_nothing_from_outside_its_folder(workspace: Path, capfd: pytest.CaptureFixture[str]) -> None:
    from invrender.record.report.page import picture, read_text

    (workspace / "secret.txt").write_text("the-secret")
    Image.new("RGB", (8, 8)).save(workspace / "secret.png")
    (workspace / "run").mkdir()
    (workspace / "run" / "config.yaml").symlink_to(workspace / "secret.txt")
    (workspace / "run" / "start.png").symlink_to(workspace / "secret.png")
    assert read_text(workspace / "run" / "config.yaml") is None
    assert picture(workspace / "run" / "start.png", 10) is None
    job = {"rank": 1, "number": 0, "folder": "..", "status": "finished", "values": {}, "errors": {}, "verdict": None}
    summary = {"jobs": [{**job, "loss": 1, "seconds": 1}], "swept": []}
    (workspace / "run" / "summary.json").write_text(json.dumps(summary))
    assert run(["report", "run"]) == 2
    assert "has a job in .., which is not in the sweep's folder" in capfd.readouterr().err


@pytest.mark.parametrize("command", ["report", "board"])
def test_runs_are_names(workspace: Path, command: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert run([command, "runs=[[1]]"]) == 2
    assert "runs has [1], expected the name of a folder" in capfd.readouterr().err


@pytest.mark.parametrize(
    "text",
    [
        *("defaults: null", "defaults: [null]", "defaults: [{recover: [null]}]", "scene: null", "camera: 3", "1: 2"),
        *("? [a]\n: b", "camera: {fov: " + "9" * 9999 + "}", "camera: {<<: 1}", "camera: !!binary aaaa", "\0", "[a]"),
        *("a: 1\n---\nb: 1", "camera: {fov: .nan}", "scene: {objects: {a: null}}", "light: {a: 1}", "a: b: c"),
        *('scene: {folder: "\\ud800"}', 'scene: {folder: "\\0"}', f"camera: {{fov: {'x' * 5000}}}"),
    ],
)
def test_a_scene_file_is_refused(invrender: Any, workspace: Path, text: str) -> None:
    (workspace / "mine.yaml").write_text(f"# @package _global_\n{text}\n")
    before = everything(workspace)
    outcome = invrender("render", "scene=mine.yaml", "hydra.run.dir=named/run")
    assert outcome.status == 2
    assert len(outcome.error) < 1100
    assert everything(workspace) == before


def test_a_dry_run_overwrites_nothing(invrender: Any, workspace: Path) -> None:
    (workspace / "mine").mkdir()
    (workspace / "mine" / "dry_run.png").write_bytes(b"precious")
    assert "holds dry_run.png" in invrender("fit", "--dry-run", "hydra.run.dir=mine", *QUICK).error
    assert (workspace / "mine" / "dry_run.png").read_bytes() == b"precious"


def test_a_folder_that_was_there_stays(invrender: Any, workspace: Path) -> None:
    (workspace / "mine").mkdir()
    assert invrender("fit", "hydra.run.dir=mine", "camera.fov=0").status == 2
    assert (workspace / "mine").is_dir()


def test_names_with_signs_of_interpolations(invrender: Any, workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = workspace / "my ${oc.env:HOME} run"
    folder.mkdir()
    (workspace / "cfg").rename(folder / "cfg")
    monkeypatch.chdir(folder)
    target = "target.camera.azimuth=35"
    unread = ("record.gif=false", "record.tensorboard=false", "verdict.judge=false")
    assert invrender("fit", target, *unread, *QUICK).status == 0
    assert invrender("render", "renderer.samples=1", "hydra.run.dir=a ${x} b").status == 2
    (folder / "a ${x} b").mkdir()
    assert invrender("render", "renderer.samples=1", "hydra.run.dir=a ${x} b").status == 0
    assert (folder / "a ${x} b" / "picture.png").is_file()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_told_with_the_name_of_the_file(workspace: Path) -> None:
    from invrender.io.atomic import atomic_write

    def fill() -> None:
        with atomic_write(workspace / "picture.png") as partial:
            partial.symlink_to("/dev/full")
            partial.write_bytes(b"0" * 100_000)

    with pytest.raises(OSError, match=r"No space left on device: '.*/picture\.png'"):
        fill()
    assert not list(workspace.glob("*.png"))
    assert not list(workspace.glob(".partial*"))


def started(*arguments: str, **options: Any) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "invrender", *arguments]
    return subprocess.Popen(command, env={**ENVIRONMENT, **options.pop("env", {})}, **options)


def test_ctrl_c_at_once(workspace: Path) -> None:
    processes = []
    for delay in (0.1, 0.15, 0.2, 0.3):
        process = started("fit", "--config-dir", "cfg", "scene=box", stderr=subprocess.PIPE)
        time.sleep(delay)
        process.send_signal(signal.SIGINT)
        processes.append(process)
    for process in processes:
        _, error = process.communicate(timeout=60)
        if b"runpy" in error or b"site" in error:
            continue  # Python itself was not there yet
        assert (process.returncode, error) == (130, b"")
    assert not (workspace / "outputs").exists()


def test_a_working_folder_that_is_gone(workspace: Path, monkeypatch: pytest.MonkeyPatch, capfd: Any) -> None:
    (workspace / "gone").mkdir()
    monkeypatch.chdir(workspace / "gone")
    (workspace / "gone").rmdir()
    assert run(["render", "scene=vase"]) == 2
    assert "error: the working folder is no longer there" in capfd.readouterr().err


def test_names_that_are_no_text(workspace: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["render", "scene=vase", os.fsdecode(b"output=caf\xe9.png")]) == 2
    assert capfd.readouterr().err == (
        r"invrender render: error: 'output=caf\udce9.png' can't be written as text; "
        "rename that file or folder, or set PYTHONUTF8=1\n"
    )


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_closed_streams(workspace: Path, closed: str) -> None:
    command = f"{sys.executable} -m invrender render --config-dir cfg scene=box renderer.samples=1 {closed}"
    done = subprocess.run(command, shell=True, env=ENVIRONMENT, check=False)
    assert done.returncode == 0
    assert len(list((workspace / "outputs" / "render").glob("*/picture.png"))) == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_output(workspace: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        process = started("--help", stdout=full, stderr=subprocess.PIPE)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 2
    assert error == b"invrender: error: the output can't be written: No space left on device\n"


def test_a_poor_encoding(workspace: Path) -> None:
    environment = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii:strict"}
    process = started("render", "scene=ä☃", stderr=subprocess.PIPE, env=environment)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 2
    assert error.count(b"\n") == 1
    assert b"Traceback" not in error


def test_nothing_is_imported_from_the_working_folder(workspace: Path) -> None:
    (workspace / "yaml.py").write_text("open('ran', 'w')\n")
    (workspace / "hydra_plugins").mkdir()
    (workspace / "hydra_plugins" / "evil.py").write_text("open('ran', 'w')\n")
    process = started("fit", "--cfg", "job", stdout=subprocess.PIPE)
    process.communicate(timeout=60)
    assert process.returncode == 0
    assert not (workspace / "ran").exists()
