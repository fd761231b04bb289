"""Lenses: how the film bends what a pinhole would show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from torch import Tensor

LensModel = Literal["brown_conrady", "division", "kannala_brandt", "equirectangular"]

COUNTS: Mapping[LensModel, tuple[int, ...] | None] = {
    "brown_conrady": (4, 5, 8),
    "division": None,
    "kannala_brandt": (4,),
    "equirectangular": (0,),
}
"""How many coefficients each model takes; None for one or more."""


@dataclass(frozen=True)
class Lens:
    """Where rays meet the film, which the camera's intrinsics take to pixels.

    coefficients: [K], without unit, in the order of OpenCV.
    model: "brown_conrady" (k1, k2, p1, p2, then k3, then k4, k5, k6), "division" (k1, k2, …), "kannala_brandt" (k1 to
        k4, a fisheye), or "equirectangular" (none). `invrender.geometry.lenses` has the formulae.
    """

    coefficients: Tensor
    model: LensModel
