"""The scene: objects, cameras, lights and what is behind them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from invrender.scene.camera import Camera
from invrender.scene.lights import Light
from invrender.scene.material import Material
from invrender.scene.mesh import Mesh
from invrender.scene.tensors import convert

CAMERA = "camera"
"""The name of a scene's own camera."""


@dataclass(frozen=True)
class Object:
    """A mesh with its material, placed in the world by ``world_from_object`` [4, 4]."""

    mesh: Mesh
    material: Material
    world_from_object: Tensor


@dataclass(frozen=True)
class Scene:
    """Everything a renderer needs, by name. The scene is also the initial guess of a fit.

    cameras: the scene's own is called `CAMERA`; pictures of a target may have been taken by others.
    background: a colour [3] or a picture [H, W, 3].
    """

    objects: Mapping[str, Object]
    cameras: Mapping[str, Camera]
    lights: Mapping[str, Light]
    background: Tensor

    @property
    def camera(self) -> Camera:
        """The scene's own camera."""
        return self.cameras[CAMERA]

    def with_camera(self, camera: Camera, name: str = CAMERA) -> Scene:
        """The scene with one camera in place of another, or besides the others."""
        return replace(self, cameras={**self.cameras, name: camera})

    def to(self, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> Scene:
        """The scene on another device, its floating-point tensors in another precision."""
        return convert(self, device, dtype)
