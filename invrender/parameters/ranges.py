"""Keeping unknowns within their range."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from invrender.errors import UserError

Range = tuple[float, float]


def check_above_zero(**settings: float | None) -> None:
    """Raise `UserError` for a learning rate or a limit that is not a finite number above 0; None is no limit."""
    for name, given in settings.items():
        if given is not None and not (math.isfinite(given) and given > 0):
            raise UserError(f"{name} is {given}, expected a number above 0")


def check_range(given: Range, factor: bool = False) -> None:
    """Raise `UserError` for a range without room; ``factor``: its values are positive."""
    lower, upper = given
    if not lower < upper or (factor and lower <= 0):
        least = "0 < lower < upper" if factor else "lower < upper"
        raise UserError(f"range is {list(given)}, expected [lower, upper] with {least}")


def clamp_factor(raw: Tensor, base: Tensor, allowed: Range) -> Tensor:
    """Log factors on positive ``base`` values, clamped so that base × exp(raw) stays in range."""
    lower, upper = (torch.log(base.new_tensor(bound) / base) for bound in allowed)
    return raw.maximum(lower).minimum(upper)


def clamp_sum(raw: Tensor, base: Tensor, allowed: Range) -> Tensor:
    """Displacements of ``base`` values, clamped so that base + raw stays in range."""
    return raw.maximum(allowed[0] - base).minimum(allowed[1] - base)
