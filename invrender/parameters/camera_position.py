"""The position of a camera that looks at a known point."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar

import roma
import torch
from torch import Tensor

from invrender import checks
from invrender.geometry.cameras import look_at, rigid
from invrender.geometry.rotations import sample_directions
from invrender.parameters.base import Value
from invrender.parameters.camera import camera_errors, check_camera, clamp_length, slopes_of_pixels
from invrender.scene import CAMERA, Scene, Target, Truth, View

DISTANCES = (2 / 3, 1.0, 1.5)
QUARTERS = (math.pi / 2, math.pi, -math.pi / 2)


@dataclass(frozen=True)
class CameraPosition:
    """The camera's centre; it keeps its ``look_at`` point where it is in the picture.

    raw: [3], a shift along the world's axes as a share of the distance to that point.

    max_shift: share of the distance; how far the answer may be from the start, or None.
    camera: the name of the scene's camera.
    """

    linear: ClassVar[bool] = False
    lr: float = 0.03
    max_shift: float | None = None
    camera: str = CAMERA

    def __post_init__(self) -> None:
        checks.above_zero(lr=self.lr, max_shift=self.max_shift)

    def check(self, scene: Scene, target: Target) -> None:
        """Raise `UserError` if there is no such camera, or the target gives it."""
        check_camera(self.camera, scene, target)

    def initial(self, scene: Scene) -> Tensor:
        """[3]."""
        return scene.background.new_zeros(3)

    def apply(self, scene: Scene, raw: Tensor) -> Scene:
        """Move the camera and turn it as one that looks at the point would turn."""
        camera = scene.cameras[self.camera]
        position = camera.position + camera.distance * raw
        before = look_at(camera.position, camera.look_at, camera.up)[:3, :3]
        after = look_at(position, camera.look_at, camera.up)[:3, :3]
        rotation = camera.camera_from_world[:3, :3] @ before.T @ after
        return scene.with_camera(replace(camera, camera_from_world=rigid(rotation, -rotation @ position)), self.camera)

    def retract(self, scene: Scene, raw: Tensor, change: Tensor) -> Tensor:
        """Move on, in shares of the distance now."""
        return raw + change * self.apply(scene, raw).cameras[self.camera].distance / scene.cameras[self.camera].distance

    def project(self, scene: Scene, raw: Tensor) -> Tensor:
        """Limit the shift."""
        return clamp_length(raw, self.max_shift)

    def sample_poses(self, scene: Scene, count: int, radius: float | None = None) -> Tensor:
        """Directions around the point that the camera looks at, at two thirds, once and one and a half its distance."""
        camera = scene.cameras[self.camera]
        offset = (camera.position - camera.look_at) / camera.distance
        least = -1.0 if radius is None else math.cos(math.radians(min(radius, 180.0)))
        # Within a cone lies (1 - cos) / 2 of all directions.
        every = sample_directions(math.ceil(count / len(DISTANCES) / ((1 - least) / 2))).to(scene.background)
        directions = every[every @ offset >= least]
        shifts = torch.cat([distance * directions - offset for distance in DISTANCES])
        return shifts if self.max_shift is None else shifts[shifts.norm(dim=1) <= self.max_shift]

    def symmetries(self, scene: Scene) -> Tensor:
        """To the other side, at three quarter turns about the vertical through the point."""
        camera = scene.cameras[self.camera]
        offset = (camera.position - camera.look_at) / camera.distance
        axis = torch.nn.functional.normalize(camera.up, dim=0)
        turns = roma.rotvec_to_rotmat(axis * axis.new_tensor(QUARTERS)[:, None])
        return torch.as_tensor(turns @ offset - offset)

    def shifts(self, scene: Scene, offsets: Tensor) -> Tensor:
        """None: the camera keeps looking at its point."""
        return scene.background.new_zeros(0, 3)

    def moves_all(self, scene: Scene) -> bool:
        """They do."""
        return True

    def slopes(self, scene: Scene, view: View, pixels: Tensor, depths: Tensor) -> Tensor:
        """Of points of the scene's first object, with which all others move."""
        return slopes_of_pixels(scene, partial(self.apply, scene), self.initial(scene), view, pixels, depths)

    def value(self, scene: Scene) -> dict[str, Value]:
        """The position, and what it is in degrees around the point, and the distance."""
        offset = scene.cameras[self.camera].position - scene.cameras[self.camera].look_at
        azimuth = torch.rad2deg(torch.atan2(offset[0], offset[2]))
        elevation = torch.rad2deg(torch.atan2(offset[1], torch.hypot(offset[0], offset[2])))
        return {
            "position": scene.cameras[self.camera].position.tolist(),
            "azimuth_deg": float(azimuth),
            "elevation_deg": float(elevation),
            "distance": float(offset.norm()),
        }

    def error(self, scene: Scene, truth: Truth) -> dict[str, float]:
        """rotation_deg, position, position_relative."""
        return camera_errors(scene.cameras[self.camera], truth.scene.cameras[self.camera])
