"""The embedded renderer: SoftRas on the reference rasterizer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import torch

from invrender.errors import UserError
from invrender.pixels import background_pixels, box_filter
from invrender.render.assembly import Assembly
from invrender.render.base import Rendered, check_samples
from invrender.render.blend import Background, Softness, blend, contributing, transmittance
from invrender.render.reference import fragments, rasterize_soft
from invrender.render.screen import screen_faces
from invrender.render.shade import shade
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
        assembly = Assembly.of(fine)
        screen = screen_faces(assembly, fine.camera, self.cull_backfaces)
        softness = Softness(self.sigma, self.gamma, camera.near, camera.far)
        pixels = height * width

        pairs = rasterize_soft(screen, height, width, self.blur_radius)
        with torch.no_grad():
            colored, open_pixels = contributing(pairs, softness, pixels)
        edges = open_pixels.index_select(0, pairs.pixel).nonzero()[:, 0]
        silhouette = fragments(screen, pairs.select(edges), height, width, clip=True)
        alpha = -torch.expm1(transmittance(silhouette, self.sigma, pixels))
        alpha = torch.where(open_pixels, alpha, torch.ones_like(alpha))

        shown = fragments(screen, pairs.select(colored), height, width, clip=True)
        behind = background_pixels(scene.background, height, width)
        rgb, depth = blend(shown, shade(fine, assembly, shown), softness, alpha, behind, self.background)
        depth = depth.reshape(height, width)
        seen = box_filter((depth > 0).to(depth), self.samples)
        return Rendered(
            box_filter(rgb.reshape(height, width, 3), self.samples),
            box_filter(alpha.reshape(height, width), self.samples),
            box_filter(depth, self.samples) / torch.where(seen > 0, seen, torch.ones_like(seen)),
        )
