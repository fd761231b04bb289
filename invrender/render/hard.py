"""The hard renderer: a z-buffer with many samples for each pixel. It makes the targets."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor

from invrender.pixels import background_pixels, box_filter
from invrender.render.base import Rendered, check_samples
from invrender.render.reference import Pairs, fragments, rasterize_hard
from invrender.render.screen import Screen, screen_of
from invrender.render.shade import shade
from invrender.render.surfaces import Surfaces
from invrender.scene import Scene

SHADED_AT_ONCE = 1 << 18


@dataclass(frozen=True)
class HardRenderer:
    """Hard edges, antialiased by ``samples`` × ``samples`` regular samples for each pixel.

    Differentiable in what is seen (lights, materials, textures) but not in where the edges are: poses get the gradient
    of the shading alone.
    """

    samples: int = 4
    cull_backfaces: bool = False

    def __post_init__(self) -> None:
        check_samples(self.samples)

    def softened(self, sigma: float) -> Self:
        """Itself: its edges stay hard."""
        return self

    def render(self, scene: Scene) -> Rendered:
        """The picture, averaged over the samples in linear light."""
        height, width = scene.camera.height * self.samples, scene.camera.width * self.samples
        fine = replace(scene, camera=scene.camera.resized(width, height))
        surfaces = Surfaces.of([fine])
        screen = screen_of(surfaces, [fine.camera], self.cull_backfaces)
        pairs = rasterize_hard(screen)
        rgb, depth = self.shaded(surfaces, screen, pairs)
        alpha = rgb.new_zeros(height * width).index_fill(0, pairs.pixel, 1.0)
        behind = background_pixels(scene.background, height, width)
        rgb = torch.where(alpha[:, None] > 0, rgb.new_zeros(height * width, 3).index_add(0, pairs.pixel, rgb), behind)
        depth = depth.new_zeros(height * width).index_add(0, pairs.pixel, depth)
        coverage = box_filter(alpha.reshape(height, width), self.samples)
        return Rendered(
            box_filter(rgb.reshape(height, width, 3), self.samples),
            coverage,
            box_filter(depth.reshape(height, width), self.samples) / coverage.clamp(min=1e-6),
        )

    @staticmethod
    def shaded(surfaces: Surfaces, screen: Screen, pairs: Pairs) -> tuple[Tensor, Tensor]:
        """Colours [N, 3] and depths [N] of the visible pairs, some at a time to bound the memory."""
        colors, depths = [], []
        for begin in range(0, max(pairs.pixel.shape[0], 1), SHADED_AT_ONCE):
            seen = fragments(screen, pairs.select(slice(begin, begin + SHADED_AT_ONCE)))
            colors.append(shade(surfaces, seen))
            depths.append(seen.depth)
        return torch.cat(colors), torch.cat(depths)
