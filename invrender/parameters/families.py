"""Families of unknowns: one key of a config that stands for an unknown of each view."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol, runtime_checkable

from torch import Tensor

from invrender.errors import naming
from invrender.parameters.base import Parameter, Value
from invrender.scene import Scene, Target, Truth


@runtime_checkable
class Family(Protocol):
    """Several unknowns of one kind, such as one for each view."""

    def members(self, scene: Scene, target: Target) -> Mapping[str, Parameter]:
        """The unknowns by name. Raises `UserError` where this scene or target has none of them."""
        ...


@dataclass
class OfView:
    """An unknown of lights in the pictures of one camera alone, which have lights of their own.

    lr, linear: those of the unknown of all views.
    """

    inner: Parameter
    camera: str

    def __post_init__(self) -> None:
        self.lr, self.linear = self.inner.lr, self.inner.linear

    def check(self, scene: Scene, target: Target) -> None:
        """As the unknown of all views."""
        self.inner.check(scene.lit_for(self.camera), target)

    def initial(self, scene: Scene) -> Tensor:
        """As the unknown of all views."""
        return self.inner.initial(scene.lit_for(self.camera))

    def apply(self, scene: Scene, raw: Tensor) -> Scene:
        """Change the lights of this camera's pictures."""
        lights = self.inner.apply(scene.lit_for(self.camera), raw).lights
        own = {name: light for name, light in lights.items() if light is not scene.lights.get(name)}
        return scene.with_own_lights(self.camera, own)

    def retract(self, scene: Scene, raw: Tensor, change: Tensor) -> Tensor:
        """As the unknown of all views."""
        return self.inner.retract(scene.lit_for(self.camera), raw, change)

    def project(self, scene: Scene, raw: Tensor) -> Tensor:
        """As the unknown of all views."""
        return self.inner.project(scene.lit_for(self.camera), raw)

    def value(self, scene: Scene) -> dict[str, Value]:
        """What shines in this camera's pictures."""
        return self.inner.value(scene.lit_for(self.camera))

    def error(self, scene: Scene, truth: Truth) -> dict[str, float]:
        """In this camera's pictures."""
        own = replace(truth, scene=truth.scene.lit_for(self.camera))
        return self.inner.error(scene.lit_for(self.camera), own)


def expand_families(unknowns: Mapping[str, Any], scene: Scene, target: Target) -> dict[str, Parameter]:
    """The unknowns with the members of families in their place, called FAMILY.MEMBER.

    An unknown that says ``each`` is a family of one for each view. Lights of single views come last, so that they have
    what is unknown of the same lights in all views.
    """
    found: dict[str, Parameter] = {}
    for name, unknown in unknowns.items():
        with naming(f"recover.{name}"):
            members = members_of(unknown, scene, target)
        found |= {name: unknown} if members is None else {f"{name}.{key}": each for key, each in members.items()}
    return dict(sorted(found.items(), key=lambda pair: isinstance(pair[1], OfView)))


def members_of(unknown: Any, scene: Scene, target: Target) -> Mapping[str, Parameter] | None:
    """The members of a family by name; None for an unknown that is none."""
    if isinstance(unknown, Family):
        return unknown.members(scene, target)
    if not getattr(unknown, "each", False):
        return None
    cameras = dict.fromkeys(view.camera for view in target.views)
    if hasattr(unknown, "camera"):
        return {camera: replace(unknown, each=False, camera=camera) for camera in cameras}
    return {camera: OfView(replace(unknown, each=False), camera) for camera in cameras}
