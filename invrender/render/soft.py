"""The soft rasterizer: occlusion and coverage are smooth, so that faces pull from afar (Liu et al., 2019)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import get_args

import torch
from torch import Tensor

from invrender import checks
from invrender.errors import UserError
from invrender.render.backends.dispatch import Backend, implementation
from invrender.render.base import ALL, OWN, Capabilities, Quality, Shot, check_samples, refuse_shadows
from invrender.render.film import Batch, Pixels, expose
from invrender.render.raster.blend import Background, Layers, Softness, color_layers, over_background
from invrender.render.raster.fragments import Fragments
from invrender.render.raster.project import project_surfaces
from invrender.render.shading.channels import Shader, find_shader, own_capabilities
from invrender.render.shading.surfaces import Surfaces
from invrender.scene import Channels, Picture

LARGEST_SIGMA = 0.1  # with it a face's reach is half the picture
SMALLEST_SIGMA = 1e-12


@dataclass(frozen=True)
class SoftRenderer:
    """A soft rasterizer, exact over all faces, however many touch a pixel.

    sigma: softness of edges, squared NDC units (half the shorter side is 1).
    gamma: softness of occlusion, in normalised depth (far − z) / (far − near).
    reach: coverage below which a face does not touch a pixel; PyTorch3D's blur_radius is log(1 / reach − 1) sigma.
    cull_backfaces: leave out faces seen from behind.
    background: "composite" lays the objects over the background by their silhouette, "softmax" blends as SoftRas and
        PyTorch3D do.
    samples: renders at so many times the resolution in each direction, and averages.
    mipmaps: textures are looked up in pyramids, so that where they are minified no texel is skipped.
    backend: what does the work: "numba", "triton", the plain "reference", or "auto".
    shaders: by channel, what colours fragments in place of the renderer's own, or besides.
    """

    sigma: float = 1e-4
    gamma: float = 1e-4
    reach: float = 1e-4
    cull_backfaces: bool = False
    background: Background = "composite"
    samples: int = 1
    mipmaps: bool = True
    backend: Backend = "auto"
    shaders: Mapping[str, Shader] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, allowed in (("background", Background), ("backend", Backend)):
            checks.one_of(f"renderer.{name}", getattr(self, name), get_args(allowed))
        for name in ("sigma", "gamma"):
            checks.above(f"renderer.{name}", getattr(self, name), 0)
        if self.sigma > LARGEST_SIGMA:
            raise UserError(f"renderer.sigma is {self.sigma}, expected at most {LARGEST_SIGMA}")
        if not 0 < self.reach < 0.5:
            raise UserError(f"renderer.reach is {self.reach}, expected a coverage between 0 and 0.5")
        check_samples("renderer.samples", self.samples)

    @property
    def supports(self) -> Capabilities:
        """All channels, in forward mode too; no shadows."""
        return replace(own_capabilities(self.shaders), shadows=False)

    def render(self, shots: Sequence[Shot], channels: Channels = ALL, quality: Quality = OWN) -> list[Picture]:
        """The pictures, at the cost of the pixels that objects cover; with a sigma of 0 the hardest edges there are."""
        sigma = self.sigma if quality.sigma is None else max(quality.sigma, SMALLEST_SIGMA)
        drawn = replace(self, sigma=sigma)
        for shot in shots:
            refuse_shadows(shot.scene, "soft pictures have none", "renderer=edge")
        return expose(shots, quality.samples or self.samples, lambda batch: drawn.pixels(batch, channels))

    @property
    def blur_radius(self) -> float:
        """The squared distance, in squared NDC units, at which coverage has fallen to ``reach``."""
        return self.sigma * math.log(1 / self.reach - 1)

    def pixels(self, batch: Batch, channels: Channels) -> Pixels:
        """The fine pixels of a batch."""
        work = implementation(self.backend, batch.device)
        surfaces = batch.surfaces(self.mipmaps, not channels <= {"alpha", "depth"}, work.operations)
        fused = channels & (ALL - self.shaders.keys() - surfaces.deferred)
        screen = project_surfaces(surfaces, batch.cameras, self.cull_backfaces, work.classify)
        camera = batch.cameras[0]
        softness = Softness(self.sigma, self.gamma, self.blur_radius, camera.near, camera.far)
        found: dict[str, Tensor] = {}
        if fused:
            shown = surfaces if "rgb" in fused else None
            silhouette = "alpha" in fused or ("rgb" in fused and self.background == "composite")
            layers = work.soft_layers(screen, shown, softness, "depth" in fused, silhouette)
            if shown is not None:
                found["rgb"] = over_background(layers, softness, batch.background, self.background)
            found |= {name: getattr(layers, name) for name in ("alpha", "depth") if name in fused}
        if channels > fused:
            found |= self.deferred(channels - fused, batch, work.soft_fragments(screen, softness), surfaces, softness)
        return found

    def deferred(
        self,
        channels: Channels,
        batch: Batch,
        seen: tuple[Layers, Fragments],
        surfaces: Surfaces,
        softness: Softness,
    ) -> Pixels:
        """Channels [P, C] that shaders make of fragments, blended as colours are; over nothing, but for rgb."""
        found, (layers, shown) = {}, seen
        for name in sorted(channels):
            colored = color_layers(layers, shown, find_shader(name, self.shaders)(surfaces, shown), softness)
            assert colored.color is not None
            behind = batch.background if name == "rgb" else torch.zeros_like(colored.color)
            found[name] = over_background(colored, softness, behind, self.background)
        return found
