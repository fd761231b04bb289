"""The colour of the lights."""

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
from invrender.scene import DirectionalLight, Light, PointLight, Scene, Target, Truth


@dataclass(frozen=True)
class LightColor:
    """The colour of point and directional lights, linear RGB.

    A picture shows colour × intensity: recover one of them, or read only their product where both are unknown.

    raw: [L, 3], added to each colour. lights: their names, None for all. range: of each channel.
    each: whether every view has its own.
    """

    linear: ClassVar[bool] = True
    lights: Sequence[str] | None = None
    lr: float = 0.02
    range: Range = (0.0, 1.0)
    each: bool = False

    def __post_init__(self) -> None:
        checks.above_zero(lr=self.lr)
        checks.interval("range", self.range)

    def names(self, scene: Scene) -> list[str]:
        """The lights that change."""
        return lights_of(scene, (PointLight, DirectionalLight), self.lights, "point or directional light")

    def check(self, scene: Scene, target: Target) -> None:
        """Raise `UserError` if there is no such light."""
        self.names(scene)

    def initial(self, scene: Scene) -> Tensor:
        """[L, 3]."""
        return scene.background.new_zeros(len(self.names(scene)), 3)

    def apply(self, scene: Scene, raw: Tensor) -> Scene:
        """Add to the colours."""
        colors = stack_attribute(scene, self.names(scene), "color") + raw
        return with_lights(scene, self.names(scene), lambda i, light: recolor(light, colors[i]))

    def retract(self, scene: Scene, raw: Tensor, change: Tensor) -> Tensor:
        """Add the change."""
        return raw + change

    def project(self, scene: Scene, raw: Tensor) -> Tensor:
        """Keep the channels in their range."""
        return clamp(Shift(), raw, stack_attribute(scene, self.names(scene), "color"), self.range)

    def value(self, scene: Scene) -> dict[str, Value]:
        """The colour by light."""
        return {name: stack_attribute(scene, [name], "color")[0].tolist() for name in self.names(scene)}

    def error(self, scene: Scene, truth: Truth) -> dict[str, float]:
        """The largest error of a channel."""
        names = self.names(scene)
        return {
            "absolute": float(
                (stack_attribute(scene, names, "color") - stack_attribute(truth.scene, names, "color")).abs().max()
            )
        }


def recolor(light: Light, color: Tensor) -> Light:
    """A light of another colour [3]."""
    assert isinstance(light, PointLight | DirectionalLight)
    return replace(light, color=color)
