"""The kernels as differentiable functions: reverse mode, forward mode and `torch.func`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from invrender.render.blend import Layers, Softness
from invrender.render.kernels import soft
from invrender.render.kernels.frame import Bins, Frame, Shading, binned
from invrender.render.screen import Screen
from invrender.render.surfaces import Surfaces

SURFACE_TENSORS = ("vertices", "normals", "uv", "colors", "texels", "materials", "ambient", "lights", "eyes")


@dataclass
class Task:
    """One picture's discrete side, and what its passes hand on to each other."""

    screen: Screen
    surfaces: Surfaces | None
    numbers: soft.Soft
    frame: Frame = field(init=False)
    shading: Shading = field(init=False)
    bins: Bins = field(init=False)
    sums: soft.Sums = field(init=False)


def soft_layers(screen: Screen, surfaces: Surfaces | None, softness: Softness, depth: bool = True) -> Layers:
    """The fast twin of `blend.soft_layers`."""
    asked = soft.SHADED if surfaces is not None else soft.DEPTH if depth else soft.ALPHA
    task = Task(screen, surfaces, soft.Soft(softness.sigma, softness.depth, softness.reach, asked))
    alpha, color, depth_, weight, nearest = SoftPicture.apply(task, *tensors_of(screen, surfaces))  # type: ignore[no-untyped-call]
    return Layers(alpha, color if surfaces is not None else None, depth_, weight, nearest)


def tensors_of(screen: Screen, surfaces: Surfaces | None) -> list[Tensor]:
    """The differentiable tensors of a picture, in the order of the kernels."""
    empty = screen.vertices.new_zeros(0, 3)
    if surfaces is None:
        # Arrays of the right number of dimensions, so that the same machine code serves.
        return [screen.points, screen.vertices, *([empty] * 7), empty[None], empty]
    return [
        screen.points,
        screen.vertices,
        *(empty if (tensor := getattr(surfaces, name)) is None else tensor for name in SURFACE_TENSORS),
    ]


class SoftPicture(torch.autograd.Function):
    """alpha, color, depth, weight and nearest of a `Task`, from the tensors of `tensors_of`."""

    @staticmethod
    def forward(task: Task, *tensors: Tensor) -> tuple[Tensor, ...]:
        """The sums over faces."""
        task.frame = Frame.of(task.screen, tensors[1], tensors[0])
        task.shading = Shading.of(task.surfaces, *tensors[2:])
        numbers = task.numbers
        task.bins = binned(task.frame, numbers.reach**0.5 / task.screen.unit)
        task.sums = sums = soft.forward(task.frame, task.shading, numbers, task.bins, task.screen.pictures)
        dtype = tensors[0].dtype
        plain = [torch.from_numpy(each).to(dtype) for each in (1 - sums.transparency, sums.color, sums.depth)]
        return (*plain, torch.from_numpy(sums.weight).to(dtype), torch.from_numpy(sums.nearest).to(dtype))

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
        dtype = task.frame.vertices.dtype
        given = [
            np.zeros((0, 3) if number == 1 else 0, dtype) if each is None else each.contiguous().numpy()
            for number, each in enumerate(cotangents[:4])
        ]
        wanted = np.array(ctx.needs_input_grad[1:])
        found = soft.backward(
            task.frame, task.shading, task.numbers, task.bins.box, task.sums, soft.Cotangents(*given), wanted
        )
        return (None, *(None if each is None else torch.from_numpy(each) for each in found))
