"""The judge of an answer: by its picture, and by Jacobians."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch

from invrender.fitting.judge.explained import measure_unexplained
from invrender.fitting.judge.uncertainty import Uncertainty, estimate_uncertainty, find_deviations
from invrender.fitting.judge.verdict import Values, Verdict
from invrender.fitting.problem import Problem
from invrender.fitting.schedule import Stage, select
from invrender.fitting.solve.base import MOST_NUMBERS, Raw
from invrender.parameters.base import Value

# Right answers were seen to leave at most 0.05 of the picture's local contrast, in noise and in photographs.
UNEXPLAINED = 0.08
# The share of the loss that one more step must not promise, unless it is shorter than so many learning rates.
STATIONARY, SHORT = 0.02, 0.01


def judge(problem: Problem, stages: Sequence[Stage], raw: Raw) -> Verdict:
    """What is to be thought of an answer, from its picture as the last stage draws it, and from Jacobians.

    Each unknown is judged as the last stage in which it moves sees it.
    """
    left = measure_left(problem, stages[-1], raw)
    if left > UNEXPLAINED:
        return Verdict("not_converged", f"{left:.0%} of the picture is left unexplained", left)
    explained = f"{1 - left:.1%} of the picture is explained"
    if any(value.numel() > MOST_NUMBERS for value in raw.values()):
        return Verdict("converged", explained, left)
    found, deviations = examine(problem, stages, raw)
    unseen = [parts for each in found for parts in each.unseen]
    if unseen:
        told = dict.fromkeys(" together with ".join(parts) for parts in unseen)
        reason = f"the picture does not fully determine {', nor '.join(told)}"
        return Verdict("unidentifiable", reason, left, deviations, unseen=unseen)
    if any(each.promised > STATIONARY and each.remaining > SHORT for each in found):
        return Verdict("not_converged", "the loss was still falling", left, deviations)
    return Verdict("converged", explained, left, deviations)


def measure_left(problem: Problem, stage: Stage, raw: Raw) -> float:
    """The share of the pictures that an answer leaves unexplained, as a stage draws them; the mean over the views."""
    objective = problem.at(stage)
    with torch.no_grad():
        pictures = zip(objective.views, objective.pictures(objective.scene_at(raw)), strict=True)
        shares = [measure_unexplained(picture, view, objective.channels) for view, picture in pictures]
    return sum(shares) / len(shares)


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
        uncertainty = estimate_uncertainty(local, problem.rates, objective.sizes)
        found.append(uncertainty)
        deviations = {**find_deviations(objective, moving, problem.parameters, local, uncertainty), **deviations}
    return found, deviations
