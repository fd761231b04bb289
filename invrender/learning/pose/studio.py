"""Small square pictures of a scene, by poses of the camera and brightness of the lights."""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from torch import Tensor, nn

from invrender.errors import UserError
from invrender.render.base import Renderer
from invrender.render.layer import RenderLayer
from invrender.scene import CAMERA, Camera, DirectionalLight, PointLight, Scene

POSE = f"cameras.{CAMERA}.camera_from_world"
# So many pictures are drawn at once where there are many.
AT_ONCE = 64


class Studio(nn.Module):
    """Takes pictures of a scene; differentiable in what it is given as far as the renderer is.

    intensities: the intensity of each point and directional light, by its address; all are changed by one factor.
    """

    def __init__(self, scene: Scene, size: int, renderer: Renderer) -> None:
        """size: pixels of the pictures' sides. Raises `UserError` for a scene without such lights."""
        super().__init__()
        self.layer = RenderLayer(in_square(scene, size), ("rgb", "alpha"), renderer)
        self.intensities = light_intensities(scene)
        if not self.intensities:
            raise UserError("scene: it has no point or directional light, whose brightness is to be learned; add one")

    @property
    def camera(self) -> Camera:
        """The camera that takes the pictures, where the scene has it."""
        return self.layer.scene.camera

    def forward(self, poses: Tensor, lights: Tensor) -> Tensor:
        """Linear colours and silhouettes [N, 4, size, size].

        poses: ``camera_from_world`` [N, 4, 4]. lights: [N], the logarithm of the factor on the intensities.
        """
        lit = {address: intensity * lights.exp() for address, intensity in self.intensities.items()}
        drawn = self.layer({POSE: poses, **lit})
        return torch.cat([drawn["rgb"], drawn["alpha"][..., None]], dim=3).permute(0, 3, 1, 2)

    def split_lights(self, poses: Tensor) -> tuple[Tensor, Tensor]:
        """Pictures [N, 4, size, size] with the lights off, and what the lights add to them."""
        some = torch.split(poses, AT_ONCE)
        dark, lit = (
            torch.cat([self(each, each.new_full((len(each),), light)) for each in some]) for light in (-math.inf, 0.0)
        )
        return dark, lit - dark


def light_intensities(scene: Scene) -> dict[str, float]:
    """The intensity of each point and directional light that is on, by its address."""
    lights = {name: each for name, each in scene.lights.items() if isinstance(each, PointLight | DirectionalLight)}
    found = {f"lights.{name}.intensity": float(each.intensity) for name, each in lights.items()}
    return {address: intensity for address, intensity in found.items() if intensity > 0}


def in_square(scene: Scene, size: int) -> Scene:
    """The scene whose camera takes the middle of its picture, a square, with so many pixels a side."""
    camera = scene.camera
    side = min(camera.width, camera.height)
    focal = camera.intrinsics.clone()
    focal[0, 2], focal[1, 2] = side / 2, side / 2
    square = replace(camera, intrinsics=focal, width=side, height=side)
    return scene.with_camera(square.resized(size, size))
