"""Jacobians of functions: by forward mode, or by differences where a part of them has none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import torch
from torch import Tensor
from torch.func import jacfwd

T = TypeVar("T")


def differentiate(
    function: Callable[[Tensor], tuple[Tensor, T]], zero: Tensor, steps: Sequence[float], forward_mode: bool
) -> tuple[Tensor, T]:
    """The Jacobian [M, K] of a function of K numbers at ``zero`` [K], and what else the function returns there.

    By forward mode; by central differences of these steps where a part of the function has none.
    """
    if not steps:
        values, others = function(zero)
        return values.new_zeros(len(values), 0), others
    if forward_mode:
        jacobian, others = jacfwd(function, has_aux=True)(zero)
        return jacobian, others
    return central_differences(lambda change: function(change)[0], zero, steps), function(zero)[1]


def central_differences(function: Callable[[Tensor], Tensor], zero: Tensor, steps: Sequence[float]) -> Tensor:
    """The Jacobian [M, K] of a function of K numbers at ``zero`` [K], by central differences of these steps."""
    columns = []
    for column, step in enumerate(steps):
        change = torch.zeros_like(zero)
        change[column] = step
        columns.append((function(change) - function(-change)) / (2 * step))
    return torch.stack(columns, dim=1)
