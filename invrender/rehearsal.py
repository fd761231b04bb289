"""What a fit would do: how long it will take, how much memory it needs, and whether its gradient is right."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from invrender.losses.base import Loss
from invrender.objective import Objective, Problem
from invrender.parameters.base import Parameters
from invrender.pyramid import Stage, chosen
from invrender.render.base import Renderer
from invrender.scene import Scene, Target, map_tensors
from invrender.solve.base import Raw, Solver

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
class Rehearsal:
    """numbers: of each unknown, how many. bytes: the most memory in use so far, of the GPU where that does the work."""

    stages: list[StagePlan]
    numbers: dict[str, int]
    gradients: dict[str, GradientCheck]
    bytes: int

    @property
    def seconds(self) -> float:
        """Of the whole fit."""
        return sum(plan.seconds for plan in self.stages)


def rehearse(
    scene: Scene,
    target: Target,
    parameters: Parameters,
    renderer: Renderer,
    losses: Mapping[str, Loss],
    solver: Solver,
) -> Rehearsal:
    """Take two steps of every stage from the start, and compare the gradient of the first with finite differences."""
    problem = Problem(scene, target, parameters, renderer, losses)
    raw, rates = problem.initial(), problem.rates
    plans = [
        plan_of(stage, problem.at(stage, raw), solver, chosen(raw, stage.unknowns), rates) for stage in solver.stages
    ]
    return Rehearsal(
        stages=plans,
        numbers={name: tensor.numel() for name, tensor in raw.items()},
        gradients=gradient_checks(problem, solver.stages),
        bytes=memory(),
    )


def plan_of(stage: Stage, objective: Objective, solver: Solver, raw: Raw, rates: Mapping[str, float]) -> StagePlan:
    """Time a step; the first of a stage takes longer and does not count."""
    descent = solver.begin(stage, raw, rates)
    _, following = descent.step(objective, raw)
    synchronize()
    began = time.perf_counter()
    descent.step(objective, following)
    synchronize()
    height, width = objective.views[0].rgb.shape[:2]
    return StagePlan(stage, (height, width), time.perf_counter() - began)


def gradient_checks(problem: Problem, stages: Sequence[Stage]) -> dict[str, GradientCheck]:
    """By unknown, the derivative at the start along one random direction, in float64, as its first stage measures."""
    views = tuple(map_tensors(view, doubled) for view in problem.target.views)
    precise = replace(problem, scene=map_tensors(problem.scene, doubled), target=Target(views))
    random = torch.Generator().manual_seed(0)
    raw = precise.initial()
    checks = {}
    for name, parameter in problem.parameters.items():
        objective = precise.at(next(stage for stage in stages if name in chosen(raw, stage.unknowns)))
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


def doubled(tensor: Tensor) -> Tensor:
    """In float64 where it holds numbers with a point."""
    return tensor.double() if tensor.is_floating_point() else tensor


def synchronize() -> None:
    """Wait for the GPU, if there is one at work."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def memory() -> int:
    """The most bytes that were in use, on the GPU where it is at work."""
    if torch.cuda.is_available() and (allocated := torch.cuda.max_memory_allocated()):
        return int(allocated)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Linux counts in kilobytes.
    return peak if sys.platform == "darwin" else 1024 * peak
