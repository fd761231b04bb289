"""Texture look-up."""

from __future__ import annotations

import torch
from torch import Tensor


def sample_bilinear(texture: Tensor, uv: Tensor) -> Tensor:
    """Bilinear look-up, [N, C].

    texture: [H, W, C]; row 0 is the top. uv: [N, 2]; (0, 0) is the outer corner of the lower left texel, (1, 1) that
    of the upper right one (`align_corners=False`). Beyond the border the border's texels go on. Differentiable in both.
    """
    height, width, channels = texture.shape
    x = (uv[:, 0] * width - 0.5).clamp(0, width - 1)
    y = ((1 - uv[:, 1]) * height - 0.5).clamp(0, height - 1)
    left = x.detach().floor().clamp(max=max(width - 2, 0)).long()
    top = y.detach().floor().clamp(max=max(height - 2, 0)).long()
    right, bottom = (left + 1).clamp(max=width - 1), (top + 1).clamp(max=height - 1)
    across, down = (x - left)[:, None], (y - top)[:, None]
    texels = texture.reshape(-1, channels)

    def texel(row: Tensor, column: Tensor) -> Tensor:
        return texels.index_select(0, row * width + column)

    upper = torch.lerp(texel(top, left), texel(top, right), across)
    lower = torch.lerp(texel(bottom, left), texel(bottom, right), across)
    return torch.lerp(upper, lower, down)
