"""The report of a fit."""

from __future__ import annotations

import base64
import csv
import math
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image, ImageSequence

from invrender.io.atomic import is_own
from invrender.io.lock import FolderLock
from invrender.record.diagnosis import NAME as DOCTOR
from invrender.record.report.page import FORMATS, picture, read_text, webp, write_page
from invrender.record.results import read_json
from invrender.record.summary import REASONS
from invrender.record.units import (
    DECIBELS,
    ERROR_AXES,
    PER_CENT,
    axis_and_label,
    deviation_text,
    errors_text,
    has_relative,
    name_and_unit,
    value_text,
)
from invrender.record.verdicts import SHOWN, coverage_lines, differing, other_rows, status_words

if TYPE_CHECKING:
    from invrender.parameters.base import Value

SOURCE = "result.json"
STATE = Path("state") / "state.json"
PICTURES = ("target", "start", "final", "difference", "overlay")
LONGEST_SIDE = 1000
FRAMES, FRAME_WIDTH, FRAME_BYTES = 60, 820, 1_500_000
POINTS = 600
GEOMETRY_BYTES = 3_000_000


def suits(folder: Path) -> bool:
    """Whether a folder has what a fit has found, or has found so far."""
    return (folder / SOURCE).is_file() or is_own(folder / STATE)


def write(folder: Path, path: Path) -> None:
    """Write the report of a fit's folder; of one that is not finished, what its state has."""
    finished = (folder / SOURCE).is_file()
    result = read_json(folder / SOURCE) if finished else read_json(folder / STATE)["result"]
    stopped = result["stopped_because"]
    pictures = {name: picture(folder / f"{name}.png", LONGEST_SIDE) for name in PICTURES}
    frames = film(folder / "progress.gif")
    charts = curves(folder / "history.csv")
    geometry = folder / "geometry.glb"
    fits = is_own(geometry) and geometry.stat().st_size <= GEOMETRY_BYTES
    data = {
        "pictures": {name: uri for name, uri in pictures.items() if uri is not None},
        "frames": frames,
        "charts": charts,
        "geometry": base64.b64encode(geometry.read_bytes()).decode() if fits else None,
    }
    write_page(
        path,
        "fit.html",
        title=folder.resolve().name,
        result=result,
        reason=REASONS.get(stopped, stopped) if finished else unfinished(folder),
        rows=rows_of(result["parameters"]),
        verdict=verdict_of(result),
        known=any(each["truth"] is not None for each in result["parameters"].values()),
        command=read_text(folder / "command.txt"),
        config=read_text(folder / "config.yaml"),
        doctor=picture(folder / DOCTOR, LONGEST_SIDE),
        data=data,
    )


def unfinished(folder: Path) -> str:
    """Why a fit has not come to its end."""
    lock = FolderLock(folder)
    if lock.path.exists() and not lock.acquire():
        return f"still under way ({lock.holder()})"
    lock.release()
    return "cut off before its end, --resume goes on with it"


def verdict_of(result: Mapping[str, Any]) -> dict[str, Any] | None:
    """The verdict of a ``result.json`` in words, None where there is none.

    status: as there. words, reason, advice: what people read. others: a table of other answers, the heading first;
    hidden: how many are not in it. unseen: combinations of unknowns with the share that each has in them.
    """
    verdict = result.get("verdict")
    if verdict is None:
        return None
    return {
        "status": verdict["status"],
        "words": status_words(verdict["status"]),
        "reason": verdict["reason"],
        "advice": verdict["advice"],
        "differing": differing(verdict),
        "coverage": coverage_lines(verdict),
        "others": other_rows(verdict["others"]) if verdict["others"] else [],
        "hidden": max(0, len(verdict["others"]) - SHOWN),
        "unseen": [", ".join(f"{name} {share:.0%}" for name, share in parts.items()) for parts in verdict["unseen"]],
    }


def film(path: Path) -> list[str]:
    """The frames of a GIF as data URIs.

    At most ``FRAMES`` of them, and so few, evenly spaced, that they are not larger than ``FRAME_BYTES`` in all.
    """
    if not is_own(path):
        return []
    with Image.open(path, formats=FORMATS) as animation:
        count = getattr(animation, "n_frames", 1)
        chosen = set(spread(count, FRAMES))
        taken = (f.convert("RGB") for i, f in enumerate(ImageSequence.Iterator(animation)) if i in chosen)
        with ThreadPoolExecutor(os.cpu_count()) as pool:  # encoders let go of Python's lock
            frames = list(pool.map(partial(webp, longest=FRAME_WIDTH), taken))
    size = sum(map(len, frames))
    if size <= FRAME_BYTES:
        return frames
    return [frames[i] for i in spread(len(frames), max(2, len(frames) * FRAME_BYTES // size))]


def spread(count: int, most: int) -> Sequence[int]:
    """The numbers below ``count``, or so many of them, evenly spaced with the first and the last."""
    if count <= most:
        return range(count)
    return [i * (count - 1) // (most - 1) for i in range(most)]


def curves(path: Path) -> dict[str, Any] | None:
    """The columns of a ``history.csv`` to draw, of at most ``POINTS`` rows; None where there is none.

    iteration, seconds, stage: by row. plots: {title, logarithmic, series: {label: values}}. Values that can't be drawn
    are None.
    """
    if not is_own(path):
        return None
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    kept = [rows[i] for i in spread(len(rows), POINTS)]
    if not kept:
        return None
    terms = [name for name in kept[0] if name.startswith("loss.")]
    losses = {"total": "loss", **({name.removeprefix("loss."): name for name in terms} if len(terms) > 1 else {})}
    plots = [plot("loss", {label: [row[name] for row in kept] for label, name in losses.items()})]
    by_axis: dict[str, dict[str, list[str]]] = {axis: {} for axis in ERROR_AXES}
    errors = error_columns(list(kept[0]))
    for column, (axis, label) in errors.items():
        by_axis[axis][label] = [row[column] for row in kept]
    plots += [plot(axis, series, 100 if axis == PER_CENT else 1) for axis, series in by_axis.items() if series]
    return {
        "iteration": [int(row["iteration"]) for row in kept],
        "seconds": [float(row["seconds"]) for row in kept],
        "stage": [int(row["stage"]) for row in kept],
        "plots": plots,
    }


def error_columns(columns: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Of the columns ``error.UNKNOWN.NAME`` the axis and the label; those that are there as a share are left out."""
    split = {name: name.split(".")[1:] for name in columns if name.startswith("error.")}
    drawn = {}
    for column, (unknown, *rest) in split.items():
        key = ".".join(rest)
        beside = {".".join(names): 0.0 for first, *names in split.values() if first == unknown}
        if not has_relative(key, beside):
            axis, label = axis_and_label(key)
            drawn[column] = axis, f"{unknown} {label}".strip()
    return drawn


def plot(title: str, series: Mapping[str, Sequence[str]], factor: float = 1) -> dict[str, Any]:
    """What is drawn below one another: numbers in a unit; logarithmic but for decibels, which are that already."""
    logarithmic = title != DECIBELS
    numbers = {label: [number(text, factor, logarithmic) for text in texts] for label, texts in series.items()}
    return {"title": title, "logarithmic": logarithmic, "series": numbers}


def number(text: str, factor: float, positive: bool) -> float | None:
    """A cell as a number of six digits; None where it is not finite, or not positive where it must be."""
    value = float(text or "nan") * factor
    return float(f"{value:.6g}") if math.isfinite(value) and (value > 0 or not positive) else None


@dataclass(frozen=True)
class Row:
    """One value of an unknown in words. ``deviation``: its standard error."""

    unknown: str
    name: str
    start: str
    found: str
    deviation: str
    truth: str
    error_start: str
    error: str


def rows_of(parameters: Mapping[str, Mapping[str, Any]]) -> list[Row]:
    """The unknowns of a ``result.json``; the errors stand in the first row of their unknown."""
    rows = []
    for unknown, each in parameters.items():
        name, errors = unknown, [errors_words(each["error_start"]), errors_words(each["error"])]
        for key, found in (each["value"] or {"": None}).items():
            rows.append(
                Row(
                    name,
                    name_and_unit(key)[0],
                    words(key, each["start"]),
                    value_text(key, found) or "not a number to print: see the pictures",
                    deviation_text(key, (each.get("deviation") or {}).get(key)),
                    words(key, each["truth"]),
                    *errors,
                )
            )
            name, errors = "", ["", ""]
    return rows


def words(key: str, values: Mapping[str, Value] | None) -> str:
    """The value of this key, "" where there is none."""
    return value_text(key, (values or {}).get(key))


def errors_words(errors: Mapping[str, float | None] | None) -> str:
    """The errors of an unknown, "" where the truth is not known."""
    return errors_text({key: math.nan if error is None else error for key, error in (errors or {}).items()})
