"""The search from anywhere: many poses drawn small, the best refined, and answers compared with what looks alike."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, get_args

from invrender.checks import above, at_least, count, one_of
from invrender.errors import UserError
from invrender.fitting.alone import split_problem
from invrender.fitting.judge.judge import judge
from invrender.fitting.judge.verdict import Judgement, Verdict
from invrender.fitting.problem import Problem
from invrender.fitting.schedule import Stage, check_choices, select
from invrender.fitting.search.rivals import Referee
from invrender.fitting.search.seeker import Candidate, Seeker
from invrender.fitting.solve.base import Raw, Solver, few_numbers
from invrender.fitting.solve.least_squares import LevenbergMarquardt
from invrender.parameters.base import Reaching

log = logging.getLogger("invrender.fitting.search")

Mode = Literal["auto", "on", "off"]
Start = Literal["together", "alone", "previous"]

# What looks like an answer has symmetries of its own: turns about one axis, then about another.
MOST_TURNS = 2


@dataclass(frozen=True)
class Search:
    """Where to look for a pose, and how long to stay with each.

    mode: "on" looks everywhere before the fit, "auto" when the fit's answer does not explain the target, "off" never.
        An answer is compared with what looks like it in all of them.
    start: where views have poses of their own: "together" fits all of them from the first step on, "alone" first fits
        each by itself, and "previous" does so from where the view before it was found.
    poses: about so many are drawn, as the first stage says. survivors: so many of them are refined there.
    finalists: so many of these, and of the poses that look like the best two of them, are refined in the second stage.
    steps: at most so many for each of them in each stage.
    apart: of poses nearer to each other than so many degrees, and per cent of the distance, the better one stays.
    stages: two; how poses are drawn and compared. Where targets have masks, the silhouettes' `Moments` count as well.
    radius: degrees; a search that begins by itself looks at poses that are turned from the start by at most so much,
        None for anywhere. nearby: about so many of them.
    rivals: poses that look like an answer are compared with it where their loss is at most so many times as large.
    """

    stages: Sequence[Stage]
    mode: Mode = "auto"
    start: Start = "together"
    poses: int = 576
    survivors: int = 12
    finalists: int = 5
    steps: int = 8
    apart: float = 3.0
    radius: float | None = None
    nearby: int = 120
    rivals: float = 100.0

    def __post_init__(self) -> None:
        one_of("search.mode", self.mode, get_args(Mode))
        one_of("search.start", self.start, get_args(Start))
        for name in ("poses", "survivors", "finalists", "steps", "nearby"):
            count(f"search.{name}", getattr(self, name))
        if self.radius is not None:
            above("search.radius", self.radius, 0)
        at_least("search.rivals", self.rivals, 1)
        if not 0 < self.apart < math.inf:
            raise UserError(f"search.apart is {self.apart}, expected degrees above 0")
        if len(self.stages) != 2:
            raise UserError(f"search.stages has {len(self.stages)}, expected two: a coarse one and a finer one")

    def suits(self, solver: Solver[Any]) -> bool:
        """Whether fits by a solver are to be judged, and to search: those by least squares, others if told to."""
        return self.mode == "on" or isinstance(solver, LevenbergMarquardt)

    def check(self, problem: Problem, stages: Sequence[Stage]) -> None:
        """Raise `UserError` where a stage names what is not there, and where it or one of a solver's lacks losses.

        Poses are refined, and answers judged, by the losses that are sums of squares.
        """
        if self.start == "previous" and not any(isinstance(each, Reaching) for each in problem.parameters.values()):
            raise UserError(
                "search.start is previous, which puts a camera where the one before was found, and no camera has "
                "an unknown pose; add recover=camera_poses, or leave search.start out"
            )
        check_choices(self.stages, problem.losses, problem.parameters, "search.stages")
        squares = problem.in_squares().losses
        for key, stage in [*(("search", each) for each in self.stages), *(("optimizer", each) for each in stages)]:
            if not select(squares, stage.losses):
                names = ", ".join(select(problem.losses, stage.losses))
                raise UserError(
                    f"search: none of the losses of {key}.stages ({names}) is a sum of squares, which a search needs; "
                    "add one, such as mse, or leave search=on out"
                )

    def seeker(self, problem: Problem, raw: Raw) -> Seeker | None:
        """A seeker of the problem's pose; None where no unknown is one."""
        return Seeker.find(problem, self.stages, self.steps, self.apart, raw)

    def find_start(self, problem: Problem, raw: Raw, verdict: Verdict | None = None) -> Raw:
        """Raw tensors of the best poses of all, ``raw`` included; ``raw`` itself where no unknown is a pose.

        verdict: on ``raw``; poses that it does not doubt stay. Where each view has a pose of its own, each is looked
        for in its own picture.
        """
        for name, part in split_problem(problem, raw).items():
            if verdict is None or self.doubts(verdict.unknowns[name]):
                raw = {**raw, **self.find_part(part, {each: raw[each] for each in part.parameters})}
        return raw

    def find_part(self, problem: Problem, raw: Raw) -> Raw:
        """`find_start` for a problem that is not split."""
        seeker = self.seeker(problem, raw)
        if seeker is None:
            return raw
        found = self.look_around(seeker, raw) if self.is_local else self.look_everywhere(seeker, raw)
        return {**raw, **found[0].raw} if found else raw

    @property
    def is_local(self) -> bool:
        """Whether it looks around the start alone: where nobody asked for a search, and a radius is given."""
        return self.mode != "on" and self.radius is not None

    def doubts(self, verdict: Verdict | Judgement) -> bool:
        """Whether another start is to be tried: where the answer explains nothing; around the start, where it might."""
        return not (verdict.certain if self.is_local else verdict.explained)

    def look_everywhere(self, seeker: Seeker, raw: Raw) -> list[Candidate]:
        """The best of poses all around, and of what looks like them; the best first."""
        log.info("looking everywhere for a better start")
        placed = [{**raw, seeker.name: each} for each in seeker.pose.sample_poses(seeker.problem.scene, self.poses)]
        found = seeker.refine(0, [raw, *placed], self.survivors)
        for _ in range(MOST_TURNS):
            found = self.look_nearby(seeker, [candidate.raw for candidate in found[:2]])
        return found

    def look_around(self, seeker: Seeker, raw: Raw) -> list[Candidate]:
        """The best of poses around the start, which is moved to where a mask has the object; the best first.

        And of shifts of the answer ``raw``, for patterns that repeat.
        """
        log.info("looking around the start for a better one")
        start = seeker.move_to_mask(few_numbers(seeker.problem.initial()))
        turns = seeker.pose.sample_poses(seeker.problem.scene, self.nearby, self.radius)
        answer = few_numbers(raw)
        shifts = seeker.pose.shifts(seeker.objectives[0].scene_at(answer))
        changed = [
            *(seeker.objectives[0].retract(start, {seeker.name: turn})[0] for turn in turns),
            *(seeker.objectives[0].retract(answer, {seeker.name: shift})[0] for shift in shifts),
        ]
        found = seeker.refine(0, [answer, start, *changed], self.survivors)
        return seeker.refine(1, [candidate.raw for candidate in found], self.finalists, self.rivals)

    def look_nearby(self, seeker: Seeker, raws: Sequence[Raw]) -> list[Candidate]:
        """The best of some poses, and of those that look like them; the best first."""
        alike = [each for raw in raws for each in seeker.symmetries(raw)]
        return seeker.refine(1, [*raws, *alike], self.finalists, self.rivals)

    def judge(self, problem: Problem, stages: Sequence[Stage], raw: Raw, last: bool = True) -> tuple[Raw, Verdict]:
        """What to think of an answer of a solver's ``stages``; and a better one, if one of those that look alike is.

        last: whether no other start will be tried. Else an answer that asks for one is not compared with others.
        """
        verdict = judge(problem, stages, raw)
        if not last and self.doubts(verdict):
            return raw, verdict
        parts = split_problem(problem, raw)
        alike = [name for name in parts if verdict.status_of(name) == "converged"]
        if alike:
            log.info("comparing the answer with what looks like it")
        for name in alike:
            raw, verdict = self.compare(Whole(problem, stages, parts[name], name), raw, verdict)
        return raw, verdict

    def compare(self, whole: Whole, raw: Raw, verdict: Verdict) -> tuple[Raw, Verdict]:
        """The verdict on an answer after one of its poses is compared with what looks like it; and a better answer."""
        for _ in range(1 + MOST_TURNS):
            own = whole.own(raw)
            seeker = self.seeker(whole.part, own)
            assert seeker is not None
            referee = Referee(seeker, whole.stages, own)
            answer, rivals = referee.find_rivals(self.look_nearby(seeker, [few_numbers(own)]))
            if all(answer.raw[name] is own[name] for name in answer.raw):
                break
            raw = {**raw, **referee.finish(answer.raw)}
            verdict = whole.judge(raw)
        if not rivals or verdict.status_of(whole.name) != "converged":
            return raw, verdict
        revise = partial(verdict.revise, whole.name, counts=whole.name in whole.problem.counting)
        if any(referee.are_joined(answer, rival) for rival in rivals[:MOST_TURNS]):
            reason = f"the picture does not fully determine {whole.name}: turned on, it looks the same"
            unseen = [*verdict.unseen, {whole.name: 1.0}]
            return raw, revise(Judgement("unidentifiable", reason), unseen=unseen)
        others = [whole.part.values(referee.finish(rival.raw)) for rival in rivals]
        number = "another answer explains" if len(others) == 1 else f"{len(others)} other answers explain"
        told = f"{number} the picture as well"
        return raw, revise(Judgement("ambiguous", told), others=[*verdict.others, *others])


@dataclass(frozen=True)
class Whole:
    """A problem, the stages of its solver, and a part of it: a pose, by its name, and what shows in its views alone."""

    problem: Problem
    stages: Sequence[Stage]
    part: Problem
    name: str

    def own(self, raw: Raw) -> Raw:
        """The raw tensors of the part's unknowns."""
        return {name: raw[name] for name in self.part.parameters}

    def judge(self, raw: Raw) -> Verdict:
        """The verdict on an answer."""
        return judge(self.problem, self.stages, raw)
