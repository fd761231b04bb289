"""Passes over a picture as differentiable functions: reverse mode, forward mode and `torch.func`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from invrender.render.raster.screen import Screen
from invrender.render.shading.surfaces import Surfaces

SURFACE_TENSORS = ("vertices", "normals", "uv", "colors", "texels", "materials", "ambient", "lights", "eyes")


class Pass(Protocol):
    """One picture's pass over its faces: made anew for each, and free to keep what its derivatives need.

    constants: which of the results are not differentiable.
    """

    constants: tuple[int, ...]

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        """The results, from plain tensors in the order of `differentiable`."""
        ...

    def backward(self, cotangents: Sequence[Tensor | None], wanted: Sequence[bool]) -> Sequence[Tensor | None]:
        """The tensors' gradients where wanted."""
        ...

    def tangents(self, moving: Sequence[Tensor | None], directions: int) -> tuple[Tensor | None, ...]:
        """How each result changes in K directions, K first, from the tensors' changes, K first; None for constants."""
        ...


def tensors_of(screen: Screen, surfaces: Surfaces | None) -> list[Tensor]:
    """The differentiable tensors of a picture, those of `Screen` first; empty ones without surfaces."""
    empty = screen.vertices.new_zeros(0, 3)
    if surfaces is None:
        return [screen.points, screen.vertices, *([empty] * 7), empty[None], empty]
    found = (getattr(surfaces, name) for name in SURFACE_TENSORS)
    return [screen.points, screen.vertices, *(empty if each is None else each for each in found)]


def differentiable(work: Pass, screen: Screen, surfaces: Surfaces | None, *others: Tensor) -> tuple[Tensor, ...]:
    """The results of a pass, differentiable in the screen, the surfaces and other tensors."""
    found: tuple[Tensor, ...] = Differentiable.apply(work, *tensors_of(screen, surfaces), *others)
    return found


class Differentiable(torch.autograd.Function):
    """The results of a `Pass`."""

    @staticmethod
    def forward(work: Pass, *tensors: Tensor) -> tuple[Tensor, ...]:
        """The pass itself."""
        return work.forward(*tensors)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
        """Keep the pass."""
        ctx.work = inputs[0]
        ctx.mark_non_differentiable(*(output[each] for each in ctx.work.constants))
        ctx.set_materialize_grads(False)

    @staticmethod
    def backward(ctx: Any, *cotangents: Tensor | None) -> tuple[Tensor | None, ...]:
        """The gradients of the tensors that want one."""
        return (None, *ctx.work.backward(cotangents, ctx.needs_input_grad[1:]))

    @staticmethod
    def jvp(ctx: Any, _: None, *moving: Tensor | None) -> tuple[Tensor | None, ...]:
        """How the results change along one direction."""
        changes: tuple[Tensor | None, ...] = Change.apply(ctx.work, *moving)
        return changes

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], *inputs: Any) -> Any:
        """Which faces touch which pixels differs from scene to scene, so scenes can't be stacked by vmap."""
        raise NotImplementedError("a renderer can't be mapped over stacked scenes: give it many shots")


class Change(torch.autograd.Function):
    """How the results of a `Pass` change; under `torch.func.vmap` in many directions in one go."""

    @staticmethod
    def forward(work: Pass, *moving: Tensor | None) -> tuple[Tensor | None, ...]:
        """The changes in one direction."""
        found = work.tangents([None if each is None else each[None] for each in moving], 1)
        return tuple(None if each is None else each[0] for each in found)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor | None, ...]) -> None:
        """Nothing is kept."""

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], work: Pass, *moving: Tensor | None) -> Any:
        """The changes in all directions."""
        many = info.batch_size
        stacked = [
            each if each is None else each.expand(many, *each.shape) if along is None else each.movedim(along, 0)
            for each, along in zip(moving, in_dims[1:], strict=True)
        ]
        found = work.tangents(stacked, many)
        return found, tuple(None if each is None else 0 for each in found)
