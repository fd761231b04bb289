"""Every step as a row of a table."""

from __future__ import annotations

import csv
import os
from contextlib import suppress
from pathlib import Path

from invrender.fitting.step import Step


class History:
    """Writes ``history.csv`` line by line, so that it can be read while the fit goes on.

    The columns are iteration, seconds, stage, loss, then ``loss.TERM`` and ``error.UNKNOWN.NAME``. The first row is the
    start, the last one the best scene.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
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
        complete = os.fstat(self.file.fileno()).st_size
        try:
            if not self.columns:
                self.columns = list(cells)
                self.rows.writerow(self.columns)
            self.rows.writerow([cells.get(column, "") for column in self.columns])
        except OSError as error:
            # A full disk has room for a part of a row.
            os.ftruncate(self.file.fileno(), complete)
            error.filename = str(self.path)
            raise

    def close(self) -> None:
        """Close the file; what could not be written before is lost."""
        with suppress(OSError):
            self.file.close()
