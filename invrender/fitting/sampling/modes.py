"""The modes of a posterior: an answer, and the poses that look like it and explain the pictures nearly as well."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from invrender.fitting.objective import Objective
from invrender.fitting.problem import Problem
from invrender.fitting.sampling.density import Charts, Posterior
from invrender.fitting.search.search import Search
from invrender.fitting.search.seeker import Seeker
from invrender.fitting.solve.base import Raw, few_numbers

log = logging.getLogger("invrender.fitting.search")

# What looks like an answer has symmetries of its own: turns about one axis, then about another.
ROUNDS = 2
# A mode whose part is less than e to the minus this is none; modes nearer than so many deviations are one.
HOPELESS, APART = 20.0, 4.0
# Poses that look alike are compared at full size where their losses, small and blurred, differ by a smaller factor.
CLOSE = 5.0
# So many modes at most: those with the largest parts.
MOST = 16


def find_alike(problem: Problem, search: Search, objective: Objective, raw: Raw) -> list[Raw]:
    """Raw tensors of an answer, the first, and of what looks like it but for one of its poses, refined by an objective.

    What the search finds: turns about the shapes' axes, upside down, and reversals of depths.
    """
    found = [raw]
    for name in problem.poses:
        if name in raw and name in objective.parameters:
            for _ in range(ROUNDS):
                more = find_by_pose(search.seeker(problem, name, found[0]), search, objective, found)
                found += more
                if not more:
                    break
    return found


def find_by_pose(seeker: Seeker, search: Search, objective: Objective, known: Sequence[Raw]) -> list[Raw]:
    """Raw tensors of further poses that look like known ones."""
    log.info("looking for what looks like the answer%s", seeker.told)
    alike = search.look_nearby(seeker, [few_numbers(raw) for raw in known])
    there = [seeker.measure(objective, few_numbers(raw)) for raw in known]
    close = [each.raw for each in alike if each.loss <= CLOSE * alike[0].loss and seeker.is_apart(each, there)]
    refined = seeker.descend(objective, close, seeker.steps)
    found = seeker.keep_distinct([each for each in refined if seeker.is_apart(each, there)])
    return [{**known[0], **each.raw} for each in found]


@dataclass(frozen=True, eq=False)
class Modes:
    """Charts about modes, those with the largest parts first; parts: [M], by their heights and their widths."""

    charts: Charts
    parts: Tensor


def chart_modes(posterior: Posterior, places: Tensor) -> Modes:
    """The charts about places [M, K], without those of no part, and those that are in another one."""
    charts = posterior.chart_at(places)
    every = torch.arange(len(charts))
    points = posterior.measure(charts, every, charts.means)
    heights = points.density + charts.log_volume(every)
    order = heights.argsort(descending=True)[:MOST].tolist()
    kept: list[int] = []
    for index in order:
        tall = bool(heights[index] >= heights[order[0]] - HOPELESS) or not kept
        if tall and all(is_apart(posterior, charts, index, other) for other in kept):
            kept.append(index)
    return Modes(charts.take(kept), torch.softmax(heights[kept], dim=0))


def is_apart(posterior: Posterior, charts: Charts, index: int, other: int) -> bool:
    """Whether a chart's centre lies many deviations from that of another one, as the other sees it."""
    center, place = charts.centers[other], charts.centers[index]
    jacobian = posterior.tangent.differentiate(center[None], torch.zeros_like(center)[None])[0]
    change = torch.linalg.lstsq(jacobian, (place - center)[:, None]).solution[:, 0]
    whole = torch.tensor([other])
    return bool(charts.whiten(whole, change[None] + charts.means[whole]).norm() > APART)
