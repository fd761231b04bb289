"""Folders of runs and sweeps with damaged files: shown, gone on with, and examined.

They are made anew by each process, since what they hold is of the program's version; seconds in them differ.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout
from functools import cache
from io import StringIO
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch

import yaml
from cubes import write_box
from interrupted import FIT, leave_interrupted_fit

from fuzz.case import HERE, SEEDS, Case, command, many_changes, seeds
from fuzz.mutation import mutated
from fuzz.oracle import check_command
from invrender.cli import run
from invrender.sweep.outcome import Outcome, write_outcome
from invrender.sweep.processes import ProcessesLauncher, subdir_of

# What a reader looks at first is damaged more often.
RESUMED = ("run/state/state.json", "run/state/state.json", "run/state/run.json", "run/history.csv", "run/result.json")
EXAMINED = ("run/config.yaml", "run/config.yaml", "run/recovered/scene.yaml", "run/result.json")
SWEPT = ("out/summary.json", "out/summary.json", "out/0/result.json", "out/0/outcome.json")


def report_case(random: Random) -> Case:
    """A run's or a sweep's folder to show, of an earlier version."""
    name = random.choice(("result.json", "summary.json"))
    files = {f"run/{name}": (SEEDS / name).read_bytes(), "run/history.csv": (SEEDS / "history.csv").read_bytes()}
    files |= {f"run/{each}.png": seeds("pictures")["rgb.png"] for each in ("target", "start", "final")}
    files |= {"run/progress.gif": seeds("pictures")["rgb.gif"], "run/config.yaml": b"seed: 0\n"}
    return command("run", damaged(files, (f"run/{name}", f"run/{name}", *files), random), "report", "run")


def resume_case(random: Random) -> Case:
    """A fit that was interrupted, to go on with."""
    names = (*RESUMED, *(name for name in interrupted() if name.startswith("run/")))
    return command("resume", damaged(interrupted(), names, random), "fit", "--resume", "run", "-q")


def doctor_case(random: Random) -> Case:
    """A fit to examine."""
    names = (*EXAMINED, *(name for name in interrupted() if name.startswith(("run/recovered", "cfg"))))
    return command("doctor", damaged(interrupted(), names, random), "doctor", "run")


def sweep_case(random: Random) -> Case:
    """A sweep to go on with, whose jobs find at once what they find."""
    given = ["sweep", "--resume", "out", "-q"]
    files = damaged(swept(), (*SWEPT, *(name for name in swept() if name.startswith("out"))), random)

    def check(folder: Path) -> Any:
        with finding_at_once():
            return check_command(given, folder)

    return Case("sweep", files, check, given)


def damaged(whole: dict[str, bytes], names: Sequence[str], random: Random) -> dict[str, bytes]:
    """Files of which one is changed, in its values or in its bytes, or is not there."""
    name, files = random.choice(names), dict(whole)
    if random.random() < 0.05:
        del files[name]
    elif name.endswith(".json") and random.random() < 0.8:
        files[name] = json.dumps(many_changes(json.loads(files[name]), random)).encode()
    elif name.endswith(".yaml") and random.random() < 0.7:
        tree = many_changes(yaml.safe_load(files[name]), random)
        files[name] = yaml.safe_dump(tree, allow_unicode=True).encode(errors="surrogatepass")
    else:
        files[name] = mutated(files[name], random)
    return files


@cache
def interrupted() -> dict[str, bytes]:
    """The files of a working folder with an interrupted fit, ``run``."""
    with silent_folder() as folder, patch("invrender.io.plain.LARGE", 256):
        leave_interrupted_fit(folder, "record.gif=true")
        return files_of(folder)


@cache
def swept() -> dict[str, bytes]:
    """The files of a working folder with a sweep, ``out``, of two jobs."""
    with silent_folder() as folder, finding_at_once():
        write_box(folder)
        with chdir(folder):
            assert run(["sweep", "--config-dir", "cfg", *FIT, "seed=0,1", "hydra.sweep.dir=out", "-q"]) == 0
        return files_of(folder)


@contextmanager
def silent_folder() -> Iterator[Path]:
    """A folder for a while, in which nothing is said."""
    folder = tempfile.TemporaryDirectory(prefix="fuzz-seeds-")
    with folder as name, redirect_stdout(StringIO()), redirect_stderr(StringIO()):
        yield Path(name).resolve()


def files_of(folder: Path) -> dict[str, bytes]:
    """The content of all files in a folder, by name."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes().replace(str(folder).encode(), HERE) for path in paths}


@contextmanager
def finding_at_once() -> Iterator[None]:
    """Have the jobs of sweeps leave a result without being run."""

    def launch(launcher: ProcessesLauncher, jobs: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[Any]:
        for overrides in jobs:
            folder = launcher.folder / subdir_of(overrides)
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "result.json").write_bytes((SEEDS / "result.json").read_bytes())
            write_outcome(folder, Outcome("finished"))
        return []

    with patch.object(ProcessesLauncher, "launch", launch):
        yield
