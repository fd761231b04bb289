"""What a comparison of gradients found: the table on the terminal, ``gradients.json`` and ``gradients.csv``.

Keys of ``gradients.json``:

- ``schema``: 1. ``command``: repeats it. ``unknown``, ``directions``: what moves, and along what.
- ``moving``: whether it moves on the screen; then a unit is one pixel of the vertex that moves farthest, else one
  learning rate.
- ``truth``: how many ``samples`` for each pixel in each direction its pictures have; ``shifts``: of the scene.
- ``estimators``: a list; ``name``, ``says``, ``bias``, ``variance``, ``deviation``, ``cosine`` (as in
  `invrender.gradients.measure.Agreement`), ``seconds``: median, of one gradient.

``gradients.csv`` has a row for each estimator.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from invrender.gradients.measure import Agreement, Comparison, Measured
from invrender.io.atomic import atomic_write
from invrender.record.results import only_finite
from invrender.record.summary import table

SCHEMA = 1
JSON, CSV = "gradients.json", "gradients.csv"
TRUTH = "finite differences"
TRUTH_SAYS = (
    "Differences of finely sampled hard pictures, to both sides. They are right, and cost two pictures a number."
)
COLUMNS = ("name", "bias", "variance", "deviation", "cosine", "seconds", "says")


@dataclass(frozen=True)
class Row:
    """A row of the sheet and of the page: derivative images [D, H, W], and numbers as texts; none for the truth."""

    title: str
    says: str
    images: Tensor
    numbers: Sequence[str] = ()
    agreement: Agreement | None = None


def rows_of(comparison: Comparison) -> list[Row]:
    """The truth, and each estimator."""
    truth = Row(TRUTH, TRUTH_SAYS, comparison.images)
    return [
        truth,
        *(Row(each.name, each.says, each.images, numbers(each), each.agreement) for each in comparison.measured),
    ]


def numbers(measured: Measured) -> list[str]:
    """Bias, standard deviation, cosine and time."""
    agreement = measured.agreement
    shares = [share_text(agreement.bias), share_text(agreement.deviation)]
    return [*shares, f"{agreement.cosine:.3f}", f"{1e3 * measured.seconds:.0f} ms"]


def share_text(share: float) -> str:
    """A share in per cent, or as a factor where it is large; nothing where it is not known."""
    if math.isnan(share):
        return ""
    return f"{100 * share:.1f}%" if share < 10 else f"{share:.0f} x"


def comparison_text(comparison: Comparison) -> str:
    """The table."""
    rows = [["estimator", "", "bias", "std. dev.", "cosine", "time"]]
    rows += [[each.name, "", *numbers(each)] for each in comparison.measured]
    return table(rows)


def values_of(measured: Measured) -> dict[str, Any]:
    """An estimator by the names of `COLUMNS`."""
    agreement = measured.agreement
    found = {"bias": agreement.bias, "variance": agreement.variance, "deviation": agreement.deviation}
    own = {"name": measured.name, "says": measured.says, "cosine": agreement.cosine, "seconds": measured.seconds}
    return {column: {**found, **own}[column] for column in COLUMNS}


def write_results(folder: Path, comparison: Comparison, command: str, shifts: int, samples: int) -> None:
    """Write ``gradients.json`` and ``gradients.csv``. samples: of the truth's pictures."""
    content = {
        "schema": SCHEMA,
        "command": command,
        "unknown": comparison.unknown,
        "directions": list(comparison.directions),
        "moving": comparison.moving,
        "truth": {"samples": samples, "shifts": shifts},
        "estimators": [values_of(each) for each in comparison.measured],
    }
    with atomic_write(folder / JSON) as partial:
        partial.write_text(json.dumps(only_finite(content), indent=2, allow_nan=False) + "\n", encoding="utf-8")
    with atomic_write(folder / CSV) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([COLUMNS, *(list(values_of(each).values()) for each in comparison.measured)])
