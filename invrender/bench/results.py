"""What a benchmark found: the table on the terminal, ``bench.json`` and ``bench.csv``.

Keys of ``bench.json``:

- ``schema``: 1. ``command``: repeats the benchmark. ``fit``: the overrides that all fits had.
- ``machine``: how many cores, how many fits at a time.
- ``right``: the limits within which an answer is right.
- ``cells``: a list, one for each case of each task; the fields of `invrender.bench.statistics.Cell`. ``all``: likewise,
  of all runs together.
- ``calibration``: a list, one for each unknown and optimizer; the fields of `invrender.bench.calibration.Calibration`.
- ``runs``: a list, one for each fit; the fields of `invrender.bench.trials.Run`, and whether it is ``right``.

Shares are from 0 to 1. Numbers that are not finite are None. ``bench.csv`` has a row for each run, with a column for
each error.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from invrender.bench.calibration import Calibration, add_up, calibrate
from invrender.bench.statistics import DEGREES, SHARES, Cell, Score, cell_of, cells_of, is_right
from invrender.bench.trials import Run
from invrender.config.schema import RightConfig
from invrender.io.atomic import atomic_write
from invrender.record.results import only_finite
from invrender.record.summary import table
from invrender.record.units import error_text

SCHEMA = 1
JSON, CSV, PLOT = "bench.json", "bench.csv", "bench.png"


@dataclass(frozen=True)
class Results:
    """A benchmark, as far as it has come. cores: of the machine. jobs: fits at a time."""

    command: str
    fit: Sequence[str]
    right: RightConfig
    runs: Sequence[Run]
    cores: int
    jobs: int

    @property
    def cells(self) -> list[Cell]:
        """The cases in numbers."""
        return cells_of(self.runs, self.right)

    @property
    def every(self) -> Cell:
        """All runs in numbers."""
        return cell_of("", "", self.runs, self.right)


def write_results(folder: Path, results: Results) -> None:
    """Write ``bench.json`` and ``bench.csv``."""
    content = {
        "schema": SCHEMA,
        "command": results.command,
        "fit": list(results.fit),
        "machine": {"cores": results.cores, "jobs": results.jobs},
        "right": vars(results.right),
        "cells": [asdict(cell) for cell in results.cells],
        "all": asdict(results.every),
        "calibration": [asdict(each) for each in calibrate(results.runs, results.right)],
        "runs": [{**asdict(run), "right": is_right(run, results.right)} for run in results.runs],
    }
    with atomic_write(folder / JSON) as partial:
        partial.write_text(json.dumps(only_finite(content), indent=2, allow_nan=False) + "\n", encoding="utf-8")
    with atomic_write(folder / CSV) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows(results.runs, results.right))


def rows(runs: Sequence[Run], limits: RightConfig) -> list[list[Any]]:
    """The table of ``bench.csv``, the heading first."""
    names = list(dict.fromkeys(name for run in runs for name in run.errors))
    plain = ["seconds", "cpu_seconds", "iterations", "renders", "differentiated"]
    plain += ["stopped_because", "verdict", "message", "command"]
    found: list[list[Any]] = [["task", "case", "seed", *(f"start {name}" for name in names), *names, "right", *plain]]
    for run in runs:
        errors = [named.get(name) for named in (run.errors_start, run.errors) for name in names]
        right = is_right(run, limits)
        found.append([run.task, run.case, run.seed, *errors, right, *(getattr(run, name) for name in plain)])
    return found


def results_text(results: Results) -> str:
    """The table, and what the verdicts are worth."""
    cells = results.cells
    told = [table([heading(cells), *(row(cell, cells) for cell in cells)])]
    limits = results.right
    every = results.every
    within = f"{limits.degrees:g}°, {100 * limits.share:g}% and {limits.decibels:g} dB"
    told.append(f"right: {100 * every.right:.1f}% of {every.runs}, within {within}")
    if every.converged_but_wrong is not None:
        missed = 100 * (every.right_but_not_converged or 0)
        told.append(
            f"converged but wrong: {100 * every.converged_but_wrong:.1f}% of all; "
            f"right but not converged: {missed:.1f}% of the right ones"
        )
    if len(calibrations := calibrate(results.runs, limits)) > 1:
        told += ["", table(calibration_rows(calibrations)), ""]
    if every.within is not None:
        told.append(
            f"error bars: {100 * every.within:.0f}% of {every.values} values are within one deviation of the truth"
        )
    return "\n".join(told)


def calibration_rows(calibrations: Sequence[Calibration]) -> list[list[str]]:
    """What the verdicts on each unknown are worth, the heading first and all together last."""
    rows = [["unknown", "optimizer", "judged", "right", "converged but wrong", "right but not converged"]]
    for each in (*calibrations, add_up(calibrations)):
        numbers = (each.judged, each.right, each.converged_but_wrong, each.right_but_not_converged)
        rows.append([each.unknown, each.optimizer, *map(str, numbers)])
    return rows


def heading(cells: Sequence[Cell]) -> list[str]:
    """The table's heading; kinds of errors that no case has are left out."""
    found = ["task", "case", "runs"]
    if any(cell.degrees for cell in cells):
        found += [f"≤{threshold:g}°" for threshold in DEGREES]
    if any(cell.share for cell in cells):
        found += [f"≤{100 * threshold:g}%" for threshold in SHARES]
    found += ["right", "start", "found", "renders", "seconds", "longest"]
    return [*found, *(["verdicts"] if any(cell.verdicts for cell in cells) else [])]


def row(cell: Cell, cells: Sequence[Cell]) -> list[str]:
    """A case in the table. Errors, renders and seconds are medians."""
    found = [cell.task, cell.case, f"{cell.runs}" + (f", {cell.failed} failed" if cell.failed else "")]
    if any(each.degrees for each in cells):
        found += [per_cent((cell.degrees or {}).get(threshold)) for threshold in DEGREES]
    if any(each.share for each in cells):
        found += [per_cent((cell.share or {}).get(threshold)) for threshold in SHARES]
    found += [per_cent(cell.right), score_text(cell.errors_start), score_text(cell.errors)]
    found += [
        "" if cell.renders is None else f"{cell.renders:.0f}",
        *map(seconds_text, (cell.seconds, cell.seconds_max)),
    ]
    if any(each.verdicts for each in cells):
        found.append(", ".join(f"{count} {verdict}" for verdict, count in cell.verdicts.items()))
    return found


def score_text(score: Score) -> str:
    """Errors in a few words."""
    named = {"rotation_deg": score.degrees, "relative": score.share, "psnr_db": score.decibels}
    named["absolute"] = score.absolute
    return " ".join(error_text(name, error) for name, error in named.items() if error is not None)


def per_cent(rate: float | None) -> str:
    """A rate in whole per cent, which says 100 % and 0 % only where it is so."""
    if rate is None:
        return ""
    return f"{min(99, math.floor(100 * rate + 0.5)) if rate < 1 else 100}%"


def seconds_text(seconds: float | None) -> str:
    """A duration."""
    return "" if seconds is None else f"{seconds:.1f}"
