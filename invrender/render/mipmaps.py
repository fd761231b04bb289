"""Texture pyramids, so that every texel that a pixel covers counts in it."""

from __future__ import annotations

import torch
from torch import Tensor

from invrender.pixels import resize_area


def pyramid(texture: Tensor) -> list[Tensor]:
    """A texture [H, W, C] and its halves down to one texel, each the mean over what it covers (Williams, 1983)."""
    levels = [texture]
    while max(levels[-1].shape[:2]) > 1:
        levels.append(halved(levels[-1]))
    return levels


def halved(texture: Tensor) -> Tensor:
    """A texture [H, W, C] at half the size, odd sides rounded down, at least one texel."""
    height, width = (max(side // 2, 1) for side in texture.shape[:2])
    if texture.shape[0] == 2 * height and texture.shape[1] == 2 * width:
        return texture.reshape(height, 2, width, 2, texture.shape[2]).mean(dim=(1, 3))
    return resize_area(texture, height, width)


def finest_level(minification: Tensor) -> Tensor:
    """log2 of how many texels a pixel is wide, from texels per pixel by area; 0 where textures are magnified."""
    return 0.5 * torch.log2(minification.clamp(min=1.0))
