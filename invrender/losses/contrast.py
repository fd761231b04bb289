"""A loss that light hardly changes: pictures are compared by their local contrast."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from invrender.errors import UserError
from invrender.losses.base import check_weight
from invrender.pixels import windowed
from invrender.scene import Channels, Picture, Scene, View

# Less than this share of the rendering's contrast is not taken for the sharpness of a photograph.
LEAST_GAIN = 0.5
# Where hardly anything is shown the loss is that of pictures that have nothing in common: this share of all pixels.
HARDLY_ANY = 1e-3


@dataclass(frozen=True)
class Contrast:
    """The mean squared difference of luminances whose local mean and deviation are taken out, on the objects.

    Both pictures are normalised within Gaussian windows: (I − mean) / √(deviation² + floor²). So an unknown exposure,
    a spot light, or a lens that darkens towards its corners count for little, and patterns and edges for much.

    inside: pixels count whose silhouette, as blurred as the picture, is above this share: 0 includes the outline, which
        pulls from afar; with 0.95 nothing of what is around an object is mixed into what counts.
    window: the standard deviation of the windows, as a share of the picture's shorter side.
    floor: the deviation, linear, below which a window counts as plain.
    """

    weight: float = 1.0
    inside: float = 0.95
    window: float = 0.04
    floor: float = 0.02

    def __post_init__(self) -> None:
        check_weight(self.weight)
        if not 0 <= self.inside < 1:
            raise UserError(f"inside is {self.inside}, expected a share from 0 to below 1")
        for name in ("window", "floor"):
            if not getattr(self, name) > 0:
                raise UserError(f"{name} is {getattr(self, name)}, expected a number above 0")

    @property
    def channels(self) -> Channels:
        """Colours, and the silhouette."""
        return frozenset(("rgb", "alpha"))

    def check(self, view: View) -> None:
        """Every view will do."""

    def __call__(self, rendered: Picture, view: View, scene: Scene) -> Tensor:
        """The unweighted mean, []."""
        difference, weights = self.residuals(rendered, view, scene)
        return (weights * difference**2).sum() + 2 * (1 - weights.sum())

    def residuals(self, rendered: Picture, view: View, scene: Scene) -> tuple[Tensor, Tensor]:
        """Differences and their weights, [H, W], whose sum of squares has the gradient of this loss."""
        weights = ((rendered.alpha.detach() - self.inside) / (1 - self.inside)).clamp(min=0)
        weights = weights if view.weight is None else weights * view.weight
        sigma = self.window * min(weights.shape)
        found, wanted = (self.normalized(picture.mean(dim=-1), weights, sigma) for picture in (rendered.rgb, view.rgb))
        shared = (weights * found * wanted).sum() / (weights * found * found).sum().clamp(min=1e-12)
        return shared.clamp(min=LEAST_GAIN) * found - wanted, weights / (weights.sum() + HARDLY_ANY * weights.numel())

    def normalized(self, luminance: Tensor, weights: Tensor, sigma: float) -> Tensor:
        """The local contrast [H, W] of a luminance [H, W], in windows of the pixels that have weights [H, W]."""
        mean = windowed(weights, sigma)
        difference = luminance - mean(luminance)
        return difference / torch.sqrt(mean(difference**2) + self.floor**2)
