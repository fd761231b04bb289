"""A seeker of one of a problem's poses: it refines many candidates at once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from torch import Tensor

from invrender.fitting.objective import Objective
from invrender.fitting.problem import Problem
from invrender.fitting.schedule import Stage, select
from invrender.fitting.solve.base import Raw, Routine, few_numbers, run_batched
from invrender.fitting.solve.least_squares import LevenbergMarquardt
from invrender.losses.base import Loss
from invrender.losses.silhouettes import Moments
from invrender.parameters.base import Pose
from invrender.scene import Scene, Truth


@dataclass(frozen=True)
class Candidate:
    """Raw tensors, the scene that they stand for, and its loss."""

    raw: Raw
    scene: Scene
    loss: float


@dataclass(frozen=True)
class Seeker:
    """An unknown pose in the part of a problem that shows it, and the means to refine it with what else moves there.

    problem: the part, of sums of squares; its unknowns of few numbers move. stages: how poses are drawn and compared.
    steps: at most so many for each candidate.
    apart: of poses nearer to each other than so many degrees, and per cent of the distance, the better one stays.
    name, pose: the unknown. resting: the raw tensors of all of the part's unknowns, those that don't move among them.
    told: the pose's name as the end of a sentence; nothing where no other pose is unknown.
    """

    problem: Problem
    stages: Sequence[Stage]
    steps: int
    apart: float
    name: str
    pose: Pose
    resting: Raw
    told: str = ""

    @cached_property
    def solver(self) -> LevenbergMarquardt:
        """What refines poses."""
        return LevenbergMarquardt(self.stages, accuracy=0.05)

    @cached_property
    def objectives(self) -> list[Objective]:
        """The objectives of the search's stages, with the silhouettes' moments where there are masks."""
        problem, stages = self.problem, self.stages
        if all(view.mask is not None for view in problem.target.views):
            losses: dict[str, Loss] = {**problem.losses, "moments": Moments()}
            problem = replace(problem, losses=losses)
            stages = [replace(stage, losses=stage.losses and (*stage.losses, "moments")) for stage in stages]
        return [problem.at(stage, self.resting) for stage in stages]

    def refine(self, index: int, raws: Sequence[Raw], count: int, hopeless: float = math.inf) -> list[Candidate]:
        """The best of many, refined as the search's stage ``index`` says; the best first.

        Left out are those whose loss is more than ``hopeless`` times the least.
        """
        objective = self.objectives[index]
        small = [few_numbers(raw) for raw in raws]
        scores = objective.scores(small)
        best = sorted(range(len(raws)), key=scores.__getitem__)[:count]
        most = math.inf if math.isinf(hopeless) else hopeless * scores[best[0]]
        hopeful = [each for each in best if scores[each] <= most]
        return self.keep_distinct(self.descend(objective, [small[each] for each in hopeful], self.steps))

    def move_to_mask(self, raw: Raw) -> Raw:
        """Raw tensors whose silhouettes lie where the targets' masks are, and are as large, if there are masks."""
        objective = self.objectives[0]
        moments = {name: loss for name, loss in objective.losses.items() if isinstance(loss, Moments)}
        if not moments:
            return raw
        [found] = self.descend(replace(objective, losses=moments), [raw], self.steps)
        return found.raw

    def descend(self, objective: Objective, raws: Sequence[Raw], steps: int) -> list[Candidate]:
        """Each of some raw tensors after its own steps."""
        ends = run_batched([self.descent(objective, raw, steps) for raw in raws], objective)
        return [self.measure(objective, end) for end in ends]

    def descent(self, objective: Objective, raw: Raw, steps: int) -> Routine[Raw]:
        """The requests of some steps from ``raw``."""
        moving = select(raw, objective.stage.unknowns)
        state = self.solver.init(objective, moving)
        for _ in range(steps):
            moving, state = yield from self.solver.descend(objective, moving, state)
            if self.solver.done(state):
                break
        return {**raw, **moving}

    def measure(self, objective: Objective, raw: Raw) -> Candidate:
        """Raw tensors and what they are worth."""
        evaluation = objective(raw)
        return Candidate(raw, evaluation.scene, float(evaluation.loss))

    def symmetries(self, raw: Raw) -> list[Raw]:
        """Raw tensors of the poses that may look like those of ``raw``."""
        objective = self.objectives[0]
        changes: Tensor = self.pose.symmetries(objective.scene_at(raw))
        return [objective.retract(raw, {self.name: change})[0] for change in changes]

    def keep_distinct(self, candidates: Sequence[Candidate]) -> list[Candidate]:
        """The candidates, the best first, without those that lie near a better one."""
        kept: list[Candidate] = []
        for candidate in sorted(candidates, key=lambda each: each.loss):
            if all(self.distance(candidate.scene, other.scene) > self.apart for other in kept):
                kept.append(candidate)
        return kept

    def distance(self, first: Scene, second: Scene) -> float:
        """How far two scenes' poses are from each other: degrees, or per cent of the distance, whichever is more."""
        error = self.pose.error(first, Truth(second, {}, {}))
        return max(error["rotation_deg"], 100 * error["position_relative"])
