"""Cameras by a rotation and a place in the picture, many at once."""

from __future__ import annotations

import math
from dataclasses import dataclass

import roma
import torch
from torch import Tensor

from invrender.scene import Camera


@dataclass(frozen=True)
class Ranges:
    """What pictures are drawn of: all rotations, and places and light in these ranges.

    shift: of the middle off the picture's axis, at most, as the tangent of the angle. near, far: least and largest
    distance, as factors of the scene's own. light: the largest factor on the lights; one over it is the least.
    """

    shift: float
    near: float
    far: float
    light: float

    def draw_places(self, count: int) -> Tensor:
        """Places [count, 3]."""
        across = self.shift * (2 * torch.rand(count, 2) - 1)
        depth = math.log(self.near) + math.log(self.far / self.near) * torch.rand(count, 1)
        return torch.cat([across, depth], dim=1)

    def draw_lights(self, count: int) -> Tensor:
        """Logarithms [count] of the factor on the lights."""
        return math.log(self.light) * (2 * torch.rand(count) - 1)

    @property
    def usual(self) -> Tensor:
        """The place [3] in the middle of the ranges."""
        return torch.tensor([0.0, 0.0, math.log(self.near * self.far) / 2])


def draw_rotations(count: int) -> Tensor:
    """Rotations [count, 3, 3], uniform over all there are."""
    quaternions = torch.nn.functional.normalize(torch.randn(count, 4), dim=1)
    return torch.as_tensor(roma.unitquat_to_rotmat(quaternions))


@dataclass(frozen=True)
class Middle:
    """What places are of. point: [3], in the world. distance: the usual one from there, in the scene's unit."""

    point: tuple[float, float, float]
    distance: float

    @classmethod
    def of(cls, camera: Camera) -> Middle:
        """What a camera looks at, from where it is."""
        x, y, z = camera.look_at.tolist()
        return cls((x, y, z), float(camera.distance))


def place_cameras(middle: Middle, rotations: Tensor, places: Tensor) -> Tensor:
    """Poses ``camera_from_world`` [N, 4, 4]; differentiable.

    rotations: [N, 3, 3], of the world as it is seen along the line of sight to the middle, so that what is seen turns
        as little as can be when it shifts.
    places: [N, 3], where the middle is: x/z and y/z in the camera's axes, and the logarithm of z over the usual
        distance.
    """
    depth = middle.distance * places[:, 2:].exp()
    center = torch.cat([places[:, :2] * depth, depth], dim=1)
    turned = turn_to(center) @ rotations
    shift = center - turned @ center.new_tensor(middle.point)
    rows = torch.cat([turned, shift[:, :, None]], dim=2)
    last = rows.new_tensor([0.0, 0.0, 0.0, 1.0]).expand(len(rows), 1, 4)
    return torch.cat([rows, last], dim=1)


def turn_to(points: Tensor) -> Tensor:
    """The least rotations [N, 3, 3] that take the axis z to the directions of points [N, 3] before the camera."""
    x, y, z = torch.nn.functional.normalize(points, dim=1).unbind(1)
    share = 1 / (1 + z)
    rows = [1 - x * x * share, -x * y * share, x, -x * y * share, 1 - y * y * share, y, -x, -y, z]
    return torch.stack(rows, dim=1).reshape(-1, 3, 3)


def is_plain(camera: Camera) -> bool:
    """Whether a camera is a perspective one without a lens, as lessons need it."""
    return camera.lens is None and camera.projection == "perspective"


def focal_share(camera: Camera) -> float:
    """The focal length as a share of the picture's shorter side."""
    return float(camera.intrinsics[0, 0]) / min(camera.width, camera.height)
