"""What is known of unknowns before any picture is seen."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from invrender.checks import is_finite
from invrender.errors import UserError, shortened, suggestion
from invrender.fitting.sampler import Given
from invrender.fitting.sampling.tangent import Tangent
from invrender.parameters.base import Pose

KEYS = ("deviation", "half_width")
# Ends of ranges are looked for so many learning rates away; turns end at half a turn.
FAR = 1e9
# Batches of draws, of which most may lie where nothing may be.
BATCHES = 1000


@dataclass(frozen=True, eq=False)
class Prior:
    """A density of places, by the volume of small changes: it is flat where nothing else is said.

    A place is a displacement from the start. Within the unknowns' ranges, which count as well,

    deviations: [K], of a normal distribution about the start; infinity where there is none.
    half_widths: [K], how far from the start a number may be; infinity where nothing is said.
    """

    tangent: Tangent
    deviations: Tensor
    half_widths: Tensor

    @classmethod
    def of(cls, tangent: Tangent, given: Given) -> Prior:
        """From what a config says by unknown. Raises `UserError` for what is no distribution."""
        for name in given:
            if name not in tangent.shapes:
                near = suggestion(name, tangent.shapes) or f", only {', '.join(tangent.shapes)}"
                raise UserError(f"sampler.prior: no unknown that is sampled is called {shortened(name)}{near}")
        numbers = {key: torch.cat([numbers_of(tangent, given, name, key) for name in tangent.shapes]) for key in KEYS}
        return cls(tangent, numbers["deviation"], numbers["half_width"])

    def log_density(self, places: Tensor) -> Tensor:
        """Of places [N, K], up to a constant, [N]; minus infinity where they may not be."""
        found = -0.5 * (places / self.deviations).square().sum(dim=1)
        within = (places.abs() <= self.half_widths).all(dim=1) & self.tangent.contains(places)
        return torch.where(within, found, -torch.inf)

    def slopes(self, places: Tensor) -> Tensor:
        """The derivatives of the logarithm in the places [N, K]."""
        return -places / self.deviations**2

    @property
    def precision(self) -> Tensor:
        """The curvature of −log p by the places, its diagonal [K]."""
        return self.deviations**-2.0

    def check(self, place: Tensor) -> None:
        """Raise `UserError` where it forbids a place [K], with the first number that is to blame."""
        outside = (place.abs() > self.half_widths).nonzero()
        if len(outside):
            index = int(outside[0])
            name, number = number_name(self.tangent, index)
            raise UserError(
                f"sampler.prior.{name} forbids the start: number {number} is {float(place[index]):.3g}, and half_width "
                f"allows {float(self.half_widths[index]):.3g} to either side; widen it"
            )
        if not bool(self.tangent.contains(place[None])[0]):
            raise UserError("the ranges of recover forbid the start, which lies outside of them; widen them")

    def draw(self, count: int, random: torch.Generator) -> Tensor:
        """Places [count, K]. Raises `UserError` where the prior has no end in some direction, or hardly any place."""
        found, low, high = [torch.zeros(0, self.tangent.size).double()], *self.ends()
        for _ in range(BATCHES):
            if sum(map(len, found)) >= count:
                return torch.cat(found)[:count]
            share = torch.rand(4 * count, self.tangent.size, generator=random, dtype=torch.float64)
            normal = torch.randn(4 * count, self.tangent.size, generator=random, dtype=torch.float64)
            flat = low + (high - low) * share
            places = torch.where(self.deviations.isfinite(), self.deviations * normal, flat)
            places = places[within_turns(self.tangent, places) & self.log_density(places).isfinite()]
            if not len(places):
                continue
            # Boxes are flat by raw numbers; the prior is flat by the volume of changes.
            volumes = self.tangent.differentiate(places, torch.zeros_like(places)).det().abs()
            kept = torch.rand(len(places), generator=random, dtype=torch.float64) * volumes.reciprocal().max()
            found.append(places[kept <= volumes.reciprocal()])
        raise UserError("sampler.prior: next to none of its draws lie in the ranges of recover; let them overlap")

    def ends(self) -> tuple[Tensor, Tensor]:
        """The lowest and the highest of each number, [K] both; of those that are normal they mean nothing."""
        far = FAR * torch.diag(self.tangent.rates)
        low, high = (
            torch.stack([self.tangent.project_one(each)[index] for index, each in enumerate(sign * far)])
            for sign in (-1, 1)
        )
        low, high = low.maximum(-self.half_widths), high.minimum(self.half_widths)
        turning = turns(self.tangent)
        low, high = (torch.where(turning, each.clamp(-math.pi, math.pi), each) for each in (low, high))
        for index in (((high - low) > FAR * self.tangent.rates) & self.deviations.isinf()).nonzero()[:, 0].tolist():
            name, number = number_name(self.tangent, index)
            raise UserError(
                f"sampler.start is prior, and nothing says how far number {number} of {name} may be from the start; "
                f"give its range, or +sampler.prior.{name}={{deviation: …}} or {{half_width: …}}"
            )
        return low, high


def numbers_of(tangent: Tangent, given: Given, name: str, key: str) -> Tensor:
    """What is given of an unknown's numbers, [K]; infinity where nothing is. Raises `UserError` for bad values."""
    count = tangent.shapes[name].numel()
    node = given.get(name, {})
    if not isinstance(node, Mapping) or not set(node) <= set(KEYS):
        raise UserError(f"sampler.prior.{name} is {shortened(node)}, expected deviation or half_width, or both")
    value = node.get(key, math.inf)
    values = list(value) if isinstance(value, Sequence) and not isinstance(value, str) else [value] * count
    good = all(each == math.inf or (is_finite(each) and each > 0) for each in values if not isinstance(each, bool))
    if len(values) != count or not good:
        raise UserError(f"sampler.prior.{name}.{key} is {shortened(value)}, expected {count} numbers above 0, or one")
    return torch.tensor(values, dtype=torch.float64)


def number_name(tangent: Tangent, index: int) -> tuple[str, int]:
    """The unknown that a number of all belongs to, and which of its own it is, counted from 0."""
    for name, shape in tangent.shapes.items():
        if index < shape.numel():
            return name, index
        index -= shape.numel()
    raise IndexError(index)


def turns(tangent: Tangent) -> Tensor:
    """Which numbers [K] are of rotation vectors: those by which poses are sampled."""
    found = []
    for name, shape in tangent.shapes.items():
        parameter = tangent.parameters[name]
        none = torch.zeros(shape.numel(), dtype=torch.bool)
        sampled = parameter.sample_poses(tangent.scene, 32) if isinstance(parameter, Pose) else none[None]
        found.append((sampled.reshape(len(sampled), -1) != 0).any(dim=0) if len(sampled) else none)
    return torch.cat(found)


def within_turns(tangent: Tangent, places: Tensor) -> Tensor:
    """Which of the places [N, K] have rotation vectors of at most half a turn, [N]."""
    turning, before = turns(tangent), 0
    good = torch.ones(len(places), dtype=torch.bool)
    for shape in tangent.shapes.values():
        own = slice(before, before := before + shape.numel())
        good &= places[:, own][:, turning[own]].norm(dim=1) <= math.pi
    return good
