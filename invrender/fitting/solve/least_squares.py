"""Gauss-Newton steps in a trust region, for few unknowns (Levenberg, 1944; Marquardt, 1963; Moré, 1978)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypedDict

import torch
from torch import Tensor

from invrender.errors import UserError
from invrender.fitting.schedule import Stage
from invrender.fitting.solve.base import (
    MOST_NUMBERS,
    Evaluation,
    LinearizationRequest,
    Linearized,
    Objective,
    Raw,
    Routine,
    check_settings,
    run_batched,
)
from invrender.fitting.solve.sparsity import solve_by_parts

MOST_TRIALS = 8
MOST_ROUNDS = 6
# Of a step that is cut off by ranges, what is tried.
SHARES = (1.0, 0.5, 0.25, 0.125)
# A change so small that a number that it takes out of its range lies at the end of it.
NUDGE = 1e-4
# What is left of the loss where solving for the light once more pays no longer, as a share.
EXACT = 1e-4


class Damping(TypedDict):
    """damping: as a share of the curvature. growth: by how much it grows after the next failure (Nielsen, 1999).

    scale: the largest curvature of each number so far, [K] (Moré, 1978). settled: the raw tensors whose linear unknowns
    are solved for already. finished: whether the last step was too short to go on after it.
    """

    damping: float
    growth: float
    scale: Tensor | None
    settled: Raw | None
    finished: bool


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
        check_settings(self, ("damping", "radius", "accuracy"))

    def init(self, objective: Objective, raw: Raw) -> Damping:
        """The damping at the start of a stage.

        Raises `UserError` for unknowns of too many numbers, and where pictures have no Jacobian.
        """
        if not objective.has_jacobian:
            raise UserError(
                "optimizer: least squares need derivatives of pictures, and this renderer's gradient depends on the "
                "loss; set optimizer=adam, or choose another renderer"
            )
        for name, value in raw.items():
            if value.numel() > MOST_NUMBERS:
                raise UserError(
                    f"optimizer: least squares take unknowns of at most {MOST_NUMBERS} numbers, and recover.{name} has "
                    f"{value.numel():,}; set optimizer=adam"
                )
        return {"damping": self.damping, "growth": 2.0, "scale": None, "settled": None, "finished": False}

    def step(self, objective: Objective, raw: Raw, state: Damping) -> tuple[Evaluation, Raw, Damping]:
        """One step that lowers the loss; `done` if there is none, or it is too short to go on after it."""
        with torch.no_grad():
            evaluation = objective(raw)
        [(following, state)] = run_batched([self.descend(objective, raw, state)], objective)
        return evaluation, following, state

    def done(self, state: Damping) -> bool:
        """Whether the last step was too short."""
        return state["finished"]

    def descend(self, objective: Objective, raw: Raw, state: Damping) -> Routine[tuple[Raw, Damping]]:
        """The requests of one step, which ends at the next raw tensors and state."""
        linear = objective.linear(raw)
        start = (yield from settle(objective, raw)) if linear and not is_settled(raw, state) else raw
        if len(linear) == len(raw):
            return start, {**state, "finished": True}
        following, state = yield from self.lower(objective, start, state)
        return following, {**state, "settled": following}

    def lower(self, objective: Objective, raw: Raw, state: Damping) -> Routine[tuple[Raw, Damping]]:
        """Raw tensors with a smaller sum of squares, by ever shorter steps; ``raw`` itself where there are none.

        The residuals' weights are those at ``raw``: some move with what is rendered, which is no gain.
        """
        local = yield LinearizationRequest(raw, tuple(raw))
        rates = local.spread({name: objective.rates[name] * objective.stage.factor(name) for name in raw})
        linear = objective.linear(raw)
        curved = local.spread({name: float(name not in linear) for name in raw}) > 0
        normal, slope = local.normal_equations()
        normal, slope = rates * normal * rates[:, None], rates * slope
        curvature = normal.diagonal().clamp(min=1e-9 * float(normal.diagonal().max()) + 1e-30)
        scale = curvature if state["scale"] is None else state["scale"].maximum(curvature)
        state = {**state, "scale": scale}
        for _ in range(MOST_TRIALS):
            damping = torch.where(curved, state["damping"] * scale, 1e-9 * curvature)
            step = -solve_by_parts(normal + torch.diag(damping), slope, local.own)
            change, length = self.within_reach(step, curved)
            trial, _ = objective.retract(raw, local.split(rates * change))
            if linear:
                trial = yield from settle(objective, trial)
            gained = local.squares(local.residuals) - local.squares((yield LinearizationRequest(trial)).residuals)
            state = {**state, "finished": length < self.accuracy}
            if gained > 0:
                predicted = -float(change @ (2 * slope + normal @ change))
                return trial, relax(state, gained / max(predicted, 1e-30))
            if state["finished"]:
                return raw, state
            state = {**state, "damping": state["damping"] * state["growth"], "growth": 2 * state["growth"]}
        return raw, {**state, "finished": True}

    def within_reach(self, change: Tensor, curved: Tensor) -> tuple[Tensor, float]:
        """A change [K] in learning rates, shortened to the radius; and the largest of its ``curved`` [K] numbers."""
        length = float(change[curved].abs().max())
        return change * min(1.0, self.radius / max(length, 1e-30)), min(length, self.radius)


def is_settled(raw: Raw, state: Damping) -> bool:
    """Whether these are the raw tensors that the last step led to, whose linear unknowns are solved for."""
    settled = state["settled"]
    return settled is not None and all(torch.equal(settled[name], raw[name]) for name in raw)


def relax(state: Damping, gain: float) -> Damping:
    """The damping after a step that gained this share of what was promised (Nielsen, 1999)."""
    factor = max(1 / 3, 1 - (2 * min(gain, 1.0) - 1) ** 3)
    return {**state, "damping": max(1e-9, state["damping"] * factor), "growth": 2.0}


def settle(objective: Objective, raw: Raw) -> Routine[Raw]:
    """Raw tensors whose linear unknowns are the best ones for the others.

    Numbers that their range keeps from going downhill stay at its end, and the others are solved for; a step that would
    leave the ranges is cut off there, and shortened until the loss falls (projected Newton: Bertsekas, 1982).
    """
    for _ in range(MOST_ROUNDS):
        local = yield LinearizationRequest(raw, tuple(objective.linear(raw)))
        normal, slope = local.normal_equations()
        blocked = blocked_by_ranges(objective, raw, local, slope)
        change, predicted = solve_free(normal, slope, ~blocked)
        before = local.squares(local.residuals)
        for share in SHARES:
            trial, stopped = objective.retract(raw, local.split(share * change))
            there = yield LinearizationRequest(trial)
            left = local.squares(there.residuals)
            if left <= before:
                break
        else:
            break
        cut = bool(torch.cat([stopped[name].reshape(-1) for name in local.shapes]).any())
        released = bool((blocked & ~blocked_by_ranges(objective, raw, local, slope + normal @ change)).any())
        as_predicted = abs(before - left - predicted) <= EXACT * left and torch.equal(there.weights, local.weights)
        raw = trial
        if predicted <= EXACT * left or (as_predicted and not cut and not released):
            break
    return raw


def blocked_by_ranges(objective: Objective, raw: Raw, local: Linearized, slope: Tensor) -> Tensor:
    """Which numbers [K] lie at an end of their range that keeps them from going down the ``slope`` [K]."""
    _, stopped = objective.retract(raw, local.split(-NUDGE * slope.sign()))
    return torch.cat([stopped[name].reshape(-1) for name in local.shapes]).cpu()


def solve_free(normal: Tensor, slope: Tensor, free: Tensor) -> tuple[Tensor, float]:
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
