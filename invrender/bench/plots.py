"""Where the answers lie, drawn: recall over the error allowed, and errors over how far off the start was."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from invrender.bench.statistics import DEGREES, SHARES, Score
from invrender.bench.trials import Run
from invrender.record.figures import write_figure

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

STYLES = ("-", "--", "-.", ":")
MARKERS = "osD^vP*X"
DEGREES_SHOWN = (1e-3, 180.0)
SHARES_SHOWN = (1e-5, 1.0)
STEP = 30  # degrees of start that share a point
SOLVED = 5.0  # degrees, as in the papers

Kind = Callable[[Score], float | None]


def write_plot(path: Path, runs: Sequence[Run]) -> None:
    """Write the plot of rotations and relative errors; nothing where no run has either."""
    from matplotlib.figure import Figure

    if not any(known(run, kind) for run in runs for kind in (degrees, share)):
        return
    figure = Figure(figsize=(13, 8), dpi=100, layout="constrained")
    (turned, moved), (starts, success) = figure.subplots(2, 2)
    by_task: dict[str, dict[str, list[Run]]] = {}
    for run in runs:
        by_task.setdefault(run.task, {}).setdefault(run.case, []).append(run)
    for index, (task, cases) in enumerate(by_task.items()):
        color, marker = f"C{index}", MARKERS[index % len(MARKERS)]
        for number, (case, group) in enumerate(cases.items()):
            look = {"color": color, "linestyle": STYLES[number % len(STYLES)], "label": f"{task} {case}".strip()}
            draw_recall(turned, group, degrees, DEGREES_SHOWN, look)
            draw_recall(moved, group, share, SHARES_SHOWN, look)
        group = [run for run in runs if run.task == task]
        draw_starts(starts, group, color, marker)
        draw_success(success, group, {"color": color, "marker": marker, "label": task})
    finish_recall(turned, DEGREES, "rotation error allowed, °", DEGREES_SHOWN)
    finish_recall(moved, SHARES, "relative error allowed", SHARES_SHOWN)
    finish_starts(starts, success)
    legend(figure, (turned, moved))
    write_figure(path, figure)


def degrees(score: Score) -> float | None:
    """The rotation error."""
    return score.degrees


def share(score: Score) -> float | None:
    """The relative error."""
    return score.share


def known(run: Run, kind: Kind) -> bool:
    """Whether a run has an error of this kind."""
    return kind(Score.of(run.errors)) is not None


def per_cent(share: float, position: float) -> str:
    """A tick of an axis of shares."""
    return f"{100 * share:.4g}%"


def number(value: float, position: float) -> str:
    """A tick of an axis of numbers."""
    return f"{value:.4g}"


def clipped(error: float, shown: tuple[float, float]) -> float:
    """An error inside an axis."""
    return min(max(error, shown[0]), shown[1])


def draw_recall(
    panel: Axes, runs: Sequence[Run], kind: Kind, shown: tuple[float, float], look: Mapping[str, Any]
) -> None:
    """One case's share of runs over the error allowed."""
    if not any(known(run, kind) for run in runs):
        return
    found = [error for run in runs if (error := kind(Score.of(run.errors))) is not None]
    # Runs that failed, and those beyond the axis, are within no error that is shown: the curve stays below 1.
    inside = sorted(max(error, shown[0]) for error in found if error <= shown[1])
    within = [count / len(runs) for count in range(len(inside) + 1)]
    panel.step([shown[0], *inside, shown[1]], [*within, within[-1]], where="post", **look)


def finish_recall(panel: Axes, thresholds: Sequence[float], label: str, shown: tuple[float, float]) -> None:
    """The axes, with a line at each threshold of the table."""
    panel.set(xscale="log", xlabel=label, ylabel="share of runs", xlim=shown, ylim=(-0.03, 1.03))
    panel.xaxis.set_major_formatter(per_cent if shown == SHARES_SHOWN else number)
    panel.yaxis.set_major_formatter(per_cent)
    panel.grid(alpha=0.3)
    for threshold in thresholds:
        panel.axvline(threshold, color="0.7", linewidth=1, zorder=0)


def draw_starts(panel: Axes, runs: Sequence[Run], color: str, marker: str) -> None:
    """A dot for each run: the error found over the error at the start."""
    points = [(Score.of(run.errors_start).degrees, Score.of(run.errors).degrees) for run in runs]
    pairs = [
        (start, clipped(found, DEGREES_SHOWN)) for start, found in points if start is not None and found is not None
    ]
    panel.plot([start for start, _ in pairs], [found for _, found in pairs], marker, color=color, ms=5, alpha=0.6)


def draw_success(panel: Axes, runs: Sequence[Run], look: Mapping[str, Any]) -> None:
    """The share of runs that are solved, over the error at the start."""
    by_start: dict[int, list[bool]] = {}
    for run in runs:
        start, found = Score.of(run.errors_start).degrees, Score.of(run.errors).degrees
        if start is not None and found is not None and math.isfinite(start):
            by_start.setdefault(min(int(start / STEP), 180 // STEP - 1), []).append(found <= SOLVED)
    if not by_start:
        return
    places = [STEP * (step + 0.5) for step in sorted(by_start)]
    shares = [fmean(by_start[step]) for step in sorted(by_start)]
    panel.plot(places, shares, **look)
    for step, place, rate in zip(sorted(by_start), places, shares, strict=True):
        panel.annotate(str(len(by_start[step])), (place, rate), (4, 4), textcoords="offset points", fontsize="x-small")


def finish_starts(starts: Axes, success: Axes) -> None:
    """The axes of the panels over the error at the start."""
    for panel in (starts, success):
        panel.set(xlabel="rotation error at the start, °", xlim=(-3, 183), xticks=range(0, 181, STEP))
        panel.grid(alpha=0.3)
    starts.set(ylabel="rotation error found, °", yscale="log")
    starts.set_ylim(DEGREES_SHOWN[0] / 1.5, DEGREES_SHOWN[1] * 1.5)
    starts.yaxis.set_major_formatter(number)
    starts.axhline(SOLVED, color="0.5", linewidth=1)
    starts.set_title(f"each dot a run; below the line it is within {SOLVED:g}°", fontsize="small")
    success.set(ylabel=f"share of runs within {SOLVED:g}°", ylim=(-0.03, 1.08))
    success.yaxis.set_major_formatter(per_cent)
    success.set_title(f"starts in steps of {STEP}°; beside each point its number of runs", fontsize="small")
    if success.lines:
        success.legend(fontsize="small")


def legend(figure: Figure, panels: Sequence[Axes]) -> None:
    """One legend for the cases of all panels."""
    handles: dict[str, Artist] = {}
    for panel in panels:
        found, labels = panel.get_legend_handles_labels()
        handles.update((str(label), handle) for label, handle in zip(labels, found, strict=True))
    figure.legend(list(handles.values()), list(handles), loc="outside right upper", fontsize="small")
