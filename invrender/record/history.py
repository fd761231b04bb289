"""Every step as a row of a table."""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from invrender.errors import UserError
from invrender.fitting.step import Step
from invrender.typed import check_type


class History:
    """Writes ``history.csv`` line by line, so that it can be read while the fit goes on.

    The columns are iteration, seconds, stage, loss, then ``loss.TERM`` and ``error.UNKNOWN.NAME``. The first row is the
    start, the last one the best scene.
    """

    def __init__(self, path: Path, memory: Mapping[str, Any] | None = None) -> None:
        """memory: what one remembered that wrote the same file; what came after it is cut off with the first new row.

        Raises `TypeError` for what is no memory, and `UserError` where the file is smaller.
        """
        self.path = path
        self.columns: list[str] = []
        self.kept: int | None = None
        if memory is None:
            self.open("x")
        else:
            check_type("bytes", memory["bytes"], int)
            check_type("columns", memory["columns"], list[str])
            check_size(path, memory["bytes"])
            self.kept, self.columns = memory["bytes"], memory["columns"]

    def open(self, mode: str) -> None:
        """Open the file, anew or after what is kept."""
        self.file = self.path.open(mode, newline="", encoding="utf-8", buffering=1)
        self.rows = csv.writer(self.file, lineterminator="\n")

    def step(self, step: Step) -> None:
        """Add a row."""
        head = {"iteration": step.iteration, "seconds": round(step.seconds, 6), "stage": step.stage}
        self.add({**head, **cells_of(step.loss, step.terms, step.errors)})

    def add(self, cells: Mapping[str, float]) -> None:
        """Add a row of these cells; the first row says which columns there are."""
        if self.kept is not None:
            cut_off(self.path, self.kept)
            self.kept = None
            self.open("a")
        complete = self.size
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

    @property
    def size(self) -> int:
        """The bytes of the file."""
        return os.fstat(self.file.fileno()).st_size if self.kept is None else self.kept

    def remember(self) -> dict[str, Any]:
        """What another one goes on from."""
        return {"bytes": self.size, "columns": self.columns}

    def close(self) -> None:
        """Close the file; what could not be written before is lost."""
        if self.kept is None:
            with suppress(OSError):
                self.file.close()


def cells_of(loss: float, terms: Mapping[str, float], errors: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """The cells of a loss, of its terms and of errors."""
    return {
        "loss": loss,
        **{f"loss.{name}": term for name, term in terms.items()},
        **{f"error.{name}.{key}": error for name, each in errors.items() for key, error in each.items()},
    }


def cut_off(path: Path, size: int) -> None:
    """Leave so many bytes of a file. Raises `UserError` where it has fewer."""
    check_size(path, size)
    os.truncate(path, size)


def check_size(path: Path, size: int) -> None:
    """Raise `UserError` for a file of fewer bytes, or for none."""
    # A link leads to what is not the run's own.
    there = path.stat().st_size if path.is_file() and not path.is_symlink() else 0
    if there < size:
        raise UserError(
            f"--resume: {path} has {there} bytes, and had {size} when the state was written; begin a new run"
        )
