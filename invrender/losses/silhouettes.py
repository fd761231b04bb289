"""The losses between the rendering's silhouette and the target's mask."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from invrender import checks
from invrender.errors import UserError
from invrender.losses.base import Residuals
from invrender.scene import Channels, Picture, View


@dataclass(frozen=True)
class SilhouetteLoss:
    """A weighted sum of squared differences of silhouettes, or of what is measured of them."""

    weight: float = 1.0

    def __post_init__(self) -> None:
        checks.at_least("weight", self.weight, 0)

    @property
    def channels(self) -> Channels:
        """The silhouette."""
        return frozenset(("alpha",))

    def check(self, view: View) -> None:
        """Raise `UserError` if the target has no mask."""
        if view.mask is None:
            raise UserError("it compares silhouettes, and the target has no mask: give target.mask=mask.png")

    def __call__(self, picture: Picture, view: View) -> Tensor:
        """The unweighted mean, []."""
        return self.residuals(picture, view).sum_of_squares

    def residuals(self, picture: Picture, view: View) -> Residuals:
        """Residuals whose sum of squares is this loss."""
        raise NotImplementedError


@dataclass(frozen=True)
class Silhouette(SilhouetteLoss):
    """The mean squared difference of the pixels.

    needs_mask: False for a term that counts nothing in views that have none.
    """

    needs_mask: bool = True

    def check(self, view: View) -> None:
        """Raise `UserError` if the target has no mask, and the loss needs one."""
        if self.needs_mask:
            super().check(view)

    def residuals(self, picture: Picture, view: View) -> Residuals:
        """Of every pixel."""
        if view.mask is None:
            return Residuals.of_pixels(picture.alpha, torch.zeros_like(picture.alpha))
        weights = torch.ones_like(view.mask) if view.weight is None else view.weight
        return Residuals.of_pixels(picture.alpha - view.mask, weights / weights.sum().clamp(min=1e-12))


@dataclass(frozen=True)
class Moments(SilhouetteLoss):
    """The mean squared difference of centres and sizes, in shares of the picture's shorter side.

    Centres are means over the silhouette, sizes the square roots of areas. Unlike differences of pixels they pull from
    any distance, also where the silhouettes do not overlap.
    """

    weight: float = 0.1

    def residuals(self, picture: Picture, view: View) -> Residuals:
        """Of the three of them, [3]."""
        assert view.mask is not None
        difference = moments(picture.alpha) - moments(view.mask)
        return Residuals.of_no_pixel(difference, torch.full_like(difference, 1 / 3))


def moments(mask: Tensor) -> Tensor:
    """The centre's x and y and the square root of the area of a silhouette [H, W], in its shorter sides: [3].

    An empty one is a point in the middle of the picture.
    """
    height, width = mask.shape
    side = min(height, width)
    least = 1e-4 * side * side
    area = mask.sum() + least
    columns = torch.arange(width).to(mask) + 0.5 - width / 2
    rows = torch.arange(height).to(mask) + 0.5 - height / 2
    x, y = (mask.sum(dim=0) * columns).sum() / area, (mask.sum(dim=1) * rows).sum() / area
    return torch.stack([x, y, area.sqrt()]) / side
