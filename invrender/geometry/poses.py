"""Rigid motions, on the library roma."""

from __future__ import annotations

import math

import roma
import torch
from torch import Tensor

from invrender.geometry.cameras import rigid


def turn_about(target_from_source: Tensor, pivot: Tensor, rotation: Tensor, shift: Tensor) -> Tensor:
    """A rigid transform [4, 4] followed by a rotation about ``pivot`` and a shift, all in the target's frame.

    pivot: [3]; rotation: [3], a rotation vector in radians; shift: [3]. Six small numbers reach every pose near the
    given one, and turning about a point of the object leaves its place in the picture alone.
    """
    matrix = roma.rotvec_to_rotmat(rotation)
    return rigid(matrix, pivot - matrix @ pivot + shift) @ target_from_source


def compose_rotations(second: Tensor, first: Tensor) -> Tensor:
    """The rotation vector [3], in radians, of a rotation by ``first`` [3] and then by ``second`` [3]."""
    return torch.as_tensor(roma.rotvec_composition((second, first), normalize=True))


def rotation_angle(first: Tensor, second: Tensor) -> float:
    """The angle between two rotations [3, 3], in degrees."""
    return math.degrees(float(roma.rotmat_geodesic_distance(first.double(), second.double())))


def project_to_rotation(matrix: Tensor) -> Tensor:
    """The rotation [3, 3] nearest to ``matrix``."""
    return torch.as_tensor(roma.special_procrustes(matrix))
