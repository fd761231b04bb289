"""Poses as camera files have them: rounded, inverted, as quaternions and as rotation vectors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import roma
import torch
from torch import Tensor

from invrender.checks import numbers, rigid
from invrender.errors import UserError, note
from invrender.geometry.cameras import rigid as rigid_transform
from invrender.geometry.poses import project_to_rotation
from invrender.io.cameras.base import Photograph

# How far from a rotation a matrix may be, at most one number of R Rᵀ - I: by the rounding of float32, without a word.
ALMOST = 1e-5
# By the rounding of float64.
EXACT = 1e-12


def rigid_pose(key: str, given: Any) -> Tensor:
    """A rigid transform [4, 4], float64. A rotation that is rounded becomes the nearest one, which is said.

    Raises `UserError` for scale, shear and mirrors.
    """
    pose = rigid(key, given)
    off = unevenness(pose[:3, :3])
    if off <= ALMOST:
        return pose
    note(f"{key} is rounded (its columns are off by {off:.1g}): the nearest rotation is taken")
    return rigid_transform(project_to_rotation(pose[:3, :3]), pose[:3, 3])


def unevenness(rotation: Tensor) -> float:
    """How far a matrix [3, 3] is from orthogonal: the largest number of R Rᵀ - I."""
    return float((rotation @ rotation.T - torch.eye(3, dtype=rotation.dtype)).abs().max())


def inverse(pose: Tensor) -> Tensor:
    """The inverse of a rigid transform [4, 4]; that of the rotation is exact."""
    return rigid_transform(pose[:3, :3].T, -torch.linalg.solve(pose[:3, :3], pose[:3, 3]))


def check_quaternion(key: str, given: Any) -> list[float]:
    """w, x, y, z, of which the length is about 1; says where it is rounded."""
    quaternion = numbers(key, given, (4,))
    length = float(quaternion.norm())
    if length < 0.5 or length > 2:
        told = f"{quaternion.tolist()}, of length {length:.3g}"
        raise UserError(f"{key} is {told}; expected a unit quaternion w, x, y, z")
    if abs(length - 1) > ALMOST:
        note(f"{key} is rounded (its length is {length:.6g}): the nearest rotation is taken")
    listed: list[float] = quaternion.tolist()
    return listed


def from_quaternion(given: Sequence[float]) -> Tensor:
    """The rigid transform [4, 4] of w, x, y, z and a translation, seven numbers."""
    seven = torch.tensor(given, dtype=torch.float64)
    w, x, y, z = seven[:4] / seven[:4].norm()
    return rigid_transform(torch.as_tensor(roma.unitquat_to_rotmat(torch.stack([x, y, z, w]))), seven[4:])


def to_quaternion(pose: Tensor) -> list[float]:
    """w, x, y, z and the translation of a rigid transform [4, 4]; w is not below zero."""
    x, y, z, w = roma.rotmat_to_unitquat(nearest_rotation(pose)).unbind()
    quaternion = torch.stack([w, x, y, z])
    return [*((-quaternion if w < 0 else quaternion) + 0.0).tolist(), *pose[:3, 3].tolist()]


def from_rotation_vector(given: Sequence[float]) -> Tensor:
    """The rigid transform [4, 4] of a rotation vector in radians and a translation, six numbers."""
    six = torch.tensor(given, dtype=torch.float64)
    return rigid_transform(torch.as_tensor(roma.rotvec_to_rotmat(six[:3])), six[3:])


def to_rotation_vector(pose: Tensor) -> list[float]:
    """The rotation vector in radians and the translation of a rigid transform [4, 4]."""
    vector = torch.as_tensor(roma.rotmat_to_rotvec(nearest_rotation(pose)))
    return [*(vector + 0.0).tolist(), *pose[:3, 3].tolist()]


def nearest_rotation(pose: Tensor) -> Tensor:
    """The rotation [3, 3] of a rigid transform, without what float32 has rounded."""
    rotation = pose[:3, :3]
    return project_to_rotation(rotation) if unevenness(rotation) > EXACT else rotation


def pose_numbers(
    photograph: Photograph,
    pose: Tensor,
    read: Callable[[Sequence[float]], Tensor],
    write: Callable[[Tensor], list[float]],
) -> list[float]:
    """The numbers that a format writes for a photograph's pose: those that it was read from where they are that pose.

    read, write: from the format's numbers to a pose [4, 4], and back, which may round.
    """
    written = write(pose)
    given = photograph.pose_numbers
    return [*given] if len(given) == len(written) and torch.equal(read(given), pose) else written
