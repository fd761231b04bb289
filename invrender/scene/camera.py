"""Cameras."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor

from invrender.constants import numbers
from invrender.scene.lens import Lens

Projection = Literal["perspective", "orthographic"]

Window = tuple[float, float, float, float]
"""A part of a picture: x and y of its upper left corner, its width and height, in shares of the picture's."""

WHOLE: Window = (0.0, 0.0, 1.0, 1.0)


@dataclass(frozen=True)
class Camera:
    """A pinhole or orthographic camera, or one with a lens.

    intrinsics: [3, 3], ``pixel_from_camera`` of a perspective camera. An orthographic camera uses the same matrix
        without the division by depth, so its focal lengths are pixels per world unit.
    camera_from_world: [4, 4], rigid.
    look_at: [3], world frame: the point that pose unknowns turn about and that `camera_position` keeps in view.
    up: [3], world frame.
    width, height: pixels.
    near, far: depths. What lies nearer than ``near`` is clipped; both normalise the depth that γ is compared with.
    lens: of a perspective camera; None for straight rays. Then the intrinsics are ``pixel_from_film``.
    """

    intrinsics: Tensor
    camera_from_world: Tensor
    look_at: Tensor
    up: Tensor
    width: int
    height: int
    near: float = 0.1
    far: float = 100.0
    projection: Projection = "perspective"
    lens: Lens | None = None

    @property
    def position(self) -> Tensor:
        """The camera's centre [3], world frame."""
        rotation, translation = self.camera_from_world[:3, :3], self.camera_from_world[:3, 3]
        return -rotation.T @ translation

    @property
    def distance(self) -> Tensor:
        """How far ``look_at`` is from the camera's centre, [] in world units."""
        offset: Tensor = torch.linalg.vector_norm(self.position - self.look_at)
        return offset

    def resized(self, width: int, height: int) -> Camera:
        """The same view in a picture of another size; pixel centres and the picture's edges stay where they are."""
        return self.framed(WHOLE, width, height)

    def framed(self, window: Window, width: int, height: int) -> Camera:
        """What lies within a window of the picture, as a picture of ``width`` by ``height`` pixels."""
        if (window, width, height) == (WHOLE, self.width, self.height):
            return self
        x, y, across, down = window
        intrinsics = self.intrinsics
        if (x, y) != (0.0, 0.0):
            corner = numbers(((1, 0, -x * self.width), (0, 1, -y * self.height), (0, 0, 1)), intrinsics)
            intrinsics = corner @ intrinsics
        scale = numbers((width / (across * self.width), height / (down * self.height), 1.0), intrinsics)
        return replace(self, intrinsics=scale[:, None] * intrinsics, width=width, height=height)
