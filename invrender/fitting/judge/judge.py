"""The judge of an answer: by its picture, and by Jacobians."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch

from invrender.fitting.alone import split_problem
from invrender.fitting.judge.evidence import weigh
from invrender.fitting.judge.explained import measure_burnt_out, measure_unexplained
from invrender.fitting.judge.uncertainty import Uncertainty, estimate_uncertainty, find_deviations
from invrender.fitting.judge.verdict import Judgement, Status, Values, Verdict
from invrender.fitting.problem import Problem
from invrender.fitting.schedule import Stage, clip_picture, select
from invrender.fitting.solve.base import Raw, few_numbers
from invrender.parameters.base import Value, only_camera

# Right answers were seen to leave at most 0.05 of the picture's local contrast, in noise and in photographs.
UNEXPLAINED = 0.08
# It is said where more than this share of the objects is burnt out in the pictures.
WORTH_SAYING = 0.01
# The share of the loss that one more step must not promise, unless it is shorter than so many learning rates.
STATIONARY, SHORT = 0.02, 0.01
LEAST_FIRST: Sequence[Status] = ("unidentifiable", "not_converged", "ambiguous", "converged")


def judge(problem: Problem, stages: Sequence[Stage], raw: Raw) -> Verdict:
    """What is to be thought of an answer, from its picture as the last stage draws it, and from Jacobians.

    Each unknown is judged as the last stage in which it moves sees it, and by the views that show it.
    """
    shares = examine_pictures(problem, stages[-1], raw)
    besides = f"; {shares.burnt_out:.0%} of the object is burnt out" if shares.burnt_out > WORTH_SAYING else ""
    explanations = explain(problem, stages, raw, shares)
    unknowns = {name: explanation.judgement for name, explanation in explanations.items()}
    found: list[Uncertainty] = []
    deviations: Values = {}
    if any(each.holds for each in explanations.values()) and len(few_numbers(raw)) == len(raw):
        found, deviations = examine(problem, stages, raw)
        moving = {name: each for each in reversed(found) for name in each.names}
        unknowns = {name: judge_unknown(moving[name], name, unknowns[name]) for name in moving}
    unseen = [parts for each in found for parts in each.unseen]
    overall = judge_all(problem, unknowns, unseen)
    if overall.status == "converged":
        least = max((explanations[name] for name in problem.counting), key=lambda each: each.left)
        overall = replace(overall, reason=least.words)
    return Verdict(
        overall.status,
        overall.reason + besides,
        shares.unexplained,
        shares.burnt_out,
        deviations,
        unseen=unseen,
        unknowns=unknowns,
        explained=all(each.holds for each in explanations.values()),
        certain=all(each.certain for each in explanations.values()),
    )


def judge_all(problem: Problem, unknowns: Mapping[str, Judgement], unseen: Sequence[Mapping[str, float]]) -> Judgement:
    """The judgement of all unknowns that count: the one that says least, with the unknown's name if others say more."""
    counting = {name: unknowns[name] for name in problem.counting}
    overall = worst(list(counting.values()))
    if overall.status == "unidentifiable":
        return replace(overall, reason=undetermined(unseen))
    names = [name for name, each in counting.items() if each.status == overall.status]
    if len({each.reason for each in counting.values()}) == 1 or overall.status == "converged":
        return overall
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    return replace(overall, reason=f"{names[0]}{more}: {counting[names[0]].reason}")


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
    """How well an answer explains the pictures that show each unknown.

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
    """How well an answer explains the pictures.

    unexplained: the share of the pictures that it leaves unexplained, which decides unless losses are robust: these
    are for pictures that the scene does not explain as a whole.
    """
    evidence = weigh(problem, stages, raw)
    if evidence is not None:
        return Explanation(evidence.holds, evidence.certain, evidence.share, evidence.words)
    if unexplained > UNEXPLAINED:
        return Explanation(False, False, unexplained, f"{unexplained:.0%} of the picture is left unexplained")
    return Explanation(True, True, unexplained, f"{1 - unexplained:.1%} of the picture is explained")


def judge_unknown(found: Uncertainty, name: str, so_far: Judgement) -> Judgement:
    """What is to be thought of one unknown; ``so_far`` where its pictures are not explained, or nothing is amiss."""
    unseen = [parts for parts in found.unseen if name in parts]
    if not so_far.explained:
        return so_far
    if unseen:
        return replace(so_far, status="unidentifiable", reason=undetermined(unseen))
    if found.promised > STATIONARY and found.remaining > SHORT:
        return replace(so_far, status="not_converged", reason="the loss was still falling")
    return so_far


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
