"""Sweeps that are ended from outside: nothing is left behind, and nothing is lost."""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from invrender.io.lock import FolderLock

REPOSITORY = Path(__file__).parents[2]
STUB = Path(__file__).with_name("stub_sweep.py")
SIGNALS = ("SIGTERM", "SIGHUP", "SIGKILL")
JOBS, STUB_SECONDS = 12, 0.25
SWEEP = (f"seed=range(0,{JOBS})", "--jobs=2", "hydra.sweep.dir=out", "-q")
GONE_SECONDS = 5.0
# Who gets the signal, by what comes before the sweep's own words.
OWNERS = {"sweep": (), "shell": ("sh", "-c", '"$@"; true', "sh")}

pytestmark = pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for processes in /proc")


def environment(seconds: float, mark: str = "") -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(REPOSITORY), "STUB_SECONDS": str(seconds), "STUB_MARK": mark}


def begin(folder: Path, seconds: float, *arguments: str, through: tuple[str, ...] = ()) -> subprocess.Popen[str]:
    """A sweep of stubs in a process; its processes are known by the folder in their environment."""
    command = [*through, sys.executable, str(STUB), *arguments]
    return subprocess.Popen(
        command,
        env=environment(seconds, str(folder)),
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=heed_signals,
    )


def heed_signals() -> None:
    """As in a terminal: what a shell starts in the background has SIGINT ignored, and all below nohup has SIGHUP."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def processes(folder: Path) -> list[int]:
    """The processes of a sweep."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            zombie = " Z " in (entry / "stat").read_text().rpartition(")")[2][:4]
            if f"STUB_MARK={folder}\0".encode() in (entry / "environ").read_bytes() and not zombie:
                found.append(int(entry.name))
    return found


def assert_gone(folder: Path) -> None:
    """Nothing of the sweep is left after a few seconds."""
    give_up = time.monotonic() + GONE_SECONDS
    while (left := processes(folder)) and time.monotonic() < give_up:
        time.sleep(0.05)
    for process in left:
        os.kill(process, signal.SIGKILL)
    assert left == []


def wait_for_job(folder: Path, number: int = 0) -> None:
    """Until a job has begun."""
    give_up = time.monotonic() + 120
    while not (folder / "out" / str(number) / "log.txt").exists() and time.monotonic() < give_up:
        time.sleep(0.02)
    assert (folder / "out" / str(number)).exists()


def table(folder: Path) -> list[dict[str, Any]]:
    jobs: list[dict[str, Any]] = json.loads((folder / "out" / "summary.json").read_text())["jobs"]
    return jobs


def resume(folder: Path, place: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(STUB), "--resume", str(folder / "out"), "--quiet"]
    return subprocess.run(
        command, env=environment(0), cwd=place, capture_output=True, text=True, check=False, timeout=120
    )


@dataclass(frozen=True)
class Unbroken:
    """A sweep that nobody ends. seconds: how long it takes."""

    jobs: list[dict[str, Any]]
    seconds: float


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> Unbroken:
    folder, began = tmp_path_factory.mktemp("unbroken"), time.monotonic()
    finish(folder, STUB_SECONDS)
    return Unbroken(table(folder), time.monotonic() - began)


def finish(folder: Path, seconds: float) -> None:
    """Run a whole sweep."""
    process = begin(folder, seconds, *SWEEP)
    _, told = process.communicate(timeout=120)
    assert process.returncode == 0, told


def end(folder: Path, process: subprocess.Popen[str], number: int) -> int:
    """End a sweep or its shell by a signal; its exit status. Nothing of the sweep is left then, and nothing is lost."""
    process.send_signal(number)
    _, told = process.communicate(timeout=60)
    assert "Traceback" not in told
    assert_gone(folder)
    if (folder / "out" / "summary.json").exists():
        assert {job["status"] for job in table(folder)} <= {"finished", "missing"}
    return process.returncode


def go_on(folder: Path, unbroken: Unbroken) -> None:
    """Go on from another folder with a sweep that was ended, or begin one anew that had not begun."""
    kept = {path: path.stat().st_mtime_ns for path in (folder / "out").glob("*/outcome.json")}
    if (folder / "out" / "summary.json").exists():
        elsewhere = folder / "elsewhere"
        elsewhere.mkdir()
        done = resume(folder, elsewhere)
        assert done.returncode == 0, done.stderr
    else:
        assert not kept
        finish(folder, 0)
    assert table(folder) == unbroken.jobs
    assert {path: path.stat().st_mtime_ns for path in kept} == kept


@pytest.mark.parametrize("name", SIGNALS)
def test_a_signal_ends_all_and_loses_nothing(tmp_path: Path, name: str, unbroken: Unbroken) -> None:
    number = getattr(signal, name)
    process = begin(tmp_path, STUB_SECONDS, *SWEEP)
    wait_for_job(tmp_path)
    time.sleep(0.4)
    assert end(tmp_path, process, number) == (-number if name == "SIGKILL" else 128 + number)
    if name != "SIGKILL":
        finished = {job["number"] for job in table(tmp_path) if job["status"] == "finished"}
        assert finished == {int(path.parent.name) for path in (tmp_path / "out").glob("*/outcome.json")}
    go_on(tmp_path, unbroken)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("owner", OWNERS)
@pytest.mark.parametrize("name", SIGNALS)
def test_a_signal_at_any_moment(tmp_path: Path, name: str, owner: str, seed: int, unbroken: Unbroken) -> None:
    """From before Python has begun until after the last job."""
    process = begin(tmp_path, STUB_SECONDS, *SWEEP, through=OWNERS[owner])
    time.sleep(random.Random(f"{name} {owner} {seed}").uniform(0, unbroken.seconds))
    number = getattr(signal, name)
    assert end(tmp_path, process, number) in (-number, 128 + number, 0)
    go_on(tmp_path, unbroken)


@pytest.mark.parametrize("name", SIGNALS)
def test_a_sweep_ends_with_its_shell(tmp_path: Path, name: str) -> None:
    process = begin(tmp_path, 60, "seed=1,2", "--jobs=1", "hydra.sweep.dir=out", through=OWNERS["shell"])
    wait_for_job(tmp_path)
    process.send_signal(getattr(signal, name))
    assert_gone(tmp_path)
    process.communicate(timeout=10)
    assert [job["status"] for job in table(tmp_path)] == ["missing", "missing"]


@pytest.mark.parametrize("launcher", ["joblib", "submitit_local"])
def test_launchers_end_with_the_sweep(tmp_path: Path, launcher: str) -> None:
    pytest.importorskip(f"hydra_plugins.hydra_{launcher.partition('_')[0]}_launcher", reason=f"needs {launcher}")
    process = begin(tmp_path, 60, "seed=1,2", f"hydra/launcher={launcher}", "hydra.sweep.dir=out")
    wait_for_job(tmp_path)
    process.kill()
    # They have the pipe, too, which is closed when all of them are gone.
    process.communicate(timeout=30)
    assert_gone(tmp_path)


@pytest.fixture
def running(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A sweep whose first job takes long."""
    process = begin(tmp_path, 60, "seed=1,2", "--jobs=1", "hydra.sweep.dir=out")
    wait_for_job(tmp_path)
    yield process
    process.kill()
    process.communicate(timeout=10)
    assert_gone(tmp_path)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_sweep_has_one_owner(tmp_path: Path, running: subprocess.Popen[str]) -> None:
    before = contents(tmp_path)
    done = resume(tmp_path, tmp_path)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert f"out is in use by process {running.pid} on " in done.stderr
    assert contents(tmp_path) == before


def test_a_job_that_still_runs_elsewhere_is_not_run_again(tmp_path: Path, running: subprocess.Popen[str]) -> None:
    running.kill()
    running.wait(timeout=10)
    assert_gone(tmp_path)
    before = contents(tmp_path / "out")
    with FolderLock(tmp_path / "out" / "0"):
        done = resume(tmp_path, tmp_path)
    assert done.returncode == 2
    assert f"0 is in use by process {os.getpid()} on " in done.stderr
    assert set(contents(tmp_path / "out")) <= set(before)


def test_what_a_job_has_finished_counts_whatever_becomes_of_its_process(tmp_path: Path) -> None:
    process = begin(tmp_path, 60, "seed=1,2", "--jobs=1", "hydra.sweep.dir=out")
    wait_for_job(tmp_path)
    result = {
        "parameters": {},
        "loss": {"start": 1.0, "best": 0.1},
        "seconds": {"total": 0.5},
        "iterations": 1,
        "stopped_because": "finished",
    }
    (tmp_path / "out" / "0" / "result.json").write_text(json.dumps(result))
    (tmp_path / "out" / "0" / "outcome.json").write_text('{"status": "finished"}')
    worker = int(json.loads((tmp_path / "out" / "0" / ".lock").read_text())["process"])
    os.kill(worker, signal.SIGKILL)
    wait_for_job(tmp_path, 1)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "job 0 seed=1: loss 0.1" in told
    assert [job["status"] for job in table(tmp_path)] == ["finished", "missing"]
    assert_gone(tmp_path)


def test_a_sweep_of_many_jobs_costs_little_a_job(tmp_path: Path) -> None:
    """Of the processor's time, in all processes together, on a machine that may be busy."""

    def seconds(jobs: int) -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        folder = tmp_path / str(jobs)
        folder.mkdir()
        process = begin(folder, 0, f"seed=range(0,{jobs})", "--jobs=2", "hydra.sweep.dir=out", "-q")
        _, told = process.communicate(timeout=300)
        assert process.returncode == 0, told
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    few, many = seconds(50), seconds(350)
    assert (many - few) / 300 < 0.015
