"""The renderer of hard edges with the gradient that moving edges have: unbiased, and sees no further than a pixel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import get_args

import torch
from torch import Tensor

from invrender.checks import one_of
from invrender.render.backends.dispatch import Backend
from invrender.render.base import ALL, OWN, Capabilities, Quality, Shot, check_samples
from invrender.render.film import Batch, Pixels, expose
from invrender.render.hard import hard_pixels
from invrender.render.shading.channels import Shader, own_capabilities
from invrender.render.stages import Raster
from invrender.scene import Channels, Picture


@dataclass(frozen=True)
class EdgeRenderer:
    """The nearest face at each pixel's centre, antialiased where the picture jumps. Its edges are hard at any quality.

    cull_backfaces: leave out faces seen from behind.
    samples: renders at so many times the resolution in each direction, and averages.
    mipmaps: textures are looked up in pyramids, so that where they are minified no texel is skipped.
    backend: what does the work: "numba", "triton", the plain "reference", or "auto".
    shaders: by channel, what colours fragments in place of the renderer's own, or besides.
    """

    cull_backfaces: bool = False
    samples: int = 1
    mipmaps: bool = True
    backend: Backend = "auto"
    shaders: Mapping[str, Shader] = field(default_factory=dict)

    def __post_init__(self) -> None:
        one_of("renderer.backend", self.backend, get_args(Backend))
        check_samples("renderer.samples", self.samples)

    @property
    def supports(self) -> Capabilities:
        """All channels, in forward mode too."""
        return own_capabilities(self.shaders)

    def render(self, shots: Sequence[Shot], channels: Channels = ALL, quality: Quality = OWN) -> list[Picture]:
        """The pictures, at the cost of the pixels that objects cover."""
        return expose(shots, quality.samples or self.samples, lambda batch: self.pixels(batch, channels))

    def pixels(self, batch: Batch, channels: Channels) -> Pixels:
        """The fine pixels of a batch."""
        shaded = channels != {"alpha"}
        raster = Raster.of(batch, self.cull_backfaces, self.mipmaps, shaded, self.backend)
        needed = channels | {"alpha"} if "depth" in channels else channels
        smooth = smooth_edges(raster, hard_pixels(raster, needed, self.shaders))
        return {name: smooth[name] for name in channels}


def smooth_edges(raster: Raster, pixels: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Channels of hard pictures, antialiased where they jump; depth is that of the pixels' centres."""
    flat = {name: values.reshape(raster.screen.pixels, -1) for name, values in pixels.items() if name != "depth"}
    blended = raster.smooth(list(flat.values()))
    smooth = {name: each.reshape(pixels[name].shape) for name, each in zip(flat, blended, strict=True)}
    if "depth" in pixels:
        smooth["depth"] = torch.where(smooth["alpha"] > 0, pixels["depth"], torch.zeros_like(pixels["depth"]))
    return smooth
