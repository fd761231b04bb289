"""`invrender report`: the report.html of fits and sweeps, in place of earlier ones."""

from __future__ import annotations

from pathlib import Path

from invrender.cli.job import DONE, Job, shown
from invrender.errors import UserError
from invrender.record.report import write_report


def run(job: Job) -> int:
    """Write the reports; returns the exit status."""
    runs = job.composed.config.runs
    if not runs:
        raise UserError("runs is empty, expected the folder of a fit or of a sweep: invrender report outputs/fit/RUN")
    for folder in runs:
        print(shown(write_report(Path(folder))))
    return DONE
