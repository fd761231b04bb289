"""From anywhere: many poses are drawn small, the best of them refined, and answers compared with what looks alike."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal, get_args

from torch import Tensor

from invrender.errors import UserError
from invrender.losses.base import Loss
from invrender.losses.silhouettes import Moments
from invrender.objective import Objective, Problem
from invrender.parameters.base import Pose
from invrender.pyramid import Stage, check_choices, chosen
from invrender.scene import Scene, Truth
from invrender.solve.base import MOST_NUMBERS, Asking, Raw, Solver, answered
from invrender.solve.least_squares import LevenbergMarquardt
from invrender.verdict import AS_WELL, Verdict, judged

log = logging.getLogger(__name__)

Mode = Literal["auto", "on", "off"]

# Answers that look alike are compared at full size where their losses, small and blurred, differ by less than this.
CLOSE = 5.0
# What looks like an answer has lookalikes of its own: turns about one axis, then about another.
MOST_TURNS = 2
# Steps bring a loss down by less than this.
HOPELESS = 100.0


@dataclass(frozen=True)
class Search:
    """Where to look for a pose, and how long to stay with each.

    mode: "on" looks everywhere before the fit, "auto" when the fit's answer does not explain the target, "off" never.
        An answer is compared with what looks like it in all of them.
    poses: about so many are drawn, as the first stage says. survivors: so many of them are refined there.
    finalists: so many of these, and of the poses that look like the best two of them, are refined in the second stage.
    steps: at most so many for each of them in each stage.
    apart: of poses nearer to each other than so many degrees, and per cent of the distance, the better one stays.
    stages: two; how poses are drawn and compared. Where targets have masks, the silhouettes' `Moments` count as well.
    """

    stages: Sequence[Stage]
    mode: Mode = "auto"
    poses: int = 576
    survivors: int = 12
    finalists: int = 5
    steps: int = 8
    apart: float = 3.0

    def __post_init__(self) -> None:
        if self.mode not in get_args(Mode):
            raise UserError(f"search.mode is {self.mode!r}, expected one of {', '.join(get_args(Mode))}")
        for name in ("poses", "survivors", "finalists", "steps"):
            if not getattr(self, name) >= 1:
                raise UserError(f"search.{name} is {getattr(self, name)}, expected 1 or more")
        if not 0 < self.apart < math.inf:
            raise UserError(f"search.apart is {self.apart}, expected degrees above 0")
        if len(self.stages) != 2:
            raise UserError(f"search.stages has {len(self.stages)}, expected two: a coarse one and a finer one")

    def suits(self, solver: Solver) -> bool:
        """Whether fits by a solver are to be judged, and to search: those by least squares, others if told to."""
        return self.mode == "on" or isinstance(solver, LevenbergMarquardt)

    def check(self, problem: Problem, stages: Sequence[Stage]) -> None:
        """Raise `UserError` where a stage names what is not there, and where it or one of a solver's lacks losses.

        Poses are refined, and answers judged, by the losses that are sums of squares.
        """
        check_choices(self.stages, problem.losses, problem.parameters, "search.stages")
        squares = problem.in_squares().losses
        for key, stage in [*(("search", each) for each in self.stages), *(("optimizer", each) for each in stages)]:
            if not chosen(squares, stage.losses):
                names = ", ".join(chosen(problem.losses, stage.losses))
                raise UserError(
                    f"search: none of the losses of {key}.stages ({names}) is a sum of squares, which a search needs; "
                    "add one, such as mse, or leave search=on out"
                )

    def everywhere(self, problem: Problem, raw: Raw) -> Raw:
        """Raw tensors of the best pose of all, ``raw`` included; ``raw`` itself where no unknown is a pose."""
        seeker = Seeker.of(problem, self, raw)
        if seeker is None:
            return raw
        log.info("looking everywhere for a better start")
        placed = [{**raw, seeker.name: each} for each in seeker.pose.everywhere(problem.scene, self.poses)]
        found = seeker.refined(0, [raw, *placed], self.survivors)
        for _ in range(MOST_TURNS):
            found = self.nearby(seeker, [candidate.raw for candidate in found[:2]])
        return {**raw, **found[0].raw} if found else raw

    def nearby(self, seeker: Seeker, raws: Sequence[Raw]) -> list[Candidate]:
        """The best of some poses, and of those that look like the first two of them; the best first."""
        alike = [each for raw in raws[:2] for each in seeker.lookalikes(raw)]
        return seeker.refined(1, [*raws, *alike], self.finalists, HOPELESS)

    def judged(self, problem: Problem, stages: Sequence[Stage], raw: Raw) -> tuple[Raw, Verdict]:
        """What to think of an answer of a solver's ``stages``; and a better one, if one of those that look alike is."""
        verdict = judged(problem, stages, raw)
        seeker = Seeker.of(problem, self, raw)
        if seeker is None or verdict.status in ("not_converged", "unidentifiable"):
            return raw, verdict
        log.info("comparing the answer with what looks like it")
        answer, *others = self.rivals(seeker, stages, raw)
        if answer is not raw:
            for _ in range(MOST_TURNS):
                before = answer
                answer, *others = self.rivals(seeker, stages, before)
                if answer is before:
                    break
            verdict = judged(problem, stages, answer)
        if others and verdict.status == "converged":
            values = [problem.values(each) for each in others]
            count = "another answer explains" if len(others) == 1 else f"{len(others)} other answers explain"
            verdict = replace(verdict, status="ambiguous", reason=f"{count} the picture as well", others=values)
        return answer, verdict

    def rivals(self, seeker: Seeker, stages: Sequence[Stage], raw: Raw) -> list[Raw]:
        """The best of an answer and of those that look like it, and then the others that explain the target as well."""
        index = max(index for index, stage in enumerate(stages) if seeker.name in chosen(raw, stage.unknowns))
        objectives = [seeker.problem.at(stage, raw) for stage in stages[index:]]
        answer = seeker.measured(objectives[0], seeker.small(raw))
        alike = self.nearby(seeker, [answer.raw])
        close = [
            other.raw
            for other in alike
            if other.loss <= CLOSE * alike[0].loss and seeker.distance(other.scene, answer.scene) > self.apart
        ]
        best, *rest = seeker.distinct([answer, *seeker.descended(objectives[0], close, objectives[0].stage.steps)])
        as_good = [best, *(each for each in rest if each.loss <= AS_WELL * best.loss)]
        for objective in objectives[1:]:
            others = [each.raw for each in as_good if each is not answer]
            moved = iter(seeker.descended(objective, others, self.steps))
            as_good = [each if each is answer else next(moved) for each in as_good]
        return [raw if each is answer else {**raw, **each.raw} for each in as_good]


@dataclass(frozen=True)
class Candidate:
    """Raw tensors, the scene that they stand for, and its loss."""

    raw: Raw
    scene: Scene
    loss: float


@dataclass(frozen=True)
class Seeker:
    """One unknown pose of a problem, and the means to refine it together with the other unknowns of few numbers.

    name, pose: the unknown. resting: the raw tensors of all unknowns, those that don't move among them.
    """

    problem: Problem
    search: Search
    name: str
    pose: Pose
    resting: Raw

    @classmethod
    def of(cls, problem: Problem, search: Search, raw: Raw) -> Seeker | None:
        """For the first unknown that is a pose; None where there is none."""
        for name, parameter in problem.parameters.items():
            if isinstance(parameter, Pose):
                return cls(problem.in_squares(), search, name, parameter, raw)
        return None

    @cached_property
    def solver(self) -> LevenbergMarquardt:
        """What refines poses."""
        return LevenbergMarquardt(self.search.stages, accuracy=0.05)

    @cached_property
    def objectives(self) -> list[Objective]:
        """The objectives of the search's stages, with the silhouettes' moments where there are masks."""
        problem, stages = self.problem, self.search.stages
        if all(view.mask is not None for view in problem.target.views):
            losses: dict[str, Loss] = {**problem.losses, "moments": Moments()}
            problem = replace(problem, losses=losses)
            stages = [replace(stage, losses=stage.losses and (*stage.losses, "moments")) for stage in stages]
        return [problem.at(stage, self.resting) for stage in stages]

    def small(self, raw: Raw) -> Raw:
        """The unknowns of few numbers, which least squares can move."""
        return {name: value for name, value in raw.items() if value.numel() <= MOST_NUMBERS}

    def refined(self, index: int, raws: Sequence[Raw], count: int, hopeless: float = math.inf) -> list[Candidate]:
        """The best of many, refined as the search's stage ``index`` says; the best first.

        Left out are those whose loss is more than ``hopeless`` times the least.
        """
        objective = self.objectives[index]
        small = [self.small(raw) for raw in raws]
        scores = objective.scores(small)
        best = sorted(range(len(raws)), key=scores.__getitem__)[:count]
        hopeful = [each for each in best if scores[each] <= hopeless * scores[best[0]]]
        return self.distinct(self.descended(objective, [small[each] for each in hopeful], self.search.steps))

    def descended(self, objective: Objective, raws: Sequence[Raw], steps: int) -> list[Candidate]:
        """Each of some raw tensors after its own steps."""
        ends = answered([self.way_down(objective, raw, steps) for raw in raws], objective)
        return [self.measured(objective, end) for end in ends]

    def way_down(self, objective: Objective, raw: Raw, steps: int) -> Asking:
        """The questions of some steps from ``raw``."""
        moving = chosen(raw, objective.stage.unknowns)
        descent = self.solver.begin(objective.stage, moving, self.problem.rates)
        for _ in range(steps):
            moving = yield from descent.way_down(objective, moving)
            if descent.finished:
                break
        return {**raw, **moving}

    def measured(self, objective: Objective, raw: Raw) -> Candidate:
        """Raw tensors and what they are worth."""
        evaluation = objective(raw)
        return Candidate(raw, evaluation.scene, float(evaluation.loss))

    def lookalikes(self, raw: Raw) -> list[Raw]:
        """Raw tensors of the poses that may look like those of ``raw``."""
        objective = self.objectives[0]
        changes: Tensor = self.pose.lookalikes(objective.scene_at(raw))
        return [objective.moved(raw, {self.name: change})[0] for change in changes]

    def distinct(self, candidates: Sequence[Candidate]) -> list[Candidate]:
        """The candidates, the best first, without those that lie near a better one."""
        kept: list[Candidate] = []
        for candidate in sorted(candidates, key=lambda each: each.loss):
            if all(self.distance(candidate.scene, other.scene) > self.search.apart for other in kept):
                kept.append(candidate)
        return kept

    def distance(self, first: Scene, second: Scene) -> float:
        """How far two scenes' poses are from each other: degrees, or per cent of the distance, whichever is more."""
        error = self.pose.error(first, Truth(second, {}, {}))
        return max(error["rotation_deg"], 100 * error["position_relative"])
