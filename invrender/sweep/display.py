"""A sweep as the person at the terminal sees it: a live table there, lines in a pipe or a log."""

from __future__ import annotations

import sys
import time
from contextlib import suppress
from typing import Protocol, Self

from invrender.record.summary import table
from invrender.record.units import errors_text
from invrender.record.verdicts import status_words
from invrender.sweep.summary import Job, Summary

SHOWN_LIVE = 8
SHOWN = 30


class Display(Protocol):
    """Shows how far a sweep has come, on stderr."""

    def ended(self, job: Job) -> None:
        """Show that a job has ended."""
        ...

    def tick(self) -> None:
        """Show that time goes by."""
        ...

    def __enter__(self) -> Self:
        """Begin."""
        ...

    def __exit__(self, *error: object) -> None:
        """Leave the terminal as it was."""
        ...


def display_for(summary: Summary, verbosity: str) -> Display:
    """A live table on a terminal, lines elsewhere, failures alone where it is to be quiet."""
    if verbosity == "normal" and sys.stderr.isatty():
        return Live(summary)
    return Lines(summary, failures_only=verbosity == "quiet")


class Lines:
    """A line for every job that has ended."""

    def __init__(self, summary: Summary, failures_only: bool = False) -> None:
        self.summary = summary
        self.failures_only = failures_only
        self.pace = Pace(summary)

    def ended(self, job: Job) -> None:
        """Print the job's line; the sweep goes on where whoever read it has gone."""
        if self.failures_only and job.status != "failed":
            return
        with suppress(OSError):
            print(f"{self.pace.text()}: {job_text(job)}", file=sys.stderr, flush=True)

    def tick(self) -> None:
        """Nothing to show."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        return None


class Live:
    """A bar and the best jobs so far, redrawn; failures stay on the screen."""

    def __init__(self, summary: Summary) -> None:
        from rich.console import Console
        from rich.live import Live as RichLive

        self.summary = summary
        self.pace = Pace(summary)
        self.live = RichLive(console=Console(stderr=True, highlight=False), auto_refresh=False, transient=True)

    def ended(self, job: Job) -> None:
        """Keep what has failed in sight, and draw the table anew."""
        if job.status == "failed":
            self.live.console.print(job_text(job), markup=False, soft_wrap=True)
        self.tick()

    def tick(self) -> None:
        """Draw the table anew."""
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        total = self.summary.total
        bar = ProgressBar(total=max(1, total), completed=total - self.summary.count("missing"), width=30)
        head = Table.grid(padding=(0, 1))
        head.add_row(bar, self.pace.text())
        best = [job for job in self.summary.ranked() if job.rank][:SHOWN_LIVE]
        self.live.update(Group(head, Text(best_table(self.summary, best), no_wrap=True)), refresh=True)

    def __enter__(self) -> Self:
        self.live.start()
        self.tick()
        return self

    def __exit__(self, *error: object) -> None:
        self.live.stop()


class Pace:
    """How many jobs are done, and how long the others will take."""

    def __init__(self, summary: Summary) -> None:
        self.summary = summary
        self.began = time.monotonic()
        self.at_first = summary.total - summary.count("missing")

    def text(self) -> str:
        """Progress, failures and time in a line."""
        left = self.summary.count("missing")
        done = self.summary.total - left
        told = [f"{done}/{self.summary.total} jobs"]
        told += [f"{count} {word}" for word in ("failed", "pruned") if (count := self.summary.count(word))]
        elapsed = time.monotonic() - self.began
        told.append(clock(elapsed))
        if done > self.at_first and left:
            told.append(f"{clock(elapsed / (done - self.at_first) * left)} left")
        return ", ".join(told)


def clock(seconds: float) -> str:
    """A duration as 0:07 or 1:02:03."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def job_text(job: Job) -> str:
    """A job in a line."""
    if job.status == "finished":
        return f"{job_name(job)}: {found_text(job)}, {job.seconds or 0:.1f} s"
    return f"{job_name(job)} {job.status}" + (f": {job.message}" if job.message else "")


def job_name(job: Job) -> str:
    """A job's number and values."""
    return " ".join([f"job {job.number}", *(f"{key}={value}" for key, value in job.values.items())])


def found_text(job: Job) -> str:
    """What a finished job found, in a few words."""
    parts = [f"{name} {errors_text(finite(errors))}" for name, errors in job.errors.items()]
    ending = [job.stopped_because] if job.stopped_because in ("diverged", "budget") else []
    verdict = [status_words(job.verdict)] if job.verdict else []
    return ", ".join([*parts, f"loss {number(job.loss)}", *ending, *verdict])


def finite(errors: dict[str, float | None]) -> dict[str, float]:
    """Errors with numbers only, NaN for those that JSON could not hold."""
    return {name: float("nan") if value is None else value for name, value in errors.items()}


def number(value: float | None) -> str:
    """A number in three digits."""
    return "n/a" if value is None else f"{value:.3g}"


def table_rows(summary: Summary, jobs: list[Job]) -> list[list[str]]:
    """A table for people, the heading first."""
    unknowns = list(dict.fromkeys(name for job in summary.jobs for name in job.errors))
    judged = any(job.verdict for job in summary.jobs)
    rows = [["rank", "job", *summary.swept, *unknowns, *(["verdict"] if judged else []), "loss", "seconds"]]
    for job in jobs:
        errors = [errors_text(finite(job.errors.get(name, {}))) for name in unknowns]
        seconds = "" if job.seconds is None else f"{job.seconds:.1f}"
        ending = job.status if job.rank is None else number(job.loss)
        values = [job.values.get(key, "") for key in summary.swept]
        verdict = [status_words(job.verdict or "")] if judged else []
        rows.append([str(job.rank or ""), str(job.number), *values, *errors, *verdict, ending, seconds])
    return rows


def best_table(summary: Summary, jobs: list[Job]) -> str:
    """The table of these jobs, nothing where there are none."""
    if not jobs:
        return ""
    return table(table_rows(summary, jobs))


def say_summary(summary: Summary, folder: str, verbosity: str, conclusion: str | None = None) -> None:
    """Print the ranked table on stdout, and how to go on where jobs are missing. folder: the sweep's, as typed."""
    missing, failed = summary.count("missing"), summary.count("failed")
    if verbosity != "quiet":
        jobs = [job for job in summary.ranked() if job.status != "missing"]
        print(best_table(summary, jobs[:SHOWN]))
        if len(jobs) > SHOWN:
            print(f"and {len(jobs) - SHOWN} more in {folder}/summary.csv")
        print(f"\nranked by {summary.rank_by}" if summary.rank_by else "no job has finished")
        if conclusion is not None:
            print(conclusion)
    print(f"results in {folder}", flush=True)
    if missing or failed:
        told = [f"{count} {word}" for count, word in ((missing, "missing"), (failed, "failed")) if count]
        message = f"{' and '.join(told)} of {summary.total} jobs; to run them: invrender sweep --resume {folder}"
        print(message, file=sys.stderr, flush=True)
