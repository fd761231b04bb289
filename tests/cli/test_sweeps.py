"""Sweeps from the command line: failures, resuming, launchers, searches."""

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

from invrender.cli import run

REPOSITORY = Path(__file__).parents[2]
SHORT = (
    "optimizer=adam",
    "optimizer.stages=[{steps: 2, size: 12}]",
    "target.samples=1",
    "renderer.samples=1",
    "target.camera.azimuth=20",
    *(f"record.{each}=false" for each in ("gif", "tensorboard")),
    "verdict.judge=false",
)


def summary_of(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "summary.json").read_text())
    return content


def statuses(folder: Path) -> list[str]:
    return [job["status"] for job in summary_of(folder)["jobs"]]


def test_a_poisoned_job_is_told_and_the_others_finish(invrender: Any, workspace: Path) -> None:
    given = ("camera.azimuth=30,35", "camera.fov=40,-1,200", "--jobs", "1", "hydra.sweep.dir=out", *SHORT)
    outcome = invrender("sweep", *given)
    folder = workspace / "out"
    assert outcome.status == 2
    assert statuses(folder) == ["finished", "failed", "failed"] * 2
    assert "job 1 camera.azimuth=30 camera.fov=-1 failed: camera.fov is -1.0" in outcome.err
    assert "job 2 camera.azimuth=30 camera.fov=200 failed: camera.fov is 200.0" in outcome.err
    assert "4 failed of 6 jobs; to run them: invrender sweep --resume out" in outcome.err
    assert outcome.out.splitlines()[0].split() == [
        *("rank", "job", "camera.azimuth", "camera.fov", "camera_pose", "loss", "seconds")
    ]
    assert (folder / "summary.png").exists()
    assert (folder / "0" / "recovered").is_dir()
    assert "invrender fit" in (folder / "3" / "command.txt").read_text()

    kept = (folder / "0" / "result.json").stat().st_mtime_ns
    before = summary_of(folder)
    assert run(["sweep", "--resume", "out"]) == 2
    assert (folder / "0" / "result.json").stat().st_mtime_ns == kept
    assert summary_of(folder) == before


def test_what_is_there_stays(invrender: Any, workspace: Path) -> None:
    (workspace / "out" / "0").mkdir(parents=True)
    (workspace / "out" / "0" / "mine.txt").write_text("mine")
    outcome = invrender("sweep", "seed=1,2", "hydra.sweep.dir=out", *SHORT)
    assert outcome.status == 2
    assert "which is not empty; nothing is overwritten" in outcome.error
    assert (workspace / "out" / "0" / "mine.txt").read_text() == "mine"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--resume", "nowhere"], "--resume: nowhere has no summary.json"),
        (["--resume"], "--resume: expected one argument"),
        (["--jobs", "many"], "--jobs: invalid int value"),
        (["--jobs", "0"], "hydra.launcher.n_jobs is 0"),
        (["--trials", "3"], "give --optimize, too"),
        (["--optimise"], "did you mean '--optimize'?"),
        (["--optimize", "seed=1"], "there is nothing to search in"),
        (["--optimize", "--trials", "0", "seed=1,2"], "hydra.sweeper.trials is 0"),
        (["seed=interval(1,2)"], "search it with --optimize"),
        (["camera.azimuth=30,oops,35"], "job 1 camera.azimuth=oops: camera.azimuth: Value 'oops'"),
        (["camera.azimth=range(0,3)", "seed=1"], "camera has no key 'azimth'; did you mean 'azimuth'?"),
        (["optimizer=adam,lm", "optimizer.algorithm.lr=1,2"], "job 0 optimizer=adam optimizer.algorithm.lr=1: "),
        (["--optimize", "camera.azimuth=interval(0,1)", "optimizer=adam,sgt"], "optimizer has no option 'sgt'"),
        (["seed=1,2", "--rank", "camera_pose.rotation"], "did you mean 'camera_pose.rotation_deg'?"),
        (["--optimize", "--objective", "los", "seed=1,2"], "hydra.sweeper.objectives[0]: there is no measure 'los'"),
        (["hydra/launcher=submit_slurm"], "did you mean 'submitit_slurm'?"),
    ],
)
def test_refusals(workspace: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str) -> None:
    assert run(["sweep", *arguments]) == 2
    told = capsys.readouterr().err
    assert (told.count("\n"), message in told) == (1, True), told
    assert not (workspace / "outputs").exists()


def test_the_noise_of_a_rendered_target_follows_the_seed(invrender: Any, workspace: Path) -> None:
    given = ("seed=range(0,2)", "target.seed=null,7", "target.noise=0.05", "--jobs=1", "hydra.sweep.dir=out", *SHORT)
    assert invrender("sweep", *given).status == 0
    pictures = [(workspace / "out" / str(number) / "target.png").read_bytes() for number in range(4)]
    assert (len(set(pictures)), pictures[1] == pictures[3]) == (3, True)


def test_an_input_that_has_changed_is_told(invrender: Any, workspace: Path) -> None:
    picture = workspace / "cfg" / "files" / "cube.png"
    (workspace / "other.png").write_bytes(picture.read_bytes())
    given = ("scene.objects.cube.texture=cube.png,other.png", "--jobs=1", "hydra.sweep.dir=out", *SHORT)
    assert invrender("sweep", *given).status == 0
    inputs = [Path(each).name for each in summary_of(workspace / "out")["inputs"]]
    assert {"box.yaml", "cube.obj", "cube.png", "other.png"} <= set(inputs)
    picture.write_bytes(picture.read_bytes() + b"0")
    (workspace / "other.png").unlink()
    again = invrender("sweep", "--resume", "out", *given[:2], *SHORT)
    assert "cube.png has changed since this sweep began" in again.err
    assert "other.png was read by this sweep's jobs, and is gone" in again.err


@pytest.mark.parametrize(
    "argument",
    [
        "hydra.callbacks.x={_target_: os.system}",
        "hydra/job_logging=default",
        "hydra.launcher.setup=[reboot]",
        "hydra.sweeper.params.seed=1",
        "allow_targets=[os.]",
        "+recover.x={_target_: os.system}",
        "--rank={_target_: os.system}",
        "--config-path=/tmp",
    ],
)
def test_a_summary_gives_no_more_than_a_file_may(workspace: Path, capsys: Any, argument: str) -> None:
    content = {"command": "", "arguments": ["seed=1,2", argument], "swept": ["seed"], "rank_by": None, "jobs": []}
    (workspace / "out").mkdir()
    (workspace / "out" / "summary.json").write_text(json.dumps(content))
    before = (workspace / "out" / "summary.json").read_bytes()
    assert run(["sweep", "--resume", "out"]) == 2
    told = capsys.readouterr().err
    assert (told.count("\n"), "out/summary.json gives " in told) == (1, True), told
    assert [path.read_bytes() for path in (workspace / "out").iterdir()] == [before]


def test_an_interrupted_sweep_is_resumed(workspace: Path) -> None:
    steps = "optimizer.stages=[{steps: 40, size: 12}]"
    given = ["sweep", "--config-dir", "cfg", "scene=box", "seed=1,2,3,4,5,6", "--jobs", "1", *SHORT, steps]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    # What a shell starts in the background has SIGINT ignored, and all below it.
    program = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    program += "from invrender.cli import main; main()"
    command = [sys.executable, "-c", program, *given, "hydra.sweep.dir=out"]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
    first = workspace / "out" / "0" / "outcome.json"
    give_up = time.monotonic() + 120
    while not first.exists() and time.monotonic() < give_up:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130, told
    assert b"invrender sweep --resume out" in told
    done = statuses(workspace / "out").count("finished")
    assert 1 <= done < 6, (told, summary_of(workspace / "out")["jobs"])
    kept = first.stat().st_mtime_ns
    assert run(["sweep", "--resume", "out", "--quiet"]) == 0
    assert first.stat().st_mtime_ns == kept
    assert statuses(workspace / "out") == ["finished"] * 6


@pytest.mark.parametrize("launcher", ["joblib", "submitit_local", "ray"])
def test_launchers(workspace: Path, launcher: str) -> None:
    pytest.importorskip(f"hydra_plugins.hydra_{launcher.partition('_')[0]}_launcher", reason=f"needs {launcher}")
    given = ("camera.fov=40,-1,50", f"hydra/launcher={launcher}", "hydra.sweep.dir=out", *SHORT)
    command = [sys.executable, "-m", "invrender", "sweep", "--config-dir", "cfg", "scene=box", *given]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 2, done.stderr
    assert statuses(workspace / "out") == ["finished", "failed", "finished"]
    assert "job 1 camera.fov=-1 failed: camera.fov is -1.0" in done.stderr


def test_a_search_goes_on_where_it_was(invrender: Any, workspace: Path) -> None:
    pytest.importorskip("optuna", reason="needs Optuna")
    space = ("recover.camera_pose.lr=tag(log,interval(0.001,0.1))", "optimizer=adam,sgd")
    given = ("--jobs", "1", "--trials", "2", "--objective", "camera_pose.rotation_deg", "--objective", "seconds")
    outcome = invrender("sweep", "--optimize", *given, *space, "hydra.sweep.dir=out", *SHORT[1:])
    assert outcome.status == 0
    assert "unbeaten in camera_pose.rotation_deg and seconds: jobs" in outcome.out
    before = [job["values"] for job in summary_of(workspace / "out")["jobs"]]
    assert run(["sweep", "--resume", "out", "--trials", "3"]) == 0
    after = [job["values"] for job in summary_of(workspace / "out")["jobs"]]
    assert after[:2] == before
    assert len({job["recover.camera_pose.lr"] for job in after}) == 3
