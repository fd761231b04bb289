"""The scene: objects, cameras, lights and what is behind them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

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

    def with_surface(self, vertices: Tensor, faces: Tensor, **values: Tensor) -> Object:
        """The object with another mesh, smooth all over; values: what its material has by vertex, by property."""
        material = self.material
        for name, each in values.items():
            material = material.with_property(name, vertex=each)
        return replace(self, mesh=Mesh(vertices, faces, faces), material=material)


@dataclass(frozen=True)
class Scene:
    """Everything a renderer needs, by name. The scene is also the initial guess of a fit.

    cameras: the scene's own is called `CAMERA`; pictures of a target may have been taken by others.
    background: a colour [3] or a picture [H, W, 3].
    own_lights: by camera, the lights that are others in the pictures that it takes, by name.
    """

    objects: Mapping[str, Object]
    cameras: Mapping[str, Camera]
    lights: Mapping[str, Light]
    background: Tensor
    own_lights: Mapping[str, Mapping[str, Light]] = field(default_factory=dict)

    @property
    def camera(self) -> Camera:
        """The scene's own camera."""
        return self.cameras[CAMERA]

    def with_camera(self, camera: Camera, name: str = CAMERA) -> Scene:
        """The scene with one camera in place of another, or besides the others."""
        return replace(self, cameras={**self.cameras, name: camera})

    def lit_for(self, camera: str) -> Scene:
        """The scene in the light of the pictures that a camera takes."""
        own = self.own_lights.get(camera)
        return replace(self, lights={**self.lights, **own}) if own else self

    def with_own_lights(self, camera: str, lights: Mapping[str, Light]) -> Scene:
        """The scene with lights in place of those of their names in the pictures of one camera alone."""
        own = {**self.own_lights.get(camera, {}), **lights}
        return replace(self, own_lights={**self.own_lights, camera: own})

    def to(self, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> Scene:
        """The scene on another device, its floating-point tensors in another precision."""
        return convert(self, device, dtype)
