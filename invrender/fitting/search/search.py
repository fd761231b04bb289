"""The search from anywhere: many poses drawn small, the best refined, and answers compared with what looks alike."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple, get_args

from invrender.checks import above, at_least, count, one_of
from invrender.errors import UserError, note
from invrender.fitting.alone import find_part, group_poses
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
# What looks like an answer of first-order descent is refined where its loss, before that, is at most so many times as
# large: so the comparison costs a few of its steps. Least squares refine what a pose far from any symmetry leads to.
AT_ONCE = 10.0
# Around a start, how much further or nearer the camera may be, as offsets in shares of the depth; and of renderings
# that are placed in the picture, how many times as many as will be refined are compared more closely, or how many are
# matched.
DEPTHS = ((0.0, 0.0, -0.13), (0.0, 0.0, 0.0), (0.0, 0.0, 0.13))
PLACED, MATCHED = 3, 12


class Matched(NamedTuple):
    """A round of matching: the search's stage, the deviation of shifts in pixels, how many are kept, how far apart."""

    stage: int
    pixels: float
    most: int
    apart: float


ROUNDS_OF_MATCHING = (
    Matched(0, 4.0, 8, 3.0),
    Matched(0, 3.0, 3, 2.0),
    Matched(1, 2.5, 3, 1.0),
    Matched(1, 2.0, 2, 1.0),
)
# What is found is turned from the start by at most so many times the radius, and so many times nearer or further.
WIDER, DEEPER = 1.15, 1.28
# How often several poses are looked for in turn: the first was, at first, while the others were wrong.
ROUNDS = 2


@dataclass(frozen=True)
class Search:
    """Where to look for poses, and how long to stay with each.

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
    again: the stage of the fit's schedule, from 0, with which an attempt begins after a search that began by itself.
    matching: whether poses around a start, and the start itself before the fit, are moved to where patches of their
        renderings are in the picture.
    ranking: the losses by which poses far from each other are compared; None for those of the stages.
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
    again: int = 0
    rivals: float = 100.0
    matching: bool = False
    ranking: Sequence[str] | None = None

    def __post_init__(self) -> None:
        one_of("search.mode", self.mode, get_args(Mode))
        one_of("search.start", self.start, get_args(Start))
        for name in ("poses", "survivors", "finalists", "steps", "nearby"):
            count(f"search.{name}", getattr(self, name))
        if self.radius is not None:
            above("search.radius", self.radius, 0)
        at_least("search.rivals", self.rivals, 1)
        at_least("search.again", self.again, 0)
        if not 0 < self.apart < math.inf:
            raise UserError(f"search.apart is {self.apart}, expected degrees above 0")
        if len(self.stages) != 2:
            raise UserError(f"search.stages has {len(self.stages)}, expected two: a coarse one and a finer one")

    def suits(self, solver: Solver[Any]) -> bool:
        """Whether fits by a solver may begin elsewhere than at the start: those by least squares, others if told to."""
        return self.mode == "on" or isinstance(solver, LevenbergMarquardt)

    def check(self, problem: Problem, stages: Sequence[Stage]) -> None:
        """Raise `UserError` where a stage names what is not there, and where it or one of a solver's lacks losses.

        Poses are refined, and answers judged, by the losses that are sums of squares, and by derivatives of pictures.
        """
        if problem.renderer.supports.depends_on_loss:
            raise UserError(
                "search: it needs derivatives of pictures, and this renderer's gradient depends on the loss; "
                "leave search=on out, or choose another renderer"
            )
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

    @property
    def frugal(self) -> Search:
        """The search that only compares an answer, and that with what is nearly as good before it is refined."""
        return replace(self, rivals=min(self.rivals, AT_ONCE), start="together")

    def goes_with(self, problem: Problem, stages: Sequence[Stage]) -> bool:
        """Whether answers can be compared with what looks like them: whether `check` has nothing to say."""
        try:
            self.check(problem, stages)
        except UserError:
            return False
        return True

    def seeker(self, problem: Problem, name: str, raw: Raw) -> Seeker:
        """A seeker of one of the problem's poses, in the part that shows it; all others where they are in ``raw``."""
        part = find_part(problem, name, raw)
        resting = {each: raw[each] for each in part.parameters}
        told = f" ({name})" if len(problem.poses) > 1 else ""
        pose = part.poses[name]
        squares = part.in_squares()
        return Seeker(squares, self.stages, self.steps, self.apart, name, pose, resting, told, self.ranking)

    def find_start(self, problem: Problem, raw: Raw, verdict: Verdict | None = None) -> Raw:
        """Raw tensors of the best poses of all, ``raw`` included; ``raw`` itself where no unknown is a pose.

        Of several poses in the same views each is looked for in turn, with the others at their best so far, and then
        once more. Where each view has a pose of its own, that is looked for in its own picture.

        verdict: on ``raw``; poses that it does not doubt stay.
        """
        if self.mode == "on" and not problem.poses:
            note(f"search=on looks for poses, and none is among {', '.join(problem.parameters)}")
        for names in group_poses(problem):
            if verdict is None or any(self.doubts(verdict.unknowns[name]) for name in names):
                for name in names * (1 if len(names) == 1 else ROUNDS):
                    raw = self.find_pose(self.seeker(problem, name, raw), raw)
        return raw

    def find_pose(self, seeker: Seeker, raw: Raw) -> Raw:
        """``raw`` with the best of one pose."""
        found = self.look_around(seeker) if self.is_local else self.look_everywhere(seeker)
        return {**raw, **found[0].raw} if found else raw

    @property
    def is_local(self) -> bool:
        """Whether it looks around the start alone: where nobody asked for a search, and a radius is given."""
        return self.mode != "on" and self.radius is not None

    def doubts(self, verdict: Verdict | Judgement) -> bool:
        """Whether another start is to be tried: where the answer explains nothing; around the start, where it might."""
        return not (verdict.certain if self.is_local else verdict.explained)

    def look_everywhere(self, seeker: Seeker) -> list[Candidate]:
        """The best of poses all around, and of what looks like them; the best first."""
        log.info("looking everywhere for a better start%s", seeker.told)
        raw = seeker.resting
        placed = [{**raw, seeker.name: each} for each in seeker.pose.sample_poses(seeker.problem.scene, self.poses)]
        found = seeker.refine(0, [raw, *placed], self.survivors)
        for _ in range(MOST_TURNS):
            found = self.look_nearby(seeker, [candidate.raw for candidate in found[:2]])
        return found

    def look_around(self, seeker: Seeker) -> list[Candidate]:
        """The best of poses around the start, which is moved to where a mask has the object; the best first.

        And of shifts of the answer, for patterns that repeat.
        """
        log.info("looking around the start for a better one%s", seeker.told)
        raw = seeker.resting
        others = {name: value for name, value in raw.items() if name in seeker.problem.poses and name != seeker.name}
        start = seeker.move_to_mask(few_numbers({**seeker.problem.initial(), **others}))
        turns = seeker.pose.sample_poses(seeker.problem.scene, self.nearby, self.radius)
        turned = [seeker.change(start, turn) for turn in turns]
        # What can't be shifted is not placed, either.
        moved = [seeker.change(each, depth) for depth in seeker.shifts(start, DEPTHS) for each in turned]
        answer = few_numbers(raw)
        if not moved or seeker.placement is None:
            return self.refine(seeker, [answer, start, *(moved or turned), *seeker.repeat(answer)])
        placed = sorted(seeker.place([start, *moved]), key=lambda each: each.loss)
        if not self.matching:
            best = [each.raw for each in placed[: PLACED * self.survivors]]
            return self.refine(seeker, [answer, start, *best, *seeker.repeat(answer)])
        best = [each.raw for each in seeker.keep_distinct(placed, MATCHED)]
        found = self.match(seeker, start, [answer, start, *best], seeker.repeat(answer))
        return seeker.keep_distinct(seeker.descend(seeker.matched[1], found[: self.finalists], self.steps))

    def refine(self, seeker: Seeker, raws: Sequence[Raw]) -> list[Candidate]:
        """The best of raw tensors, refined in both stages."""
        found = seeker.refine(0, raws, self.survivors)
        return seeker.refine(1, [candidate.raw for candidate in found], self.finalists, self.rivals)

    def match(self, seeker: Seeker, start: Raw, raws: Sequence[Raw], others: Sequence[Raw] = ()) -> list[Raw]:
        """The best of raw tensors, moved to where their patches are in the picture, and of others; the best first."""
        assert self.radius is not None
        first, *_ = raws
        for index, pixels, most, apart in ROUNDS_OF_MATCHING:
            every = [*raws, *others, *seeker.match(index, raws, pixels)]
            near = [each for each in every if seeker.is_near(each, start, WIDER * self.radius, DEEPER)]
            raws, others = seeker.choose(index, [first, *near], most, apart), ()
        return list(raws)

    def approach(self, problem: Problem, raw: Raw) -> Raw:
        """Raw tensors with each pose moved to where its patches are in the picture, if these are matched."""
        for name in problem.poses if self.matching and self.mode == "auto" else ():
            seeker = self.seeker(problem, name, raw)
            if seeker.placement is not None:
                start = few_numbers(raw)
                raw = {**raw, **self.match(seeker, start, [start])[0]}
        return raw

    def look_nearby(self, seeker: Seeker, raws: Sequence[Raw]) -> list[Candidate]:
        """The best of some poses, and of those that look like them; the best first."""
        alike = [each for raw in raws for each in seeker.symmetries(raw)]
        return seeker.refine(1, [*raws, *alike], self.finalists, self.rivals)

    def judge(self, problem: Problem, stages: Sequence[Stage], raw: Raw, last: bool = True) -> tuple[Raw, Verdict]:
        """What to think of an answer of a solver's ``stages``; and a better one, if one of those that look alike is.

        last: whether no other start will be tried. Else an answer that asks for one is not compared with others.
        """
        log.info("judging the answer")
        verdict = judge(problem, stages, raw)
        if not self.goes_with(problem, stages) or (not last and self.doubts(verdict)):
            return raw, verdict
        compared: list[Comparison] = []
        for names in group_poses(problem):
            raw, verdict, found = self.compare_all(problem, stages, names, raw, verdict)
            compared += found
        for each in compared:
            if each.rivals and verdict.status_of(each.name) == "converged":
                verdict = self.revise(verdict, each, problem.counting)
        return raw, verdict

    def compare_all(
        self, problem: Problem, stages: Sequence[Stage], names: Sequence[str], raw: Raw, verdict: Verdict
    ) -> tuple[Raw, Verdict, list[Comparison]]:
        """The best of an answer and of what looks like it but for one of the named poses, which show in the same views.

        With the verdict on it, and the comparisons by each of these poses whose own verdict is a good one.
        """
        compared: list[Comparison] = []
        for _ in range(1 + MOST_TURNS):
            before, compared = raw, []
            for name in names:
                if verdict.status_of(name) == "converged":
                    found = self.compare(self.seeker(problem, name, raw), stages)
                    compared.append(found)
                    raw = {**raw, **found.better} if found.better else raw
            if raw is before:
                break
            verdict = judge(problem, stages, raw)
        return raw, verdict, compared

    def compare(self, seeker: Seeker, stages: Sequence[Stage]) -> Comparison:
        """An answer beside what looks like it but for one pose."""
        log.info("comparing the answer with what looks like it%s", seeker.told)
        referee = Referee(seeker, stages, seeker.resting)
        answer, rivals = referee.find_rivals(self.look_nearby(seeker, [few_numbers(seeker.resting)]))
        same = all(answer.raw[name] is seeker.resting[name] for name in answer.raw)
        return Comparison(referee, answer, rivals, {} if same else referee.finish(answer.raw))

    def revise(self, verdict: Verdict, found: Comparison, counting: Sequence[str]) -> Verdict:
        """The verdict on an answer that has rivals by one pose; ``counting`` as `Verdict.revise` has it."""
        name, referee, rivals = found.name, found.referee, found.rivals
        if any(referee.are_joined(found.answer, rival) for rival in rivals[:MOST_TURNS]):
            reason = f"the picture does not fully determine {name}: turned on, it looks the same"
            judgement = Judgement("unidentifiable", reason)
            return verdict.revise(name, judgement, counting, unseen=[*verdict.unseen, {name: 1.0}])
        others = [referee.seeker.problem.values(referee.finish(rival.raw)) for rival in rivals]
        number = "another answer explains" if len(others) == 1 else f"{len(others)} other answers explain"
        judgement = Judgement("ambiguous", f"{number} the picture as well{referee.seeker.told}")
        return verdict.revise(name, judgement, counting, others=[*verdict.others, *others])


@dataclass(frozen=True)
class Comparison:
    """An answer beside what looks like it but for one pose, in the part of the problem that shows it.

    answer: the best of them; better: its raw tensors, none where nothing is better than what was given. rivals: what
    the picture does not tell from it.
    """

    referee: Referee
    answer: Candidate
    rivals: Sequence[Candidate]
    better: Raw

    @property
    def name(self) -> str:
        """The name of the pose."""
        return self.referee.seeker.name
