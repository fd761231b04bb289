"""What is done to long lists of fragments, of which the CPU's kernels have faster twins."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from invrender.render.shading import microfacets
from invrender.render.shading.interpolation import interpolate
from invrender.render.shading.microfacets import Looks
from invrender.render.shading.shadows import Occluded, occluded
from invrender.render.shading.textures import sample_pyramids


@dataclass(frozen=True)
class Operations:
    """The operations, with the signatures and results of those in plain PyTorch."""

    interpolate: Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]
    sample_pyramids: Callable[[Tensor, Tensor, Tensor, Tensor, Tensor], Tensor]
    reflect: Callable[[Looks, Tensor, Tensor, Tensor], Tensor]
    occluded: Occluded


PLAIN = Operations(interpolate, sample_pyramids, microfacets.reflect, occluded)
"""In plain PyTorch, on every device: the slow twins."""
