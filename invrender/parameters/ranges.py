"""The ranges of unknowns."""

from __future__ import annotations

import torch
from torch import Tensor

from invrender.parameters.maps import Map

Range = tuple[float, float]


def clamp(mapping: Map, raw: Tensor, start: Tensor, allowed: Range) -> Tensor:
    """Raw tensors, clamped so that the values that they are mapped to stay in range."""
    lower, upper = (mapping.inverse(start, torch.full_like(start, bound)) for bound in allowed)
    return raw.maximum(lower).minimum(upper)
