"""How the errors of a sweep depend on what was swept, as a picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median
from typing import TYPE_CHECKING

from invrender.record.figures import write_figure
from invrender.record.units import is_relative, name_and_unit
from invrender.sweep.summary import Job, Summary

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_KEYS = 6
MOST_MEASURES = 4
MOST_NAMES = 40


def write_plots(summary: Summary) -> None:
    """Write ``summary.png``: a panel for every swept key and error, if a job has finished and something was swept."""
    from matplotlib.figure import Figure

    jobs = [job for job in summary.jobs if job.status == "finished"]
    keys = summary.swept[:MOST_KEYS]
    if not jobs or not keys:
        return
    errors = list(dict.fromkeys(name for job in jobs for name in job.measures()[:-2]))
    measures = (errors or ["loss"])[:MOST_MEASURES]
    size = (2.8 * len(keys) + 0.6, 2.3 * len(measures) + 0.5)
    figure = Figure(figsize=size, dpi=120, layout="constrained")
    axes = figure.subplots(len(measures), len(keys), squeeze=False, sharey="row", sharex="col")
    for row, measure in zip(axes, measures, strict=True):
        for panel, key in zip(row, keys, strict=True):
            draw(panel, key, measure, jobs)
        row[0].set_ylabel(measure_label(measure), fontsize=8)
    for panel, key in zip(axes[-1], keys, strict=True):
        panel.set_xlabel(key, fontsize=8)
    figure.suptitle("each dot a job, the line through the medians, the ring the best", fontsize=8)
    write_figure(summary.folder / "summary.png", figure)


def draw(panel: Axes, key: str, measure: str, jobs: Sequence[Job]) -> None:
    """One panel: a measure against the values of a key."""
    scale = 100 if is_relative(measure.rpartition(".")[2]) else 1
    points = [(job.values[key], scale * value, job.rank) for job in jobs if (value := job.measure(measure)) is not None]
    places, numeric = places_of(list(dict.fromkeys(value for value, _, _ in points)))
    names = list(places)
    panel.plot([places[name] for name, _, _ in points], [value for _, value, _ in points], "o", ms=4, alpha=0.6)
    along = sorted(names, key=places.__getitem__)
    grouped: dict[str, list[float]] = {}
    for name, value, _ in points:
        grouped.setdefault(name, []).append(value)
    medians = [median(grouped[name]) for name in along]
    panel.plot([places[name] for name in along], medians, "-" if numeric else "_", color="tab:orange", ms=14)
    for name, value, rank in points:
        if rank == 1:
            panel.plot(places[name], value, "o", ms=9, mfc="none", mec="tab:green", mew=1.5)
    if not numeric:
        step = math.ceil(len(names) / MOST_NAMES)
        panel.set_xticks(range(0, len(names), step), names[::step], fontsize=7)
        panel.set_xlim(-0.5, len(names) - 0.5)
    elif spread(list(places.values())):
        panel.set_xscale("log")
    if spread([value for _, value, _ in points]):
        panel.set_yscale("log")
    panel.tick_params(labelsize=7)
    panel.grid(alpha=0.3)


def places_of(names: Sequence[str]) -> tuple[dict[str, float], bool]:
    """Where values are on an axis, and whether they are all numbers; words are side by side."""
    numbers = [as_number(name) for name in names]
    numeric = all(number is not None for number in numbers)
    places = [number if numeric and number is not None else float(i) for i, number in enumerate(numbers)]
    return dict(zip(names, places, strict=True)), numeric


def as_number(text: str) -> float | None:
    """A swept value as a finite number, None for a word."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def spread(values: Sequence[float]) -> bool:
    """Whether values span so much that they are seen better on a logarithmic axis."""
    return bool(values) and min(values) > 0 and max(values) > 20 * min(values)


def measure_label(measure: str) -> str:
    """A measure with its unit."""
    name, unit = name_and_unit(measure)
    if is_relative(measure.rpartition(".")[2]):
        return f"{measure}, %"
    return f"{name}, {unit}" if unit else measure
