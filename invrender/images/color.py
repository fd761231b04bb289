"""sRGB exists in files and on screens; this is the only place that converts it (IEC 61966-2-1)."""

from __future__ import annotations

import torch
from torch import Tensor


def linear_from_srgb(srgb: Tensor) -> Tensor:
    """Linear values from sRGB-encoded ones, any shape."""
    return torch.where(srgb <= 0.04045, srgb / 12.92, ((srgb.clamp(min=0.04045) + 0.055) / 1.055) ** 2.4)


def srgb_from_linear(linear: Tensor) -> Tensor:
    """sRGB-encoded values from linear ones, any shape; differentiable everywhere, values outside [0, 1] go on."""
    return torch.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear.clamp(min=0.0031308) ** (1 / 2.4) - 0.055)
