"""The brightness of the light from everywhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from torch import Tensor

from invrender import checks
from invrender.parameters.base import Value
from invrender.parameters.lights import lights_of, stack_attribute, with_lights
from invrender.parameters.maps import Shift
from invrender.parameters.ranges import Range, clamp
from invrender.scene import AmbientLight, Scene, Target, Truth


@dataclass(frozen=True)
class Ambient:
    """The intensity of ambient lights, which may be zero.

    raw: [L], added to each intensity. lights: their names, None for all. range: of the intensity.
    each: whether every view has its own.
    """

    linear: ClassVar[bool] = True
    lights: Sequence[str] | None = None
    lr: float = 0.02
    range: Range = (0.0, 1e9)
    each: bool = False

    def __post_init__(self) -> None:
        checks.above_zero(lr=self.lr)
        checks.interval("range", self.range)

    def names(self, scene: Scene) -> list[str]:
        """The lights that change."""
        return lights_of(scene, (AmbientLight,), self.lights, "ambient light")

    def check(self, scene: Scene, target: Target) -> None:
        """Raise `UserError` if there is no such light."""
        self.names(scene)

    def initial(self, scene: Scene) -> Tensor:
        """[L]."""
        return scene.background.new_zeros(len(self.names(scene)))

    def apply(self, scene: Scene, raw: Tensor) -> Scene:
        """Add to the intensities."""
        return with_lights(
            scene, self.names(scene), lambda i, light: replace(light, intensity=light.intensity + raw[i])
        )

    def retract(self, scene: Scene, raw: Tensor, change: Tensor) -> Tensor:
        """Add the change."""
        return raw + change

    def project(self, scene: Scene, raw: Tensor) -> Tensor:
        """Keep the intensities in their range."""
        return clamp(Shift(), raw, stack_attribute(scene, self.names(scene), "intensity"), self.range)

    def brighter(self, scene: Scene, raw: Tensor, factor: Tensor) -> Tensor:
        """The raw tensor for lights ``factor`` [] times as bright."""
        start = stack_attribute(scene, self.names(scene), "intensity")
        return factor * (start + raw) - start

    def value(self, scene: Scene) -> dict[str, Value]:
        """The intensity by light."""
        return {name: float(scene.lights[name].intensity) for name in self.names(scene)}

    def error(self, scene: Scene, truth: Truth) -> dict[str, float]:
        """The largest absolute error, and the largest relative one of the lights that are truly on."""
        pairs = [(float(scene.lights[n].intensity), float(truth.scene.lights[n].intensity)) for n in self.names(scene)]
        relative = [abs(found / true - 1) for found, true in pairs if true > 0]
        return {"absolute": max(abs(a - b) for a, b in pairs)} | ({"relative": max(relative)} if relative else {})
