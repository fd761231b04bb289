"""`invrender report`: the report.html of fits and sweeps, in place of earlier ones."""

from __future__ import annotations

from pathlib import Path

from invrender.cli.job import DONE, Job, check_runs
from invrender.errors import UserError, one_line, shown
from invrender.record.report import write_report


def run(job: Job) -> int:
    """Write the reports; returns the exit status."""
    runs = job.composed.config.runs
    if not runs:
        raise UserError("runs is empty, expected the folder of a fit or of a sweep: invrender report outputs/fit/RUN")
    for folder in check_runs(runs):
        print(shown(write(folder)))
    return DONE


def write(folder: Path) -> Path:
    """Write a report. Raises `UserError` for a folder whose files are not what a fit or a sweep writes."""
    try:
        return write_report(folder)
    except (UserError, MemoryError):
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        told = one_line(f"{type(error).__name__}: {error}")
        raise UserError(f"runs: {folder} is damaged, not what a fit or a sweep has written ({told})") from error
