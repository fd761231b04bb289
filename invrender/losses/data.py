"""The losses between the colours of a rendering and of a picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

from invrender import checks
from invrender.errors import UserError
from invrender.images.color import srgb_from_linear
from invrender.losses.base import Residuals
from invrender.scene import Channels, Picture, View

Space = Literal["linear", "srgb"]
Where = Literal["everywhere", "mask", "object"]


@dataclass(frozen=True)
class PictureLoss:
    """The mean over pixels and channels of a penalty on colour differences.

    weight: of this term in the total.
    space: compare in "linear" light or "srgb"-encoded, which counts dark tones more.
    where: "everywhere"; "mask" inside the target's mask; "object" where the rendering shows an object at present.
    A view's pixel weights multiply each of these.
    """

    weight: float = 1.0
    space: Space = "linear"
    where: Where = "everywhere"

    def __post_init__(self) -> None:
        checks.at_least("weight", self.weight, 0)
        checks.one_of("space", self.space, get_args(Space))
        checks.one_of("where", self.where, get_args(Where))

    @property
    def channels(self) -> Channels:
        """Colours, and with ``where`` "object" the silhouette."""
        return frozenset(("rgb", "alpha")) if self.where == "object" else frozenset(("rgb",))

    def check(self, view: View) -> None:
        """Raise `UserError` if a mask is called for and there is none, and if no pixel counts."""
        if self.where == "mask" and view.mask is None:
            raise UserError("where=mask needs a mask, and the target has none: give target.mask=mask.png")
        mask = view.mask if self.where == "mask" else None
        if any(each is not None and not bool(each.any()) for each in (mask, view.weight)):
            raise UserError("the target's mask or weight is black all over, so that no pixel counts: white counts")

    def __call__(self, picture: Picture, view: View) -> Tensor:
        """The unweighted mean penalty, []."""
        return weighted_mean(self.penalty(self.difference(picture, view)), self.pixel_weights(picture, view))

    def residuals(self, picture: Picture, view: View) -> Residuals:
        """Of every channel of every pixel."""
        difference = self.difference(picture, view)
        weights = self.pixel_weights(picture, view)
        shares = weights / (weights.sum().clamp(min=1e-12) * difference.shape[-1])
        return Residuals.of_pixels(difference, shares[..., None] * self.stiffness(difference.detach()))

    def difference(self, picture: Picture, view: View) -> Tensor:
        """Rendering minus picture, [H, W, 3]."""
        if self.space == "srgb":
            return srgb_from_linear(picture.rgb) - srgb_from_linear(view.rgb)
        return picture.rgb - view.rgb

    def pixel_weights(self, picture: Picture, view: View) -> Tensor:
        """How much each pixel counts, [H, W]."""
        weights = torch.ones_like(view.rgb[..., 0]) if view.weight is None else view.weight
        if self.where == "mask" and view.mask is not None:
            return weights * view.mask
        return weights * picture.alpha.detach() if self.where == "object" else weights

    def penalty(self, difference: Tensor) -> Tensor:
        """The penalty on differences d of any shape."""
        raise NotImplementedError

    def stiffness(self, difference: Tensor) -> Tensor:
        """penalty'(d) / (2 d): the weight of d² in a sum of squares that stands for the penalty near d."""
        raise NotImplementedError


@dataclass(frozen=True)
class MeanSquaredError(PictureLoss):
    """Σ d² / n."""

    def penalty(self, difference: Tensor) -> Tensor:
        """d²."""
        return difference**2

    def stiffness(self, difference: Tensor) -> Tensor:
        """1."""
        return torch.ones_like(difference)


@dataclass(frozen=True)
class MeanAbsoluteError(PictureLoss):
    """Σ |d| / n: outliers count less."""

    def penalty(self, difference: Tensor) -> Tensor:
        """|d|."""
        return difference.abs()

    def stiffness(self, difference: Tensor) -> Tensor:
        """1 / (2 |d|), for |d| of at least 1e-4."""
        return 0.5 / difference.abs().clamp(min=1e-4)


@dataclass(frozen=True)
class Huber(PictureLoss):
    """Squared for differences up to ``delta``, linear beyond (Huber, 1964)."""

    delta: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.above("delta", self.delta, 0)

    def penalty(self, difference: Tensor) -> Tensor:
        """d² / 2 within delta, delta (|d| − delta / 2) beyond."""
        size = difference.abs()
        return torch.where(size <= self.delta, 0.5 * difference**2, self.delta * (size - 0.5 * self.delta))

    def stiffness(self, difference: Tensor) -> Tensor:
        """½ within delta, ½ delta / |d| beyond."""
        return 0.5 * self.delta / difference.abs().clamp(min=self.delta)


def weighted_mean(penalties: Tensor, weights: Tensor) -> Tensor:
    """The mean of penalties [H, W, C] under pixel weights [H, W]; zero where all weights are."""
    total = weights.sum().clamp(min=1e-12) * penalties.shape[-1]
    return (penalties * weights[..., None]).sum() / total
