"""How many pictures a fit renders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor
from torch.autograd import forward_ad

from invrender.render.base import ALL, Channels, Rendered, Renderer
from invrender.scene import Scene, map_tensors


@dataclass
class Tally:
    """pictures: of all that were rendered. differentiated: those of them that derivatives were asked of."""

    pictures: int = 0
    differentiated: int = 0


@dataclass(frozen=True)
class Counting:
    """A renderer as it is, whose pictures are counted in ``tally``."""

    inner: Renderer
    tally: Tally

    def render(self, scene: Scene, channels: Channels = ALL) -> Rendered:
        """The picture; counts as one."""
        self.count(scene)
        return self.inner.render(scene, channels)

    def render_batch(self, scenes: Sequence[Scene], channels: Channels = ALL) -> tuple[Rendered, ...]:
        """The pictures; each counts as one."""
        for scene in scenes:
            self.count(scene)
        return self.inner.render_batch(scenes, channels)

    def sampled(self, samples: int) -> Self:
        """The renderer with other samples; its pictures count with the others."""
        return replace(self, inner=self.inner.sampled(samples))

    def softened(self, sigma: float) -> Self:
        """The softened renderer; its pictures count with the others."""
        return replace(self, inner=self.inner.softened(sigma))

    def count(self, scene: Scene) -> None:
        """Count a picture."""
        self.tally.pictures += 1
        self.tally.differentiated += is_differentiated(scene)


def is_differentiated(scene: Scene) -> bool:
    """Whether what is rendered of the scene has a gradient, backward or forward."""
    found = []

    def look(tensor: Tensor) -> Tensor:
        backward = tensor.requires_grad and torch.is_grad_enabled()
        found.append(backward or forward_ad.unpack_dual(tensor).tangent is not None)
        return tensor

    map_tensors(scene, look)
    return any(found)
