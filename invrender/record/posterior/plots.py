"""Pictures of posteriors: the corner plot, and the spread of outlines over the target."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from invrender.fitting.sampling import Draws
from invrender.fitting.sampling.draws import Column
from invrender.record.display import shown, srgb_picture
from invrender.record.figures import write_figure
from invrender.record.units import name_and_unit
from invrender.scene import View

# More numbers than these are not shown against each other, and more draws are thinned.
MOST_COLUMNS, MOST_POINTS, BINS = 9, 3000, 40
OUTLINES, SIDE, MOST_VIEWS = 20, 640, 4
COLORS = ("#1d4ed8", "#c2410c", "#15803d", "#7e22ce", "#b45309", "#0f766e")
TRUTH, ANSWER = "#dc2626", "#111827"

Array = NDArray[Any]


def write_corner(path: Path, draws: Draws) -> None:
    """Write the corner plot: histograms of all numbers, and each against each, a color for each mode."""
    columns = draws.columns[:MOST_COLUMNS]
    count, size = len(columns), max(2.0, min(2.4, 14 / len(columns)))
    figure = Figure(figsize=(size * count + 0.6, size * count + 0.6), dpi=80)
    rows = draws.values.reshape(-1, len(draws.columns)).numpy()
    charted, truth = draws.charted.reshape(-1).numpy(), true_values(draws)
    grid = figure.subplots(count, count, squeeze=False)
    for (below, left), axes in np.ndenumerate(grid):
        if left > below:
            axes.set_visible(False)
        elif left == below:
            draw_histogram(axes, rows[:, left], charted, truth.get(columns[left]))
        else:
            places = [truth.get(columns[index]) for index in (left, below)]
            draw_cloud(axes, rows[:, [left, below]], charted, places)
        if left <= below:
            label_axes(
                axes, columns[left] if below == count - 1 else None, columns[below] if 0 == left < below else None
            )
    figure.tight_layout(pad=0.4)
    write_figure(path, figure)


def draw_histogram(axes: Axes, values: Array, charted: Array, truth: float | None) -> None:
    """The distribution of a number, its middle 68 and 95 % between dashed and dotted lines."""
    for index, mode in enumerate(np.unique(charted)):
        axes.hist(values[charted == mode], bins=edges(values).tolist(), color=COLORS[index % len(COLORS)], alpha=0.7)
    for share, style in ((0.68, "--"), (0.95, ":")):
        for end in np.quantile(values, [(1 - share) / 2, (1 + share) / 2]):
            axes.axvline(float(end), color=ANSWER, linewidth=0.8, linestyle=style)
    if truth is not None:
        axes.axvline(truth, color=TRUTH, linewidth=1.2)
    axes.set_yticks([])


def draw_cloud(axes: Axes, pairs: Array, charted: Array, truth: Sequence[float | None]) -> None:
    """Two numbers of the draws against each other."""
    step = max(1, math.ceil(len(pairs) / MOST_POINTS))
    for index, mode in enumerate(np.unique(charted)):
        own = pairs[charted == mode][::step]
        axes.plot(own[:, 0], own[:, 1], ".", color=COLORS[index % len(COLORS)], markersize=2, alpha=0.35)
    for place, line in zip(truth, (axes.axvline, axes.axhline), strict=True):
        if place is not None:
            line(place, color=TRUTH, linewidth=0.8)


def edges(values: Array) -> Array:
    """The edges of bins for all values, also of those that are all alike."""
    low, high = float(values.min()), float(values.max())
    width = max(high - low, 1e-9 * max(1.0, abs(low)))
    return np.linspace(low - 0.01 * width, high + 0.01 * width, BINS + 1)


def label_axes(axes: Axes, across: Column | None, up: Column | None) -> None:
    """The names at the border of the plot, and few ticks."""
    axes.tick_params(labelsize=6, labelbottom=across is not None, labelleft=up is not None)
    axes.locator_params(axis="x", nbins=3)
    if across is not None:
        axes.set_xlabel(label(across), fontsize=7)
    if up is not None:
        axes.locator_params(axis="y", nbins=3)
        axes.set_ylabel(label(up), fontsize=7)


def label(column: Column) -> str:
    """A number with its unit, in two lines."""
    name, unit = name_and_unit(column.key)
    index = f" {'xyz'[column.index] if column.of == 3 else column.index}" if column.of > 1 else ""
    return f"{column.unknown}\n{name}{index}{f' in {unit.strip()}' if unit else ''}"


def true_values(draws: Draws) -> dict[Column, float]:
    """The truth of each number, where it is known."""
    truth = draws.sampling.problem.target.truth
    if truth is None:
        return {}
    return dict(zip(draws.columns, draws.numbers_at(truth.scene).tolist(), strict=True))


def write_spread(path: Path, draws: Draws) -> None:
    """Write the outlines of objects at some draws over the target, up to four views side by side."""
    places = spread_places(draws)
    with torch.no_grad():
        pictures = [draws.sampling.objective.pictures(draws.scene(place)) for place in places]
    numbered = shown(list(enumerate(draws.sampling.problem.target.views)))
    ratios = [view.size[1] / view.size[0] for _, view in numbered]
    height = SIDE / 100 if max(ratios) <= 1 else SIDE / 100 / max(ratios)
    figure = Figure(figsize=(height * sum(ratios), height), dpi=100)
    for (number, view), axes in zip(numbered, figure.subplots(1, len(numbered), squeeze=False)[0], strict=True):
        draw_outlines(axes, view, [each[number].alpha.cpu().numpy() for each in pictures])
    figure.subplots_adjust(left=0, right=1, top=1, bottom=0, wspace=0.01)
    write_figure(path, figure)


def spread_places(draws: Draws) -> list[torch.Tensor]:
    """Twenty draws, evenly chosen of all chains one after the other, so that each mode has its share."""
    flat = draws.places.transpose(0, 1).reshape(-1, draws.places.shape[2])
    return list(flat[torch.linspace(0, len(flat) - 1, min(OUTLINES, len(flat))).round().long()])


def draw_outlines(axes: Axes, view: View, alphas: Sequence[Array]) -> None:
    """A view's picture, and the outlines of silhouettes [H, W] over it, to a part of a pixel."""
    height, width = view.size
    axes.imshow(srgb_picture(view.rgb), extent=(0, width, height, 0), interpolation="nearest")
    for index, alpha in enumerate(alphas):
        rows, columns = alpha.shape
        across, down = (np.arange(columns) + 0.5) * width / columns, (np.arange(rows) + 0.5) * height / rows
        if alpha.min() < 0.5 < alpha.max():
            color = (0.0, 0.55 + 0.45 * index / OUTLINES, 1.0 - index / OUTLINES)
            axes.contour(across, down, alpha, levels=[0.5], colors=[color], linewidths=0.7)
    axes.set_axis_off()
    axes.set(xlim=(0, width), ylim=(height, 0))
