"""The position of the point lights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor

from invrender import checks
from invrender.parameters.base import Value
from invrender.parameters.camera import clamp_length
from invrender.parameters.lights import lights_of, stack_attribute, with_lights
from invrender.scene import Light, PointLight, Scene, Target, Truth


@dataclass(frozen=True)
class LightPosition:
    """The position of point lights.

    raw: [L, 3], a shift in world axes as a share of the light's distance from the point that the camera looks at.
    lights: their names, None for all. max_shift: in the same share, or None.
    each: whether every view has its own.
    """

    linear: ClassVar[bool] = False
    lights: Sequence[str] | None = None
    lr: float = 0.02
    max_shift: float | None = None
    each: bool = False

    def __post_init__(self) -> None:
        checks.above_zero(lr=self.lr, max_shift=self.max_shift)

    def names(self, scene: Scene) -> list[str]:
        """The lights that move."""
        return lights_of(scene, (PointLight,), self.lights, "point light")

    def check(self, scene: Scene, target: Target) -> None:
        """Raise `UserError` if there is no such light."""
        self.names(scene)

    def initial(self, scene: Scene) -> Tensor:
        """[L, 3]."""
        return scene.background.new_zeros(len(self.names(scene)), 3)

    def apply(self, scene: Scene, raw: Tensor) -> Scene:
        """Move the lights."""
        names = self.names(scene)
        moved = stack_attribute(scene, names, "position") + reach(scene, names) * raw

        def move(index: int, light: Light) -> Light:
            assert isinstance(light, PointLight)
            return replace(light, position=moved[index])

        return with_lights(scene, names, move)

    def retract(self, scene: Scene, raw: Tensor, change: Tensor) -> Tensor:
        """Move on, in shares of the distance now."""
        names = self.names(scene)
        return raw + change * reach(self.apply(scene, raw), names) / reach(scene, names)

    def project(self, scene: Scene, raw: Tensor) -> Tensor:
        """Limit each light's shift."""
        return torch.stack([clamp_length(shift, self.max_shift) for shift in raw])

    def value(self, scene: Scene) -> dict[str, Value]:
        """The position by light."""
        names = self.names(scene)
        return dict(zip(names, stack_attribute(scene, names, "position").tolist(), strict=True))

    def error(self, scene: Scene, truth: Truth) -> dict[str, float]:
        """The largest distance from the true position, and as a share of the true light's reach."""
        names = self.names(scene)
        off = (stack_attribute(scene, names, "position") - stack_attribute(truth.scene, names, "position")).norm(dim=1)
        relative = off / reach(truth.scene, names)[:, 0]
        return {"position": float(off.max()), "position_relative": float(relative.max())}


def reach(scene: Scene, names: Sequence[str]) -> Tensor:
    """How far the lights are from the point that the camera looks at, [L, 1]."""
    offsets = stack_attribute(scene, names, "position") - scene.camera.look_at
    distances: Tensor = torch.linalg.vector_norm(offsets, dim=1, keepdim=True)
    return distances.detach()
