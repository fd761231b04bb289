"""A search that asks a network where to look."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from torch import Tensor

from invrender.checks import count
from invrender.errors import UserError, naming
from invrender.fitting.problem import Problem
from invrender.fitting.schedule import Stage
from invrender.fitting.search import Search
from invrender.fitting.search.seeker import Candidate, Seeker
from invrender.fitting.solve.base import Raw
from invrender.learning.pose.trained import Guess, TrainedNetwork
from invrender.parameters.base import Reaching, only_camera
from invrender.parameters.light_intensity import LightIntensity
from invrender.scene import Scene, View

KEY = "search.weights"
log = logging.getLogger("invrender.fitting.search")


@dataclass(frozen=True)
class NetworkSearch(Search):
    """Has a network look at the picture, and refines its best guesses instead of poses all around.

    weights: a file of `invrender train`. guesses: so many of them are refined. The other keys are those of `Search`.
    """

    weights: str | None = None
    guesses: int = 6

    def __post_init__(self) -> None:
        super().__post_init__()
        count("search.guesses", self.guesses)
        if self.weights is None:
            raise UserError(f"{KEY} is null, expected a file that invrender train has written")

    @cached_property
    def trained(self) -> TrainedNetwork:
        """The network."""
        return TrainedNetwork.read(Path(str(self.weights)), KEY)

    def check(self, problem: Problem, stages: Sequence[Stage]) -> None:
        """Raise `UserError` for weights that don't go with the problem, too, and where no camera's pose is unknown."""
        super().check(problem, stages)
        asked = {name: each for name, each in problem.poses.items() if isinstance(each, Reaching)}
        if not asked:
            unknowns = ", ".join(problem.parameters)
            raise UserError(f"search: a network says poses of cameras, and none is among {unknowns}; set search=on")
        for each in asked.values():
            with naming(KEY):
                self.trained.check(problem.scene, view_by(problem, each).frame(problem.scene))

    def look_everywhere(self, seeker: Seeker) -> list[Candidate]:
        """The best of what the network says and of where the pose is; the best first."""
        if not isinstance(seeker.pose, Reaching):
            return super().look_everywhere(seeker)
        log.info("asking the network for a better start%s", seeker.told)
        guesses = self.trained.guess(view_by(seeker.problem, seeker.pose).rgb, self.guesses)
        raws = [self.raw_of(seeker, seeker.pose, guess) for guess in guesses]
        found = seeker.refine(0, [seeker.resting, *raws], self.guesses)
        return seeker.refine(1, [each.raw for each in found], self.finalists, self.rivals)

    def raw_of(self, seeker: Seeker, pose: Reaching, guess: Guess) -> Raw:
        """Raw tensors of a guess, at the pose and in the light, where that is unknown."""
        scene = seeker.problem.scene
        lights = {
            name: self.light_of(scene, each, seeker.resting[name], guess)
            for name, each in seeker.problem.parameters.items()
            if isinstance(each, LightIntensity)
        }
        reached = pose.reach(scene, guess.camera_from_world.to(scene.background))
        return {**seeker.resting, **lights, seeker.name: reached}

    def light_of(self, scene: Scene, parameter: LightIntensity, resting: Tensor, guess: Guess) -> Tensor:
        """The raw tensor of the lights that a guess says; of those that the network does not know, ``resting``."""
        raw = resting.clone()
        for index, name in enumerate(parameter.names(scene)):
            known = self.trained.about.intensities.get(f"lights.{name}.intensity")
            if known is not None:
                raw[index] = math.log(guess.light * known / float(scene.lights[name].intensity))
        return raw


def view_by(problem: Problem, pose: Any) -> View:
    """The first view that a pose's camera has taken."""
    camera = only_camera(pose)
    return next(each for each in problem.target.views if each.camera == camera)
