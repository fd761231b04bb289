"""The hard renderer: a z-buffer with many samples for each pixel. It makes the targets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

from torch import Tensor

from invrender.render.base import ALL, Channels, Rendered, check_samples
from invrender.render.batch import Batch, Pixels, in_batches
from invrender.render.dispatch import Implementation, Kernels, implementation
from invrender.render.screen import Screen, screen_of
from invrender.render.surfaces import Surfaces
from invrender.scene import Scene


@dataclass(frozen=True)
class HardRenderer:
    """Hard edges, antialiased by ``samples`` × ``samples`` regular samples for each pixel.

    Differentiable in what is seen (lights, materials, textures) but not in where the edges are: poses get the gradient
    of the shading alone.
    """

    samples: int = 4
    cull_backfaces: bool = False
    kernels: Kernels = "auto"

    def __post_init__(self) -> None:
        check_samples(self.samples)

    def sampled(self, samples: int) -> Self:
        """This renderer with another number of samples."""
        return replace(self, samples=samples)

    def softened(self, sigma: float) -> Self:
        """Itself: its edges stay hard."""
        return self

    def render(self, scene: Scene, channels: Channels = ALL) -> Rendered:
        """The picture, averaged over the samples in linear light."""
        return self.render_batch([scene], channels)[0]

    def render_batch(self, scenes: Sequence[Scene], channels: Channels = ALL) -> tuple[Rendered, ...]:
        """The pictures of many scenes."""
        return in_batches(scenes, self.samples, lambda batch: self.pixels(batch, channels))

    def pixels(self, batch: Batch, channels: Channels) -> Pixels:
        """The fine pixels of a batch."""
        surfaces = Surfaces.of(batch.scenes)
        work = implementation(self.kernels, surfaces.vertices.device)
        screen = screen_of(surfaces, batch.cameras, self.cull_backfaces, work.classify)
        return hard_pixels(work, screen, surfaces, work.nearest_faces(screen), batch, channels)


def hard_pixels(
    work: Implementation, screen: Screen, surfaces: Surfaces, winner: Tensor, batch: Batch, channels: Channels
) -> Pixels:
    """What the centres of a batch's pixels show; winner: [P], the face of each, −1 for none."""
    alpha = (winner >= 0).to(screen.vertices.dtype)
    if channels == {"alpha"}:
        return Pixels(None, alpha, alpha.new_zeros(0))
    color, depth = work.hard_layers(screen, surfaces, winner, batch.background)
    return Pixels(color if "rgb" in channels else None, alpha, depth)
