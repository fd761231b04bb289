"""How many pictures a fit renders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.autograd import forward_ad

from invrender.render.base import ALL, OWN, Capabilities, Quality, Renderer, Shot
from invrender.scene import Channels, Picture, map_tensors


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

    @property
    def supports(self) -> Capabilities:
        """What the renderer can do."""
        return self.inner.supports

    def render(self, shots: Sequence[Shot], channels: Channels = ALL, quality: Quality = OWN) -> list[Picture]:
        """The pictures; each counts as one."""
        self.tally.pictures += len(shots)
        self.tally.differentiated += sum(is_differentiated(shot) for shot in shots)
        return self.inner.render(shots, channels, quality)


def is_differentiated(shot: Shot) -> bool:
    """Whether what is rendered of a shot has a gradient, backward or forward."""
    found = []

    def look(tensor: Tensor) -> Tensor:
        backward = tensor.requires_grad and torch.is_grad_enabled()
        found.append(backward or forward_ad.unpack_dual(tensor).tangent is not None)
        return tensor

    map_tensors(shot, look)
    return any(found)
