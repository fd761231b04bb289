"""Transitions of Markov chains that leave a posterior as it is."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from invrender.fitting.sampling.density import Charts, Points, Posterior

# How often steps should be accepted. A long leap that is taken now and then leads further than many short ones.
GOALS = {"leap": 0.3, "drift": 0.57}
# The degrees of freedom of the distribution that leaps leave as it is.
TAILS = 4


@dataclass(frozen=True, eq=False)
class Transition:
    """What became of a try of each chain.

    points: where the chains are now. chance: [N], of having been accepted, 0 to 1. accepted: [N]. crossed: [N], whether
    another chart was tried.
    """

    points: Points
    chance: Tensor
    accepted: Tensor
    crossed: Tensor


def leap(posterior: Posterior, charts: Charts, points: Points, length: float, random: torch.Generator) -> Transition:
    """A step to √(1 − β²) z + β ξ / √λ, in whitened changes z, in a chart that is drawn anew, β the ``length``.

    With λ drawn by how far z is from the middle, it leaves Student's distribution of z as it is, so only what the
    density differs from that counts (preconditioned Crank-Nicolson: Cotter, Roberts, Stuart and White, 2013,
    doi:10.1214/13-STS421; mixed, for tails that are heavier than those of a normal one: Kamatani, 2018,
    doi:10.1214/17-AAP1347). It needs no derivatives; with a length of 1 it is nearly an independent draw by the
    Gauss-Newton covariance.
    """
    count = len(points.chart)
    white = charts.whiten(points.chart, points.change)
    scales = draw_scales(white, random)
    fresh = torch.randn(white.shape, generator=random, dtype=torch.float64) / scales.sqrt()[:, None]
    chart = torch.randint(len(charts), (count,), generator=random)
    moved = math.sqrt(1 - length**2) * white + length * fresh
    found = posterior.measure(charts, chart, charts.color(chart, moved))
    gain = found.density + charts.log_volume(chart) - log_student(moved)
    loss = points.density + charts.log_volume(points.chart) - log_student(white)
    return decide(points, found, gain - loss, random)


def draw_scales(white: Tensor, random: torch.Generator) -> Tensor:
    """λ [N], the precisions of normal distributions whose mixture is Student's, given a draw [N, K] from each."""
    # They are χ² of so many degrees of freedom, over what is at hand.
    draws = torch.randn(len(white), TAILS + white.shape[1], generator=random, dtype=torch.float64)
    return draws.square().sum(dim=1) / (TAILS + white.square().sum(dim=1))


def log_student(white: Tensor) -> Tensor:
    """The logarithm of Student's density of whitened changes [N, K], up to a constant, [N]."""
    return -0.5 * (TAILS + white.shape[1]) * torch.log1p(white.square().sum(dim=1) / TAILS)


def drift(posterior: Posterior, charts: Charts, points: Points, length: float, random: torch.Generator) -> Transition:
    """A step downhill and a random one, z + (1 − √(1 − β²)) ∇ log p + β ξ, in whitened changes z.

    Langevin's proposal in its semi-implicit form, Metropolis adjusted: exact for a normal posterior at any length β
    (preconditioned Crank-Nicolson Langevin, as `leap`).
    """
    points = with_slopes(posterior, charts, points)
    white, slope = charts.whiten(points.chart, points.change), white_slope(charts, points)
    share = 1 - math.sqrt(1 - length**2)
    fresh = torch.randn(white.shape, generator=random, dtype=torch.float64)
    moved = white + share * slope + length * fresh
    found = posterior.measure(charts, points.chart, charts.color(points.chart, moved), slopes=True)
    back = (white - moved - share * white_slope(charts, found)) / length
    gain = found.density - points.density + 0.5 * (fresh.square() - back.square()).sum(dim=1)
    return decide(points, found, gain, random)


def decide(points: Points, found: Points, gain: Tensor, random: torch.Generator) -> Transition:
    """Metropolis's decision, by the logarithm [N] of what is gained."""
    chance = gain.nan_to_num(nan=-math.inf, posinf=0.0).clamp(max=0.0).exp()
    accepted = torch.rand(chance.shape, generator=random, dtype=torch.float64) < chance
    return Transition(points.where(accepted, found), chance, accepted, found.chart != points.chart)


def with_slopes(posterior: Posterior, charts: Charts, points: Points) -> Points:
    """Points that have slopes."""
    if points.slope is not None:
        return points
    return posterior.measure(charts, points.chart, points.change, slopes=True)


def white_slope(charts: Charts, points: Points) -> Tensor:
    """The derivatives [N, K] in whitened changes."""
    assert points.slope is not None
    found: Tensor = (charts.spreads[points.chart].transpose(1, 2) @ points.slope[..., None])[..., 0]
    return found


@dataclass(frozen=True)
class Lengths:
    """How long steps are, by the logit of β²; they move towards an acceptance of `GOALS` (Robbins and Monro, 1951).

    adapted: how often they have moved.
    """

    leap: float = 4.0
    drift: float = 2.0
    adapted: int = 0

    def of(self, kind: str) -> float:
        """β of a kind of step."""
        return math.sqrt(1 / (1 + math.exp(-getattr(self, kind))))

    def adapt(self, kind: str, acceptance: float) -> Lengths:
        """The lengths after a step of a kind that was accepted so often."""
        gain = 4.0 / math.sqrt(1 + self.adapted)
        value = min(max(getattr(self, kind) + gain * (acceptance - GOALS[kind]), -16.0), 8.0)
        return Lengths(**{**self.to_plain(), kind: value, "adapted": self.adapted + 1})

    def to_plain(self) -> dict[str, float]:
        """The same as a dict."""
        return {"leap": self.leap, "drift": self.drift, "adapted": self.adapted}

    @classmethod
    def from_plain(cls, plain: Mapping[str, float]) -> Lengths:
        """The lengths whose plain form this is."""
        return cls(float(plain["leap"]), float(plain["drift"]), int(plain["adapted"]))
