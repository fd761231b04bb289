"""A fit or a sweep as one HTML file that needs nothing else, neither files nor a network."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from invrender.errors import UserError
from invrender.record.ahead import import_ahead

if TYPE_CHECKING:
    from invrender.fitting.step import Step
    from invrender.record.base import Run

__all__ = ["NAME", "Report", "write_report"]

NAME = "report.html"
LATER = ("invrender.record.report.fit_page", "invrender.record.report.sweep_page", "PIL.WebPImagePlugin")


def write_report(folder: Path) -> Path:
    """Write the report of a fit's or a sweep's folder into it, in place of an earlier one, and return its path.

    It is made of the other files there; what is missing of pictures, film or geometry is left out.
    Raises `UserError` where the folder holds no fit that has begun and no sweep.
    """
    from invrender.record.report import fit_page, sweep_page  # take a while to import

    if not folder.is_dir():
        raise UserError(f"runs: there is no folder {folder}: give the folder of a fit or of a sweep")
    for page in (sweep_page, fit_page):
        if page.suits(folder):
            page.write(folder, folder / NAME)
            return folder / NAME
    missing = f"no {fit_page.SOURCE} and no {sweep_page.SOURCE}"
    raise UserError(f"runs: {folder} has {missing}: give the folder of a fit or of a sweep")


class Report:
    """Writes the report when the fit is over. It reads what `Files` has written, and so comes after it."""

    def __init__(self, run: Run) -> None:
        self.folder = run.folder

    def step(self, step: Step) -> None:
        """Record a step."""
        import_ahead(step, *LATER)
        if step.stopped_because is not None:
            write_report(self.folder)

    def close(self) -> None:
        """Nothing is open."""
