"""Decisions: what is computed from tensors but not differentiated."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import torch
from torch import Tensor

T = TypeVar("T")


class Decision(torch.autograd.Function):
    """Calls a function on plain tensors; autograd, forward mode and `torch.func` see its results as constants."""

    @staticmethod
    def forward(function: Callable[..., tuple[Tensor, ...]], *tensors: Tensor) -> tuple[Tensor, ...]:
        """The function's results."""
        return function(*tensors)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
        """Mark all results as constants."""
        ctx.mark_non_differentiable(*output)
        ctx.set_materialize_grads(False)
        ctx.inputs, ctx.outputs = len(inputs), len(output)

    @staticmethod
    def backward(ctx: Any, *cotangents: Tensor | None) -> tuple[None, ...]:
        """Nothing comes back."""
        return (None,) * int(ctx.inputs)

    @staticmethod
    def jvp(ctx: Any, *tangents: Tensor | None) -> tuple[None, ...]:
        """Nothing changes to first order."""
        return (None,) * int(ctx.outputs)

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], *inputs: Any) -> Any:
        """Which faces touch which pixels differs from scene to scene, so scenes can't be stacked by vmap."""
        raise NotImplementedError("a renderer can't be mapped over stacked scenes: give it many shots")


def read(function: Callable[..., T], *tensors: Tensor) -> T:
    """``function(*tensors)``, of any type, as a constant; the function sees plain tensors and returns such."""
    found: list[T] = []

    def call(*plain: Tensor) -> tuple[Tensor]:
        found.append(function(*plain))
        return (plain[0].new_zeros(0),)

    decide(call, *tensors)
    return found[0]


def decide(function: Callable[..., tuple[Tensor, ...]], *tensors: Tensor) -> tuple[Tensor, ...]:
    """``function(*tensors)`` as constants; the function sees plain tensors, whatever transforms are at work."""
    if not torch._C._are_functorch_transforms_active():  # an autograd function takes as long as a small kernel
        with torch.no_grad():
            return function(*(each.detach() for each in tensors))
    found: tuple[Tensor, ...] = Decision.apply(function, *tensors)  # type: ignore[no-untyped-call]
    return found
