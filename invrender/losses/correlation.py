"""The loss of local correlation of colours, which heeds neither light nor what lies around or before an object."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from invrender import checks
from invrender.errors import UserError
from invrender.images.blur import local_contrast
from invrender.losses.base import Residuals, shares_of, weigh_inside
from invrender.scene import Channels, Picture, View

# Less than this share of the rendering's contrast is not taken for the sharpness of a photograph, nor more than that.
GAINS = (0.5, 2.0)


@dataclass(frozen=True)
class Correlation:
    """The robust mean difference of colours whose local mean and deviation are taken out, on the objects.

    Both pictures are normalised within Gaussian windows of several sizes, of the pixels that show an object: (I − mean)
    / √(deviation² + floor²), the deviation of all channels together. So an exposure, a white balance, uneven light and
    what lies around an object count for little. One gain for each channel is solved for. Of each pixel the squared
    difference d² counts as d² / (1 + d² / outlier²): one that differs by much, as where something lies before the
    object, counts no more than ``outlier``² (Geman and McClure, 1985).

    Where the target has a mask, pixels count as far as they lie in it, too.

    inside: pixels count whose silhouette is above this share.
    windows: their standard deviations, as shares of the picture's shorter side.
    floor: the deviation, linear, below which a window counts as plain.
    outlier: in deviations.
    background: what a pixel counts that shows no object, as a share of ``outlier``². The loss is the mean over all
        pixels then, so that showing a part of the object lowers it where the picture looks like that part, and a large
        one more than a small one. None: it is the mean over the object.
    """

    weight: float = 1.0
    inside: float = 0.5
    windows: Sequence[float] = (0.04, 0.15)
    floor: float = 0.02
    outlier: float = 1.0
    background: float | None = None

    def __post_init__(self) -> None:
        checks.at_least("weight", self.weight, 0)
        checks.share("inside", self.inside)
        if not self.windows:
            raise UserError("windows is empty, expected at least one number above 0")
        for window in self.windows:
            checks.above("windows", window, 0)
        checks.above("floor", self.floor, 0)
        checks.above("outlier", self.outlier, 0)
        if self.background is not None:
            checks.share("background", self.background)

    @property
    def channels(self) -> Channels:
        """Colours, and the silhouette."""
        return frozenset(("rgb", "alpha"))

    def check(self, view: View) -> None:
        """Every view will do."""

    def __call__(self, picture: Picture, view: View) -> Tensor:
        """The unweighted mean, []: 0 to ``outlier``²."""
        weights = self.shares(picture, view)
        losses = [self.bounded(each).mean(dim=-1) for each in self.differences(picture, view, weights)]
        mean = torch.stack(losses).mean(dim=0)
        if self.background is not None:
            return (weights * mean).sum() + (1 - weights.sum()) * self.background * self.outlier**2
        return (weights * mean).sum() + (1 - weights.sum()) * self.outlier**2

    def residuals(self, picture: Picture, view: View) -> Residuals:
        """Of every channel of every pixel, in each size of windows."""
        weights = self.shares(picture, view)
        found = []
        for difference in self.differences(picture, view, weights):
            squares = difference.detach().square().sum(dim=-1, keepdim=True)
            stiffness = (1 + squares / self.outlier**2) ** -2
            shares = weights[..., None] * stiffness / len(self.windows)
            found.append(Residuals.of_pixels(difference, shares.expand_as(difference)))
        return Residuals.together(found)

    def bounded(self, difference: Tensor) -> Tensor:
        """d² / (1 + d² / outlier²) of differences [H, W, 3], [H, W, 1]."""
        squares = difference.square().sum(dim=-1, keepdim=True)
        return squares / (1 + squares / self.outlier**2)

    def shares(self, picture: Picture, view: View) -> Tensor:
        """How much each pixel counts, [H, W]; the sum is 1 where enough of an object is shown, and less elsewhere.

        Where the background counts, shares of the whole picture.
        """
        weights = weigh_inside(picture, self.inside, (view.mask, view.weight))
        return shares_of(weights) if self.background is None else weights / weights.numel()

    def differences(self, picture: Picture, view: View, weights: Tensor) -> list[Tensor]:
        """Of normalised colours [H, W, 3], in each size of windows."""
        found = []
        for window in self.windows:
            sigma = window * min(weights.shape)
            own, other = (local_contrast(rgb, weights, sigma, self.floor) for rgb in (picture.rgb, view.rgb))
            both = (weights[..., None] * own * other).sum(dim=(0, 1))
            gain = (both / (weights[..., None] * own * own).sum(dim=(0, 1)).clamp(min=1e-12)).clamp(*GAINS)
            found.append(gain * own - other)
        return found
