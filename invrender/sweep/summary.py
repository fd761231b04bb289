"""What a sweep found: ``summary.json``, ``summary.csv`` and the ranking.

``summary.json`` is there from the beginning and is rewritten after every job; it is also what a sweep resumes from. Its
keys:

- ``schema``: 1.
- ``command``: repeats the whole sweep. ``arguments``: those of `invrender sweep`, as a list.
- ``swept``: the keys that differ between jobs, in the order given.
- ``rank_by``: ``{"name": NAME, "higher_is_better": BOOL}``; NAME is ``loss``, ``seconds`` or ``UNKNOWN.ERROR``. None
  until a job has finished.
- ``jobs``: a list, by number. Of each job:
  ``number``, from 0; ``folder``, relative to the sweep's, with all that a fit leaves behind, and ``log.txt``;
  ``overrides``, all of the job's own arguments; ``values``, by swept key, as typed;
  ``status``: ``finished``, ``failed``, ``pruned`` (by a search, for being hopeless) or ``missing`` (not done yet);
  ``rank``: from 1, None unless finished;
  ``errors``, ``errors_start``: by unknown, by name, as in ``result.json``; empty where the truth is not known;
  ``loss``, ``loss_start``, ``seconds``, ``iterations``, ``stopped_because``: as in ``result.json``, None unless
  finished;
  ``verdict``: the ``verdict.status`` of ``result.json``, None where the fit was not judged;
  ``message``: why it failed, in a line, else None.

``summary.csv`` has a row for each job, with a column for each swept key and each error (``UNKNOWN.ERROR``).
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from invrender.errors import UserError, suggestion
from invrender.io.atomic import atomic_write
from invrender.sweep.work import read_outcome

SCHEMA = 1
NAME = "summary.json"
Errors = dict[str, dict[str, float | None]]


@dataclass
class Job:
    """One fit of a sweep, see the module. ``exit_status`` is not kept in the summary."""

    number: int
    overrides: list[str]
    values: dict[str, str]
    folder: str = ""
    status: str = "missing"
    rank: int | None = None
    errors: Errors = field(default_factory=dict)
    errors_start: Errors = field(default_factory=dict)
    loss: float | None = None
    loss_start: float | None = None
    seconds: float | None = None
    iterations: int | None = None
    stopped_because: str | None = None
    verdict: str | None = None
    message: str | None = None
    exit_status: int = field(default=0, repr=False)

    def __post_init__(self) -> None:
        self.folder = self.folder or str(self.number)

    def measure(self, name: str) -> float | None:
        """The loss, the seconds or an error of a finished job."""
        if name in ("loss", "seconds"):
            value: float | None = getattr(self, name)
            return value
        unknown, _, error = name.partition(".")
        return self.errors.get(unknown, {}).get(error)

    def measures(self) -> list[str]:
        """What can be asked of `measure`."""
        return [*(f"{unknown}.{name}" for unknown, errors in self.errors.items() for name in errors), "loss", "seconds"]


@dataclass
class Summary:
    """A sweep so far.

    folder: its own. rank_by: a measure, chosen by the first finished job where it is None. expected: so many jobs in
    the end.
    """

    folder: Path
    command: str
    arguments: list[str]
    swept: list[str]
    jobs: list[Job]
    rank_by: str | None = None
    expected: int = 0

    @property
    def total(self) -> int:
        """Of all jobs, those of a search too that have yet to be drawn."""
        return max(self.expected, len(self.jobs))

    def count(self, status: str) -> int:
        """How many jobs there are of a status."""
        undrawn = self.total - len(self.jobs) if status == "missing" else 0
        return undrawn + sum(job.status == status for job in self.jobs)

    def update(self, numbers: Iterable[int]) -> list[Job]:
        """Read what has become of these jobs; those that have ended since."""
        ended = [job for number in numbers if look(self.folder, job := self.jobs[number])]
        if ended:
            self.rank()
            self.write()
        return ended

    def rank(self) -> None:
        """Give the finished jobs their ranks, the best 1."""
        done = [job for job in self.jobs if job.status == "finished"]
        if self.rank_by is None and done:
            self.rank_by = done[0].measures()[0]
        for rank, job in enumerate(sorted(done, key=self.merit), 1):
            job.rank = rank

    def merit(self, job: Job) -> tuple[float, int]:
        """Sorts the jobs, the best first; those without the measure last."""
        value = job.measure(self.rank_by or "loss")
        if value is None:
            return math.inf, job.number
        return (-value if higher_is_better(self.rank_by or "") else value), job.number

    def ranked(self) -> list[Job]:
        """All jobs: the finished ones, the best first, then the others."""
        return sorted(self.jobs, key=lambda job: (job.rank is None, job.rank, job.number))

    def check_measure(self) -> None:
        """Raise `UserError` where no finished job has the measure to rank by."""
        done = [job for job in self.jobs if job.status == "finished"]
        known = list(dict.fromkeys(name for job in done for name in job.measures()))
        if self.rank_by is not None and done and self.rank_by not in known:
            near = suggestion(self.rank_by, known) or f"; known are {', '.join(known)}"
            raise UserError(f"hydra.sweeper.rank: there is no measure {self.rank_by!r}{near}")

    def write(self) -> None:
        """Write ``summary.json`` and ``summary.csv``."""
        content = {
            "schema": SCHEMA,
            "command": self.command,
            "arguments": self.arguments,
            "swept": self.swept,
            "rank_by": self.rank_by and {"name": self.rank_by, "higher_is_better": higher_is_better(self.rank_by)},
            "jobs": [plain(job) for job in self.jobs],
        }
        with atomic_write(self.folder / NAME) as partial:
            partial.write_text(json.dumps(content, indent=2, allow_nan=False) + "\n", encoding="utf-8")
        with (
            atomic_write(self.folder / "summary.csv") as partial,
            partial.open("w", newline="", encoding="utf-8") as file,
        ):
            csv.writer(file).writerows(rows(self))


def higher_is_better(measure: str) -> bool:
    """Whether more of a measure is better, as of decibels."""
    return measure.endswith("_db")


def plain(job: Job) -> dict[str, Any]:
    """A job as the summary keeps it."""
    content = asdict(job)
    del content["exit_status"]
    return content


def rows(summary: Summary) -> list[list[Any]]:
    """The table of ``summary.csv``, the heading first."""
    errors = list(dict.fromkeys(name for job in summary.jobs for name in job.measures()[:-2]))
    kept = ["loss", "seconds", "iterations", "stopped_because", "verdict", "message", "folder"]
    heading = ["number", "status", "rank", *summary.swept, *errors, *kept]
    table = [heading]
    for job in summary.jobs:
        content = plain(job)
        values = [job.values.get(key) for key in summary.swept]
        cells = [job.number, job.status, job.rank, *values, *map(job.measure, errors), *(content[key] for key in kept)]
        table.append(["" if cell is None else cell for cell in cells])
    return table


def look(sweep: Path, job: Job) -> bool:
    """Take over what a job has left in its folder; whether it has ended."""
    folder = sweep / job.folder
    outcome = read_outcome(folder)
    if outcome is None:
        return False
    job.status, job.message, job.exit_status = outcome.status, outcome.message, outcome.exit_status
    if outcome.status != "finished":
        return True
    try:
        result = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        job.status, job.exit_status = "failed", 2
        job.message = "record.files is false, but a sweep compares the results: leave it true"
        return True
    parameters = result["parameters"].items()
    job.errors = {name: each["error"] for name, each in parameters if each["error"]}
    job.errors_start = {name: each["error_start"] for name, each in parameters if each["error_start"]}
    job.loss, job.loss_start = result["loss"]["best"], result["loss"]["start"]
    job.seconds, job.iterations = result["seconds"]["total"], result["iterations"]
    job.stopped_because = result["stopped_because"]
    job.verdict = (result.get("verdict") or {}).get("status")
    return True


def read_summary(folder: Path) -> Summary:
    """The summary of a sweep's folder. Raises `UserError` where there is none."""
    try:
        content = json.loads((folder / NAME).read_text(encoding="utf-8"))
        jobs = [Job(**job) for job in content["jobs"]]
        rank_by = content["rank_by"] and content["rank_by"]["name"]
        return Summary(folder, content["command"], content["arguments"], content["swept"], jobs, rank_by)
    except FileNotFoundError as error:
        raise UserError(f"--resume: {folder} has no {NAME}: give the folder of a sweep") from error
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"--resume: {folder / NAME} is not the summary of a sweep") from error
