"""The diffuse colours of objects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor

from invrender.parameters.base import Value
from invrender.parameters.choice import chosen
from invrender.parameters.ranges import Range, check_above_zero, check_range, clamp_sum
from invrender.scene import Scene, Target, Truth


@dataclass(frozen=True)
class Albedo:
    """One diffuse colour for each object, linear RGB, by which its texture and vertex colours are multiplied.

    raw: [O, 3], added to each albedo. objects: their names, None for all. range: of each channel.
    """

    linear: ClassVar[bool] = True
    objects: Sequence[str] | None = None
    lr: float = 0.02
    range: Range = (0.0, 1.0)

    def __post_init__(self) -> None:
        check_above_zero(lr=self.lr)
        check_range(self.range)

    def names(self, scene: Scene) -> list[str]:
        """The objects whose albedo changes."""
        return chosen(scene.objects, self.objects, "object")

    def albedos(self, scene: Scene) -> Tensor:
        """[O, 3]."""
        return torch.stack([scene.objects[name].material.albedo for name in self.names(scene)])

    def check(self, scene: Scene, target: Target) -> None:
        """Raise `UserError` if there is no such object."""
        self.names(scene)

    def initial(self, scene: Scene) -> Tensor:
        """[O, 3]."""
        return torch.zeros_like(self.albedos(scene))

    def apply(self, scene: Scene, raw: Tensor) -> Scene:
        """Add to the albedos."""
        objects = dict(scene.objects)
        for name, albedo in zip(self.names(scene), self.albedos(scene) + raw, strict=True):
            objects[name] = replace(objects[name], material=replace(objects[name].material, albedo=albedo))
        return replace(scene, objects=objects)

    def moved(self, scene: Scene, raw: Tensor, change: Tensor) -> Tensor:
        """Add the change."""
        return raw + change

    def project(self, scene: Scene, raw: Tensor) -> Tensor:
        """Keep every channel in its range."""
        return clamp_sum(raw, self.albedos(scene), self.range)

    def level(self, scene: Scene, raw: Tensor) -> Tensor:
        """The mean of the albedos, []."""
        return (self.albedos(scene) + raw).mean()

    def lighter(self, scene: Scene, raw: Tensor, factor: Tensor) -> Tensor:
        """The raw tensor for albedos ``factor`` [] times as bright."""
        albedos = self.albedos(scene)
        return factor * (albedos + raw) - albedos

    def value(self, scene: Scene) -> dict[str, Value]:
        """The albedo by object; a truth may lack objects."""
        names = [name for name in scene.objects if self.objects is None or name in self.objects]
        return {name: scene.objects[name].material.albedo.tolist() for name in names}

    def error(self, scene: Scene, truth: Truth) -> dict[str, float]:
        """The largest error of a channel."""
        return {"absolute": float((self.albedos(scene) - self.albedos(truth.scene)).abs().max())}
