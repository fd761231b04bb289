"""The renderer `pytorch3d`: PyTorch3D's settings under PyTorch3D's names."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, Self, cast

import torch

from invrender.errors import UserError
from invrender.pixels import box_filter
from invrender.render.base import ALL, Channels, Rendered, check_samples
from invrender.render.pytorch3d.loading import adapter
from invrender.scene import Scene

Shader = Literal["soft_phong", "hard_phong", "soft_silhouette", "soft_gouraud", "hard_flat"]
Background = Literal["composite", "softmax"]

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
            if not getattr(self, name) > 0:
                raise UserError(f"renderer.{name} is {getattr(self, name)}, expected a number above 0")
        if not 1 <= self.faces_per_pixel <= MOST_FACES_PER_PIXEL:
            raise UserError(f"renderer.faces_per_pixel is {self.faces_per_pixel}, expected 1 to {MOST_FACES_PER_PIXEL}")
        if self.blur_radius is not None and not 0 <= self.blur_radius <= 2:
            raise UserError(f"renderer.blur_radius is {self.blur_radius}, expected 0 to 2, or null")
        for name, least in (("bin_size", 0), ("max_faces_per_bin", 1)):
            if getattr(self, name) is not None and getattr(self, name) < least:
                raise UserError(f"renderer.{name} is {getattr(self, name)}, expected at least {least}, or null")
        check_samples(self.samples)
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

    def sampled(self, samples: int) -> Self:
        """This renderer with another number of samples."""
        return replace(self, samples=samples)

    def softened(self, sigma: float) -> Self:
        """This renderer with another ``sigma``; with 0 it is too small to be seen."""
        return replace(self, sigma=max(sigma, SMALLEST_SIGMA))

    def render_batch(self, scenes: Sequence[Scene], channels: Channels = ALL) -> tuple[Rendered, ...]:
        """The pictures of many scenes, one after the other."""
        return tuple(self.render(scene, channels) for scene in scenes)

    def render(self, scene: Scene, channels: Channels = ALL) -> Rendered:
        """The picture, differentiable in every tensor of the scene that the shader shows."""
        camera = scene.camera
        fine = replace(scene, camera=camera.resized(camera.width * self.samples, camera.height * self.samples))
        drawn = cast("Rendered", adapter().draw(fine.to(dtype=torch.float32), self, channels))
        dtype = scene.background.dtype
        seen = box_filter((drawn.depth > 0).to(dtype), self.samples)
        return Rendered(
            box_filter(drawn.rgb.to(dtype), self.samples),
            box_filter(drawn.alpha.to(dtype), self.samples),
            box_filter(drawn.depth.to(dtype), self.samples) / torch.where(seen > 0, seen, torch.ones_like(seen)),
        )
