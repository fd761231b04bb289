"""The focal length."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor

from invrender import checks
from invrender.parameters.base import Value
from invrender.parameters.camera import cameras_of, check_alike, check_camera
from invrender.parameters.maps import Scale
from invrender.parameters.ranges import Range, clamp
from invrender.scene import Scene, Target, Truth


@dataclass(frozen=True)
class CameraFocal:
    """One factor on both focal lengths; for an orthographic camera, on the pixels per world unit.

    raw: [1], the factor's logarithm. range: of the horizontal focal length in pixels.
    camera: the name of the scene's camera; None for all that took views, which share the factor.
    each: whether every view has its own.
    """

    linear: ClassVar[bool] = False
    lr: float = 0.01
    range: Range = (1e-3, 1e6)
    camera: str | None = None
    each: bool = False

    def __post_init__(self) -> None:
        checks.above_zero(lr=self.lr)
        checks.interval("range", self.range, 0)

    def first(self, scene: Scene) -> Tensor:
        """The intrinsics [3, 3] of the camera, or of the first of those that share the factor."""
        return scene.cameras[cameras_of(self.camera, scene)[0]].intrinsics

    def check(self, scene: Scene, target: Target) -> None:
        """Raise `UserError` if there is no such camera, or the target gives it."""
        names = cameras_of(self.camera, scene)
        for name in names:
            check_camera(name, scene, target)
        check_alike(names, scene)

    def initial(self, scene: Scene) -> Tensor:
        """[1]."""
        return scene.background.new_zeros(1)

    def apply(self, scene: Scene, raw: Tensor) -> Scene:
        """Scale the focal lengths; the principal point stays."""
        scale = torch.ones_like(scene.camera.intrinsics)
        scale = torch.cat([torch.cat([raw.exp().expand(2, 2), scale[:2, 2:]], dim=1), scale[2:]])
        for name in cameras_of(self.camera, scene):
            camera = scene.cameras[name]
            scene = scene.with_camera(replace(camera, intrinsics=camera.intrinsics * scale), name)
        return scene

    def retract(self, scene: Scene, raw: Tensor, change: Tensor) -> Tensor:
        """Add the change."""
        return raw + change

    def project(self, scene: Scene, raw: Tensor) -> Tensor:
        """Keep the focal length in its range."""
        return clamp(Scale(), raw, self.first(scene)[0, 0].expand(1), self.range)

    def value(self, scene: Scene) -> dict[str, Value]:
        """The focal lengths in pixels."""
        return {"focal_px": self.first(scene).diagonal()[:2].tolist()}

    def error(self, scene: Scene, truth: Truth) -> dict[str, float]:
        """The relative error of the horizontal focal length."""
        return {"relative": abs(float(self.first(scene)[0, 0] / self.first(truth.scene)[0, 0]) - 1)}
