"""The promises of losses: terms of pictures, and priors on scenes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from invrender.scene import Channels, Picture, Scene, View


@dataclass(frozen=True)
class Residuals:
    """Numbers whose weighted sum of squares has the gradient of a loss: Σ weights × values².

    values, weights: [M]; the weights may move with the scene, and count as constants.
    pixel: [M] int64, which pixel of the view each belongs to, row × width + column; −1 for those that belong to none.
    """

    values: Tensor
    weights: Tensor
    pixel: Tensor

    @classmethod
    def of_pixels(cls, values: Tensor, weights: Tensor) -> Residuals:
        """Those of a picture: [H, W] or [H, W, C] both, a number for each pixel or for each of its channels."""
        height, width, *channels = values.shape
        pixel = torch.arange(height * width, device=values.device)
        for count in channels:
            pixel = pixel.repeat_interleave(count)
        return cls(values.reshape(-1), weights.reshape(-1), pixel)

    @classmethod
    def of_no_pixel(cls, values: Tensor, weights: Tensor) -> Residuals:
        """Those that are measured of pictures as a whole, or of the scene: [M] both."""
        return cls(values, weights, torch.full(values.shape, -1, device=values.device))

    @classmethod
    def together(cls, some: Sequence[Residuals]) -> Residuals:
        """Those of several, one after the other; at least one."""
        return cls(*(torch.cat([getattr(each, key) for each in some]) for key in vars(some[0])))

    @property
    def sum_of_squares(self) -> Tensor:
        """Σ weights × values², []."""
        return (self.weights * self.values**2).sum()


@runtime_checkable
class DataTerm(Protocol):
    """A weighted term on a rendering and the picture that it should be; it counts as the mean over the views."""

    @property
    def weight(self) -> float:
        """What multiplies the term in the total."""
        ...

    @property
    def channels(self) -> Channels:
        """The channels of the rendering that it reads; the others need not be there."""
        ...

    def check(self, view: View) -> None:
        """Raise `UserError` where the view lacks what this loss compares with."""
        ...

    def __call__(self, picture: Picture, view: View) -> Tensor:
        """The unweighted term, []."""
        ...


@runtime_checkable
class SquaredDataTerm(DataTerm, Protocol):
    """A term of pictures that least squares can lower."""

    def residuals(self, picture: Picture, view: View) -> Residuals:
        """Residuals whose sum of squares has the gradient of this loss."""
        ...


class Prior(Protocol):
    """A weighted term on the scene alone, which says what is likely before any picture is seen; it counts once."""

    @property
    def weight(self) -> float:
        """What multiplies the term in the total."""
        ...

    def check(self, scene: Scene) -> None:
        """Raise `UserError` where the scene lacks what this prior is about."""
        ...

    def __call__(self, scene: Scene, start: Scene) -> Tensor:
        """The unweighted term, [], of a scene in a fit that began at ``start``."""
        ...


@runtime_checkable
class SquaredPrior(Prior, Protocol):
    """A prior that least squares can lower."""

    def residuals(self, scene: Scene, start: Scene) -> Residuals:
        """Residuals whose sum of squares has the gradient of this loss; they belong to no pixel."""
        ...


Loss = DataTerm | Prior

# Where hardly anything is shown a loss on objects is that of pictures that have nothing in common: this share of all.
HARDLY_ANY = 1e-3


def weigh_inside(picture: Picture, inside: float, given: Iterable[Tensor | None]) -> Tensor:
    """Weights [H, W] of the pixels whose silhouette is above ``inside``, by how much; they count as constants.

    given: further weights [H, W], such as a view's, or None.
    """
    return weigh(((picture.alpha.detach() - inside) / (1 - inside)).clamp(min=0), given)


def weigh(weights: Tensor, given: Iterable[Tensor | None]) -> Tensor:
    """Weights [H, W] times further ones, or None."""
    for each in given:
        weights = weights if each is None else weights * each
    return weights


def shares_of(weights: Tensor) -> Tensor:
    """Weights [H, W] as shares, whose sum is 1 where enough of an object is shown, and less elsewhere."""
    return weights / (weights.sum() + HARDLY_ANY * weights.numel())


def channels_of(losses: Iterable[Loss]) -> Channels:
    """The channels of a rendering that losses read."""
    return frozenset[str]().union(*(loss.channels for loss in losses if isinstance(loss, DataTerm)))


def is_sum_of_squares(loss: Loss) -> bool:
    """Whether least squares can lower a loss."""
    return isinstance(loss, SquaredDataTerm if isinstance(loss, DataTerm) else SquaredPrior)
