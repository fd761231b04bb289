"""The dry run of a fit: its time, its memory, and a check of its gradient."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from invrender.fitting.base import Base
from invrender.fitting.objective import Objective
from invrender.fitting.problem import Problem
from invrender.fitting.schedule import Stage, select
from invrender.fitting.solve.base import Raw, Solver
from invrender.scene import Target

# The step of the finite differences, as a share of an unknown's learning rate. Where one face hides another the loss is
# smooth on the scale of gamma only, so that it must be small; float64 allows it.
DIFFERENCE = 1e-6


@dataclass(frozen=True)
class StagePlan:
    """A stage and what its steps cost. pixels: height and width of the first view's picture there."""

    stage: Stage
    pixels: tuple[int, int]
    seconds_per_step: float

    @property
    def seconds(self) -> float:
        """Of the whole stage, if it does not stop early."""
        return self.stage.steps * self.seconds_per_step


@dataclass(frozen=True)
class GradientCheck:
    """The derivative of the loss along a direction of one unknown: by autograd, and by central differences."""

    analytic: float
    numeric: float

    @property
    def difference(self) -> float:
        """Relative to the larger of the two; 0 where both are 0."""
        largest = max(abs(self.analytic), abs(self.numeric))
        return abs(self.analytic - self.numeric) / largest if largest else 0.0


@dataclass(frozen=True)
class DryRun:
    """What a fit would take.

    numbers: of each unknown, how many. bytes: the most memory in use so far, of the GPU where that does the work.
    approximate: whether the renderer's gradient need not be the derivative of its picture.
    """

    stages: list[StagePlan]
    numbers: dict[str, int]
    gradients: dict[str, GradientCheck]
    bytes: int
    approximate: bool = False

    @property
    def seconds(self) -> float:
        """Of the whole fit."""
        return sum(plan.seconds for plan in self.stages)


def dry_run(problem: Problem, solver: Solver[Any]) -> DryRun:
    """Take two steps of every stage from the start, and compare the gradient of the first with finite differences."""
    raw = problem.initial()
    return DryRun(
        stages=plan_stages(problem, solver),
        numbers={name: tensor.numel() for name, tensor in raw.items()},
        gradients=check_gradients(problem, solver.stages),
        bytes=read_memory(),
        approximate=problem.renderer.supports.approximate,
    )


def plan_stages(problem: Problem, solver: Solver[Any]) -> list[StagePlan]:
    """The plans of all stages, each on the meshes that the fit will have there."""
    base, raw, plans = Base.of(problem, solver.stages, {}), problem.initial(), []
    for number, stage in enumerate(solver.stages):
        if stage.before is not None:
            base, raw = base.change(raw, stage.before)
        objective = replace(base.objectives[number], resting=raw)
        plans.append(plan_stage(objective, solver, select(raw, stage.unknowns)))
    return plans


def plan_stage(objective: Objective, solver: Solver[Any], raw: Raw) -> StagePlan:
    """Time a step; the first of a stage takes longer and does not count."""
    _, following, state = solver.step(objective, raw, solver.init(objective, raw))
    synchronize()
    began = time.perf_counter()
    solver.step(objective, following, state)
    synchronize()
    return StagePlan(objective.stage, objective.sizes[0], time.perf_counter() - began)


def check_gradients(problem: Problem, stages: Sequence[Stage]) -> dict[str, GradientCheck]:
    """By unknown, the derivative at the start along one random direction, in float64, as its first stage measures."""
    scene, target = problem.scene.to(dtype=torch.float64), Target(problem.target.views).to(dtype=torch.float64)
    precise = replace(problem, scene=scene, target=target)
    random = torch.Generator().manual_seed(0)
    raw = precise.initial()
    checks = {}
    for name, parameter in problem.parameters.items():
        objective = precise.at(next(stage for stage in stages if name in select(raw, stage.unknowns)))
        along = parameter.lr * torch.randn(raw[name].shape, generator=random, dtype=torch.float64).to(raw[name])

        def loss_at(share: Tensor, name: str = name, along: Tensor = along, objective: Objective = objective) -> Tensor:
            return objective({**raw, name: raw[name] + share * along}).loss

        zero = torch.zeros((), dtype=torch.float64, device=along.device, requires_grad=True)
        loss = loss_at(zero)
        analytic = float(torch.autograd.grad(loss, zero)[0]) if loss.requires_grad else 0.0
        with torch.no_grad():
            above, below = (float(loss_at(sign * DIFFERENCE * torch.ones_like(zero))) for sign in (1, -1))
        checks[name] = GradientCheck(analytic, (above - below) / (2 * DIFFERENCE))
    return checks


def synchronize() -> None:
    """Wait for the GPU, if there is one at work."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def read_memory() -> int:
    """The most bytes that were in use, on the GPU where it is at work."""
    if torch.cuda.is_available() and (allocated := torch.cuda.max_memory_allocated()):
        return int(allocated)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Linux counts in kilobytes.
    return peak if sys.platform == "darwin" else 1024 * peak
