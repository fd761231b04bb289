"""What a sweep found: ``summary.json``, ``summary.csv`` and the ranking.

``summary.json`` is there from the beginning and is rewritten as jobs end. A sweep resumes from it. Its keys:

- ``schema``: 1.
- ``command``: repeats the whole sweep. ``arguments``: those of `invrender sweep`, as a list.
- ``swept``: the keys that differ between jobs, in the order given.
- ``rank_by``: ``{"name": NAME, "higher_is_better": BOOL}``; NAME is ``loss``, ``seconds`` or ``UNKNOWN.ERROR``. None
  until a job has finished.
- ``place``: the working folder that paths in ``arguments`` are relative to.
- ``inputs``: the SHA-256 of every file that the jobs read, by its path, as the sweep began.
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
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from invrender.errors import UserError, suggestion
from invrender.io.atomic import atomic_write, read_own
from invrender.record.units import find_error
from invrender.sweep.outcome import read_outcome
from invrender.typed import make_typed

SCHEMA = 1
NAME = "summary.json"
STATUSES = ("finished", "failed", "pruned", "missing")
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
        return find_error(self.errors, name)

    def measures(self) -> list[str]:
        """What can be asked of `measure`."""
        return [*(f"{unknown}.{name}" for unknown, errors in self.errors.items() for name in errors), "loss", "seconds"]


@dataclass
class Summary:
    """A sweep so far.

    folder: its own. rank_by: a measure, chosen by the first finished job where it is None. expected: so many jobs in
    the end. place, inputs: see the module. changed: whether there is something to write.
    """

    folder: Path
    command: str
    arguments: list[str]
    swept: list[str]
    jobs: list[Job]
    rank_by: str | None = None
    expected: int = 0
    place: str = ""
    inputs: dict[str, str] = field(default_factory=dict)
    changed: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        self.recount()

    @property
    def total(self) -> int:
        """Of all jobs, those of a search too that have yet to be drawn."""
        return max(self.expected, len(self.jobs))

    def recount(self) -> None:
        """Count anew, where jobs have been added or their statuses set."""
        self.changed = True
        self.counts = Counter(job.status for job in self.jobs)
        self.waiting = [job for job in self.jobs if job.status == "missing"]

    def count(self, status: str) -> int:
        """How many jobs there are of a status."""
        undrawn = self.total - len(self.jobs) if status == "missing" else 0
        return undrawn + self.counts[status]

    def look(self) -> list[Job]:
        """Read what has become of the jobs that had not ended; those that have ended since."""
        return self.update(self.waiting)

    def update(self, jobs: Iterable[Job]) -> list[Job]:
        """Read what has become of these jobs; those that have ended."""
        ended = [job for job in jobs if look(self.folder, job)]
        if ended:
            self.recount()
            self.rank()
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
        if self.rank_by is not None and done:
            check_known("hydra.sweeper.rank", self.rank_by, known)

    def write(self) -> None:
        """Write ``summary.json``, a line for each job, and ``summary.csv``."""
        head = {
            "schema": SCHEMA,
            "command": self.command,
            "arguments": self.arguments,
            "place": self.place,
            "inputs": self.inputs,
            "swept": self.swept,
            "rank_by": self.rank_by and {"name": self.rank_by, "higher_is_better": higher_is_better(self.rank_by)},
        }
        lines = [f'  "{key}": {json.dumps(value, allow_nan=False)},' for key, value in head.items()]
        jobs = ",\n".join(f"    {json.dumps(plain(job), allow_nan=False)}" for job in self.jobs)
        with atomic_write(self.folder / NAME) as partial:
            partial.write_text("\n".join(["{", *lines, f'  "jobs": [\n{jobs}\n  ]', "}", ""]), encoding="utf-8")
        with (
            atomic_write(self.folder / "summary.csv") as partial,
            partial.open("w", newline="", encoding="utf-8") as file,
        ):
            csv.writer(file).writerows(rows(self))
        self.changed = False


def check_known(asker: str, measure: str, known: Sequence[str]) -> None:
    """Raise `UserError`, with the name of who asks, for a measure that is not among those known."""
    if measure not in known:
        near = suggestion(measure, known) or f"; known are {', '.join(known)}"
        raise UserError(f"{asker}: there is no measure {measure!r}{near}")


def higher_is_better(measure: str) -> bool:
    """Whether more of a measure is better, as of decibels and of F-scores."""
    return measure.endswith(("_db", "f_score"))


def plain(job: Job) -> dict[str, Any]:
    """A job as the summary keeps it."""
    return {key: value for key, value in vars(job).items() if key != "exit_status"}


def rows(summary: Summary) -> list[list[Any]]:
    """The table of ``summary.csv``, the heading first."""
    errors = list(dict.fromkeys(name for job in summary.jobs for name in job.measures()[:-2]))
    kept = ["loss", "seconds", "iterations", "stopped_because", "verdict", "message", "folder"]
    heading = ["number", "status", "rank", *summary.swept, *errors, *kept]
    table = [heading]
    for job in summary.jobs:
        content = vars(job)
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
        take_result(job, json.loads(read_own(folder / "result.json")))
    except FileNotFoundError:
        job.status, job.exit_status = "failed", 2
        job.message = "record.files is false, but a sweep compares the results: leave it true"
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        job.status, job.exit_status, job.message = "failed", 2, f"{folder / 'result.json'} is damaged"
    return True


def take_result(job: Job, result: dict[str, Any]) -> None:
    """Take over what a fit has found. Raises what comes where that is no ``result.json``, and leaves the job then."""
    parameters = result["parameters"].items()
    found = {
        "errors": {name: each["error"] for name, each in parameters if each["error"]},
        "errors_start": {name: each["error_start"] for name, each in parameters if each["error_start"]},
        "loss": result["loss"]["best"],
        "loss_start": result["loss"]["start"],
        "seconds": result["seconds"]["total"],
        "iterations": result["iterations"],
        "stopped_because": result["stopped_because"],
        "verdict": (result.get("verdict") or {}).get("status"),
    }
    read_job({**plain(job), **found}, job.number)
    vars(job).update(found)


def read_summary(folder: Path) -> Summary:
    """The summary of a sweep's folder. Raises `UserError` where there is none.

    It is read as data, which anybody may have written: jobs are numbered, and their folders are in the sweep's.
    """
    try:
        content = json.loads(read_own(folder / NAME))
        rank_by = content["rank_by"] and str(content["rank_by"]["name"])
        found = make_typed(
            Summary,
            {
                "folder": folder,
                "command": content["command"],
                "arguments": content["arguments"],
                "swept": content["swept"],
                "jobs": [read_job(job, number) for number, job in enumerate(content["jobs"])],
                "rank_by": rank_by,
                "place": content.get("place", ""),
                "inputs": content.get("inputs", {}),
            },
        )
    except FileNotFoundError as error:
        raise UserError(f"--resume: {folder} has no {NAME}: give the folder of a sweep") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UserError(f"--resume: {folder / NAME} is not the summary of a sweep") from error
    return found


def read_job(content: dict[str, Any], number: int) -> Job:
    """A job of a summary. Raises `ValueError` or `TypeError` for what is none."""
    job = make_typed(Job, {**content, "number": number, "folder": str(number)})
    if job.status not in STATUSES:
        raise ValueError(f"a job has no status {job.status!r}")
    # JSON has no number that is not finite; Python reads one, and could not write it again.
    json.dumps(plain(job), allow_nan=False)
    return job
