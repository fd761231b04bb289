"""The kernels as differentiable functions: reverse mode, forward mode and `torch.func`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from invrender.render.blend import Layers, Softness
from invrender.render.kernels.cuda import soft
from invrender.render.kernels.cuda.tables import Bins, Frame, Indices, Inputs, Surface, Which, binned
from invrender.render.screen import Screen
from invrender.render.surfaces import Surfaces

INDICES = len(Indices._fields)
COPIES = 64  # of the gradients that many faces share, so that these don't wait for each other


@dataclass
class Task:
    """What stays the same in a picture's passes, and what they hand on to each other as plain tensors."""

    look: soft.Look
    numbers: tuple[float, ...]
    size: tuple[int, int, int]
    unit: float
    frame: Frame = field(init=False)
    surface: Surface = field(init=False)
    bins: Bins = field(init=False)
    sums: soft.Sums = field(init=False)

    @property
    def inputs(self) -> Inputs:
        """The differentiable tensors, as plain ones."""
        return Inputs(*self.frame[:2], *self.surface[:9])


def soft_layers(screen: Screen, surfaces: Surfaces | None, softness: Softness, depth: bool = True) -> Layers:
    """The twin of `blend.soft_layers` on CUDA; without ``depth`` and ``surfaces``, alpha alone."""
    asked = soft.SHADED if surfaces is not None else soft.DEPTH if depth else soft.ALPHA
    look = soft.Look(
        asked,
        screen.outline.shape[1],
        surfaces is not None and surfaces.shiny,
        surfaces is not None and surfaces.parallel,
        surfaces is not None and surfaces.colors is not None,
        surfaces is not None and surfaces.texels.shape[0] > 0,
    )
    area = screen.unit**2
    numbers = (softness.sigma / area, softness.depth, softness.reach / area, screen.near)
    task = Task(look, numbers, (screen.pictures, screen.height, screen.width), screen.unit)
    indices, inputs = Indices.of(screen, surfaces), Inputs.of(screen, surfaces)
    alpha, color, depths, weight, nearest = SoftPicture.apply(task, *indices, *inputs)  # type: ignore[no-untyped-call]
    return Layers(alpha, color if surfaces is not None else None, depths, weight, nearest)


class SoftPicture(torch.autograd.Function):
    """alpha, color, depth, weight and nearest of a `Task`, from `Indices` and `Inputs`."""

    @staticmethod
    def forward(task: Task, *tensors: Tensor) -> tuple[Tensor, ...]:
        """The sums over faces."""
        plain = [tensor.detach().contiguous() for tensor in tensors]
        indices, inputs = Indices(*plain[:INDICES]), Inputs(*plain[INDICES:])
        numbers = torch.tensor(task.numbers, dtype=inputs.vertices.dtype, device=inputs.vertices.device)
        task.frame = Frame(inputs.outline, inputs.vertices, indices.winding, numbers, *task.size[1:])
        task.surface = Surface.of(inputs, indices)
        task.bins = binned(inputs, indices.picture, task.size, task.unit, task.numbers[soft.REACH.value] ** 0.5)
        task.sums = soft.forward(task.frame, task.surface, task.bins, task.size, task.look)
        return tuple(each.detach() for each in task.sums[:5])  # the task holds no tensor that holds the task

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
        """Keep the task."""
        ctx.task = inputs[0]
        ctx.mark_non_differentiable(output[4])
        ctx.set_materialize_grads(False)

    @staticmethod
    def backward(ctx: Any, *cotangents: Tensor | None) -> tuple[Tensor | None, ...]:
        """The gradients of the tensors that want one."""
        task: Task = ctx.task
        wanted = Which(*ctx.needs_input_grad[1 + INDICES :])
        gradient = Inputs(*(empty_unless(each, like) for each, like in zip(wanted, task.inputs, strict=True)))
        # The last four are shared by many faces.
        gradient = Inputs(*gradient[:7], *(each.new_zeros(COPIES, *each.shape) for each in gradient[7:]))
        given = soft.Given(*(each is not None for each in cotangents[:4]))
        none = task.sums.alpha.new_zeros(0)
        held = [none if each is None else each.contiguous() for each in cotangents[:4]]
        soft.backward(
            task.frame, task.surface, task.bins, task.sums, soft.Changes(*held), gradient, COPIES,
            task.look, given, wanted,
        )  # fmt: skip
        found = [*gradient[:7], *(each.sum(dim=0) for each in gradient[7:])]
        return (
            *([None] * (1 + INDICES)),
            *(each if asked else None for each, asked in zip(found, wanted, strict=True)),
        )

    @staticmethod
    def jvp(ctx: Any, *tangents: Tensor | None) -> tuple[Tensor | None, ...]:
        """The tangents of what is differentiable."""
        changes: tuple[Tensor, ...] = SoftTangents.apply(ctx.task, *tangents[1 + INDICES :])  # type: ignore[no-untyped-call]
        return (*changes, None)

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], *inputs: Any) -> Any:
        """Which faces touch which pixels differs from scene to scene, so scenes can't be stacked by vmap."""
        raise NotImplementedError("a renderer can't be mapped over stacked scenes: use render_batch")


class SoftTangents(torch.autograd.Function):
    """The tangents of a picture that a `Task` has made, from those of `Inputs`; one direction, or with vmap several."""

    @staticmethod
    def forward(task: Task, *tangents: Tensor | None) -> tuple[Tensor, ...]:
        """One direction."""
        return tangents_of(task, tangents)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
        """Nothing goes back."""

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], task: Task, *tangents: Tensor | None) -> Any:
        """Several directions."""
        chosen = [
            [
                each if each is None or dim is None else each.select(dim, direction)
                for each, dim in zip(tangents, in_dims[1:], strict=True)
            ]
            for direction in range(info.batch_size)
        ]
        found = [tangents_of(task, each) for each in chosen]
        return tuple(torch.stack(each) for each in zip(*found, strict=True)), (0,) * 4


def empty_unless(wanted: bool, like: Tensor) -> Tensor:
    """Zeros of a tensor's shape, or nothing."""
    return torch.zeros_like(like) if wanted else like.new_zeros(0)


def tangents_of(task: Task, tangents: Sequence[Tensor | None]) -> tuple[Tensor, ...]:
    """The tangents of alpha, color, depth and weight in one direction."""
    none = task.frame.vertices.new_zeros(0)
    given = Which(*(each is not None for each in tangents))
    held = Inputs(*(none if each is None else each.detach().contiguous() for each in tangents))
    return soft.tangents(task.frame, task.surface, task.bins, task.sums, held, task.look, given)
