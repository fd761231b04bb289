"""Lights: ambient, directional and point lights."""

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
class DirectionalLight:
    """Parallel light. Irradiance facing it: color [3] × intensity []; direction [3] points *towards* the light."""

    color: Tensor
    intensity: Tensor
    direction: Tensor


@dataclass(frozen=True)
class PointLight:
    """Light from position [3], world frame.

    Irradiance facing it at distance r: color [3] × intensity [] for falloff ``none``, and that over r² for
    ``inverse_square``.
    """

    color: Tensor
    intensity: Tensor
    position: Tensor
    falloff: Falloff = "none"


Light = AmbientLight | DirectionalLight | PointLight
