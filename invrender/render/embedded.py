"""The embedded renderer: SoftRas over every face within reach of a pixel."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import torch

from invrender.errors import UserError
from invrender.pixels import background_pixels, box_filter
from invrender.render.base import Rendered, check_samples
from invrender.render.blend import Background, Softness, over_background, soft_layers
from invrender.render.screen import screen_of
from invrender.render.surfaces import Surfaces
from invrender.scene import Scene

LARGEST_SIGMA = 0.1  # with it a face's reach is half the picture


@dataclass(frozen=True)
class EmbeddedRenderer:
    """A soft rasterizer, exact over all faces within reach of a pixel.

    sigma: softness of edges, squared NDC units (half the shorter side is 1).
    gamma: softness of occlusion, in normalised depth (far − z) / (far − near).
    reach: coverage below which a face does not touch a pixel; PyTorch3D's blur_radius is log(1 / reach − 1) sigma.
    cull_backfaces: leave out faces seen from behind.
    background: "composite" lays the objects over the background by their silhouette, "softmax" blends as SoftRas and
        PyTorch3D do.
    samples: renders at so many times the resolution in each direction, and averages.
    """

    sigma: float = 1e-4
    gamma: float = 1e-4
    reach: float = 1e-4
    cull_backfaces: bool = False
    background: Background = "composite"
    samples: int = 1

    def __post_init__(self) -> None:
        for name in ("sigma", "gamma"):
            if not getattr(self, name) > 0:
                raise UserError(f"renderer.{name} is {getattr(self, name)}, expected a number above 0")
        if self.sigma > LARGEST_SIGMA:
            raise UserError(f"renderer.sigma is {self.sigma}, expected at most {LARGEST_SIGMA}")
        if not 0 < self.reach < 0.5:
            raise UserError(f"renderer.reach is {self.reach}, expected a coverage between 0 and 0.5")
        check_samples(self.samples)

    def softened(self, sigma: float) -> Self:
        """This renderer with another ``sigma``."""
        return replace(self, sigma=sigma)

    @property
    def blur_radius(self) -> float:
        """The squared distance, in squared NDC units, at which coverage has fallen to ``reach``."""
        return float(torch.logit(torch.tensor(1 - self.reach, dtype=torch.float64))) * self.sigma

    def render(self, scene: Scene) -> Rendered:
        """The picture, differentiable in every tensor of the scene."""
        camera = scene.camera
        height, width = camera.height * self.samples, camera.width * self.samples
        fine = replace(scene, camera=camera.resized(width, height))
        surfaces = Surfaces.of([fine])
        screen = screen_of(surfaces, [fine.camera], self.cull_backfaces)
        softness = Softness(self.sigma, self.gamma, self.blur_radius, camera.near, camera.far)
        layers = soft_layers(screen, surfaces, softness)
        rgb = over_background(layers, softness, background_pixels(scene.background, height, width), self.background)
        depth = layers.depth.reshape(height, width)
        seen = box_filter((depth > 0).to(depth), self.samples)
        return Rendered(
            box_filter(rgb.reshape(height, width, 3), self.samples),
            box_filter(layers.alpha.reshape(height, width), self.samples),
            box_filter(depth, self.samples) / torch.where(seen > 0, seen, torch.ones_like(seen)),
        )
