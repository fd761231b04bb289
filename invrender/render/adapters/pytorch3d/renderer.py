"""The renderer `pytorch3d`: PyTorch3D's settings under PyTorch3D's names."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, cast

import torch

from invrender.checks import above
from invrender.errors import UserError
from invrender.render.adapters.pytorch3d.loading import adapter
from invrender.render.base import ALL, OWN, Capabilities, Quality, Shot, check_samples
from invrender.render.film import average
from invrender.render.raster.blend import Background
from invrender.scene import Channels, Picture, convert

Shader = Literal["soft_phong", "hard_phong", "soft_silhouette", "soft_gouraud", "hard_flat"]

MOST_FACES_PER_PIXEL = 150  # kMaxPointsPerPixel in PyTorch3D's CUDA kernels
SMALLEST_SIGMA = 1e-9
COVERAGE_AT_REACH = 1e-4  # where PyTorch3D's own tutorials end a face's reach


@dataclass(frozen=True)
class PyTorch3DRenderer:
    """PyTorch3D's `MeshRenderer`, of its `MeshRasterizer` and a shader. It computes in float32.

    sigma, gamma: of the soft shaders, as in PyTorch3D's `BlendParams`.
    blur_radius: squared NDC distance at which a face ends; None is log(1 / 1e-4 − 1) sigma for soft shaders, else 0.
    faces_per_pixel: so many of the nearest faces count in each pixel.
    bin_size, max_faces_per_bin: of the rasterizer on CUDA; None lets PyTorch3D choose.
    perspective_correct: of barycentrics; None does it for perspective cameras.
    cull_backfaces: leave out faces seen from behind.
    shader: hard shaders have no gradient at outlines, ``soft_silhouette`` has no colours: its picture is white.
    background: "softmax" blends as PyTorch3D does, "composite" lays the faces over the background by their silhouette.
    samples: renders at so many times the resolution in each direction, and averages.

    Raises `UserError` for values out of range, and where PyTorch3D can't be loaded.
    """

    sigma: float = 1e-4
    gamma: float = 1e-4
    blur_radius: float | None = None
    faces_per_pixel: int = 20
    bin_size: int | None = None
    max_faces_per_bin: int | None = None
    perspective_correct: bool | None = None
    cull_backfaces: bool = False
    shader: Shader = "soft_phong"
    background: Background = "composite"
    samples: int = 1

    def __post_init__(self) -> None:
        for name in ("sigma", "gamma"):
            above(f"renderer.{name}", getattr(self, name), 0)
        if not 1 <= self.faces_per_pixel <= MOST_FACES_PER_PIXEL:
            raise UserError(f"renderer.faces_per_pixel is {self.faces_per_pixel}, expected 1 to {MOST_FACES_PER_PIXEL}")
        if self.blur_radius is not None and not 0 <= self.blur_radius <= 2:
            raise UserError(f"renderer.blur_radius is {self.blur_radius}, expected 0 to 2, or null")
        for name, least in (("bin_size", 0), ("max_faces_per_bin", 1)):
            if getattr(self, name) is not None and getattr(self, name) < least:
                raise UserError(f"renderer.{name} is {getattr(self, name)}, expected at least {least}, or null")
        check_samples("renderer.samples", self.samples)
        adapter()

    @property
    def is_soft(self) -> bool:
        """Whether the shader blends faces softly."""
        return self.shader.startswith("soft")

    @property
    def reach(self) -> float:
        """The blur_radius that is in force."""
        if self.blur_radius is not None:
            return self.blur_radius
        return math.log(1 / COVERAGE_AT_REACH - 1) * self.sigma if self.is_soft else 0.0

    @property
    def supports(self) -> Capabilities:
        """Colour, silhouette and depth, in reverse mode alone."""
        return Capabilities(forward_mode=False, moving_edges=self.is_soft)

    def render(self, shots: Sequence[Shot], channels: Channels = ALL, quality: Quality = OWN) -> list[Picture]:
        """The pictures, one after the other; a sigma of 0 is one that is too small to be seen."""
        sigma = self.sigma if quality.sigma is None else max(quality.sigma, SMALLEST_SIGMA)
        renderer = replace(self, sigma=sigma, samples=quality.samples or self.samples)
        return [renderer.expose(shot, channels) for shot in shots]

    def expose(self, shot: Shot, channels: Channels) -> Picture:
        """The picture, differentiable in every tensor of the scene that the shader shows."""
        camera, dtype = shot.camera, shot.scene.background.dtype
        self.supports.check_lens(camera, "camera")
        self.supports.check_scene(shot.scene)
        fine = Shot(shot.scene, camera.resized(camera.width * self.samples, camera.height * self.samples))
        drawn = cast("Picture", adapter().draw(convert(fine, dtype=torch.float32), self, channels))
        return average({name: values.to(dtype) for name, values in drawn.channels.items()}, self.samples)
