"""The scale that no picture tells: of bright lights on dark surfaces, or dim lights on bright ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Protocol, runtime_checkable

import torch
from torch import Tensor

from invrender.fitting.solve.base import Raw
from invrender.parameters.base import Parameter, Parameters
from invrender.scene import Scene


@runtime_checkable
class Lit(Parameter, Protocol):
    """An unknown of lights, whose brightness may be scaled."""

    def names(self, scene: Scene) -> list[str]:
        """The lights that change."""
        ...

    def brighter(self, scene: Scene, raw: Tensor, factor: Tensor) -> Tensor:
        """The raw tensor for lights ``factor`` [] times as bright."""
        ...


@runtime_checkable
class Painted(Parameter, Protocol):
    """An unknown of surfaces' colours, whose brightness may be scaled."""

    def names(self, scene: Scene) -> list[str]:
        """The objects whose colours change."""
        ...

    def level(self, scene: Scene, raw: Tensor) -> Tensor:
        """The mean of the colours, []."""
        ...

    def lighter(self, scene: Scene, raw: Tensor, factor: Tensor) -> Tensor:
        """The raw tensor for colours ``factor`` [] times as bright."""
        ...


@dataclass(frozen=True)
class ScaleAmbiguity:
    """A convention for what pictures leave open: the colours keep the mean that they start with.

    Diffuse surfaces show light × colour. Where the brightness of every light is unknown, and the colours of every
    object, and nothing has a highlight, brighter lights on darker surfaces give the same pictures.

    lights, paints: the unknowns, by name.
    """

    TEXT: ClassVar[str] = (
        "pictures show light x colour: the colours keep the mean they start with, and the lights take the rest"
    )

    scene: Scene
    lights: Mapping[str, Lit]
    paints: Mapping[str, Painted]

    @classmethod
    def find(cls, scene: Scene, parameters: Parameters) -> ScaleAmbiguity | None:
        """The convention that a fit needs; None where pictures tell everything."""
        lit = {name: each for name, each in parameters.items() if isinstance(each, Lit)}
        painted = {name: each for name, each in parameters.items() if isinstance(each, Painted)}
        lights = {light for each in lit.values() for light in each.names(scene)}
        objects = {obj for each in painted.values() for obj in each.names(scene)}
        dark = {name for name, light in scene.lights.items() if not float(light.intensity) > 0}
        shiny = any(obj.material.glossy for obj in scene.objects.values())
        if not painted or shiny or lights | dark != set(scene.lights) or objects != set(scene.objects):
            return None
        return cls(scene, lit, painted)

    @cached_property
    def level(self) -> Tensor:
        """The mean of the colours at the start, []."""
        return self.mean({name: paint.initial(self.scene) for name, paint in self.paints.items()})

    def mean(self, raw: Raw) -> Tensor:
        """The mean of the colours, []."""
        return torch.stack([paint.level(self.scene, raw[name]) for name, paint in self.paints.items()]).mean()

    def resolve(self, raw: Raw) -> Raw:
        """The raw tensors that mean the same pictures by this convention."""
        factor = self.level / self.mean(raw).clamp(min=1e-6)
        lighter = {name: paint.lighter(self.scene, raw[name], factor) for name, paint in self.paints.items()}
        brighter = {name: light.brighter(self.scene, raw[name], 1 / factor) for name, light in self.lights.items()}
        return {**raw, **lighter, **brighter}
