"""The loss between the depths of a rendering and those that a camera measured."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

from invrender import checks
from invrender.errors import UserError
from invrender.losses.base import Residuals, shares_of
from invrender.scene import Channels, Picture, View

Where = Literal["object", "mask"]

# The negative log-likelihood of what is not explained: all depths are as likely, within a hundred deviations.
NOTHING = math.log(100.0)
# An object is shown by pixels that it covers to more than this share.
SHOWN = 0.5
# A scale is found when its square changes by less than this share, or after so many rounds.
SETTLED, MOST_ROUNDS = 1e-9, 100


@dataclass(frozen=True)
class Depth:
    """The mean negative log-likelihood of measured depths, up to a constant, where the rendering shows an object.

    A difference of camera z in standard deviations, r, has Student's distribution of f degrees of freedom and of the
    scale s: log s + (f + 1) / 2 × log(1 + (r / s)² / f); or the pixel shows something else, at any depth alike. The
    scale is the likeliest of 1 or more. So it is wide as long as all is far off, as at the start, and where the mesh is
    not quite the object; and what hides the object pulls little. Pixels at which nothing was measured have no part.

    The variance is (noise + growth × z²)² + lateral² × slope²: structured light and stereo measure disparities, whose
    errors make errors of depth that grow with its square (Khoshelham and Elberink, 2012, doi:10.3390/s120201437), at
    places that are off by a pixel or so (Nguyen et al., 2012, doi:10.1109/3DIMPVT.2012.84), which counts where the
    depth changes from pixel to pixel: on steep or rough surfaces, at steps. slope² is of both depths together, and
    counts as a constant. Differences of depth are spread as Student's distribution, and its scale is found as here
    (Kerl et al., 2013, doi:10.1109/ICRA.2013.6631104).

    weight: of this term in the total.
    noise: the standard deviation of near depths, in the scene's unit. growth: by how much it grows, as a share of the
    square of the depth in that unit. lateral: the standard deviation of where a depth was measured, in pixels.
    freedom: f, the degrees of freedom: the fewer, the less outliers pull.
    where: "object", where the rendering shows one at present, or "mask", there and inside the target's mask.
    A view's pixel weights multiply either.
    """

    weight: float = 1.0
    noise: float = 0.002
    growth: float = 0.0015
    lateral: float = 1.0
    freedom: float = 5.0
    where: Where = "object"

    def __post_init__(self) -> None:
        checks.at_least("weight", self.weight, 0)
        checks.above("noise", self.noise, 0)
        checks.at_least("growth", self.growth, 0)
        checks.at_least("lateral", self.lateral, 0)
        checks.above("freedom", self.freedom, 0)
        checks.one_of("where", self.where, get_args(Where))

    @property
    def channels(self) -> Channels:
        """Depths, and the silhouette."""
        return frozenset(("depth", "alpha"))

    def check(self, view: View) -> None:
        """Raise `UserError` if there are no depths, or no mask where one is called for, and if no pixel counts."""
        if "depth" not in view.picture:
            raise UserError("it compares depths, and the target has none: give target.depth=depth.png")
        if self.where == "mask" and view.mask is None:
            raise UserError("where=mask needs a mask, and the target has none: give target.mask=mask.png")
        if not bool((self.measured(view) > 0).any()):
            raise UserError("no pixel counts: the target's depth, mask or weight is black wherever the others are not")

    def __call__(self, picture: Picture, view: View) -> Tensor:
        """The unweighted mean, []."""
        shares, difference = self.shares(picture, view), self.difference(picture, view)
        likely = self.penalty(difference, self.scale(difference, shares))
        return NOTHING + (shares * (likely - NOTHING)).sum()

    def residuals(self, picture: Picture, view: View) -> Residuals:
        """Of every pixel."""
        shares, deviation = self.shares(picture, view), self.deviation(picture, view)
        difference = self.difference(picture, view).detach()
        stiffness = self.stiffness(difference, self.scale(difference, shares)) / deviation**2
        return Residuals.of_pixels(picture.depth - view.picture.depth, shares * stiffness)

    def difference(self, picture: Picture, view: View) -> Tensor:
        """Rendered minus measured depth in standard deviations, [H, W]."""
        return (picture.depth - view.picture.depth) / self.deviation(picture, view)

    def deviation(self, picture: Picture, view: View) -> Tensor:
        """The standard deviation of that difference in the scene's unit, [H, W]; not differentiable."""
        measured, rendered = view.picture.depth, picture.depth.detach()
        slope = torch.hypot(measure_slope(measured), measure_slope(rendered))
        return torch.hypot(self.noise + self.growth * measured**2, self.lateral * slope)

    def student(self, difference: Tensor, scale: Tensor) -> Tensor:
        """The negative log-likelihood of differences of any shape by Student's distribution alone."""
        return scale.log() + (self.freedom + 1) / 2 * torch.log1p((difference / scale) ** 2 / self.freedom)

    def penalty(self, difference: Tensor, scale: Tensor) -> Tensor:
        """The negative log-likelihood of differences of any shape, `NOTHING` at most."""
        return -torch.logaddexp(-self.student(difference, scale), torch.full_like(difference, -NOTHING))

    def stiffness(self, difference: Tensor, scale: Tensor) -> Tensor:
        """penalty'(r) / (2 r): that of Student's distribution, times how likely a difference is of it."""
        belongs = torch.sigmoid(NOTHING - self.student(difference, scale))
        return belongs * (self.freedom + 1) / 2 / (self.freedom * scale**2 + difference**2)

    def scale(self, difference: Tensor, shares: Tensor) -> Tensor:
        """The likeliest scale of 1 or more, [].

        It needs no derivative: the likelihood has none in it, or it is 1. By the iteration of Kent, Tyler and Vardi
        (1994, doi:10.1080/03610919408813180) for Student's distribution, from above.
        """
        squares, shares = difference.detach() ** 2, shares.detach()
        squared = ((shares * squares).sum() / shares.sum().clamp(min=1e-12)).clamp(min=1.0)
        for _ in range(MOST_ROUNDS):
            before = squared
            weights = shares * self.stiffness(squares.sqrt(), before.sqrt())
            squared = ((weights * squares).sum() / weights.sum().clamp(min=1e-30)).clamp(min=1.0)
            if bool((squared / before - 1).abs() < SETTLED):
                break
        return squared.sqrt()

    def shares(self, picture: Picture, view: View) -> Tensor:
        """What each pixel has of the mean, [H, W]; not differentiable."""
        weights = self.measured(view) * ((picture.alpha > SHOWN) & (picture.depth > 0))
        return shares_of(weights)

    def measured(self, view: View) -> Tensor:
        """How much each pixel counts, [H, W], whatever is rendered there."""
        weights = (view.picture.depth > 0).to(view.picture.depth)
        if view.weight is not None:
            weights = weights * view.weight
        return weights * view.mask if self.where == "mask" and view.mask is not None else weights


def measure_slope(depth: Tensor) -> Tensor:
    """How much depths [H, W] change to the next pixel, at most, of those at which something was measured."""
    squares = torch.zeros_like(depth)
    for dim, size in enumerate(depth.shape):
        one, other = depth.narrow(dim, 0, size - 1), depth.narrow(dim, 1, size - 1)
        change = torch.where((one > 0) & (other > 0), (other - one).abs(), 0)
        none = torch.zeros_like(depth.narrow(dim, 0, 1))
        squares = squares + torch.maximum(torch.cat([change, none], dim), torch.cat([none, change], dim)) ** 2
    return squares.sqrt()
