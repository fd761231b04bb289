"""The direction of the directional lights."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import roma
import torch
from torch import Tensor

from invrender import checks
from invrender.parameters.base import Value
from invrender.parameters.camera import clamp_length
from invrender.parameters.lights import lights_of, stack_attribute, with_lights
from invrender.scene import DirectionalLight, Light, Scene, Target, Truth


@dataclass(frozen=True)
class LightDirection:
    """The direction towards directional lights.

    raw: [L, 2], radians: each direction turns about two axes across it. lights: their names, None for all.
    max_rotation: degrees from the start, or None.
    each: whether every view has its own.
    """

    linear: ClassVar[bool] = False
    lights: Sequence[str] | None = None
    lr: float = 0.03
    max_rotation: float | None = None
    each: bool = False

    def __post_init__(self) -> None:
        checks.above_zero(lr=self.lr, max_rotation=self.max_rotation)

    def names(self, scene: Scene) -> list[str]:
        """The lights that turn."""
        return lights_of(scene, (DirectionalLight,), self.lights, "directional light")

    def check(self, scene: Scene, target: Target) -> None:
        """Raise `UserError` if there is no such light."""
        self.names(scene)

    def initial(self, scene: Scene) -> Tensor:
        """[L, 2]."""
        return scene.background.new_zeros(len(self.names(scene)), 2)

    def apply(self, scene: Scene, raw: Tensor) -> Scene:
        """Turn the directions."""
        names = self.names(scene)
        directions = stack_attribute(scene, names, "direction")
        rotation = roma.rotvec_to_rotmat((raw[:, :, None] * across(directions)).sum(dim=1))
        turned = (rotation @ directions[..., None])[..., 0]

        def turn(index: int, light: Light) -> Light:
            assert isinstance(light, DirectionalLight)
            return replace(light, direction=turned[index])

        return with_lights(scene, names, turn)

    def retract(self, scene: Scene, raw: Tensor, change: Tensor) -> Tensor:
        """Turn on along the great circle that ``change`` means for the direction by now."""
        names = self.names(scene)
        turned = self.apply(self.apply(scene, raw), change)
        start, end = (
            torch.nn.functional.normalize(stack_attribute(each, names, "direction"), dim=1) for each in (scene, turned)
        )
        axis = torch.linalg.cross(start, end)
        sine = axis.norm(dim=1, keepdim=True)
        angle = torch.atan2(sine, (start * end).sum(dim=1, keepdim=True))
        rotation = axis * torch.where(sine > 1e-9, angle / sine.clamp(min=1e-9), torch.ones_like(sine))
        changed: Tensor = (rotation[:, None] * across(start)).sum(dim=2)
        return changed

    def project(self, scene: Scene, raw: Tensor) -> Tensor:
        """Limit each light's rotation."""
        limit = None if self.max_rotation is None else math.radians(self.max_rotation)
        return torch.stack([clamp_length(row, limit) for row in raw])

    def value(self, scene: Scene) -> dict[str, Value]:
        """The unit direction by light."""
        names = self.names(scene)
        directions = torch.nn.functional.normalize(stack_attribute(scene, names, "direction"), dim=1)
        return dict(zip(names, directions.tolist(), strict=True))

    def error(self, scene: Scene, truth: Truth) -> dict[str, float]:
        """The largest angle to the true direction, in degrees."""
        names = self.names(scene)
        found, true = (
            torch.nn.functional.normalize(stack_attribute(each, names, "direction").double(), dim=1)
            for each in (scene, truth.scene)
        )
        angle = torch.atan2(torch.linalg.cross(found, true).norm(dim=1), (found * true).sum(dim=1))
        return {"angle_deg": math.degrees(float(angle.max()))}


def across(directions: Tensor) -> Tensor:
    """Two unit vectors perpendicular to each direction [L, 3] and to each other: [L, 2, 3]."""
    unit = torch.nn.functional.normalize(directions.detach(), dim=1)
    least = torch.nn.functional.one_hot(unit.abs().argmin(dim=1), 3).to(unit)
    first = torch.nn.functional.normalize(torch.linalg.cross(unit, least), dim=1)
    return torch.stack([first, torch.linalg.cross(unit, first)], dim=1)
