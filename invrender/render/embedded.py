"""The embedded renderer: a rasterizer with soft edges, or hard ones that are antialiased."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, Self, get_args

import torch

from invrender.errors import UserError
from invrender.render.base import ALL, Channels, Rendered, check_samples
from invrender.render.batch import Batch, Pixels, in_batches
from invrender.render.blend import Background, Softness, over_background
from invrender.render.dispatch import Implementation, Kernels, implementation
from invrender.render.edges import antialiased, outlines, shares, telling
from invrender.render.hard import hard_pixels
from invrender.render.screen import Screen, screen_of
from invrender.render.surfaces import Surfaces
from invrender.scene import Scene

Visibility = Literal["soft", "edge"]

LARGEST_SIGMA = 0.1  # with it a face's reach is half the picture


@dataclass(frozen=True)
class EmbeddedRenderer:
    """Two models of visibility, both exact over all faces, however many touch a pixel.

    visibility: "soft" is a soft rasterizer (SoftRas): occlusion and coverage are smooth, so that faces pull from afar.
        "edge" shows the nearest face at each pixel's centre and antialiases where the picture jumps, with the gradient
        that moving edges have; it has no bias, and sees no further than a pixel.
    sigma: softness of edges, squared NDC units (half the shorter side is 1).
    gamma: softness of occlusion, in normalised depth (far − z) / (far − near).
    reach: coverage below which a face does not touch a pixel; PyTorch3D's blur_radius is log(1 / reach − 1) sigma.
    cull_backfaces: leave out faces seen from behind.
    background: of soft pictures. "composite" lays the objects over the background by their silhouette, "softmax" blends
        as SoftRas and PyTorch3D do.
    samples: renders at so many times the resolution in each direction, and averages.
    mipmaps: textures are looked up in pyramids, so that where they are minified no texel is skipped.
    kernels: what does the work: "numba", "triton", the plain "reference", or "auto".
    """

    sigma: float = 1e-4
    gamma: float = 1e-4
    reach: float = 1e-4
    cull_backfaces: bool = False
    background: Background = "composite"
    samples: int = 1
    visibility: Visibility = "soft"
    mipmaps: bool = True
    kernels: Kernels = "auto"

    def __post_init__(self) -> None:
        for name, allowed in (("visibility", Visibility), ("background", Background), ("kernels", Kernels)):
            if getattr(self, name) not in get_args(allowed):
                choices = ", ".join(get_args(allowed))
                raise UserError(f"renderer.{name} is {getattr(self, name)!r}, expected one of {choices}")
        for name in ("sigma", "gamma"):
            if not getattr(self, name) > 0:
                raise UserError(f"renderer.{name} is {getattr(self, name)}, expected a number above 0")
        if self.sigma > LARGEST_SIGMA:
            raise UserError(f"renderer.sigma is {self.sigma}, expected at most {LARGEST_SIGMA}")
        if not 0 < self.reach < 0.5:
            raise UserError(f"renderer.reach is {self.reach}, expected a coverage between 0 and 0.5")
        check_samples(self.samples)

    def sampled(self, samples: int) -> Self:
        """This renderer with another number of samples."""
        return replace(self, samples=samples)

    def softened(self, sigma: float) -> Self:
        """This renderer with another ``sigma``; with 0, edge visibility."""
        return replace(self, visibility="soft", sigma=sigma) if sigma > 0 else replace(self, visibility="edge")

    @property
    def blur_radius(self) -> float:
        """The squared distance, in squared NDC units, at which coverage has fallen to ``reach``."""
        return float(torch.logit(torch.tensor(1 - self.reach, dtype=torch.float64))) * self.sigma

    def render(self, scene: Scene, channels: Channels = ALL) -> Rendered:
        """The picture, differentiable in every tensor of the scene."""
        return self.render_batch([scene], channels)[0]

    def render_batch(self, scenes: Sequence[Scene], channels: Channels = ALL) -> tuple[Rendered, ...]:
        """The pictures of many scenes, at the cost of the pixels that their objects cover."""
        return in_batches(scenes, self.samples, lambda batch: self.pixels(batch, channels))

    def pixels(self, batch: Batch, channels: Channels) -> Pixels:
        """The fine pixels of a batch."""
        # Hard pictures are shaded with their depths, soft ones on their own.
        shaded = "rgb" in channels or (self.visibility == "edge" and "depth" in channels)
        surfaces = Surfaces.of(batch.scenes, self.mipmaps, shaded)
        work = implementation(self.kernels, surfaces.vertices.device)
        screen = screen_of(surfaces, batch.cameras, self.cull_backfaces, work.classify)
        if self.visibility == "edge":
            return edge_pixels(work, screen, surfaces, batch, channels)
        near, far = batch.cameras[0].near, batch.cameras[0].far
        softness = Softness(self.sigma, self.gamma, self.blur_radius, near, far)
        shown = surfaces if "rgb" in channels else None
        layers = work.soft_layers(screen, shown, softness, "depth" in channels)
        rgb = None if shown is None else over_background(layers, softness, batch.background, self.background)
        return Pixels(rgb, layers.alpha, layers.depth)


def edge_pixels(work: Implementation, screen: Screen, surfaces: Surfaces, batch: Batch, channels: Channels) -> Pixels:
    """The pixels of hard pictures, antialiased where they jump; depth is that of the pixels' centres."""
    winner = work.nearest_faces(screen)
    pixels = hard_pixels(work, screen, surfaces, winner, batch, channels)
    found = outlines(screen, surfaces, work.jumps)
    crossed = telling(found, work.crossings(screen, found), winner)
    cut = shares(screen, found, crossed)
    rgb = None if pixels.rgb is None else antialiased(pixels.rgb, cut, crossed)
    if not channels & {"alpha", "depth"}:
        return Pixels(rgb, pixels.alpha.new_zeros(0), pixels.depth)
    alpha = antialiased(pixels.alpha[:, None], cut, crossed)[:, 0]
    depth = pixels.depth
    if "depth" in channels:
        depth = torch.where(alpha > 0, depth, torch.zeros_like(depth))
    return Pixels(rgb, alpha, depth)
