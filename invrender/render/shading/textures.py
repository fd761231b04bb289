"""Texture look-up."""

from __future__ import annotations

import torch
from torch import Tensor

from invrender.constants import numbers
from invrender.render.shading.mipmaps import find_level


def sample_pyramids(texels: Tensor, textures: Tensor, which: Tensor, uv: Tensor, minification: Tensor) -> Tensor:
    """Trilinear look-up (Williams, 1983) in the pyramids of many textures at once, [N, C].

    texels: [X, C]. textures: [O, L, 3], for each texture and level the index of its first texel, its width and its
    height, as in `Surfaces`; a look-up in one without levels is 1. which: [N], the texture of each look-up.
    uv: [N, 2] as in `sample_bilinear`.
    minification: [N], how many texels of the finest level a pixel covers. Differentiable in texels, uv and
    minification; `mipmaps.find_level` says what happens at its kinks.
    """
    levels = (textures[..., 1] > 0).sum(dim=1).index_select(0, which)
    rows, first = textures.reshape(-1, 3), which * textures.shape[1]
    coarsest = (levels - 1).clamp(min=0)
    level = find_level(minification, coarsest)
    finer = level.detach().floor().long()
    color = sample_texels(texels, rows.index_select(0, first + finer), uv)
    if bool((level > 0).any()):
        coarser = sample_texels(texels, rows.index_select(0, first + (finer + 1).minimum(coarsest)), uv)
        color = torch.lerp(color, coarser, (level - finer)[:, None].expand_as(color))
    return torch.where((levels > 0)[:, None], color, torch.ones_like(color))


def sample_texels(texels: Tensor, textures: Tensor, uv: Tensor) -> Tensor:
    """Look-ups [N, C] at uv [N, 2] in textures [N, 3] that lie one after the other in ``texels`` [X, C].

    (0, 0) is the outer corner of the lower left texel, (1, 1) that of the upper right one (`align_corners=False`).
    Beyond the border the border's texels go on. Differentiable in texels and uv.
    """
    first, width, height = textures.unbind(1)
    right_most, lowest = (width - 1).clamp(min=0), (height - 1).clamp(min=0)
    x = (uv[:, 0] * width - 0.5).clamp(min=0).minimum(right_most.to(uv))
    y = ((1 - uv[:, 1]) * height - 0.5).clamp(min=0).minimum(lowest.to(uv))
    left = x.detach().long().minimum((width - 2).clamp(min=0))
    top = y.detach().long().minimum((height - 2).clamp(min=0))
    right, bottom = (left + 1).minimum(right_most), (top + 1).minimum(lowest)
    across, down = (x - left)[:, None], (y - top)[:, None]

    def texel(row: Tensor, column: Tensor) -> Tensor:
        return texels.index_select(0, first + row * width + column)

    upper = texel(top, left) * (1 - across) + texel(top, right) * across
    lower = texel(bottom, left) * (1 - across) + texel(bottom, right) * across
    return upper * (1 - down) + lower * down


def sample_bilinear(texture: Tensor, uv: Tensor) -> Tensor:
    """Bilinear look-up [N, C] in one texture [H, W, C], row 0 at the top, at uv [N, 2] as in `sample_texels`."""
    height, width, channels = texture.shape
    row = numbers(((0, width, height),), uv, torch.int64).expand(uv.shape[0], -1)
    return sample_texels(texture.reshape(-1, channels), row, uv)
