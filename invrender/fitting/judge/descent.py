"""A few steps of descent from an answer, which tell whether its loss was still falling."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from invrender.fitting.objective import Objective
from invrender.fitting.solve.base import Raw

STEPS = 4
# Where a step of the best length does not lower the loss, shares of it that are tried.
SHORTER = (1.0, 0.25, 0.06)
# A loss was still falling where the steps gain more than this share of it, and move an unknown by more than so many
# learning rates, the root of the mean square over the numbers that move.
GAINED, MOVED = 0.05, 0.5


@dataclass(frozen=True)
class Descent:
    """What a few steps gain, as a share of the loss, and by unknown how far they go, in learning rates."""

    gained: float
    moved: Mapping[str, float]

    def falls(self, name: str) -> bool:
        """Whether the loss was still falling in an unknown."""
        return self.gained > GAINED and self.moved[name] > MOVED


@dataclass(frozen=True)
class Point:
    """Raw tensors, their loss, and the loss's gradient by learning rates."""

    raw: Raw
    loss: float
    gradient: Raw


def descend(objective: Objective, raw: Raw) -> Descent:
    """What a few steps of conjugate gradients gain from ``raw``, in its unknowns alone.

    By any loss, and for any number of numbers: Polak and Ribière's rule, with a restart where it turns negative, and
    the length of each step from a parabola through one more loss on the way.
    """
    start = point = differentiate(objective, raw)
    direction = scale(point.gradient, -1.0)
    for _ in range(STEPS):
        following = search_line(objective, point, direction)
        if following is None:
            break
        turned = dot(following.gradient, following.gradient) - dot(following.gradient, point.gradient)
        kept = max(0.0, turned / max(dot(point.gradient, point.gradient), 1e-300))
        direction = add(scale(following.gradient, -1.0), direction, kept)
        point = following
    gained = (start.loss - point.loss) / max(abs(start.loss), 1e-300)
    moved = {name: length(point.raw[name] - raw[name]) / objective.rates[name] for name in raw}
    return Descent(gained, moved)


def search_line(objective: Objective, point: Point, direction: Raw) -> Point | None:
    """The lowest point along a direction, as a parabola has it; None where none lower is found."""
    slope = dot(point.gradient, direction)
    if not slope < 0:
        return None
    # One learning rate of the number that moves furthest.
    unit = 1 / max(float(each.abs().max()) for each in direction.values())
    with torch.no_grad():
        there = float(objective(move(objective, point.raw, direction, unit)).loss)
    curvature = 2 * (there - point.loss - slope * unit) / unit**2
    best = min(-slope / curvature, 20 * unit) if curvature > 0 else unit
    for share in SHORTER:
        found = differentiate(objective, move(objective, point.raw, direction, share * best))
        if found.loss < point.loss:
            return found
    return None


def differentiate(objective: Objective, raw: Raw) -> Point:
    """The point of these raw tensors."""
    leaves = {name: value.detach().requires_grad_() for name, value in raw.items()}
    loss = objective(leaves).loss
    gradients = torch.autograd.grad(loss, list(leaves.values()), materialize_grads=True)
    by_rates = {name: objective.rates[name] * each for name, each in zip(leaves, gradients, strict=True)}
    return Point(raw, float(loss.detach()), by_rates)


def move(objective: Objective, raw: Raw, direction: Raw, by: float) -> Raw:
    """The raw tensors after a step, kept in their ranges."""
    moved = {name: value + by * objective.rates[name] * direction[name] for name, value in raw.items()}
    return {name: objective.parameters[name].project(objective.scene, value) for name, value in moved.items()}


def dot(first: Raw, second: Raw) -> float:
    """The inner product, in float64."""
    return sum(float((first[name].double() * second[name].double()).sum()) for name in first)


def scale(raw: Raw, factor: float) -> Raw:
    """A multiple."""
    return {name: factor * value for name, value in raw.items()}


def add(first: Raw, second: Raw, factor: float) -> Raw:
    """One and a multiple of another."""
    return {name: value + factor * second[name] for name, value in first.items()}


def length(change: Tensor) -> float:
    """The root of the mean square of the numbers that change at all: those that no picture shows don't."""
    moved = change[change != 0]
    return float(moved.square().mean().sqrt()) if moved.numel() else 0.0
