"""The coverage of maps: how much of a texture, or of another unknown of many numbers, the pictures show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from invrender.fitting.objective import Objective
from invrender.fitting.solve.base import Raw
from invrender.parameters.base import Parameter
from invrender.scene import Scene

# An entry is well seen where all pictures together change by at least this share of a pixel when it changes by one.
WELL = 0.05


@runtime_checkable
class Entrywise(Parameter, Protocol):
    """An unknown of many entries that can be changed each on its own."""

    entries: str
    """What they are called, such as texels."""

    def add(self, scene: Scene, added: Tensor) -> Scene:
        """The scene with ``added`` [N, C] to the unknown's entries, in the order of its raw tensor."""
        ...


@dataclass(frozen=True)
class Coverage:
    """The shares of a map's entries that the pictures show well, and that they show at all."""

    well: float
    seen: float
    entries: str = "numbers"

    @property
    def words(self) -> str:
        """The same in words."""
        shares = {"hardly": self.seen - self.well, "not": 1 - self.seen}
        others = [f"{share:.0%} {how}" for how, share in shares.items() if share >= 0.005]
        return ", ".join([f"{self.well:.0%} of its {self.entries} are well seen", *others])


def measure_coverage(objective: Objective, raw: Raw, names: Sequence[str]) -> dict[str, Coverage]:
    """The coverage of some unknowns at ``raw``, by name: from the derivatives of the pictures in their entries."""
    added = {name: torch.zeros_like(raw[name]).requires_grad_() for name in names}
    pictures = objective.pictures(add_entries(objective, raw, added))
    shown = [
        (channel if view.weight is None else channel * spread(view.weight, channel)).sum()
        for picture, view in zip(pictures, objective.views, strict=True)
        for name, channel in picture.channels.items()
        if name in objective.channels
    ]
    derivatives = torch.autograd.grad(torch.stack(shown).sum(), list(added.values()), materialize_grads=True)
    return {
        name: cover(each, getattr(objective.parameters[name], "entries", "numbers"))
        for name, each in zip(names, derivatives, strict=True)
    }


def add_entries(objective: Objective, raw: Raw, added: Mapping[str, Tensor]) -> Scene:
    """The scene at ``raw``, and with so much added to the entries of some unknowns."""
    scene = objective.scene
    for name, parameter in objective.parameters.items():
        scene = parameter.apply(scene, raw[name])
        if name in added:
            add = parameter.add if isinstance(parameter, Entrywise) else parameter.apply
            scene = add(scene, added[name])
    return scene


def spread(weight: Tensor, channel: Tensor) -> Tensor:
    """Weights [H, W] for a channel [H, W] or [H, W, C]."""
    return weight if channel.ndim == 2 else weight[..., None]


def cover(derivatives: Tensor, entries: str) -> Coverage:
    """The coverage by the derivatives [N, …] of all pictures in the entries."""
    changes = derivatives.reshape(len(derivatives), -1).abs().amax(dim=1)
    return Coverage(float((changes >= WELL).float().mean()), float((changes > 0).float().mean()), entries)
