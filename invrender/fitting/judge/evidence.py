"""The evidence for a pose in a picture that the scene does not explain as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from invrender.fitting.objective import Objective
from invrender.fitting.problem import Problem
from invrender.fitting.schedule import Stage, select
from invrender.fitting.solve.base import Raw, few_numbers
from invrender.losses.correlation import Correlation

# Poses around an answer that it is held against: how many, and by how much they are turned at most, in degrees.
AROUND, FARTHEST = 48, 45.0
# Pictures for it need not be larger.
SIZE = 96
# What the shares below are meant for: differences that count no more than so many deviations.
OUTLIER = 1.0
# The share of what poses around it leave that an answer may leave; and below which no better one need be looked for.
MOST, CERTAIN = 0.6, 0.25


@dataclass(frozen=True)
class Evidence:
    """How an answer stands against poses around it.

    left: the loss of correlation at the answer. around: its median at poses that are turned from there.
    """

    left: float
    around: float

    @property
    def share(self) -> float:
        """What the answer leaves, as a share of what poses around it leave."""
        return self.left / max(self.around, 1e-12)

    @property
    def holds(self) -> bool:
        """Whether the answer stands out."""
        return self.share <= MOST

    @property
    def certain(self) -> bool:
        """Whether it stands out so much that there can't be a better one."""
        return self.share <= CERTAIN

    @property
    def words(self) -> str:
        """The same in words."""
        only = "" if self.holds else "still "
        return f"it {only}leaves {self.share:.0%} of the difference that poses around it leave"


def weigh(problem: Problem, stages: Sequence[Stage], raw: Raw) -> Evidence | None:
    """The least evidence for an unknown pose by the losses of `Correlation`; None where there is no such thing.

    A scene that lacks much of what a picture shows leaves much unexplained at the right pose, too. So the answer is
    held against other poses of the same scene in the same picture.
    """
    found = [weigh_pose(problem, stages, raw, name) for name in problem.poses]
    return max((each for each in found if each is not None), key=lambda each: each.share, default=None)


def weigh_pose(problem: Problem, stages: Sequence[Stage], raw: Raw, name: str) -> Evidence | None:
    """The evidence for one unknown pose."""
    stage = next((each for each in reversed(stages) if name in select(raw, each.unknowns)), None)
    if stage is None:
        return None
    objective = weigh_by(problem, stage, raw)
    if objective is None:
        return None
    answer = few_numbers(raw)
    turns = problem.poses[name].sample_poses(problem.scene, AROUND, FARTHEST)
    turned = [objective.retract(answer, {name: turn})[0] for turn in turns]
    left, *around = objective.scores([answer, *turned])
    return Evidence(left, sorted(around)[len(around) // 2])


def weigh_by(problem: Problem, stage: Stage, raw: Raw) -> Objective | None:
    """The losses of `Correlation` of a stage, as evidence is weighed by them, in small pictures; None without any."""
    losses = {
        key: replace(loss, outlier=OUTLIER)
        for key, loss in select(problem.losses, stage.losses).items()
        if isinstance(loss, Correlation)
    }
    if not losses:
        return None
    small = replace(stage, losses=list(losses), size=min(SIZE, stage.size or SIZE))
    return replace(problem, losses={**problem.losses, **losses}).at(small, resting=raw)
