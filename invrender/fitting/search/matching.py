"""Matching: where patches of a rendering are in a picture, and the change of a pose that most of them ask for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, conv2d, grid_sample, pad

from invrender.images.color import srgb_from_linear
from invrender.losses.base import weigh
from invrender.scene import Picture, View

# Pixels: how far away a patch is looked for, half a patch's side, and from one patch to the next.
REACH, HALF, APART = 10, 5, 5
# The deviation of colours, sRGB-encoded, below which a patch counts as plain.
PLAIN = 0.03
# A correlation that says nothing: that of what lies before the object with anything.
NOTHING = 0.3
# The silhouette above which a pixel shows nothing of the background; and how many patches are too few.
INSIDE, FEW = 0.9, 6
# Changes of a pose: so many are tried at first, and about as many, ever closer, around so many of the best.
TRIED, BEST, ROUNDS, CLOSER = 1500, 15, 4, 2.2


@dataclass(frozen=True)
class Patches:
    """Patches of a rendering, and how much a picture looks like them where they are and around.

    rows, columns: [P], of the pixels in their middle. scores: [P, S, S], correlations when they are shifted, from up
    and left to down and right. weights: [P], how much each says.
    """

    rows: Tensor
    columns: Tensor
    scores: Tensor
    weights: Tensor

    @property
    def reach(self) -> int:
        """The largest shift, in pixels."""
        return self.scores.shape[-1] // 2

    def votes(self, shifts: Tensor) -> Tensor:
        """The mean score [N] of all patches at shifts [P, 2, N], right and down."""
        places = (shifts / self.reach).movedim(1, -1)[:, :, None]
        found = grid_sample(self.scores[:, None], places, align_corners=True)[:, 0, :, 0]
        return self.weights @ found / self.weights.sum()

    @property
    def blurred(self) -> Patches:
        """The same with scores that reach a little further."""
        return Patches(self.rows, self.columns, avg_pool2d(self.scores[:, None], 3, 1, 1)[:, 0], self.weights)

    def agree(self, slopes: Tensor, spread: Tensor, random: torch.Generator) -> Tensor:
        """The change [K] that most patches ask for, of a pose by which they shift by ``slopes`` [P, 2, K].

        spread: [K, K], whose columns are the deviations of what is tried first. The sum of votes has many peaks, so it
        is asked at many places, then at ever closer ones around the best of these.
        """
        best = slopes.new_zeros(len(spread), 1)
        for index in range(ROUNDS):
            drawn = torch.randn(len(spread), TRIED // best.shape[1], best.shape[1], generator=random).to(slopes)
            around = best[:, None] + (spread @ drawn.flatten(1)).reshape(drawn.shape) / CLOSER**index
            tried = torch.cat([best, around.flatten(1)], dim=1)
            votes = (self.blurred if index < ROUNDS // 2 else self).votes(slopes @ tried)
            best = tried[:, votes.topk(min(BEST, len(votes))).indices]
        return best[:, 0]


@dataclass(frozen=True)
class Matching:
    """Finds patches of renderings in a view.

    A patch is a Gaussian window of the rendering within its silhouette. It is compared with the picture by normalised
    correlation of colours, all channels together, at all shifts within reach: no light changes that, and what lies
    before the object, or has another print, changes a few patches alone.
    """

    view: View

    @cached_property
    def colors(self) -> Tensor:
        """The view's colours [3, H, W] as they are compared."""
        return encode(self.view.rgb)

    @cached_property
    def weights(self) -> Tensor:
        """How much each pixel of the view counts, [1, H, W]."""
        return weigh(torch.ones_like(self.view.rgb[..., 0]), (self.view.mask, self.view.weight))[None].float()

    def find(self, picture: Picture) -> Patches | None:
        """The patches of a rendering and where they are; None where it shows too little, or plain colours alone."""
        silhouette = (picture.alpha > INSIDE).float()
        rows, columns = spread_patches(silhouette)
        if len(rows) < FEW:
            return None
        middles = list(zip(rows.tolist(), columns.tolist(), strict=True))
        window = cut(silhouette[None], middles, HALF) * gaussian_window()
        own = cut(encode(picture.rgb), middles, HALF)
        there = cut(self.colors, middles, HALF + REACH, mode="replicate")
        scores, contrast = correlate(own, there, window)
        scores = scores * cut(self.weights, middles, REACH)[:, 0]
        weights = contrast * window.sum(dim=(1, 2, 3)) / gaussian_window().sum()
        return Patches(rows, columns, (scores - NOTHING).clamp(min=0), weights) if weights.any() else None


def encode(rgb: Tensor) -> Tensor:
    """Linear colours [H, W, 3] as [3, H, W], sRGB-encoded."""
    return srgb_from_linear(rgb.clamp(min=0)).float().movedim(-1, 0)


def spread_patches(silhouette: Tensor) -> tuple[Tensor, Tensor]:
    """The rows and the columns of pixels within a silhouette [H, W], on a grid that begins where it does."""
    grid = torch.zeros_like(silhouette)
    first = [int(silhouette.amax(dim=dim).argmax()) % APART for dim in (1, 0)]
    grid[first[0] :: APART, first[1] :: APART] = 1
    rows, columns = (grid * silhouette).nonzero(as_tuple=True)
    return rows, columns


def cut(picture: Tensor, middles: Sequence[tuple[int, int]], half: int, mode: str = "constant") -> Tensor:
    """The squares [P, C, 2 half + 1, 2 half + 1] of a picture [C, H, W] around some of its pixels (row, column)."""
    around, side = pad(picture[None], (half, half, half, half), mode=mode)[0], 2 * half + 1
    return torch.stack([around[:, row : row + side, column : column + side] for row, column in middles])


def gaussian_window() -> Tensor:
    """The weights of a patch's pixels."""
    across = torch.arange(-HALF, HALF + 1) / (HALF / 2)
    return torch.exp(-0.5 * (across[:, None] ** 2 + across**2))


def correlate(own: Tensor, there: Tensor, window: Tensor) -> tuple[Tensor, Tensor]:
    """Normalised correlations [P, S, S] of patches [P, 3, K, K] with all squares of larger ones, [P, 3, K + S − 1, …].

    window: [P, 1, K, K], weights of the patches' pixels. And how far the patches are from plain, [P], from 0 to 1.
    """
    count, total = len(own), window.sum(dim=(2, 3), keepdim=True)
    centred = window * (own - (window * own).sum(dim=(2, 3), keepdim=True) / total)
    variance = (centred * own).sum(dim=(1, 2, 3), keepdim=True) / total
    product = slide(there, centred)
    each = slide(there.reshape(3 * count, 1, *there.shape[2:]), window.repeat_interleave(3, dim=0))
    means = each.reshape(count, 3, *each.shape[1:]).square().sum(dim=1)
    squares = slide(there.square().sum(dim=1, keepdim=True), window)
    total, variance = total[:, 0], variance[:, 0]
    others = ((squares - means / total) / total).clamp(min=0)
    scores = product / total / ((variance + PLAIN**2) * (others + PLAIN**2)).sqrt()
    return scores, (variance / (variance + PLAIN**2)).reshape(-1)


def slide(pictures: Tensor, kernels: Tensor) -> Tensor:
    """Sums of products of each picture [P, C, H, W] with a kernel [P, C, K, K] of its own, wherever it fits: [P, …]."""
    whole = pictures.reshape(1, -1, *pictures.shape[2:])
    return conv2d(whole, kernels, groups=len(kernels))[0]
