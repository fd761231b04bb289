"""The common parts of the light unknowns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from invrender.parameters.choice import choose
from invrender.scene import Light, Scene


def lights_of(scene: Scene, kinds: tuple[type, ...], names: Sequence[str] | None, what: str) -> list[str]:
    """The names of the lights of these kinds, all or the given ones; `UserError` if there is none or a name is off."""
    return choose({name: light for name, light in scene.lights.items() if isinstance(light, kinds)}, names, what)


def stacked(scene: Scene, names: Sequence[str], attribute: str) -> Tensor:
    """One attribute of the named lights, [L, ...]."""
    return torch.stack([getattr(scene.lights[name], attribute) for name in names])


def with_lights(scene: Scene, names: Sequence[str], change: Callable[[int, Light], Light]) -> Scene:
    """The scene with ``change(index, light)`` in the place of each named light."""
    lights: Mapping[str, Light] = {name: change(index, scene.lights[name]) for index, name in enumerate(names)}
    return replace(scene, lights={**scene.lights, **lights})
