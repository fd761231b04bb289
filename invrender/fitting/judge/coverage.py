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
from invrender.scene import Scene, Truth

# An entry is well seen where all pictures together change by so many pixels' worth when it does. Of texels that weigh
# less, others nearby may take the place: where they weigh 0.2 to 0.5, the errors were two to six times as large.
WELL = 0.5


@runtime_checkable
class Entrywise(Parameter, Protocol):
    """An unknown of many entries that can be changed each on its own."""

    entries: str
    """What they are called, such as texels."""

    def add(self, scene: Scene, added: Tensor) -> Scene:
        """The scene with ``added`` [N, C] to the unknown's entries, in the order of its raw tensor."""
        ...

    def error_of(self, scene: Scene, truth: Truth, entries: Tensor) -> dict[str, float]:
        """`Parameter.error` over some of the entries alone, [N] bool."""
        ...


@dataclass(frozen=True)
class Coverage:
    """How much the pictures show of a map's entries.

    weights: [N], how many pixels' worth all pictures together change when an entry does, in that of its channels of
    which they show least. entries: what they are called.
    """

    weights: Tensor
    entries: str = "numbers"

    @property
    def is_well_seen(self) -> Tensor:
        """Which of the entries are well seen, [N]."""
        return self.weights >= WELL

    @property
    def well(self) -> float:
        """The share of the entries that are well seen."""
        return float(self.is_well_seen.float().mean())

    @property
    def seen(self) -> float:
        """The share of the entries that are seen at all."""
        return float((self.weights > 0).float().mean())


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
        name: Coverage(
            each.reshape(len(each), -1).abs().amin(dim=1), getattr(objective.parameters[name], "entries", "numbers")
        )
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
