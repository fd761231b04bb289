"""A seeker of one of a problem's poses: it refines many candidates at once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from invrender.fitting.objective import Objective
from invrender.fitting.problem import Problem
from invrender.fitting.schedule import Stage, select
from invrender.fitting.search.matching import Matching
from invrender.fitting.search.placement import Placed, Placement
from invrender.fitting.solve.base import Raw, Routine, few_numbers, run_batched
from invrender.fitting.solve.least_squares import LevenbergMarquardt
from invrender.losses.base import Loss
from invrender.losses.silhouettes import Moments
from invrender.parameters.base import Pose
from invrender.render.base import ALL
from invrender.scene import Picture, Scene, Truth

# The size of pictures in which renderings are placed.
PLACING = 64
# The root of the area of objects, in pixels, at most, in each of the search's stages.
EXTENTS = (50, 80)
# Deviations, in learning rates, of the changes that are tried where patches hardly shift by them.
FURTHEST = 6.0
# Where patterns are likely to repeat, in shares of how far the objects reach.
REPEATS = (0.15, 0.3, 0.5)


@dataclass(frozen=True)
class Candidate:
    """Raw tensors, the scene that they stand for, and its loss."""

    raw: Raw
    scene: Scene
    loss: float


@dataclass(frozen=True)
class Seeker:
    """An unknown pose in the part of a problem that shows it, and the means to refine it with what else moves there.

    problem: the part, of sums of squares; its unknowns of few numbers move. stages: how poses are drawn and compared.
    steps: at most so many for each candidate.
    apart: of poses nearer to each other than so many degrees, and per cent of the distance, the better one stays.
    name, pose: the unknown. resting: the raw tensors of all of the part's unknowns, those that don't move among them.
    ranking: the losses by which poses far from each other are compared; None for those of the stages.
    told: the pose's name as the end of a sentence; nothing where no other pose is unknown.
    """

    problem: Problem
    stages: Sequence[Stage]
    steps: int
    apart: float
    name: str
    pose: Pose
    resting: Raw
    told: str = ""
    ranking: Sequence[str] | None = None

    @cached_property
    def solver(self) -> LevenbergMarquardt:
        """What refines poses."""
        return LevenbergMarquardt(self.stages, accuracy=0.05)

    @cached_property
    def objectives(self) -> list[Objective]:
        """The objectives of the search's stages, with the silhouettes' moments where there are masks."""
        problem, stages = self.problem, self.limited
        if all(view.mask is not None for view in problem.target.views):
            losses: dict[str, Loss] = {**problem.losses, "moments": Moments()}
            problem = replace(problem, losses=losses)
            stages = [replace(stage, losses=stage.losses and (*stage.losses, "moments")) for stage in stages]
        return [problem.at(stage, self.resting) for stage in stages]

    def refine(self, index: int, raws: Sequence[Raw], count: int, hopeless: float = math.inf) -> list[Candidate]:
        """The best of many, refined as the search's stage ``index`` says; the best first.

        Left out are those whose loss is more than ``hopeless`` times the least.
        """
        objective = self.objectives[index]
        small = [few_numbers(raw) for raw in raws]
        scores = objective.scores(small)
        best = sorted(range(len(raws)), key=scores.__getitem__)[:count]
        most = math.inf if math.isinf(hopeless) else hopeless * scores[best[0]]
        hopeful = [each for each in best if scores[each] <= most]
        return self.keep_distinct(self.descend(objective, [small[each] for each in hopeful], self.steps))

    def move_to_mask(self, raw: Raw) -> Raw:
        """Raw tensors whose silhouettes lie where the targets' masks are, and are as large, if there are masks."""
        objective = self.objectives[0]
        moments = {name: loss for name, loss in objective.losses.items() if isinstance(loss, Moments)}
        if not moments:
            return raw
        [found] = self.descend(replace(objective, losses=moments), [raw], self.steps)
        return found.raw

    @cached_property
    def placement(self) -> Placement | None:
        """Finds where renderings lie best in the target; None where what moves in the picture is not all one."""
        if len(self.problem.target.views) > 1 or not self.pose.moves_all(self.problem.scene):
            return None
        return Placement(self.placing.views[0])

    @cached_property
    def placing(self) -> Objective:
        """The objective of pictures in which renderings are placed."""
        return self.problem.at(replace(self.stages[0], size=PLACING, blur=1.0), self.resting)

    def place(self, raws: Sequence[Raw]) -> list[Candidate]:
        """Raw tensors, each shifted to where its rendering looks most like a part of the target; its loss is ≥ −1."""
        assert self.placement is not None
        with torch.no_grad():
            pictures = (picture for some in self.placing.in_parts(raws) for picture in self.draw(some))
            placed = [self.placement.place(picture) for picture in pictures]
        shifted = [(self.shift(raw, each), each) for raw, each in zip(raws, placed, strict=True)]
        return [Candidate(raw, self.placing.scene_at(raw), -each.score) for raw, each in shifted]

    def match(self, index: int, raws: Sequence[Raw], pixels: float) -> list[Raw]:
        """Raw tensors, each after the change that most patches of its rendering ask for, as a stage draws it.

        pixels: the deviation of the shifts that are tried first.
        """
        objective = self.matched[index]
        matching = Matching(objective.views[0])
        random, found = torch.Generator().manual_seed(0), []
        with torch.no_grad():
            for some in objective.in_parts(raws):
                scenes = [objective.scene_at(raw) for raw in some]
                for raw, scene, [(picture, _)] in zip(some, scenes, objective.compare(scenes, ALL), strict=True):
                    change = self.follow(scene, picture, matching, pixels, random)
                    found.append(raw if change is None else self.change(raw, change))
        return found

    def follow(
        self, scene: Scene, picture: Picture, matching: Matching, pixels: float, random: torch.Generator
    ) -> Tensor | None:
        """The change of the pose that most patches of a rendering of a scene ask for; None where there are too few."""
        patches = matching.find(picture)
        if patches is None:
            return None
        middles = torch.stack([patches.columns, patches.rows], dim=1) + 0.5
        depths = picture["depth"][patches.rows, patches.columns]
        slopes = self.pose.slopes(scene, matching.view, middles.to(depths), depths).float()
        if not bool(slopes.isfinite().all()):  # a camera within an object sees what it has at no distance
            return None
        spread = spread_changes(slopes, patches.weights, pixels, FURTHEST * self.pose.lr)
        return patches.agree(slopes, spread, random).to(depths)

    @cached_property
    def limited(self) -> list[Stage]:
        """The search's stages, in pictures in which the objects are no larger than need be."""
        if all(stage.size and stage.size <= most for stage, most in zip(self.stages, EXTENTS, strict=True)):
            return list(self.stages)
        with torch.no_grad():
            share = float(self.draw([self.resting])[0].alpha.mean().sqrt()) + 1e-3
        limits = [round(pixels / share) for pixels in EXTENTS]
        sizes = [min(stage.size or most, most) for stage, most in zip(self.stages, limits, strict=True)]
        return [replace(stage, size=size) for stage, size in zip(self.stages, sizes, strict=True)]

    @cached_property
    def matched(self) -> list[Objective]:
        """The objectives of the search's stages by their own losses."""
        return [self.problem.at(stage, self.resting) for stage in self.limited]

    @cached_property
    def rankings(self) -> list[Objective]:
        """The objectives by which poses far from each other are compared, in pictures of the same sizes."""
        if self.ranking is None:
            return self.matched
        stages = [replace(objective.stage, losses=self.ranking) for objective in self.matched]
        return [self.problem.at(stage, self.resting) for stage in stages]

    def choose(self, index: int, raws: Sequence[Raw], count: int, apart: float) -> list[Raw]:
        """At most so many of some raw tensors, the best as a stage ranks them; none is near a better one."""
        objective = self.rankings[index]
        scored = zip(raws, objective.scores(raws), strict=True)
        candidates = [Candidate(raw, objective.scene_at(raw), score) for raw, score in scored]
        return [each.raw for each in self.keep_distinct(candidates, count, apart)]

    def is_near(self, raw: Raw, other: Raw, degrees: float, share: float) -> bool:
        """Whether a pose is turned from another one by at most so many degrees, and so much nearer or further."""
        scene, start = (self.objectives[0].scene_at(each) for each in (raw, other))
        turned = self.pose.error(scene, Truth(start, {}, {}))["rotation_deg"]
        forward = scene.background.new_tensor([[0.0, 0.0, 1.0]])
        depth, usual = (each.camera.distance * self.pose.shifts(each, forward).norm() for each in (scene, start))
        ratio = float(depth / usual)
        return turned <= degrees and 1 / share <= ratio <= share

    def draw(self, raws: Sequence[Raw]) -> list[Picture]:
        """Small renderings of the first view, colours and silhouettes."""
        scenes = [self.placing.scene_at(raw) for raw in raws]
        return [views[0][0] for views in self.placing.compare(scenes, frozenset(("rgb", "alpha")))]

    def shift(self, raw: Raw, placed: Placed) -> Raw:
        """Raw tensors whose rendering is shifted by so many pixels as it was placed."""
        across, down = self.focal_lengths
        [change] = self.shifts(raw, [[placed.right / across, placed.down / down, 0.0]])
        return self.change(raw, change)

    @cached_property
    def focal_lengths(self) -> list[float]:
        """Of pictures in which renderings are placed, in pixels across and down."""
        found: list[float] = self.placing.shots(self.problem.scene)[0].camera.intrinsics.diagonal()[:2].tolist()
        return found

    def descend(self, objective: Objective, raws: Sequence[Raw], steps: int) -> list[Candidate]:
        """Each of some raw tensors after its own steps."""
        ends = run_batched([self.descent(objective, raw, steps) for raw in raws], objective)
        return [self.measure(objective, end) for end in ends]

    def descent(self, objective: Objective, raw: Raw, steps: int) -> Routine[Raw]:
        """The requests of some steps from ``raw``."""
        moving = select(raw, objective.stage.unknowns)
        state = self.solver.init(objective, moving)
        for _ in range(steps):
            moving, state = yield from self.solver.descend(objective, moving, state)
            if self.solver.done(state):
                break
        return {**raw, **moving}

    def measure(self, objective: Objective, raw: Raw) -> Candidate:
        """Raw tensors and what they are worth."""
        evaluation = objective(raw)
        return Candidate(raw, evaluation.scene, float(evaluation.loss))

    def change(self, raw: Raw, change: Tensor) -> Raw:
        """Raw tensors after a change of the pose."""
        return self.objectives[0].retract(raw, {self.name: change})[0]

    def shifts(self, raw: Raw, offsets: Sequence[Sequence[float]]) -> Tensor:
        """Changes [N, …] of the pose by offsets in the camera's axes, by shares of its depth, if it can shift."""
        scene = self.objectives[0].scene_at(raw)
        return self.pose.shifts(scene, scene.background.new_tensor(offsets))

    def repeat(self, raw: Raw) -> list[Raw]:
        """Raw tensors shifted to where a pattern may look as it does, by shares of how far the silhouette reaches."""
        with torch.no_grad():
            seen = self.draw([raw])[0].alpha > 0.5
        rows, columns = (float(seen.any(dim=dim).sum()) for dim in (1, 0))
        across, down = self.focal_lengths
        reach = math.hypot(columns / across, rows / down) / 2
        return [self.change(raw, shift) for shift in self.shifts(raw, (reach * offsets_around()).tolist())]

    def symmetries(self, raw: Raw) -> list[Raw]:
        """Raw tensors of the poses that may look like those of ``raw``."""
        return [self.change(raw, turn) for turn in self.pose.symmetries(self.objectives[0].scene_at(raw))]

    def keep_distinct(
        self, candidates: Sequence[Candidate], most: int | None = None, apart: float | None = None
    ) -> list[Candidate]:
        """The candidates, the best first and at most so many, without those that lie near a better one."""
        kept: list[Candidate] = []
        for candidate in sorted(candidates, key=lambda each: each.loss):
            if len(kept) == most:
                break
            if self.is_apart(candidate, kept, apart):
                kept.append(candidate)
        return kept

    def is_apart(self, candidate: Candidate, others: Sequence[Candidate], apart: float | None = None) -> bool:
        """Whether a candidate lies near none of some others."""
        near = self.apart if apart is None else apart
        return all(self.distance(candidate.scene, other.scene) > near for other in others)

    def distance(self, first: Scene, second: Scene) -> float:
        """How far two scenes' poses are from each other: degrees, or per cent of the distance, whichever is more."""
        error = self.pose.error(first, Truth(second, {}, {}))
        return max(error["rotation_deg"], 100 * error["position_relative"])


def spread_changes(slopes: Tensor, weights: Tensor, pixels: float, most: float) -> Tensor:
    """[K, K], whose columns are changes that shift points by so many pixels, or are as long as ``most``.

    slopes: [P, 2, K], by how much points shift for a unit of change; weights: [P], theirs.
    """
    squares = torch.einsum("pik,pil,p->kl", slopes, slopes, weights / weights.sum())
    powers, directions = torch.linalg.eigh(squares)
    changes: Tensor = directions * (pixels / powers.clamp(min=1e-12).sqrt()).clamp(max=most)
    return changes


def offsets_around() -> Tensor:
    """Offsets [24, 3] across the line of sight in eight directions, by shares that patterns are likely to repeat at."""
    angles = torch.arange(8) * (math.pi / 4)
    around = torch.stack([angles.cos(), angles.sin(), torch.zeros(8)], dim=1)
    return torch.cat([share * around for share in REPEATS])
