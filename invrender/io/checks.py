"""Checks of single values, each with a message for the person who gave the value."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from invrender.errors import UserError, suggestion


def one_of(key: str, given: str, options: Sequence[str]) -> str:
    """``given``, which must be one of ``options``."""
    if given not in options:
        raise UserError(f"{key} is {given!r}, expected one of {', '.join(options)}{suggestion(given, options)}")
    return given


def numbers(key: str, given: Any, shape: tuple[int, ...]) -> Tensor:
    """Nested lists as a float64 tensor of ``shape``; every number must be finite."""
    expected = "x".join(str(side) for side in shape)
    try:
        tensor = torch.tensor(given, dtype=torch.float64)
    except (TypeError, ValueError) as error:
        raise UserError(f"{key} is {given}, expected {expected} numbers") from error
    if tuple(tensor.shape) != shape:
        raise UserError(f"{key} is {given}, expected {expected} numbers")
    if not bool(tensor.isfinite().all()):
        raise UserError(f"{key} is {given}, expected finite numbers")
    return tensor


def color(key: str, given: Sequence[float]) -> Tensor:
    """A linear RGB colour [3], float32, not negative."""
    tensor = numbers(key, given, (3,))
    if bool((tensor < 0).any()):
        raise UserError(f"{key} is {list(given)}, expected three linear RGB values of 0 or more")
    return tensor.float()


def above(key: str, given: float, least: float) -> float:
    """A finite number above ``least``."""
    if not (math.isfinite(given) and given > least):
        raise UserError(f"{key} is {given}, expected a number above {least:g}")
    return given


def at_least(key: str, given: float, least: float) -> float:
    """A finite number of ``least`` or more."""
    if not (math.isfinite(given) and given >= least):
        raise UserError(f"{key} is {given}, expected a number of {least:g} or more")
    return given


def pixels(key: str, given: int) -> int:
    """A picture's side."""
    if not 1 <= given <= 16384:
        raise UserError(f"{key} is {given}, expected 1 to 16384 pixels")
    return given


def rigid(key: str, given: Any) -> Tensor:
    """A rigid transform [4, 4], float64."""
    matrix = numbers(key, given, (4, 4))
    rotation = matrix[:3, :3]
    skewed = (rotation @ rotation.T - torch.eye(3, dtype=torch.float64)).abs().max() > 1e-3
    if bool(skewed):
        raise UserError(
            f"{key} is not rigid: its upper left 3x3 part is not a rotation; take scale and shear out of it"
        )
    if float(torch.linalg.det(rotation)) < 0:
        raise UserError(f"{key} mirrors: the determinant is -1; flip one axis (OpenCV: x right, y down, z forward)")
    if not torch.equal(matrix[3], matrix.new_tensor([0.0, 0.0, 0.0, 1.0])):
        raise UserError(f"{key} has the last row {matrix[3].tolist()}, expected [0, 0, 0, 1]; is it transposed?")
    return matrix
