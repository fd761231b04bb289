"""From anywhere: many poses are drawn small, and the best of them refined in rounds of ever fewer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from invrender.errors import UserError
from invrender.parameters.base import Pose
from invrender.pyramid import Stage
from invrender.scene import Scene, Truth
from invrender.solve.base import Objective, Raw
from invrender.solve.least_squares import LevenbergMarquardt


@dataclass(frozen=True)
class Candidate:
    """Raw tensors, the scene that they stand for, and its loss."""

    raw: Raw
    scene: Scene
    loss: float


@dataclass(frozen=True)
class Search:
    """Which poses to try, and how long to stay with each.

    poses: about so many are drawn, as the solver's first stage draws. survivors: so many of them are refined there.
    finalists: so many of these, and of the poses that look like the best of them, are refined in the second stage.
    steps: at most so many for each of them in each stage.
    apart: of poses nearer to each other than so many degrees, and per cent of the distance, the better one stays.
    """

    poses: int = 576
    survivors: int = 12
    finalists: int = 5
    steps: int = 8
    apart: float = 3.0

    def __post_init__(self) -> None:
        for name in ("poses", "survivors", "finalists", "steps"):
            if not getattr(self, name) >= 1:
                raise UserError(f"search.{name} is {getattr(self, name)}, expected 1 or more")

    def everywhere(self, seeker: Seeker, raw: Raw) -> list[Candidate]:
        """The best poses of all, the best first; ``raw`` takes part."""
        coarse = seeker.objective_at(seeker.solver.stages[0])
        placed = [{**raw, seeker.name: each} for each in seeker.pose.everywhere(coarse.scene, self.poses)]
        found = self.refined(seeker, 0, [raw, *placed], self.survivors)
        return self.near(seeker, [candidate.raw for candidate in found])

    def near(self, seeker: Seeker, raws: Sequence[Raw]) -> list[Candidate]:
        """The best of some poses, and of those that look like the first of them; the best first."""
        alike = [each for raw in raws[:2] for each in seeker.lookalikes(raw)]
        return self.refined(seeker, min(1, len(seeker.solver.stages) - 1), [*raws, *alike], self.finalists)

    def refined(self, seeker: Seeker, index: int, raws: Sequence[Raw], count: int) -> list[Candidate]:
        """The best of many, refined at the solver's stage ``index``."""
        stage = seeker.solver.stages[index]
        scores = seeker.objective_at(stage).scores(raws)
        best = sorted(range(len(raws)), key=scores.__getitem__)[:count]
        short = replace(stage, steps=min(stage.steps, self.steps))
        return seeker.distinct([seeker.refined(raws[each], short) for each in best], self.apart)


@dataclass(frozen=True)
class Seeker:
    """One unknown pose of a fit, and the means to refine it together with the other unknowns.

    name, pose: the unknown. objective_at: the fit's objective at a stage. rates: the unknowns' learning rates.
    """

    name: str
    pose: Pose
    objective_at: Callable[[Stage], Objective]
    solver: LevenbergMarquardt
    rates: Mapping[str, float]

    def refined(self, raw: Raw, stage: Stage) -> Candidate:
        """The raw tensors after the steps of a stage."""
        objective = self.objective_at(stage)
        descent = self.solver.begin(stage, raw, self.rates)
        for _ in range(stage.steps):
            _, raw = descent.step(objective, raw)
            if descent.finished:
                break
        evaluation = objective(raw)
        return Candidate(raw, evaluation.scene, float(evaluation.loss))

    def lookalikes(self, raw: Raw) -> list[Raw]:
        """Raw tensors of the poses that may look like those of ``raw``."""
        objective = self.objective_at(self.solver.stages[0])
        changes = self.pose.lookalikes(objective.scene_at(raw))
        return [objective.moved(raw, {self.name: change})[0] for change in changes]

    def distinct(self, candidates: Sequence[Candidate], apart: float) -> list[Candidate]:
        """The candidates, the best first, without those that lie near a better one."""
        kept: list[Candidate] = []
        for candidate in sorted(candidates, key=lambda each: each.loss):
            if all(self.distance(candidate.scene, other.scene) > apart for other in kept):
                kept.append(candidate)
        return kept

    def distance(self, first: Scene, second: Scene) -> float:
        """How far two scenes' poses are from each other: degrees, or per cent of the distance, whichever is more."""
        error = self.pose.error(first, Truth(second, {}, {}))
        return max(error["rotation_deg"], 100 * error["position_relative"])
