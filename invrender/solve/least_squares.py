"""Gauss-Newton steps in a trust region, for few unknowns (Levenberg, 1944; Marquardt, 1963; Moré, 1978)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from invrender.errors import UserError
from invrender.pyramid import Stage
from invrender.solve.base import MOST_NUMBERS, Asking, Evaluation, Linearized, Objective, Question, Raw, answered

MOST_TRIALS = 8
MOST_ROUNDS = 6
# Of a step that is cut off by ranges, what is tried.
SHARES = (1.0, 0.5, 0.25, 0.125)
# A change so small that a number that it takes out of its range lies at the end of it.
NUDGE = 1e-4
# What is left of the loss where solving for the light once more pays no longer, as a share.
EXACT = 1e-4


@dataclass(frozen=True)
class LevenbergMarquardt:
    """Steps that solve for all unknowns at once, as far as the pictures are linear in them.

    The unknowns in which pictures are linear (light, albedo) are solved for exactly at every trial of the others
    (variable projection: Golub and Pereyra, 1973). The others move in a trust region, each measured by its own learning
    rate.

    stages: the coarse-to-fine schedule.
    damping: at the start of a stage, as a share of the curvature.
    radius: how far one step may go, in learning rates of each unknown.
    accuracy: a stage ends with a step shorter than so many learning rates.
    """

    stages: Sequence[Stage]
    damping: float = 1e-3
    radius: float = 20.0
    accuracy: float = 1e-4

    def __post_init__(self) -> None:
        if not self.stages:
            raise UserError("optimizer.stages is empty, expected at least one stage")
        for name in ("damping", "radius", "accuracy"):
            if not 0 < getattr(self, name) < math.inf:
                raise UserError(f"optimizer.{name} is {getattr(self, name)}, expected a number above 0")

    def begin(self, stage: Stage, raw: Mapping[str, Tensor], rates: Mapping[str, float]) -> DampedDescent:
        """Start a stage. Raises `UserError` for unknowns of too many numbers."""
        for name, value in raw.items():
            if value.numel() > MOST_NUMBERS:
                raise UserError(
                    f"optimizer: least squares take unknowns of at most {MOST_NUMBERS} numbers, and recover.{name} has "
                    f"{value.numel():,}; set optimizer=adam"
                )
        factors = stage.lr if isinstance(stage.lr, Mapping) else dict.fromkeys(raw, stage.lr)
        scaled = {name: rates[name] * factors.get(name, 1.0) for name in raw}
        return DampedDescent(scaled, self.damping, self.radius, self.accuracy)


@dataclass
class DampedDescent:
    """Levenberg and Marquardt at work on one stage.

    growth: by how much the damping grows after the next failure (Nielsen, 1999). scale: the largest curvature of each
    number so far (Moré, 1978). settled: the raw tensors whose linear unknowns are solved for already.
    """

    rates: Mapping[str, float]
    damping: float
    radius: float
    accuracy: float
    growth: float = 2.0
    scale: Tensor | None = field(default=None, repr=False)
    settled: Raw | None = field(default=None, repr=False)
    finished: bool = False

    def step(self, objective: Objective, raw: Raw) -> tuple[Evaluation, Raw]:
        """One step that lowers the loss; ``finished`` if there is none, or it is too short to go on after it."""
        with torch.no_grad():
            evaluation = objective(raw)
        return evaluation, answered([self.way_down(objective, raw)], objective)[0]

    def way_down(self, objective: Objective, raw: Raw) -> Asking:
        """The questions of one step, which ends at the next raw tensors."""
        linear = objective.linear(raw)
        start = (yield from settle(objective, raw)) if linear and not self.is_settled(raw) else raw
        if len(linear) == len(raw):
            self.finished = True
            return start
        self.settled = yield from self.lower(objective, start)
        return self.settled

    def is_settled(self, raw: Raw) -> bool:
        """Whether these are the raw tensors that the last step led to."""
        return self.settled is not None and all(torch.equal(self.settled[name], raw[name]) for name in raw)

    def lower(self, objective: Objective, raw: Raw) -> Asking:
        """Raw tensors with a smaller sum of squares, by ever shorter steps; ``raw`` itself where there are none.

        The residuals' weights are those at ``raw``: some move with what is rendered, which is no gain.
        """
        local = yield Question(raw, tuple(raw))
        rates = local.spread(self.rates)
        linear = objective.linear(raw)
        curved = local.spread({name: float(name not in linear) for name in raw}) > 0
        normal, slope = local.normal_equations()
        normal, slope = rates * normal * rates[:, None], rates * slope
        curvature = normal.diagonal().clamp(min=1e-9 * float(normal.diagonal().max()) + 1e-30)
        self.scale = curvature if self.scale is None else self.scale.maximum(curvature)
        for _ in range(MOST_TRIALS):
            damping = torch.where(curved, self.damping * self.scale, 1e-9 * curvature)
            change = -torch.linalg.solve(normal + torch.diag(damping), slope)
            length = float(change[curved].abs().max())
            change = change * min(1.0, self.radius / max(length, 1e-30))
            length = min(length, self.radius)
            trial, _ = objective.moved(raw, local.split(rates * change))
            if linear:
                trial = yield from settle(objective, trial)
            gained = local.squares(local.residuals) - local.squares((yield Question(trial)).residuals)
            predicted = -float(change @ (2 * slope + normal @ change))
            self.finished = length < self.accuracy
            if gained > 0:
                gain = gained / max(predicted, 1e-30)
                self.damping = max(1e-9, self.damping * max(1 / 3, 1 - (2 * min(gain, 1.0) - 1) ** 3))
                self.growth = 2.0
                return trial
            if self.finished:
                return raw
            self.damping *= self.growth
            self.growth *= 2
        self.finished = True
        return raw


def settle(objective: Objective, raw: Raw) -> Asking:
    """Raw tensors whose linear unknowns are the best ones for the others.

    Numbers that their range keeps from going downhill stay at its end, and the others are solved for; a step that would
    leave the ranges is cut off there, and shortened until the loss falls (projected Newton: Bertsekas, 1982).
    """
    for _ in range(MOST_ROUNDS):
        local = yield Question(raw, tuple(objective.linear(raw)))
        normal, slope = local.normal_equations()
        blocked = held_back(objective, raw, local, slope)
        change, predicted = best_change(normal, slope, ~blocked)
        before = local.squares(local.residuals)
        for share in SHARES:
            trial, stopped = objective.moved(raw, local.split(share * change))
            there = yield Question(trial)
            left = local.squares(there.residuals)
            if left <= before:
                break
        else:
            break
        cut = bool(torch.cat([stopped[name].reshape(-1) for name in local.shapes]).any())
        released = bool((blocked & ~held_back(objective, raw, local, slope + normal @ change)).any())
        as_predicted = abs(before - left - predicted) <= EXACT * left and torch.equal(there.weights, local.weights)
        raw = trial
        if predicted <= EXACT * left or (as_predicted and not cut and not released):
            break
    return raw


def held_back(objective: Objective, raw: Raw, local: Linearized, slope: Tensor) -> Tensor:
    """Which numbers [K] lie at an end of their range that keeps them from going down the ``slope`` [K]."""
    _, stopped = objective.moved(raw, local.split(-NUDGE * slope.sign()))
    return torch.cat([stopped[name].reshape(-1) for name in local.shapes])


def best_change(normal: Tensor, slope: Tensor, free: Tensor) -> tuple[Tensor, float]:
    """The change [K] that minimises the sum of squares while only the ``free`` [K] numbers move, and what it gains.

    normal [K, K], slope [K]: the normal equations.
    """
    scale = normal.diagonal().sqrt().clamp(min=1e-30)
    free = free & (normal.diagonal() > 0)
    inner = (normal / scale / scale[:, None])[free][:, free]
    change = torch.zeros_like(slope)
    if bool(free.any()):
        change[free] = (
            -torch.linalg.lstsq(inner, (slope / scale)[free, None], driver="gelsd").solution[:, 0] / scale[free]
        )
    gain = -float(change @ (2 * slope + normal @ change))
    return change, gain if math.isfinite(gain) else 0.0
