"""The judge of an answer: by its picture, and by Jacobians."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import torch

from invrender.fitting.judge.evidence import weigh
from invrender.fitting.judge.explained import measure_burnt_out, measure_unexplained
from invrender.fitting.judge.uncertainty import Uncertainty, estimate_uncertainty, find_deviations
from invrender.fitting.judge.verdict import Judgement, Status, Values, Verdict
from invrender.fitting.problem import Problem
from invrender.fitting.schedule import Stage, clip_picture, select
from invrender.fitting.solve.base import Raw, few_numbers
from invrender.parameters.base import Value

# Right answers were seen to leave at most 0.05 of the picture's local contrast, in noise and in photographs.
UNEXPLAINED = 0.08
# It is said where more than this share of the objects is burnt out in the pictures.
WORTH_SAYING = 0.01
# The share of the loss that one more step must not promise, unless it is shorter than so many learning rates.
STATIONARY, SHORT = 0.02, 0.01
LEAST_FIRST: Sequence[Status] = ("unidentifiable", "not_converged", "ambiguous", "converged")


def judge(problem: Problem, stages: Sequence[Stage], raw: Raw) -> Verdict:
    """What is to be thought of an answer, from its picture as the last stage draws it, and from Jacobians.

    Each unknown is judged as the last stage in which it moves sees it.
    """
    shares = examine_pictures(problem, stages[-1], raw)
    besides = f"; {shares.burnt_out:.0%} of the object is burnt out" if shares.burnt_out > WORTH_SAYING else ""
    explanation = explain(problem, stages, raw, shares.unexplained)
    told = explanation.words
    verdict = partial(
        Verdict,
        unexplained=shares.unexplained,
        burnt_out=shares.burnt_out,
        explained=explanation.holds,
        certain=explanation.certain,
    )
    if not explanation.holds:
        every = {name: Judgement("not_converged", told) for name in raw}
        return verdict("not_converged", told + besides, unknowns=every)
    good = Judgement("converged", told)
    if len(few_numbers(raw)) < len(raw):
        return verdict("converged", told + besides, unknowns=dict.fromkeys(raw, good))
    found, deviations = examine(problem, stages, raw)
    unknowns = {name: judge_unknown(each, name, good) for each in reversed(found) for name in each.names}
    unseen = [parts for each in found for parts in each.unseen]
    overall = worst([unknowns[name] for name in problem.counting])
    if overall.status == "unidentifiable":
        overall = Judgement(overall.status, undetermined(unseen))
    return verdict(overall.status, overall.reason + besides, deviations=deviations, unseen=unseen, unknowns=unknowns)


@dataclass(frozen=True)
class Explanation:
    """Whether an answer explains the pictures, whether that is beyond doubt, and both in words."""

    holds: bool
    certain: bool
    words: str


def explain(problem: Problem, stages: Sequence[Stage], raw: Raw, unexplained: float) -> Explanation:
    """How well an answer explains the pictures.

    unexplained: the share of the pictures that it leaves unexplained, which decides unless losses are robust: these
    are for pictures that the scene does not explain as a whole.
    """
    evidence = weigh(problem, stages, raw)
    if evidence is not None:
        return Explanation(evidence.holds, evidence.certain, evidence.words)
    if unexplained > UNEXPLAINED:
        return Explanation(False, False, f"{unexplained:.0%} of the picture is left unexplained")
    return Explanation(True, True, f"{1 - unexplained:.1%} of the picture is explained")


def judge_unknown(found: Uncertainty, name: str, good: Judgement) -> Judgement:
    """What is to be thought of one unknown of an answer that explains the pictures; ``good`` where nothing is amiss."""
    unseen = [parts for parts in found.unseen if name in parts]
    if unseen:
        return Judgement("unidentifiable", undetermined(unseen))
    if found.promised > STATIONARY and found.remaining > SHORT:
        return Judgement("not_converged", "the loss was still falling")
    return good


def worst(judgements: Sequence[Judgement]) -> Judgement:
    """The first of the judgements with the status that says least of the answer."""
    return min(judgements, key=lambda each: LEAST_FIRST.index(each.status))


def undetermined(unseen: Sequence[Mapping[str, float]]) -> str:
    """That the picture does not determine some combinations of unknowns, in words."""
    told = dict.fromkeys(" together with ".join(parts) for parts in unseen)
    return f"the picture does not fully determine {', nor '.join(told)}"


@dataclass(frozen=True)
class Shares:
    """What the pictures say of an answer.

    unexplained: the share of the pictures that it leaves unexplained, the mean over the views. burnt_out: the share of
    the objects that the pictures show with a channel at the top of their range.
    """

    unexplained: float
    burnt_out: float


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
    return Shares(sum(shares) / len(shares), lost)


def examine(problem: Problem, stages: Sequence[Stage], raw: Raw) -> tuple[list[Uncertainty], Values]:
    """The uncertainties at an answer, and one standard deviation of the unknowns' values."""
    found: list[Uncertainty] = []
    deviations: dict[str, Mapping[str, Value]] = {}
    for stage in reversed(stages):
        moving = select(raw, stage.unknowns)
        if set(moving) <= set(deviations):
            continue
        objective = problem.in_squares().at(stage, resting=raw)
        [local] = objective.linearize([moving], list(moving))
        uncertainty = estimate_uncertainty(local, objective.rates, objective.sizes)
        found.append(uncertainty)
        deviations = {**find_deviations(objective, moving, local, uncertainty), **deviations}
    return found, deviations
