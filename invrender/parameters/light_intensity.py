"""The brightness of the lights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor

from invrender import checks
from invrender.errors import UserError
from invrender.parameters.base import Value
from invrender.parameters.lights import lights_of, stack_attribute, with_lights
from invrender.parameters.maps import Scale
from invrender.parameters.ranges import Range, clamp
from invrender.scene import DirectionalLight, PointLight, Scene, Target, Truth


@dataclass(frozen=True)
class LightIntensity:
    """The intensity of point and directional lights, on a logarithmic scale.

    raw: [L], the logarithm of the factor on each light. lights: their names, None for all. range: of the intensity.
    each: whether every view has its own.
    """

    linear: ClassVar[bool] = True
    lights: Sequence[str] | None = None
    lr: float = 0.1
    range: Range = (1e-9, 1e12)
    each: bool = False

    def __post_init__(self) -> None:
        checks.above_zero(lr=self.lr)
        checks.interval("range", self.range, 0)

    def names(self, scene: Scene) -> list[str]:
        """The lights that change."""
        return lights_of(scene, (PointLight, DirectionalLight), self.lights, "point or directional light")

    def check(self, scene: Scene, target: Target) -> None:
        """Raise `UserError` if there is no such light, or it is off."""
        for name in self.names(scene):
            if not float(scene.lights[name].intensity) > 0:
                raise UserError(f"light {name!r} starts with intensity 0, and a factor can't light it: start above 0")

    def initial(self, scene: Scene) -> Tensor:
        """[L]."""
        return scene.background.new_zeros(len(self.names(scene)))

    def apply(self, scene: Scene, raw: Tensor) -> Scene:
        """Multiply the intensities."""
        factors = raw.exp()
        return with_lights(
            scene, self.names(scene), lambda i, light: replace(light, intensity=light.intensity * factors[i])
        )

    def retract(self, scene: Scene, raw: Tensor, change: Tensor) -> Tensor:
        """Change each intensity by a share of what it is; what would go out is left a millionth."""
        return raw + torch.log((1 + change).clamp(min=1e-6))

    def project(self, scene: Scene, raw: Tensor) -> Tensor:
        """Keep the intensities in their range."""
        return clamp(Scale(), raw, stack_attribute(scene, self.names(scene), "intensity"), self.range)

    def brighter(self, scene: Scene, raw: Tensor, factor: Tensor) -> Tensor:
        """The raw tensor for lights ``factor`` [] times as bright."""
        return raw + factor.log()

    def value(self, scene: Scene) -> dict[str, Value]:
        """The intensity by light."""
        return {name: float(scene.lights[name].intensity) for name in self.names(scene)}

    def error(self, scene: Scene, truth: Truth) -> dict[str, float]:
        """The largest relative error."""
        ratios = [float(scene.lights[n].intensity / truth.scene.lights[n].intensity) for n in self.names(scene)]
        return {"relative": max(abs(ratio - 1) for ratio in ratios)}
