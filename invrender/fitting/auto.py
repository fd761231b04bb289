"""The choice of a solver by the problem."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from invrender.errors import UserError
from invrender.fitting.problem import Problem
from invrender.fitting.schedule import Stage
from invrender.fitting.solve.base import MOST_NUMBERS, Solver
from invrender.fitting.solve.first_order import FirstOrder
from invrender.fitting.solve.least_squares import LevenbergMarquardt
from invrender.losses.base import is_sum_of_squares


@dataclass(frozen=True)
class Choice:
    """A solver, the name of the option that it is, and why `AutoSolver` took it; None where it was given."""

    solver: Solver[Any]
    name: str
    reason: str | None = None


@dataclass(frozen=True)
class AutoSolver:
    """Takes least squares where unknowns and losses allow it, and Adam elsewhere.

    lm: for unknowns of few numbers each, by losses that are sums of squares.
    adam: for maps, such as textures, and for other losses.
    adam_staged: for both kinds of unknowns. In its stages, the first names of unknowns stand for those of few numbers,
        other names for the maps.
    stages: in place of those of the one that is chosen, or None.
    """

    lm: LevenbergMarquardt
    adam: FirstOrder
    adam_staged: FirstOrder
    stages: Sequence[Stage] | None = None

    def __post_init__(self) -> None:
        if self.stages is not None and not self.stages:
            raise UserError("optimizer.stages is empty, expected at least one stage, or null")

    def choose(self, problem: Problem) -> Choice:
        """The solver for a problem's unknowns and losses."""
        few = [name for name, raw in problem.initial().items() if raw.numel() <= MOST_NUMBERS]
        maps = [name for name in problem.parameters if name not in few]
        others = [name for name, loss in problem.losses.items() if not is_sum_of_squares(loss)]
        if maps:
            name, reason = "adam_staged" if few else "adam", f"{maps[0]} has more than {MOST_NUMBERS} numbers"
        elif others:
            name, reason = "adam", f"{others[0]} is no sum of squares"
        else:
            name, reason = "lm", "few numbers are unknown"
        solver: LevenbergMarquardt | FirstOrder = getattr(self, name)
        stages = self.stages or share_out(solver.stages, few, maps)
        return Choice(replace(solver, stages=stages), name, f"auto: {reason}")


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
