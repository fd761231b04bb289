"""Rigid motions."""

from __future__ import annotations

import math

from torch import Tensor

from invrender.geometry.cameras import rigid
from invrender.geometry.rotvec import rotation_distance, rotvec_to_rotmat


def turn_about(target_from_source: Tensor, pivot: Tensor, rotation: Tensor, shift: Tensor) -> Tensor:
    """A rigid transform [4, 4] followed by a rotation about ``pivot`` and a shift, all in the target's frame.

    pivot: [3]; rotation: [3], a rotation vector in radians; shift: [3]. Six small numbers reach every pose near the
    given one, and turning about a point of the object leaves its place in the picture alone.
    """
    matrix = rotvec_to_rotmat(rotation)
    return rigid(matrix, pivot - matrix @ pivot + shift) @ target_from_source


def rotation_angle(first: Tensor, second: Tensor) -> float:
    """The angle between two rotations [3, 3], in degrees."""
    return math.degrees(float(rotation_distance(first.double(), second.double())))
