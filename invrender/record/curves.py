"""Loss and errors over the iterations, drawn."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from invrender.fitting.step import Step
from invrender.record.figures import write_figure
from invrender.record.units import DECIBELS, ERROR_AXES, axis_and_label, has_relative, is_relative

if TYPE_CHECKING:
    from matplotlib.axes import Axes  # takes a while to import

# The ratio from which on ticks at powers of ten are enough; matplotlib takes long for each.
WIDE = 100.0


@dataclass(frozen=True)
class Point:
    """What is drawn of a step: its loss, and by unit and label its errors."""

    iteration: int
    stage: int
    loss: float
    errors: dict[tuple[str, str], float]

    @classmethod
    def of(cls, step: Step) -> Point:
        """The point of a step."""
        errors = {}
        for unknown, by_key in step.errors.items():
            for key, error in by_key.items():
                if not has_relative(key, by_key):
                    axis, label = axis_and_label(key)
                    errors[axis, f"{unknown} {label}".strip()] = 100 * error if is_relative(key) else error
        return cls(step.iteration, step.stage, step.loss, errors)


def pack_points(points: Sequence[Point]) -> dict[str, Any]:
    """Points of one fit in plain values: a row for each of iteration, stage, loss and errors, float64."""
    columns = list(points[0].errors)
    rows = [(each.iteration, each.stage, each.loss, *(each.errors[name] for name in columns)) for each in points]
    return {"columns": [list(name) for name in columns], "rows": np.array(rows, dtype=np.float64)}


def unpack_points(packed: Mapping[str, Any]) -> list[Point]:
    """The points that were packed."""
    columns = [(str(axis), str(label)) for axis, label in packed["columns"]]
    return [
        Point(int(iteration), int(stage), loss, dict(zip(columns, errors, strict=True)))
        for iteration, stage, loss, *errors in packed["rows"].tolist()
    ]


def write_curves(path: Path, points: Sequence[Point]) -> None:
    """Draw the loss, and below it the errors of each unit, on logarithmic axes (decibels are that by themselves).

    points: in order; the first is the start, the last the best scene, both drawn as dots.
    """
    from matplotlib.figure import Figure

    axes_names = [name for name in ERROR_AXES if any(name == axis for axis, _ in points[0].errors)]
    height = 2.6 + 2.2 * len(axes_names)
    figure = Figure(figsize=(8, height), dpi=100)
    # By hand: to find the margins matplotlib draws everything once more.
    figure.subplots_adjust(left=0.11, right=0.99, bottom=0.55 / height, top=1 - 0.35 / height, hspace=0.06)
    plots = figure.subplots(1 + len(axes_names), 1, sharex=True, squeeze=False)[:, 0]
    draw_series(plots[0], "loss", {"": [point.loss for point in points]}, points)
    for plot, name in zip(plots[1:], axes_names, strict=True):
        labels = [label for axis, label in points[0].errors if axis == name]
        series = {label: [point.errors.get((name, label), math.nan) for point in points] for label in labels}
        draw_series(plot, name, series, points)
    plots[0].set_title("dots: the start and the best scene, dotted lines: where a stage begins", fontsize="small", y=1)
    plots[-1].set_xlabel("iteration")
    write_figure(path, figure)


def draw_series(plot: Axes, name: str, series: dict[str, list[float]], points: Sequence[Point]) -> None:
    """Draw lines over the steps, with their ends as dots and the borders between stages."""
    from matplotlib.ticker import LogFormatter, NullLocator

    steps = slice(1, -1) if len(points) > 2 else slice(None)
    iterations = [point.iteration for point in points]
    for label, values in series.items():
        (line,) = plot.plot(iterations[steps], values[steps], label=label, linewidth=1.5)
        plot.plot([iterations[0], iterations[-1]], [values[0], values[-1]], "o", color=line.get_color(), markersize=5)
    for before, after in pairwise(points[1:-1]):
        if before.stage != after.stage:
            plot.axvline(after.iteration - 0.5, color="0.6", linestyle=":", linewidth=1)
    if name != DECIBELS and any(value > 0 for values in series.values() for value in values):
        plot.set_yscale("log")
        plot.yaxis.set_major_formatter(LogFormatter())
        plot.yaxis.set_minor_formatter(LogFormatter(minor_thresholds=(1.0, 0.4)))
        low, high = plot.get_ylim()
        if high > WIDE * low:
            plot.yaxis.set_minor_locator(NullLocator())
    plot.set_title("", y=1)  # at a fixed height; to find it matplotlib lays out all ticks once more
    plot.set_ylabel(name)
    plot.grid(visible=True, which="major", alpha=0.3)
    plot.margins(x=0.02)
    if any(series):
        plot.legend(loc="best", fontsize="small")
