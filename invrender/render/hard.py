"""The hard renderer: a z-buffer with many samples for each pixel. It makes the targets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from torch import Tensor

from invrender.render.backends.dispatch import Backend
from invrender.render.base import ALL, OWN, Capabilities, Quality, Shot, check_samples
from invrender.render.film import Batch, Pixels, expose
from invrender.render.shading.channels import Shader, find_shader, own_capabilities
from invrender.render.stages import Raster, defer
from invrender.scene import Channels, Picture


@dataclass(frozen=True)
class HardRenderer:
    """Hard edges, antialiased by ``samples`` × ``samples`` regular samples for each pixel.

    Differentiable in what is seen (lights, materials, textures) but not in where the edges are: poses get the gradient
    of the shading alone. Its edges are hard at any quality.

    shaders: by channel, what colours fragments in place of the renderer's own, or besides.
    """

    samples: int = 4
    cull_backfaces: bool = False
    backend: Backend = "auto"
    shaders: Mapping[str, Shader] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_samples("renderer.samples", self.samples)

    @property
    def supports(self) -> Capabilities:
        """All channels, in forward mode too; edges that don't move."""
        return replace(own_capabilities(self.shaders), moving_edges=False)

    def render(self, shots: Sequence[Shot], channels: Channels = ALL, quality: Quality = OWN) -> list[Picture]:
        """The pictures, averaged over the samples in linear light."""
        return expose(shots, quality.samples or self.samples, lambda batch: self.pixels(batch, channels))

    def pixels(self, batch: Batch, channels: Channels) -> Pixels:
        """The fine pixels of a batch."""
        raster = Raster.of(batch, self.cull_backfaces, mipmaps=False, shaded=True, backend=self.backend)
        return hard_pixels(raster, channels, self.shaders)


def hard_pixels(raster: Raster, channels: Channels, shaders: Mapping[str, Shader]) -> dict[str, Tensor]:
    """What the centres of pixels show, [P, …] by channel."""
    screen, surfaces, background = raster.screen, raster.surfaces, raster.batch.background
    found: dict[str, Tensor] = {}
    fused = {"rgb", "depth"} - shaders.keys() - surfaces.deferred
    if channels & fused:
        color, depth = raster.work.hard_layers(screen, surfaces, raster.winner, background)
        found = {name: values for name, values in (("rgb", color), ("depth", depth)) if name in channels & fused}
    for name in sorted(channels - fused - {"alpha"}):
        shader = find_shader(name, shaders)
        behind = background if name == "rgb" else screen.vertices.new_zeros(screen.pixels, 1)
        found[name] = defer(raster, behind, shader)
    if "alpha" in channels:
        found["alpha"] = (raster.winner >= 0).to(screen.vertices.dtype)
    return found
