"""The pose of the camera: six degrees of freedom."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar

import roma
import torch
from torch import Tensor

from invrender import checks
from invrender.geometry.cameras import transform
from invrender.geometry.meshes import world_vertices
from invrender.geometry.poses import compose_rotations, turn_about
from invrender.geometry.rotations import symmetries
from invrender.parameters.base import Value
from invrender.parameters.camera import (
    camera_errors,
    check_camera,
    clamp_length,
    depth_share,
    pivot,
    sample_turns,
    slopes_of_pixels,
    without_shift,
)
from invrender.scene import CAMERA, Scene, Target, Truth, View


@dataclass(frozen=True)
class CameraPose:
    """All of ``camera_from_world``.

    raw: [6], a rotation vector in radians about the camera's ``look_at`` point, and a shift in camera axes as a share
    of the distance to it. So both halves move the picture by about as much.

    max_rotation: degrees; max_shift: share of the distance; how far the answer may be from the start, or None.
    camera: the name of the scene's camera.
    """

    linear: ClassVar[bool] = False
    lr: float = 0.02
    max_rotation: float | None = None
    max_shift: float | None = None
    camera: str = CAMERA

    def __post_init__(self) -> None:
        checks.above_zero(lr=self.lr, max_rotation=self.max_rotation, max_shift=self.max_shift)

    def check(self, scene: Scene, target: Target) -> None:
        """Raise `UserError` if there is no such camera, or the target gives it."""
        check_camera(self.camera, scene, target)

    def initial(self, scene: Scene) -> Tensor:
        """[6]."""
        return scene.background.new_zeros(6)

    def apply(self, scene: Scene, raw: Tensor) -> Scene:
        """Turn about the point that the camera looks at, then shift."""
        camera = scene.cameras[self.camera]
        moved = turn_about(camera.camera_from_world, pivot(camera), raw[:3], camera.distance * raw[3:])
        return scene.with_camera(replace(camera, camera_from_world=moved), self.camera)

    def retract(self, scene: Scene, raw: Tensor, change: Tensor) -> Tensor:
        """Turn about where the point that the camera looks at is by now, then shift, in shares of the distance now."""
        distance = self.apply(scene, raw).cameras[self.camera].distance
        rotation = compose_rotations(change[:3], raw[:3])
        return torch.cat([rotation, raw[3:] + change[3:] * distance / scene.cameras[self.camera].distance])

    def reach(self, scene: Scene, camera_from_world: Tensor) -> Tensor:
        """The raw tensor of a pose [4, 4]."""
        camera = scene.cameras[self.camera]
        turned = camera_from_world[:3, :3] @ camera.camera_from_world[:3, :3].T
        shift = transform(camera_from_world, camera.look_at) - pivot(camera)
        return torch.cat([roma.rotmat_to_rotvec(turned), shift / camera.distance])

    def project(self, scene: Scene, raw: Tensor) -> Tensor:
        """Limit the rotation and the shift."""
        rotation = None if self.max_rotation is None else math.radians(self.max_rotation)
        return torch.cat([clamp_length(raw[:3], rotation), clamp_length(raw[3:], self.max_shift)])

    def sample_poses(self, scene: Scene, count: int, radius: float | None = None) -> Tensor:
        """Rotations about the point that the camera looks at."""
        return sample_turns(count, self.max_rotation, scene.background, radius)

    def symmetries(self, scene: Scene) -> Tensor:
        """Rotations about the same point."""
        vertices = torch.cat([world_vertices(obj) for obj in scene.objects.values()]).detach()
        rotations = symmetries(transform(scene.cameras[self.camera].camera_from_world, vertices)).to(scene.background)
        return without_shift(rotations)

    def shifts(self, scene: Scene, offsets: Tensor) -> Tensor:
        """Without a rotation."""
        shifts = depth_share(scene.cameras[self.camera], scene.objects) * offsets
        return torch.cat([torch.zeros_like(shifts), shifts], dim=1)

    def moves_all(self, scene: Scene) -> bool:
        """They do."""
        return True

    def slopes(self, scene: Scene, view: View, pixels: Tensor, depths: Tensor) -> Tensor:
        """Of points of the scene's first object, with which all others move."""
        return slopes_of_pixels(scene, partial(self.apply, scene), self.initial(scene), view, pixels, depths)

    def value(self, scene: Scene) -> dict[str, Value]:
        """The camera's position, and the rotation vector of camera_from_world in degrees."""
        camera = scene.cameras[self.camera]
        rotation = roma.rotmat_to_rotvec(camera.camera_from_world[:3, :3].double())
        return {"position": camera.position.tolist(), "rotation_deg": torch.rad2deg(rotation).tolist()}

    def error(self, scene: Scene, truth: Truth) -> dict[str, float]:
        """rotation_deg, position, position_relative."""
        return camera_errors(scene.cameras[self.camera], truth.scene.cameras[self.camera])
