"""The pose of an object: six degrees of freedom."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar

import roma
import torch
from torch import Tensor

from invrender import checks
from invrender.errors import UserError
from invrender.geometry.cameras import transform
from invrender.geometry.meshes import world_vertices
from invrender.geometry.poses import compose_rotations, rotation_angle, turn_about
from invrender.geometry.rotations import symmetries
from invrender.parameters.base import Value
from invrender.parameters.camera import clamp_length, depth_share, sample_turns, slopes_of_pixels, without_shift
from invrender.parameters.choice import choose
from invrender.scene import Object, Scene, Target, Truth, View


@dataclass(frozen=True)
class ObjectPose:
    """``world_from_object`` of one object, moved rigidly.

    raw: [6], a rotation vector in radians about the centre of the object's bounding box, in world axes, and a shift in
    world axes as a share of the camera's distance.

    object: its name; None if the scene has only one.
    max_rotation: degrees; max_shift: share of the camera's distance; or None.
    """

    linear: ClassVar[bool] = False
    object: str | None = None
    lr: float = 0.02
    max_rotation: float | None = None
    max_shift: float | None = None

    def __post_init__(self) -> None:
        checks.above_zero(lr=self.lr, max_rotation=self.max_rotation, max_shift=self.max_shift)

    def name(self, scene: Scene) -> str:
        """The name of the object that moves."""
        if self.object is None and len(scene.objects) != 1:
            raise UserError(f"which object? Set object to one of {', '.join(scene.objects)}")
        return choose(scene.objects, None if self.object is None else [self.object], "object")[0]

    def check(self, scene: Scene, target: Target) -> None:
        """Raise `UserError` if there is no such object."""
        self.name(scene)

    def initial(self, scene: Scene) -> Tensor:
        """[6]."""
        return scene.background.new_zeros(6)

    def apply(self, scene: Scene, raw: Tensor) -> Scene:
        """Turn the object about its centre, then shift it."""
        name = self.name(scene)
        obj = scene.objects[name]
        moved = turn_about(obj.world_from_object, centre(obj), raw[:3], scene.camera.distance * raw[3:])
        return replace(scene, objects={**scene.objects, name: replace(obj, world_from_object=moved)})

    def retract(self, scene: Scene, raw: Tensor, change: Tensor) -> Tensor:
        """Turn about where the centre is by now, then shift."""
        name = self.name(scene)
        before, now = (centre(each.objects[name]) for each in (scene, self.apply(scene, raw)))
        distance = scene.camera.distance
        carried = before + distance * raw[3:] - now
        shift = roma.rotvec_to_rotmat(change[:3]) @ carried + now + distance * change[3:] - before
        return torch.cat([compose_rotations(change[:3], raw[:3]), shift / distance])

    def project(self, scene: Scene, raw: Tensor) -> Tensor:
        """Limit the rotation and the shift."""
        rotation = None if self.max_rotation is None else math.radians(self.max_rotation)
        return torch.cat([clamp_length(raw[:3], rotation), clamp_length(raw[3:], self.max_shift)])

    def sample_poses(self, scene: Scene, count: int, radius: float | None = None) -> Tensor:
        """Rotations about the object's centre."""
        return sample_turns(count, self.max_rotation, scene.background, radius)

    def symmetries(self, scene: Scene) -> Tensor:
        """Rotations about the object's centre."""
        camera = scene.camera
        vertices = world_vertices(scene.objects[self.name(scene)]).detach()
        rotations = symmetries(transform(camera.camera_from_world, vertices)).to(scene.background)
        rotations = rotations @ camera.camera_from_world[:3, :3]
        return without_shift(rotations)

    def shifts(self, scene: Scene, offsets: Tensor) -> Tensor:
        """Without a rotation."""
        name = self.name(scene)
        shifts = depth_share(scene.camera, {name: scene.objects[name]}) * offsets
        return torch.cat([torch.zeros_like(shifts), shifts @ scene.camera.camera_from_world[:3, :3]], dim=1)

    def moves_all(self, scene: Scene) -> bool:
        """Where there is no other object."""
        return len(scene.objects) == 1

    def slopes(self, scene: Scene, view: View, pixels: Tensor, depths: Tensor) -> Tensor:
        """Where there is no other object."""
        return slopes_of_pixels(scene, partial(self.apply, scene), self.initial(scene), view, pixels, depths)

    def value(self, scene: Scene) -> dict[str, Value]:
        """The centre of the object in the world, and its rotation vector in degrees."""
        obj = scene.objects[self.name(scene)]
        rotation = roma.rotmat_to_rotvec(rotation_of(obj))
        return {"position": centre(obj).tolist(), "rotation_deg": torch.rad2deg(rotation).tolist()}

    def error(self, scene: Scene, truth: Truth) -> dict[str, float]:
        """rotation_deg, position of the centre, and that as a share of the camera's distance."""
        name = self.name(scene)
        found, true = scene.objects[name], truth.scene.objects[name]
        shift = float((centre(found) - centre(true)).norm())
        return {
            "rotation_deg": rotation_angle(rotation_of(found), rotation_of(true)),
            "position": shift,
            "position_relative": shift / float(truth.scene.camera.distance),
        }


def centre(obj: Object) -> Tensor:
    """The centre [3] of the object's box of vertices in the world, as a constant."""
    vertices = world_vertices(obj).detach()
    return (vertices.amin(0) + vertices.amax(0)) / 2


def rotation_of(obj: Object) -> Tensor:
    """The rotation [3, 3] in ``world_from_object``, which may scale as well."""
    matrix = obj.world_from_object[:3, :3].double()
    return matrix / matrix.det().abs() ** (1 / 3)
