"""The hard renderer: a z-buffer with many samples for each pixel. It makes the targets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from torch import Tensor

from invrender.render.backends.dispatch import Backend, Implementation, implementation
from invrender.render.base import ALL, LENSES, OWN, Capabilities, Quality, Shot, check_samples
from invrender.render.film import Batch, Pixels, expose
from invrender.render.raster import visible
from invrender.render.raster.project import project_surfaces
from invrender.render.raster.screen import Screen
from invrender.render.shading.channels import SHADERS, Shader, find_shader
from invrender.render.shading.surfaces import Surfaces
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
        return Capabilities(channels=ALL | SHADERS.keys() | self.shaders.keys(), lenses=LENSES, moving_edges=False)

    def render(self, shots: Sequence[Shot], channels: Channels = ALL, quality: Quality = OWN) -> list[Picture]:
        """The pictures, averaged over the samples in linear light."""
        return expose(shots, quality.samples or self.samples, lambda batch: self.pixels(batch, channels))

    def pixels(self, batch: Batch, channels: Channels) -> Pixels:
        """The fine pixels of a batch."""
        surfaces = batch.surfaces()
        work = implementation(self.backend, surfaces.vertices.device)
        screen = project_surfaces(surfaces, batch.cameras, self.cull_backfaces, work.classify)
        winner = work.nearest_faces(screen)
        return hard_pixels(work, screen, surfaces, winner, batch, channels, self.shaders)


def hard_pixels(
    work: Implementation,
    screen: Screen,
    surfaces: Surfaces,
    winner: Tensor,
    batch: Batch,
    channels: Channels,
    shaders: Mapping[str, Shader],
) -> dict[str, Tensor]:
    """What the centres of a batch's pixels show; winner: [P], the face of each, −1 for none."""
    found: dict[str, Tensor] = {}
    fused = {"rgb", "depth"} - shaders.keys()
    if channels & fused:
        color, depth = work.hard_layers(screen, surfaces, winner, batch.background)
        found = {name: values for name, values in (("rgb", color), ("depth", depth)) if name in channels & fused}
    for name in sorted(channels - fused - {"alpha"}):
        shader = find_shader(name, shaders)
        behind = batch.background if name == "rgb" else screen.vertices.new_zeros(screen.pixels, 1)
        found[name] = visible.hard_layers(screen, surfaces, winner, behind, shader)[0]
    if "alpha" in channels:
        found["alpha"] = (winner >= 0).to(screen.vertices.dtype)
    return found
