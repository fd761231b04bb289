"""Every step as a row of a table."""

from __future__ import annotations

import csv
from pathlib import Path

from invrender.fitting.step import Step


class History:
    """Writes ``history.csv`` line by line, so that it can be read while the fit goes on.

    The columns are iteration, seconds, stage, loss, then ``loss.TERM`` and ``error.UNKNOWN.NAME``. The first row is the
    start, the last one the best scene.
    """

    def __init__(self, path: Path) -> None:
        self.file = path.open("x", newline="", encoding="utf-8", buffering=1)
        self.rows = csv.writer(self.file, lineterminator="\n")
        self.columns: list[str] = []

    def step(self, step: Step) -> None:
        """Add a row."""
        cells: dict[str, float] = {
            "iteration": step.iteration,
            "seconds": round(step.seconds, 6),
            "stage": step.stage,
            "loss": step.loss,
            **{f"loss.{name}": term for name, term in step.terms.items()},
            **{f"error.{name}.{key}": error for name, errors in step.errors.items() for key, error in errors.items()},
        }
        if not self.columns:
            self.columns = list(cells)
            self.rows.writerow(self.columns)
        self.rows.writerow([cells.get(column, "") for column in self.columns])

    def close(self) -> None:
        """Close the file."""
        self.file.close()
