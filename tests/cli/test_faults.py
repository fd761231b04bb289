"""Disks that are full, names that can't be given, programs that are killed: no file is cut, and nothing is lost."""

from __future__ import annotations

import errno
import io
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from invrender.cli import run
from invrender.config.origin import has_origin, read_origin
from invrender.config.resources import PACKAGE
from invrender.io import atomic
from invrender.record.checkpoint import read_state

resource = pytest.importorskip("resource", reason="limits of files are of POSIX")

FIT = (
    *(
        "scene=box",
        "recover=[camera_pose,texture]",
        "optimizer=adam",
        "optimizer.stages=[{steps: 2}]",
        "target.camera.azimuth=35",
    ),
    *("renderer.samples=1", "target.samples=1", "verdict.judge=false", "hydra.run.dir=run"),
)
SEEDS = Path(__file__).parents[1] / "fuzz" / "seeds"
PICTURES = ("a.png", "a.jpg", "a.exr", "a.hdr", "a.tif", "a.pfm")


@pytest.fixture
def from_write(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], list[Path]]]:
    """Has the disk be full from the write of a number on: no file grows beyond a few bytes. Returns the writes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    partial_of = atomic.partial_of

    def full(number: int) -> list[Path]:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        writes = list[Path]()

        def counting(path: Path) -> Path:
            writes.append(path)
            if len(writes) > number:
                resource.setrlimit(resource.RLIMIT_FSIZE, (20, before[1]))
            return partial_of(path)

        monkeypatch.setattr(atomic, "partial_of", counting)
        return writes

    yield full
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, ignored)


def told_by(*arguments: str) -> tuple[int, str]:
    """The status of a command, and what it says on stderr. Not in a file, which would be full, too."""
    told = io.StringIO()
    with redirect_stdout(io.StringIO()), redirect_stderr(told):
        status = run([*arguments[:1], "--config-dir", "cfg", *arguments[1:]])
    return status, told.getvalue()


def contents(folder: Path) -> dict[str, bytes]:
    """What is in a folder, by name, without what differs from run to run, grows step by step, or goes in the end."""
    changing = ("events.out", "report.html", "history.csv", "result.json", "command.txt")
    files = (path for path in folder.rglob("*") if path.is_file() and path.parent.name != "state")
    paths = (path for path in files if not path.name.startswith(changing))
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


@pytest.fixture
def whole(workspace: Path) -> dict[str, bytes]:
    """The files of a fit that nothing has happened to."""
    assert told_by("fit", *FIT)[0] in (0, 4, 5, 6)
    (workspace / "run").rename(workspace / "whole")
    return contents(workspace / "whole")


def check_uncut(found: Path, whole: dict[str, bytes]) -> None:
    """No file is cut, or has a name of its own."""
    for name, content in contents(found).items():
        assert content == whole[name], name
    if has_origin(found):
        read_origin(found)
        read_state(found)
    history = found / "history.csv"
    assert not history.exists() or not (text := history.read_text()) or text.endswith("\n")


def check_told(status: int, told: str, name: str) -> None:
    """One line of error, which names a file by its final name."""
    assert status == 2
    errors = [line for line in told.splitlines() if "error:" in line]
    assert len(errors) == 1 and name in errors[0] and ".partial" not in told, told
    assert "Traceback" not in told and "Exception ignored" not in told


@pytest.mark.slow
def test_a_fit_on_a_disk_that_becomes_full(
    workspace: Path, whole: dict[str, bytes], from_write: Callable[[int], list[Path]]
) -> None:
    for number in range(100):
        writes = from_write(number)
        status, told = told_by("fit", *FIT, f"hydra.run.dir=run-{number}")
        if len(writes) <= number:
            assert status in (0, 4, 5, 6)
            assert number > 12
            return
        check_told(status, told, f"run-{number}/")
        check_uncut(workspace / f"run-{number}", whole)
        if number in (0, 1, 8):
            from_write(1000)
            begun = has_origin(workspace / f"run-{number}")
            given = ("--resume", f"run-{number}") if begun else (*FIT, f"hydra.run.dir=run-{number}")
            assert told_by("fit", *given)[0] in (0, 4, 5, 6)
            check_uncut(workspace / f"run-{number}", whole)
            assert contents(workspace / f"run-{number}").keys() == whole.keys()
    raise AssertionError("it writes on and on")


@pytest.mark.slow
def test_a_fit_whose_files_get_no_names(
    workspace: Path, whole: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    replace = Path.replace
    for last in range(100):
        calls = list[Path]()

        def failing(path: Path, target: Path, last: int = last, calls: list[Path] = calls) -> Path:
            calls.append(path)
            if len(calls) > last:
                raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))
            return replace(path, target)

        with monkeypatch.context() as patched:
            patched.setattr(Path, "replace", failing)
            status, told = told_by("fit", *FIT, f"hydra.run.dir=run-{last}")
        if len(calls) <= last:
            assert status in (0, 4, 5, 6)
            return
        check_told(status, told, f"run-{last}/")
        check_uncut(workspace / f"run-{last}", whole)
    raise AssertionError("it writes on and on")


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_on_a_full_disk_is_the_one_before(
    workspace: Path, name: str, from_write: Callable[[int], list[Path]]
) -> None:
    (workspace / name).write_bytes(b"precious")
    from_write(0)
    status, told = told_by("render", "scene=box", "renderer.samples=1", f"output={name}", "overwrite=true")
    check_told(status, told, f"{name}: ")
    assert (workspace / name).read_bytes() == b"precious"
    assert {path.name for path in workspace.iterdir()} == {name, "cfg"}


def test_a_report_on_a_full_disk_is_the_one_before(workspace: Path, from_write: Callable[[int], list[Path]]) -> None:
    report = workspace / "run" / "report.html"
    report.parent.mkdir()
    (report.parent / "result.json").write_bytes((SEEDS / "result.json").read_bytes())
    report.write_text("precious")
    from_write(0)
    check_told(*told_by("report", "run"), "run/report.html: ")
    assert report.read_text() == "precious"
    assert sorted(path.name for path in report.parent.iterdir()) == ["report.html", "result.json"]


# Is killed when the file of a name is about to get it.
KILLED = """
import os, signal, sys
from pathlib import Path
from invrender.cli import run
name, *arguments = sys.argv[1:]
replace = Path.replace
def fatal(path, target):
    if Path(target).name == name:
        os.kill(os.getpid(), signal.SIGKILL)
    return replace(path, target)
Path.replace = fatal
run(arguments)
"""


@pytest.mark.slow
@pytest.mark.parametrize("name", ["run.json", "target.png", "recovered", "result.json"])
def test_a_fit_that_is_killed(workspace: Path, whole: dict[str, bytes], name: str) -> None:
    given = ["fit", "--config-dir", "cfg", *FIT]
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE.parent)}
    done = subprocess.run([sys.executable, "-c", KILLED, name, *given], env=environment, check=False)
    assert done.returncode == -signal.SIGKILL
    found = workspace / "run"
    assert not (found / name).exists() and not (found / "result.json").exists()
    for path in found.glob(".partial-*"):
        assert path.name == f".partial-{name}"
    finished = {path for path in found.iterdir() if not path.name.startswith((".partial", ".hydra"))}
    assert {path.name for path in finished if path.suffix == ".png"} <= whole.keys()
    for path in finished:
        if path.name in whole:
            assert path.read_bytes() == whole[path.name], path
