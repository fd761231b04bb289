"""Unknowns of few numbers as vectors, and the changes that `Parameter.retract` makes of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor
from torch.func import vmap

from invrender.fitting.solve.base import Raw, split
from invrender.parameters.base import Parameters
from invrender.scene import Scene

# The step of central differences of changes, in float64: their error is about its square.
DIFFERENCE = 1e-5
# A number that is moved by its range by more than this share of a learning rate lies outside of it.
OUTSIDE = 1e-6

Rowwise = Callable[..., Tensor]


@dataclass(frozen=True, eq=False)
class Tangent:
    """The named unknowns as vectors [K], one after the other, in float64 on the CPU.

    scene: the start that raw tensors are displacements from. parameters: all unknowns, in their order.
    resting: the raw tensors of all of them, by which those that are not named stay where they are.
    """

    scene: Scene
    parameters: Parameters
    names: Sequence[str]
    resting: Raw

    @classmethod
    def of(cls, scene: Scene, parameters: Parameters, names: Sequence[str], raw: Raw) -> Tangent:
        """That of a problem's unknowns at ``raw``."""
        resting = {name: value.detach().cpu().double() for name, value in raw.items()}
        return cls(scene.to("cpu", torch.float64), parameters, tuple(names), resting)

    @cached_property
    def shapes(self) -> dict[str, torch.Size]:
        """The shapes of the unknowns, in the order of their numbers."""
        return {name: self.resting[name].shape for name in self.names}

    @property
    def size(self) -> int:
        """How many numbers there are, K."""
        return sum(shape.numel() for shape in self.shapes.values())

    @cached_property
    def rates(self) -> Tensor:
        """The learning rate of each number, [K]."""
        columns = [torch.full((shape.numel(),), self.parameters[name].lr) for name, shape in self.shapes.items()]
        return torch.cat(columns).double()

    def flatten(self, raw: Raw) -> Tensor:
        """The named unknowns of raw tensors as a vector [K]."""
        return torch.cat([raw[name].detach().cpu().double().reshape(-1) for name in self.names])

    def split(self, vector: Tensor) -> Raw:
        """The raw tensors that a vector [K] stands for, by name."""
        return split(vector, self.shapes)

    def retract(self, places: Tensor, changes: Tensor) -> Tensor:
        """The places [N, K] after changes [N, K], each of its own, out of ranges if need be."""
        return by_row(self.retract_one, places, changes)

    def retract_one(self, place: Tensor, change: Tensor) -> Tensor:
        """One place [K] after a change [K]."""
        raw, changes, scene = {**self.resting, **self.split(place)}, self.split(change), self.scene
        found = []
        for name, parameter in self.parameters.items():
            if name in changes:
                found.append(parameter.retract(scene, raw[name], changes[name]).reshape(-1))
            scene = parameter.apply(scene, raw[name])
        return torch.cat(found)

    def differentiate(self, places: Tensor, changes: Tensor) -> Tensor:
        """The derivatives [N, K, K] of `retract` in the changes, a column for each number of them."""
        count, size = places.shape
        steps = DIFFERENCE * torch.cat([torch.eye(size), -torch.eye(size)]).double()
        moved = (changes[:, None] + steps).reshape(-1, size)
        ends = self.retract(places.repeat_interleave(2 * size, dim=0), moved).reshape(count, 2, size, size)
        return ((ends[:, 0] - ends[:, 1]) / (2 * DIFFERENCE)).transpose(1, 2)

    def contains(self, places: Tensor) -> Tensor:
        """Which of the places [N, K] lie within all ranges, [N]; what is not finite does not."""
        kept = by_row(self.project_one, places)
        return ((kept - places).abs() <= OUTSIDE * self.rates).all(dim=1)

    def project_one(self, place: Tensor) -> Tensor:
        """The nearest place [K] within all ranges."""
        raw, scene, found = {**self.resting, **self.split(place)}, self.scene, []
        for name, parameter in self.parameters.items():
            if name in self.shapes:
                found.append(parameter.project(scene, raw[name]).reshape(-1))
            scene = parameter.apply(scene, raw[name])
        return torch.cat(found)


def by_row(function: Rowwise, *rows: Tensor) -> Tensor:
    """A function of vectors [K], for each of many rows [N, K]; all at once where it has no branches."""
    try:
        found: Tensor = vmap(function)(*rows)
    except RuntimeError:
        # It asks for numbers, which a batch has not.
        found = torch.stack([function(*each) for each in zip(*rows, strict=True)])
    return found
