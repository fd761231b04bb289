"""A fit that is ready to run, from its config: shared by the command line, benchmarks and Python."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass

from invrender.config.build import build, build_all
from invrender.config.schema import FitConfig
from invrender.config.target import build_scene_and_target
from invrender.fit import Step, fit
from invrender.fitting.stopping import Stopping
from invrender.losses.base import Loss
from invrender.parameters.base import Parameters
from invrender.render.base import Renderer
from invrender.scene import Scene, Target
from invrender.search import Search
from invrender.solve.base import Solver


@dataclass(frozen=True)
class Experiment:
    """All that a fit needs.

    scene: the start. search: None where the solver does not go with one.
    """

    scene: Scene
    target: Target
    parameters: Parameters
    renderer: Renderer
    losses: Mapping[str, Loss]
    solver: Solver
    search: Search | None
    stopping: Stopping

    @property
    def most_steps(self) -> int:
        """Of all stages together."""
        return sum(stage.steps for stage in self.solver.stages)

    def fit(self) -> Generator[Step, None, None]:
        """The steps of the fit, of which the first is there already.

        Raises `UserError` at once, and not with the first step, for what can't be fitted: nothing has been written yet.
        """
        steps = fit(
            *(self.scene, self.target, self.parameters, self.renderer, self.losses, self.solver),
            *(self.stopping, self.search),
        )
        return chain(next(steps), steps)


def chain(first: Step, steps: Generator[Step, None, None]) -> Generator[Step, None, None]:
    """The first step and those that follow; Ctrl-C while the first is consumed ends the fit, too."""
    try:
        yield first
    except KeyboardInterrupt as interrupt:
        yield steps.throw(interrupt)
    yield from steps


def assemble(config: FitConfig, device: str = "cpu") -> Experiment:
    """The experiment that a composed config describes, on ``device``: cpu or cuda. Writes and prints nothing.

    ``config.scene.folder`` must be absolute, as `invrender.config.compose.scene_options` makes it. Numbers that are
    drawn on the way come from PyTorch's generator: `invrender.config.device.repeatable` seeds it.

    Raises `UserError` for what can't be used.
    """
    allow = config.allow_targets
    solver = build(config.optimizer, "optimizer", allow)
    renderer = build(config.renderer, "renderer", allow)
    search = build(config.search, "search", allow)
    parameters = build_all(config.recover, "recover", allow)
    losses = build_all(config.loss, "loss", allow)
    channels = frozenset[str]().union(*(loss.channels for loss in losses.values()))
    scene, target = build_scene_and_target(config, device, channels)
    suitable = search if search.suits(solver) else None
    return Experiment(scene, target, parameters, renderer, losses, solver, suitable, config.stopping)
