"""The loss of local contrast, which light hardly changes."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from invrender import checks
from invrender.images.blur import local_contrast
from invrender.losses.base import Residuals, shares_of, weigh_inside
from invrender.scene import Channels, Picture, View

# Less than this share of the rendering's contrast is not taken for the sharpness of a photograph.
LEAST_GAIN = 0.5


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
        checks.at_least("weight", self.weight, 0)
        checks.share("inside", self.inside)
        checks.above("window", self.window, 0)
        checks.above("floor", self.floor, 0)

    @property
    def channels(self) -> Channels:
        """Colours, and the silhouette."""
        return frozenset(("rgb", "alpha"))

    def check(self, view: View) -> None:
        """Every view will do."""

    def __call__(self, picture: Picture, view: View) -> Tensor:
        """The unweighted mean, []."""
        found = self.residuals(picture, view)
        return found.sum_of_squares + 2 * (1 - found.weights.sum())

    def residuals(self, picture: Picture, view: View) -> Residuals:
        """Of every pixel."""
        weights = weigh_inside(picture, self.inside, (view.weight,))
        sigma = self.window * min(weights.shape)
        found, wanted = (
            local_contrast(rgb.mean(dim=-1), weights, sigma, self.floor) for rgb in (picture.rgb, view.rgb)
        )
        shared = (weights * found * wanted).sum() / (weights * found * found).sum().clamp(min=1e-12)
        return Residuals.of_pixels(shared.clamp(min=LEAST_GAIN) * found - wanted, shares_of(weights))
