"""Texture pyramids, so that every texel that a pixel covers counts in it."""

from __future__ import annotations

import torch
from torch import Tensor

from invrender.images.resample import box_filter, resize_area


def build_pyramid(texture: Tensor, coverage: Tensor | None = None) -> list[Tensor]:
    """A texture [H, W, C] and its halves down to one texel, each the mean over what it covers (Williams, 1983).

    coverage: [H, W] in [0, 1]: how much of a texel belongs to a chart of the surface, or None for all of it. What
    belongs to none does not enter the means, so that no foreign colour bleeds in at the charts' borders.
    """
    levels = [texture]
    while max(levels[-1].shape[:2]) > 1:
        if coverage is None:
            levels.append(halve(levels[-1]))
            continue
        weighted, coverage = halve(levels[-1] * coverage[..., None]), halve(coverage[..., None])[..., 0]
        mean = weighted / torch.where(coverage > 0, coverage, torch.ones_like(coverage))[..., None]
        levels.append(fill_borders(mean, coverage > 0))
    return levels


def level_sizes(height: int, width: int) -> list[tuple[int, int]]:
    """The heights and widths of the levels of a texture."""
    sizes = [(height, width)]
    while max(sizes[-1]) > 1:
        sizes.append(half_size(*sizes[-1]))
    return sizes


def half_size(height: int, width: int) -> tuple[int, int]:
    """Half the height and the width, rounded down, at least 1."""
    return max(height // 2, 1), max(width // 2, 1)


def halve(texture: Tensor) -> Tensor:
    """A texture [H, W, C] at half the size, odd sides rounded down, at least one texel."""
    height, width = half_size(*texture.shape[:2])
    if texture.shape[0] == 2 * height and texture.shape[1] == 2 * width:
        return box_filter(texture, 2)
    return resize_area(texture, height, width)


def fill_borders(texture: Tensor, covered: Tensor) -> Tensor:
    """A texture [H, W, C] whose texels outside ``covered`` [H, W] have the mean colour of covered neighbours, if any.

    A bilinear look-up at a chart's border reads one texel beyond it.
    """
    if bool(covered.all()):
        return texture
    mask = covered.to(texture)[None]
    sums = sum_neighbours(torch.cat([texture.movedim(-1, 0) * mask, mask]))
    count = sums[-1:]
    mean = (sums[:-1] / torch.where(count > 0, count, torch.ones_like(count))).movedim(0, -1)
    return torch.where((covered | (count[0] == 0))[..., None], texture, mean)


def sum_neighbours(planes: Tensor) -> Tensor:
    """The sum over each 3 × 3 neighbourhood of planes [C, H, W], nothing beyond the border."""
    return 9 * torch.nn.functional.avg_pool2d(planes[None], 3, stride=1, padding=1)[0]


def find_level(minification: Tensor, coarsest: Tensor) -> Tensor:
    """The level [N] between whose neighbours a look-up mixes: log2 of how many texels a pixel is wide.

    minification: [N], texels of the finest level in a pixel by area. coarsest: [N], the last level.

    Differentiable, but for two clamps: where textures are magnified it is 0, and where they are smaller than a pixel
    the last level, and there its derivative is zero, at the very clamps, too. In between it is smooth. The colour that
    is mixed from it has a kink at each whole level; there its derivative is that towards the coarser one.
    """
    level = 0.5 * torch.log2(minification.clamp(min=1.0))
    free = (minification.detach() > 1.0) & (level.detach() < coarsest)
    return torch.where(free, level, level.detach().minimum(coarsest.to(level)))
