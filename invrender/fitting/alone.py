"""Parts of a problem: the pose of one view and what else shows there alone, while all that views share rests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from invrender.fitting.objective import apply_all
from invrender.fitting.problem import Problem
from invrender.fitting.schedule import Stage, select
from invrender.fitting.solve.base import Raw
from invrender.parameters.base import only_camera
from invrender.scene import Target


def group_poses(problem: Problem) -> list[list[str]]:
    """The names of the unknown poses, together those that show in the same views: of one camera, or of all."""
    groups: dict[str | None, list[str]] = {}
    for name, pose in problem.poses.items():
        groups.setdefault(only_camera(pose), []).append(name)
    return list(groups.values())


def split_problem(problem: Problem, raw: Raw) -> dict[str, Problem]:
    """The parts of a problem at ``raw``, by the first unknown pose in each: for each view, and for what all show.

    One part, the problem itself, where all poses show in the same views; none where no unknown is a pose.
    """
    return {first: find_part(problem, first, raw) for first, *_ in group_poses(problem)}


def find_part(problem: Problem, pose: str, raw: Raw) -> Problem:
    """The part of a problem at ``raw`` that shows one of its unknown poses, as `split_problem` has it."""
    if len(group_poses(problem)) < 2:
        return problem
    return restrict(problem, only_camera(problem.parameters[pose]), raw)


def restrict(problem: Problem, camera: str | None, raw: Raw) -> Problem:
    """The problem of the unknowns that show in the pictures of one camera alone, or of those that all show for None.

    All others rest at ``raw``.
    """
    own = {name: each for name, each in problem.parameters.items() if only_camera(each) == camera}
    others = {name: each for name, each in problem.parameters.items() if name not in own}
    views = tuple(view for view in problem.target.views if camera in (None, view.camera))
    scene = apply_all(problem.scene, others, raw)
    judged = [name for name in problem.judged if select(own, [name])]
    return replace(problem, scene=scene, target=Target(views), parameters=own, judged=judged)


def restrict_stages(stages: Sequence[Stage], problem: Problem) -> list[Stage]:
    """The stages in which something moves in a part of a problem, without what is about others."""
    found = []
    for stage in stages:
        moving = list(select(problem.parameters, stage.unknowns))
        lr = {name: stage.factor(name) for name in moving} if isinstance(stage.lr, Mapping) else stage.lr
        if moving:
            found.append(replace(stage, unknowns=moving, lr=lr, before=None))
    return found


def first_shared(stages: Sequence[Stage], problem: Problem, alone: Sequence[str]) -> int:
    """The first stage in which more moves than what was fitted ``alone``; the last one where there is none."""
    moving = [set(select(problem.parameters, stage.unknowns)) for stage in stages]
    return next((index for index, names in enumerate(moving) if names - set(alone)), len(stages) - 1)
