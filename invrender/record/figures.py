"""Plots as files: sweeps write them, too, which start without PyTorch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from invrender.io.atomic import atomic_write

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def write_figure(path: Path, figure: Figure) -> None:
    """Write a plot as a PNG, whole or not at all."""
    with atomic_write(path) as partial:
        figure.savefig(partial, format="png")
