"""The choice of a solver by the problem."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import torch

from invrender.fitting.problem import Problem
from invrender.fitting.sampler import Sampler
from invrender.fitting.schedule import Stage
from invrender.fitting.solve.base import MOST_NUMBERS, Solver, few_numbers
from invrender.fitting.solve.first_order import Decay, FirstOrder
from invrender.fitting.solve.least_squares import LevenbergMarquardt
from invrender.losses.base import is_sum_of_squares
from invrender.parameters.base import Shape


@dataclass(frozen=True)
class Choice:
    """A solver, the name of the option that it is, and why `AutoSolver` took it; None where it was given.

    sampler: of the posterior about the answer, None where it is not asked for.
    """

    solver: Solver[Any]
    name: str
    reason: str | None = None
    sampler: Sampler | None = None


@dataclass(frozen=True)
class AutoSolver:
    """Takes least squares where unknowns and losses allow it, and kinds of Adam elsewhere.

    lm: for unknowns of few numbers each, by losses that are sums of squares.
    adam: for maps, such as textures, for other losses, and for renderers whose pictures have no Jacobian.
    adam_staged: for both kinds of unknowns. In its stages, the first names of unknowns stand for those of few numbers,
        other names for the maps.
    adam_uniform: for shapes, unless settings of Adam's are given.
    stages: in place of those of the one that is chosen; none for its own.
    algorithm, schedule, final_lr: in place of Adam's. Where they differ from ``adam``'s own, Adam is taken.
    """

    lm: LevenbergMarquardt
    adam: FirstOrder
    adam_staged: FirstOrder
    adam_uniform: FirstOrder
    algorithm: Callable[..., torch.optim.Optimizer]
    schedule: Decay = "cosine"
    final_lr: float = 0.05
    stages: Sequence[Stage] = ()

    def __post_init__(self) -> None:
        self.with_settings(self.adam)

    def with_settings(self, solver: FirstOrder) -> FirstOrder:
        """The solver with Adam's settings in place of its own."""
        return replace(solver, algorithm=self.algorithm, schedule=self.schedule, final_lr=self.final_lr)

    @property
    def is_set(self) -> bool:
        """Whether Adam's settings are others than its own."""
        given, own = self.with_settings(self.adam), self.adam
        settings = [(call_of(each.algorithm), each.schedule, each.final_lr) for each in (given, own)]
        return settings[0] != settings[1]

    def choose(self, problem: Problem) -> Choice:
        """The solver for a problem's unknowns and losses."""
        few = list(few_numbers(problem.initial()))
        maps = [name for name in problem.parameters if name not in few]
        shapes = [name for name, each in problem.parameters.items() if isinstance(each, Shape)]
        others = [name for name, loss in problem.losses.items() if not is_sum_of_squares(loss)]
        solver: LevenbergMarquardt | FirstOrder = self.with_settings(self.adam)
        if shapes and not self.is_set:
            name, reason, solver = "adam_uniform", f"{shapes[0]} is a shape", self.adam_uniform
        elif maps and few:
            name, reason = "adam_staged", f"{maps[0]} has more than {MOST_NUMBERS} numbers, {few[0]} has not"
            solver = self.with_settings(replace(self.adam_staged, stages=share_out(self.adam_staged.stages, few, maps)))
        elif maps:
            name, reason = "adam", f"{maps[0]} has more than {MOST_NUMBERS} numbers"
        elif problem.renderer.supports.depends_on_loss:
            name, reason = "adam", "this renderer's gradient depends on the loss"
        elif others:
            name, reason = "adam", f"{others[0]} is no sum of squares"
        elif self.is_set:
            name, reason = "adam", "its settings are given"
        else:
            name, reason, solver = "lm", "few numbers are unknown", self.lm
        return Choice(replace(solver, stages=self.stages or solver.stages), name, f"auto: {reason}")


@dataclass(frozen=True)
class SampledSolver(AutoSolver):
    """Takes a solver as `AutoSolver` does; about its answer, the posterior is sampled."""

    sampler: Sampler = field(default_factory=Sampler)

    def choose(self, problem: Problem) -> Choice:
        """The solver for a problem's unknowns and losses, and the sampler."""
        return replace(super().choose(problem), sampler=self.sampler)


def call_of(algorithm: Callable[..., torch.optim.Optimizer]) -> tuple[object, ...]:
    """What a partial function calls, and with what."""
    return (algorithm.func, algorithm.args, algorithm.keywords) if isinstance(algorithm, partial) else (algorithm,)


def choose_solver(given: Solver[Any] | AutoSolver, name: str, problem: Problem) -> Choice:
    """The solver that is given by the option ``name``, or what it chooses for the problem.

    Raises `UserError` where the problem can't be fitted.
    """
    if not isinstance(given, AutoSolver):
        return Choice(given, name)
    problem.check()
    return given.choose(problem)


def share_out(stages: Sequence[Stage], few: Sequence[str], maps: Sequence[str]) -> list[Stage]:
    """The stages with these unknowns: the few in place of the first names, the maps in place of all others."""
    chosen = [stage.unknowns for stage in stages if stage.unknowns is not None]
    return [
        stage if stage.unknowns is None else replace(stage, unknowns=few if stage.unknowns == chosen[0] else maps)
        for stage in stages
    ]
