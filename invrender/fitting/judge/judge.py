"""The judge of an answer: by its picture, and by Jacobians."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch

from invrender.fitting.alone import group_poses, split_problem
from invrender.fitting.judge.coverage import Coverage, measure_coverage
from invrender.fitting.judge.descent import Descent, descend
from invrender.fitting.judge.evidence import weigh
from invrender.fitting.judge.explained import measure_burnt_out, measure_unexplained
from invrender.fitting.judge.precision import Precision, measure_precision
from invrender.fitting.judge.uncertainty import Uncertainty, estimate_uncertainty, find_deviations
from invrender.fitting.judge.verdict import Judgement, Values, Verdict, worst
from invrender.fitting.objective import Objective
from invrender.fitting.problem import Problem
from invrender.fitting.scale_ambiguity import ScaleAmbiguity
from invrender.fitting.schedule import Stage, clip_picture, select
from invrender.fitting.solve.base import Raw, few_numbers
from invrender.parameters.base import only_camera

# Right answers were seen to leave at most 0.05 of the picture's local contrast, in noise and in photographs.
UNEXPLAINED = 0.08
# It is said where more than this share of the objects is burnt out in the pictures.
WORTH_SAYING = 0.01
# The share of the loss that one more step must not promise, unless it is shorter than so many learning rates.
STATIONARY, SHORT = 0.02, 0.25
# A shape is determined where at least this share of its vertices is well seen.
MOSTLY = 0.5


def judge(problem: Problem, stages: Sequence[Stage], raw: Raw) -> Verdict:
    """What is to be thought of an answer, of whatever solver: from its picture as the last stage draws it, and more.

    Each unknown is judged as the last stage in which it moves sees it, and by the views that show it: one of few
    numbers by its Jacobian, and one of many, for which there is none, by what a few steps of descent gain and by how
    much of it the pictures show.
    """
    shares = examine_pictures(problem, stages[-1], raw)
    besides = f"; {shares.burnt_out:.0%} of the object is burnt out" if shares.burnt_out > WORTH_SAYING else ""
    explanations = explain(problem, stages, raw, shares)
    found = examine(problem, stages, raw) if any(each.holds for each in explanations.values()) else Examination()
    unknowns = {name: found.judge(name, each) for name, each in judge_pictures(problem, explanations).items()}
    overall = judge_all(problem, unknowns, found.unseen)
    if overall.status == "converged":
        least = max((explanations[name] for name in problem.counting), key=lambda each: each.left)
        overall = replace(overall, reason=least.words)
    return Verdict(
        overall.status,
        overall.reason + besides,
        shares.unexplained,
        shares.burnt_out,
        deviations=found.deviations,
        unseen=found.unseen,
        unknowns=unknowns,
        coverage=found.coverage,
        precisions=found.precisions,
    )


def judge_pictures(problem: Problem, explanations: Mapping[str, Explanation]) -> dict[str, Judgement]:
    """What is to be thought of each unknown by how well the pictures are explained, and by what none of them tells."""
    found = {name: each.judgement for name, each in explanations.items()}
    for name in find_open_scale(problem):
        if found[name].explained:
            found[name] = replace(found[name], status="unidentifiable", reason=ScaleAmbiguity.TEXT)
    return found


def judge_all(problem: Problem, unknowns: Mapping[str, Judgement], unseen: Sequence[Mapping[str, float]]) -> Judgement:
    """The judgement of all unknowns that count: the one that says least.

    With the unknown's name, where views are judged apart and others say more.
    """
    counting = {name: unknowns[name] for name in problem.counting}
    overall = worst(list(counting.values()))
    if overall.status == "unidentifiable":
        return replace(overall, reason=undetermined(unseen)) if unseen else overall
    apart = len(group_poses(problem)) > 1 and len({each.reason for each in counting.values()}) > 1
    if overall.status == "converged" or not apart:
        return overall
    first, *others = [name for name, each in counting.items() if each.status == overall.status]
    more = f" and {len(others)} more" if others else ""
    return replace(overall, reason=f"{first}{more}: {overall.reason}")


@dataclass(frozen=True)
class Explanation:
    """Whether an answer explains pictures, whether that is beyond doubt, what it leaves of them, and all in words."""

    holds: bool
    certain: bool
    left: float
    words: str

    @property
    def judgement(self) -> Judgement:
        """What is to be thought of an unknown that shows in these pictures, if nothing else is amiss."""
        return Judgement("converged" if self.holds else "not_converged", self.words, self.holds, self.certain)


def explain(problem: Problem, stages: Sequence[Stage], raw: Raw, shares: Shares) -> dict[str, Explanation]:
    """How well an answer explains the pictures that show each unknown, by its name.

    Where each view has a pose of its own, what all share is explained as well as in the view that says least.
    """
    parts = split_problem(problem, raw)
    if len(parts) < 2:
        return dict.fromkeys(raw, explain_part(problem, stages, raw, shares.unexplained))
    found: dict[str, Explanation] = {}
    for name, part in parts.items():
        only = only_camera(problem.parameters[name])
        own = [share for view, share in zip(problem.target.views, shares.by_view, strict=True) if view.camera == only]
        moving = {each: raw[each] for each in part.parameters}
        share = sum(own) / len(own) if own else shares.unexplained
        found |= dict.fromkeys(moving, explain_part(part, stages, moving, share))
    least = min(found.values(), key=lambda each: (each.holds, each.certain, -each.left))
    return {name: found.get(name, least) for name in raw}


def explain_part(problem: Problem, stages: Sequence[Stage], raw: Raw, unexplained: float) -> Explanation:
    """How well an answer explains the pictures of a problem, or of a part of one.

    unexplained: the share of the pictures that it leaves unexplained, which decides unless losses are robust: these
    are for pictures that the scene does not explain as a whole.
    """
    evidence = weigh(problem, stages, raw)
    if evidence is not None:
        return Explanation(evidence.holds, evidence.certain, evidence.share, evidence.words)
    if unexplained > UNEXPLAINED:
        return Explanation(False, False, unexplained, f"{unexplained:.0%} of the picture is left unexplained")
    return Explanation(True, True, unexplained, f"{1 - unexplained:.1%} of the picture is explained")


def undetermined(unseen: Sequence[Mapping[str, float]]) -> str:
    """That the picture does not determine some combinations of unknowns, in words."""
    told = dict.fromkeys(" together with ".join(parts) for parts in unseen)
    return f"the picture does not fully determine {', nor '.join(told)}"


@dataclass(frozen=True)
class Shares:
    """What the pictures say of an answer.

    by_view: the share of each picture that it leaves unexplained. burnt_out: the share of the objects that the pictures
    show with a channel at the top of their range.
    """

    by_view: Sequence[float]
    burnt_out: float

    @property
    def unexplained(self) -> float:
        """The share of the pictures that it leaves unexplained, the mean over the views."""
        return sum(self.by_view) / len(self.by_view)


def examine_pictures(problem: Problem, stage: Stage, raw: Raw) -> Shares:
    """The shares of an answer's pictures, as a stage draws them."""
    objective = problem.at(stage)
    with torch.no_grad():
        pictures = objective.pictures(objective.scene_at(raw))
    shares = [
        measure_unexplained(clip_picture(picture, view), view, objective.channels)
        for picture, view in zip(pictures, objective.views, strict=True)
    ]
    lost = measure_burnt_out(pictures, objective.views) if "rgb" in objective.channels else 0.0
    return Shares(shares, lost)


@dataclass(frozen=True)
class Examination:
    """What an answer's unknowns were found to be worth, by name.

    uncertainties: of those of few numbers, by the losses that are sums of squares; deviations: of their values.
    coverage: of those of many, precisions: of those of them that are over a grid. descents: of these, and where other
    losses count, of all.
    """

    uncertainties: Mapping[str, Uncertainty] = field(default_factory=dict)
    deviations: Values = field(default_factory=dict)
    descents: Mapping[str, Descent] = field(default_factory=dict)
    coverage: Mapping[str, Coverage] = field(default_factory=dict)
    precisions: Mapping[str, Precision] = field(default_factory=dict)

    @property
    def names(self) -> set[str]:
        """All that was examined."""
        return {*self.uncertainties, *self.descents}

    def over(self, other: Examination) -> Examination:
        """Both, this one where both have an unknown."""
        return Examination(**{key: {**getattr(other, key), **own} for key, own in vars(self).items()})

    @property
    def unseen(self) -> list[Mapping[str, float]]:
        """The combinations of unknowns that the picture does not determine."""
        found = {id(each): each for each in self.uncertainties.values()}
        return [parts for each in found.values() for parts in each.unseen]

    def judge(self, name: str, so_far: Judgement) -> Judgement:
        """What is to be thought of one unknown; ``so_far`` where its pictures aren't explained, or nothing is amiss."""
        if not so_far.explained:
            return so_far
        found = self.uncertainties.get(name)
        if unseen := [] if found is None else [parts for parts in found.unseen if name in parts]:
            return replace(so_far, status="unidentifiable", reason=undetermined(unseen))
        if name in self.coverage and not self.coverage[name].seen:
            return replace(so_far, status="unidentifiable", reason=f"the picture does not show {name}")
        if name in self.coverage and self.coverage[name].counted and self.coverage[name].well < MOSTLY:
            share = 1 - self.coverage[name].well
            return replace(so_far, status="unidentifiable", reason=f"{share:.0%} of {name} are not seen in two views")
        if self.was_falling(name):
            return replace(so_far, status="not_converged", reason="the loss was still falling")
        return so_far

    def was_falling(self, name: str) -> bool:
        """Whether the loss was still falling in an unknown."""
        if name in self.descents:
            return self.descents[name].falls(name)
        found = self.uncertainties[name]
        return found.promised > STATIONARY and found.remaining > SHORT


def examine(problem: Problem, stages: Sequence[Stage], raw: Raw) -> Examination:
    """The examination of an answer, each unknown as the last stage in which it moves sees it."""
    found = Examination()
    for stage in reversed(stages):
        moving = select(raw, stage.unknowns)
        if not set(moving) <= found.names:
            found = found.over(examine_stage(problem, stage, raw, moving))
    # Beside a map that is unknown, too, errors are larger than a Jacobian of few numbers has them.
    return replace(found, deviations={}) if found.coverage else found


def examine_stage(problem: Problem, stage: Stage, raw: Raw, moving: Raw) -> Examination:
    """The examination of the unknowns that move in a stage, as it sees them."""
    objective, squares = (each.at(stage, resting=raw) for each in (problem, problem.in_squares()))
    few = few_numbers(moving) if squares.losses else {}
    maps = [name for name in moving if name not in few_numbers(moving)]
    others = moving if squares.losses != objective.losses else {name: moving[name] for name in maps}
    found = Examination(
        descents=dict.fromkeys(others, descend(objective, others)) if others else {},
        coverage=measure_coverage(objective, raw, maps) if maps else {},
        precisions=measure_precisions(problem, squares, raw, maps),
    )
    if not few:
        return found
    [local] = squares.linearize([few], list(few))
    uncertainty = estimate_uncertainty(local, squares.rates, squares.sizes)
    deviations = find_deviations(squares, few, local, uncertainty)
    return replace(found, uncertainties=dict.fromkeys(few, uncertainty), deviations=deviations)


def measure_precisions(problem: Problem, squares: Objective, raw: Raw, names: Sequence[str]) -> dict[str, Precision]:
    """The precisions of those of the named unknowns that have one, by the losses that are sums of squares."""
    found = {name: measure_precision(squares, raw, name, problem.target.truth) for name in names}
    return {name: each for name, each in found.items() if each is not None}


def find_open_scale(problem: Problem) -> list[str]:
    """The lights and colours of which pictures tell no more than their product, by name."""
    ambiguity = ScaleAmbiguity.find(problem.scene, problem.parameters)
    return [] if ambiguity is None or not ambiguity.lights else [*ambiguity.lights, *ambiguity.paints]
