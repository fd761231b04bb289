"""Checks of single values, each with a message for the person who gave the value."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from invrender.errors import UserError, shortened, suggestion

if TYPE_CHECKING:
    from torch import Tensor

LARGEST_WHOLE = 2**63 - 1
MOST_PIXELS = 16384
# What three digits leave of a rotation: the most by which a number of R Rᵀ - I may be off.
ROUNDED = 4e-3


def one_of(key: str, given: str, options: Sequence[str]) -> str:
    """``given``, which must be one of ``options``."""
    if given not in options:
        raise UserError(f"{key} is {given!r}, expected one of {', '.join(options)}{suggestion(given, options)}")
    return given


def numbers(key: str, given: Any, shape: tuple[int, ...]) -> Tensor:
    """Nested lists as a float64 tensor of ``shape``; every number must be finite."""
    import torch

    expected = "x".join(str(side) for side in shape)
    try:
        tensor = torch.tensor(given, dtype=torch.float64)
    except (TypeError, ValueError, OverflowError, RuntimeError) as error:
        raise UserError(f"{key} is {shortened(given)}, expected {expected} numbers") from error
    if tuple(tensor.shape) != shape or holds_words(given):
        raise UserError(f"{key} is {shortened(given)}, expected {expected} numbers")
    if not bool(tensor.isfinite().all()):
        raise UserError(f"{key} is {shortened(given)}, expected finite numbers")
    return tensor


def holds_words(given: Any) -> bool:
    """Whether nested lists hold true or false, which PyTorch takes for numbers."""
    return any(holds_words(each) for each in given) if isinstance(given, list | tuple) else isinstance(given, bool)


def all_finite(tensors: Mapping[str, Tensor]) -> None:
    """Raise `UserError` for a tensor with a number that is not finite."""
    for key, tensor in tensors.items():
        if not bool(tensor.detach().isfinite().all()):
            raise UserError(f"{key} has numbers that are not finite, expected finite ones")


def color(key: str, given: Sequence[float]) -> Tensor:
    """A linear RGB colour [3], float32, not negative."""
    tensor = numbers(key, given, (3,)).float()
    if not bool(((tensor >= 0) & tensor.isfinite()).all()):
        raise UserError(f"{key} is {shortened(given)}, expected three linear RGB values of 0 or more")
    return tensor


def above(key: str, given: float, least: float) -> float:
    """A finite number above ``least``."""
    if not (is_finite(given) and given > least):
        raise UserError(f"{key} is {shortened(given)}, expected a number above {least:g}")
    return given


def at_least(key: str, given: float, least: float) -> float:
    """A finite number of ``least`` or more."""
    if not (is_finite(given) and given >= least):
        raise UserError(f"{key} is {shortened(given)}, expected a number of {least:g} or more")
    return given


def share(key: str, given: float) -> float:
    """A share from 0 to below 1."""
    if not 0 <= given < 1:
        raise UserError(f"{key} is {shortened(given)}, expected a share from 0 to below 1")
    return given


def is_finite(given: float) -> bool:
    """Whether a number is finite, and no larger than float64 holds."""
    try:
        return math.isfinite(given)
    except OverflowError:
        return False


def seed(key: str, given: int) -> int:
    """A seed that PyTorch takes."""
    if not 0 <= given <= LARGEST_WHOLE:
        raise UserError(f"{key} is {shortened(given)}, expected a whole number from 0 to 2^63 - 1")
    return given


def pixels(key: str, given: int) -> int:
    """A picture's side."""
    if not 1 <= given <= MOST_PIXELS:
        raise UserError(f"{key} is {shortened(given)}, expected 1 to {MOST_PIXELS} pixels")
    return given


def rigid(key: str, given: Any) -> Tensor:
    """A rigid transform [4, 4], float64, whose rotation may be rounded to three digits."""
    import torch

    matrix = numbers(key, given, (4, 4))
    rotation = matrix[:3, :3]
    if float((rotation @ rotation.T - torch.eye(3, dtype=torch.float64)).abs().max()) > ROUNDED:
        scale = float(torch.linalg.det(rotation).abs() ** (1 / 3))
        even = float((rotation @ rotation.T - scale**2 * torch.eye(3, dtype=torch.float64)).abs().max())
        scaled = scale > 0 and even <= ROUNDED * scale**2
        mend = f"it scales by {scale:.6g}, divide by that" if scaled else "take scale and shear out of it"
        raise UserError(f"{key} is not rigid: its upper left 3x3 part is not a rotation; {mend}")
    if float(torch.linalg.det(rotation)) < 0:
        raise UserError(f"{key} mirrors: the determinant is -1; flip one axis (OpenCV: x right, y down, z forward)")
    if not torch.equal(matrix[3], matrix.new_tensor([0.0, 0.0, 0.0, 1.0])):
        raise UserError(f"{key} has the last row {matrix[3].tolist()}, expected [0, 0, 0, 1]; is it transposed?")
    return matrix


def is_above(given: object, least: float) -> bool:
    """Whether something is a finite number above ``least``."""
    return isinstance(given, int | float) and not isinstance(given, bool) and is_finite(given) and given > least


def count(key: str, given: int) -> int:
    """A number of things of which there must be one."""
    if not given >= 1:
        raise UserError(f"{key} is {shortened(given)}, expected 1 or more")
    return given


def interval(key: str, given: Sequence[float], least: float | None = None) -> tuple[float, float]:
    """Two numbers, the second above the first, and the first above ``least``."""
    lower, upper = given
    if not lower < upper or (least is not None and not lower > least):
        order = "lower < upper" if least is None else f"{least:g} < lower < upper"
        raise UserError(f"{key} is {list(given)}, expected [lower, upper] with {order}")
    return lower, upper


def above_zero(**given: float | None) -> None:
    """Learning rates and limits: finite numbers above 0, or None for no limit."""
    for key, number in given.items():
        if number is not None:
            above(key, number, 0)
