"""Which kernels do the work: compiled ones for the device at hand, or the reference."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

import torch
from torch import Tensor

from invrender.errors import UserError
from invrender.render.approximate import pulls, slopes
from invrender.render.backends import triton
from invrender.render.raster import antialias as edges
from invrender.render.raster import blend, visible
from invrender.render.raster.antialias import Crossings, Jumps, Outlines
from invrender.render.raster.blend import Layers, Softness
from invrender.render.raster.fragments import Fragments
from invrender.render.raster.project import Classify
from invrender.render.raster.reference import Pairs, classify, fragments
from invrender.render.raster.screen import Screen
from invrender.render.shading import shadows
from invrender.render.shading.operations import PLAIN, Operations
from invrender.render.shading.surfaces import Surfaces

Backend = Literal["auto", "numba", "triton", "reference"]


@dataclass(frozen=True)
class Implementation:
    """The operations of which every kind of kernels has its own, with the same signatures and results."""

    classify: Classify
    soft_layers: Callable[[Screen, Surfaces | None, Softness, bool, bool], Layers]
    nearest_faces: Callable[[Screen], Tensor]
    hard_layers: Callable[[Screen, Surfaces, Tensor, Tensor], tuple[Tensor, Tensor]]
    jumps: Jumps
    crossings: Callable[[Screen, Outlines], Crossings]
    antialias: Callable[[Screen, Outlines, Crossings, Sequence[Tensor]], tuple[Tensor, ...]]
    fragments: Callable[[Screen, Pairs], Fragments]
    soft_fragments: Callable[[Screen, Softness], tuple[Layers, Fragments]]
    operations: Operations
    slopes: Callable[[Tensor, Tensor, int, int], Tensor]
    pulls: Callable[..., Tensor]
    pixel_pulls: Callable[..., Tensor]


def implementation(backend: Backend, device: torch.device) -> Implementation:
    """The implementation by name; ``auto``: Numba on the CPU, Triton on CUDA where it can be used, else the reference.

    Raises `UserError` where the named kernels can't run on the device.
    """
    if backend == "auto":
        backend = "numba" if device.type == "cpu" else "triton" if triton.available() else "reference"
    elif backend == "numba" and device.type != "cpu":
        raise UserError(f"renderer.backend is numba, which runs on the CPU, and the scene is on {device}: use auto")
    elif backend == "triton" and device.type == "cpu":
        raise UserError("renderer.backend is triton, which runs on CUDA, and the scene is on the CPU: use auto")
    elif backend == "triton" and not triton.available():
        oldest = ".".join(str(part) for part in triton.OLDEST)
        raise UserError(f"renderer.backend is triton, and there is no Triton from {oldest} on: use auto")
    return load(backend)


@cache
def load(backend: Backend) -> Implementation:
    """The implementation of a name, imported when it is first needed."""
    if backend == "numba":
        from invrender.render.backends.numba import approximate, list_passes, passes

        return Implementation(
            passes.classify,
            passes.soft_layers,
            passes.nearest_faces,
            passes.hard_layers,
            passes.jumps,
            passes.crossings,
            passes.antialias,
            list_passes.fragments,
            list_passes.soft_fragments,
            list_passes.OPERATIONS,
            approximate.picture_slopes,
            approximate.edge_pulls,
            approximate.pixel_pulls,
        )
    if backend == "triton":
        from invrender.render.backends.triton import passes as on_cuda

        return Implementation(
            classify,
            on_cuda.soft_layers,
            on_cuda.nearest_faces,
            on_cuda.hard_layers,
            edges.jumps,
            on_cuda.crossings,
            edges.antialias_all,
            fragments,
            blend.soft_fragments,
            replace(PLAIN, occluded=shadows.refuse),
            slopes.picture_slopes,
            pulls.edge_pulls,
            pulls.pixel_pulls,
        )
    return Implementation(
        classify,
        blend.soft_layers,
        visible.nearest_faces,
        visible.hard_layers,
        edges.jumps,
        edges.crossings,
        edges.antialias_all,
        fragments,
        blend.soft_fragments,
        PLAIN,
        slopes.picture_slopes,
        pulls.edge_pulls,
        pulls.pixel_pulls,
    )
