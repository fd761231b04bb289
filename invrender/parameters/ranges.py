"""The ranges of unknowns."""

from __future__ import annotations

import torch
from torch import Tensor

Range = tuple[float, float]


def clamp_factor(raw: Tensor, base: Tensor, allowed: Range) -> Tensor:
    """Log factors on positive ``base`` values, clamped so that base × exp(raw) stays in range."""
    lower, upper = (torch.log(base.new_tensor(bound) / base) for bound in allowed)
    return raw.maximum(lower).minimum(upper)


def clamp_sum(raw: Tensor, base: Tensor, allowed: Range) -> Tensor:
    """Displacements of ``base`` values, clamped so that base + raw stays in range."""
    return raw.maximum(allowed[0] - base).minimum(allowed[1] - base)
