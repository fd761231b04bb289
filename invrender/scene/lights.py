"""Lights: ambient light, light from everywhere, directional and point lights.

Irradiance is counted in units of π: 1 makes a white surface of Lambert's that faces the light 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from torch import Tensor

Falloff = Literal["none", "inverse_square"]


@dataclass(frozen=True)
class AmbientLight:
    """Light from everywhere. Radiance: color [3] × intensity []."""

    color: Tensor
    intensity: Tensor


@dataclass(frozen=True)
class HarmonicLight:
    """Light from everywhere that differs slowly from direction to direction.

    Radiance from a direction: Σ coefficients [9, 3] × Y × intensity [], with the orthonormal real spherical harmonics Y
    of the world's x, y and z, in the order (0, 0), (1, −1), (1, 0), (1, 1), (2, −2), …, (2, 2)
    (`invrender.geometry.harmonics`).
    """

    coefficients: Tensor
    intensity: Tensor


@dataclass(frozen=True)
class DirectionalLight:
    """Parallel light. Irradiance facing it: color [3] × intensity []; direction [3] points *towards* the light.

    shadows: whether what is in its way stops it.
    """

    color: Tensor
    intensity: Tensor
    direction: Tensor
    shadows: bool = False


@dataclass(frozen=True)
class PointLight:
    """Light from position [3], world frame.

    Irradiance facing it at distance r: color [3] × intensity [] for falloff ``none``, and that over r² for
    ``inverse_square``. shadows: whether what is in its way stops it.
    """

    color: Tensor
    intensity: Tensor
    position: Tensor
    falloff: Falloff = "none"
    shadows: bool = False


Light = AmbientLight | HarmonicLight | DirectionalLight | PointLight
