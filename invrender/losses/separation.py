"""The loss of how badly a silhouette separates the colours of a picture, which needs no mask."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from invrender import checks
from invrender.images.color import srgb_from_linear
from invrender.losses.base import Residuals
from invrender.scene import Channels, Picture, View

# The share of pixels that any colour has at least, inside and outside.
UNHEARD_OF = 1e-3


@dataclass(frozen=True)
class Separation:
    """The mean squared difference of the silhouette and of where the picture has an object's colours.

    How likely a pixel belongs to the object is told by two histograms of colours, of the picture inside the silhouette
    and outside of it (Prisacariu and Reid, 2012, doi:10.1007/s11263-011-0514-3). They count as constants.

    levels: of each channel, sRGB-encoded, in the histograms.
    """

    weight: float = 1.0
    levels: int = 12

    def __post_init__(self) -> None:
        checks.at_least("weight", self.weight, 0)
        checks.at_least("levels", self.levels, 2)

    @property
    def channels(self) -> Channels:
        """The silhouette."""
        return frozenset(("alpha",))

    def check(self, view: View) -> None:
        """Every view will do."""

    def __call__(self, picture: Picture, view: View) -> Tensor:
        """The unweighted mean, []."""
        return self.residuals(picture, view).sum_of_squares

    def residuals(self, picture: Picture, view: View) -> Residuals:
        """Of every pixel."""
        weights = torch.ones_like(view.rgb[..., 0]) if view.weight is None else view.weight
        likely = self.likelihood(view.rgb, picture.alpha.detach(), weights)
        return Residuals.of_pixels(picture.alpha - likely, weights / weights.sum().clamp(min=1e-12))

    def likelihood(self, rgb: Tensor, alpha: Tensor, weights: Tensor) -> Tensor:
        """How likely each pixel [H, W] shows the object, by its colour, for a silhouette [H, W]."""
        levels = (srgb_from_linear(rgb.clamp(0, 1)) * self.levels).long().clamp(0, self.levels - 1)
        color = ((levels[..., 0] * self.levels + levels[..., 1]) * self.levels + levels[..., 2]).reshape(-1)
        inside, outside = (self.histogram(color, (share * weights).reshape(-1))[color] for share in (alpha, 1 - alpha))
        return (inside / (inside + outside)).reshape(alpha.shape)

    def histogram(self, color: Tensor, weights: Tensor) -> Tensor:
        """The share of each colour, neighbours in colour counted in by half: [levels³]."""
        side = self.levels
        counts = weights.new_zeros(side**3).index_add(0, color, weights).reshape(1, 1, side, side, side)
        near = torch.nn.functional.avg_pool3d(counts, 3, stride=1, padding=1)
        mixed = (0.5 * counts + 0.5 * near).reshape(-1)
        return mixed / weights.sum().clamp(min=1e-12) + UNHEARD_OF
