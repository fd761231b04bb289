"""Placement: where in a picture renderings lie best, all shifts at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from invrender.images.blur import local_contrast
from invrender.losses.base import weigh
from invrender.losses.separation import Separation
from invrender.scene import Picture, View

# Standard deviations of the windows in which colours are normalised, shares of the picture's shorter side.
WINDOWS = (0.06, 0.15)
# Deviations below which a window counts as plain: of colours, and of their squared slopes.
PLAIN, FLAT = 0.02, 1e-3
# The share of a rendering that must lie in the picture.
INSIDE = 0.6
# What it counts, beside the correlation of 0 to 1, how badly a silhouette separates the picture's colours.
MIXED = 2.0


@dataclass(frozen=True)
class Placed:
    """A rendering where it lies best: so many pixels to the right and down, with a score of at most 1."""

    score: float
    right: int
    down: int


@dataclass(frozen=True)
class Placement:
    """Finds where renderings lie best in a view.

    Both are compared by fields that heed no light: colours normalised within windows, and the directions of edges
    (Hinterstoisser et al., 2012, doi:10.1109/TPAMI.2011.206), each of a length of at most 1. The score of a shift is
    the normalised correlation of the fields on the rendering's silhouette, for all shifts by a few Fourier transforms
    (Padfield, 2012, doi:10.1109/TIP.2011.2181402). Of renderings where they lie best, one whose silhouette separates
    the picture's colours is better than one that does not (`Separation`).
    """

    view: View

    @property
    def shape(self) -> tuple[int, int]:
        """Of the transforms, so that nothing that leaves the picture comes in on the other side."""
        height, width = self.view.size
        return 2 * height, 2 * width

    @cached_property
    def weights(self) -> Tensor:
        """How much each pixel of the view counts, [H, W]."""
        return weigh(torch.ones_like(self.view.rgb[..., 0]), (self.view.mask, self.view.weight))

    @cached_property
    def transforms(self) -> list[tuple[Tensor, Tensor]]:
        """Of each field of the view, and of its square."""
        found = []
        for field in fields(self.view.rgb, torch.ones_like(self.weights)):
            weighted = self.weights[..., None] * field
            found.append((self.transform(weighted.movedim(-1, 0)), self.transform((weighted * field).sum(dim=-1))))
        return found

    @cached_property
    def whole(self) -> Tensor:
        """The transform of the view's weights."""
        return self.transform(self.weights)

    def transform(self, picture: Tensor) -> Tensor:
        """Fourier's, of pictures [..., H, W] with nothing around them."""
        found: Tensor = torch.fft.rfft2(picture, s=self.shape)
        return found

    def correlate(self, own: Tensor, other: Tensor) -> Tensor:
        """The correlations, for all shifts, of what has two transforms [..., H, W]; of several channels their sum."""
        product = own.conj() * other
        found: Tensor = torch.fft.irfft2(product if product.ndim == 2 else product.sum(dim=0), s=self.shape)
        return found

    def scores(self, picture: Picture) -> Tensor:
        """The score of a rendering for each shift, the negative ones at the end of rows and columns: [2 H, 2 W]."""
        weights = picture.alpha
        total = weights.sum().clamp(min=1e-6)
        silhouette = self.transform(weights)
        inside = self.correlate(silhouette, self.whole) / total
        scores = torch.zeros(self.shape).to(weights)
        for own, (other, squares) in zip(fields(picture.rgb, weights), self.transforms, strict=True):
            weighted = weights[..., None] * own
            product = self.correlate(self.transform(weighted.movedim(-1, 0)), other)
            power = self.correlate(silhouette, squares).clamp(min=1e-3 * float(total))
            scores += product / ((weighted * own).sum().clamp(min=1e-9) * power).sqrt() / len(self.transforms)
        scores *= inside.clamp(0, 1).sqrt()
        return scores.masked_fill(inside <= INSIDE, -1.0)

    def place(self, picture: Picture) -> Placed:
        """Where a rendering lies best."""
        scores = self.scores(picture)
        height, width = self.view.size
        row, column = divmod(int(scores.argmax()), 2 * width)
        down, right = wrapped(row, height), wrapped(column, width)
        mixed = Separation()(Picture({"alpha": moved(picture.alpha, right, down)}), self.view)
        return Placed(float(scores.max() - MIXED * mixed), right, down)


def wrapped(index: int, size: int) -> int:
    """The shift that an index of twice ``size`` stands for."""
    return index if index < size else index - 2 * size


def moved(picture: Tensor, right: int, down: int) -> Tensor:
    """A picture [H, W] shifted by so many pixels, with zeros where nothing comes in."""
    height, width = picture.shape
    found = torch.zeros_like(picture)
    own = picture[max(0, -down) : height - max(0, down), max(0, -right) : width - max(0, right)]
    found[max(0, down) : max(0, down) + own.shape[0], max(0, right) : max(0, right) + own.shape[1]] = own
    return found


def fields(rgb: Tensor, weights: Tensor) -> Sequence[Tensor]:
    """The fields of a picture [H, W, 3], of the pixels that have weights [H, W]."""
    side = min(weights.shape)
    return [*(bounded_contrast(rgb, weights, window * side) for window in WINDOWS), directions(rgb)]


def bounded_contrast(rgb: Tensor, weights: Tensor, sigma: float) -> Tensor:
    """The local contrast of colours [H, W, 3], shortened to less than 1."""
    contrast = local_contrast(rgb, weights, sigma, PLAIN)
    return contrast / (1 + contrast.square().sum(dim=-1, keepdim=True)).sqrt()


def directions(rgb: Tensor) -> Tensor:
    """The direction of edges [H, W, 2], twice its angle, so that it does not matter which side is the brighter one."""
    across, down = (torch.roll(rgb, -1, dim) - torch.roll(rgb, 1, dim) for dim in (1, 0))
    along = torch.stack([across.square() - down.square(), 2 * across * down], dim=-1).sum(dim=-2)
    strength = (across.square() + down.square()).sum(dim=-1, keepdim=True) + FLAT
    return along / (along.square().sum(dim=-1, keepdim=True) + strength.square()).sqrt()
