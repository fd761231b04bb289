"""A fit that is ready to run, from its config: shared by the command line, benchmarks and Python."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from invrender.config.build import build, build_all
from invrender.config.compose import Composition, scene_options
from invrender.config.schema import FitConfig
from invrender.config.target import build_scene_and_target
from invrender.errors import UserError, note
from invrender.fitting.auto import Choice, choose_solver
from invrender.fitting.dry_run import DryRun, dry_run
from invrender.fitting.fit import fit
from invrender.fitting.problem import Problem
from invrender.fitting.sampler import Sampler
from invrender.fitting.search import Search
from invrender.fitting.solve.base import Raw
from invrender.fitting.state import State
from invrender.fitting.step import Step
from invrender.fitting.stopping import Stopping
from invrender.losses.base import channels_of
from invrender.parameters.base import is_by_vertex
from invrender.parameters.families import expand_families
from invrender.render.base import Renderer

if TYPE_CHECKING:
    from invrender.fitting.sampling import Sampling

Taken = TypeVar("Taken")


@dataclass(frozen=True)
class Experiment:
    """All that a fit needs.

    choice: the solver, and why it was chosen. search: what looks for other starts, where it suits the solver, and
    compares the answer with others; None for neither, nor a verdict. judging: whether the answer is judged.
    seed, device: of the run that it is assembled for; cpu or cuda.
    """

    problem: Problem
    choice: Choice
    search: Search | None
    stopping: Stopping
    seed: int = 0
    device: str = "cpu"
    judging: bool = True

    @property
    def most_steps(self) -> int:
        """Of all stages together."""
        return sum(stage.steps for stage in self.choice.solver.stages)

    @property
    def searches(self) -> bool:
        """Whether it may look for other starts."""
        search = self.search
        judged = search is not None and search.suits(self.choice.solver) and (self.judging or search.mode == "on")
        return search is not None and judged and search.mode != "off"

    def sample(self, problem: Problem, raw: Raw, sampler: Sampler) -> Sampling:
        """The posterior about an answer of its solver, ready to be sampled.

        problem: its own, with the meshes that ``raw`` is a displacement from. Raises `UserError` for what can't be.
        """
        if self.search is None:
            raise UserError("search is not there, and what looks like an answer is found by it")
        from invrender.fitting.sampling import Sampling  # takes a while to import

        return Sampling.of(problem, self.choice.solver.stages, self.search, sampler, raw)

    def watch(self, watched: Callable[[Renderer], Renderer]) -> Experiment:
        """The experiment whose renderer somebody looks on at."""
        return replace(self, problem=replace(self.problem, renderer=watched(self.problem.renderer)))

    def fit(self) -> Generator[Step, None, None]:
        """The steps of the fit, of which the first is there already.

        Raises `UserError` at once, and not with the first step, for what can't be fitted: nothing has been written yet.
        """
        steps = fit(self.problem, self.choice.solver, self.stopping, self.search, judging=self.judging)
        return chain(next(steps), steps)

    def resume(self, state: State) -> tuple[Step, Generator[Step, None, None]]:
        """The start, and the steps that come after a state of the fit, none of them taken yet.

        Raises `UserError` for the state of another fit.
        """
        start = next(self.fit())
        # Those of vertices are as many as there are by now.
        free = {name for name, each in self.problem.parameters.items() if state.meshes and is_by_vertex(each)}
        before, now = (
            {name: None if name in free else each.shape for name, each in raw.items()} for raw in (start.raw, state.raw)
        )
        if state.problem != start.state.problem or now != before:
            raise UserError("the state is that of another fit: its scene, target or unknowns differ")
        return start, fit(self.problem, self.choice.solver, self.stopping, self.search, state, self.judging)

    def plan(self) -> DryRun:
        """What the fit would cost, and whether its gradient is right."""
        return dry_run(self.problem, self.choice.solver)


def chain(first: Taken, steps: Generator[Taken, None, None]) -> Generator[Taken, None, None]:
    """The first step and those that follow; Ctrl-C while the first is consumed ends the run, too."""
    try:
        yield first
    except KeyboardInterrupt as interrupt:
        yield steps.throw(interrupt)
    yield from steps


def assemble(config: FitConfig, device: str = "cpu", optimizer: str = "") -> Experiment:
    """The experiment that a composed config describes, on ``device``: cpu or cuda. Writes and prints nothing.

    optimizer: the option that stands for the config's optimizer. ``config.scene.folder`` must be absolute, as
    `invrender.config.compose.scene_options` makes it. Numbers that are drawn on the way come from PyTorch's generator:
    `invrender.config.device.repeatable` seeds it.

    Raises `UserError` for what can't be used.
    """
    allow = config.allow_targets
    solver = build(config.optimizer, "optimizer", allow)
    renderer = build(config.renderer, "renderer", allow)
    search = build(config.search, "search", allow)
    unknowns = build_all(config.recover, "recover", allow)
    losses = build_all(config.loss, "loss", allow)
    channels = channels_of(losses.values())
    shaders = getattr(renderer, "shaders", {})
    scene, target = build_scene_and_target(config, device, channels, shaders)
    if config.target.depth and "depth" not in channels:
        note("target.depth has no effect: no loss compares depths; add loss=depth")
    parameters = expand_families(unknowns, scene, target)
    problem = Problem(scene, target, parameters, renderer, losses, tuple(config.verdict.of))
    choice = choose_solver(solver, optimizer, problem)
    if search.start != "together" and not search.suits(choice.solver):
        note(f"search.start={search.start} has no effect: it goes with optimizer=lm, and with others if search=on")
    return Experiment(problem, choice, search, config.stopping, config.seed, device, config.verdict.judge)


def measures_of(composed: Composition) -> list[str]:
    """The errors that a fit will tell, as UNKNOWN.ERROR; none where the truth is not known."""
    options = scene_options(composed, FitConfig)
    unknowns = build_all(options.recover, "recover", options.allow_targets)
    scene, target = build_scene_and_target(options, "cpu", frozenset(), {})
    if target.truth is None:
        return []
    parameters = expand_families(unknowns, scene, target)
    return [f"{name}.{error}" for name, each in parameters.items() for error in each.error(scene, target.truth)]
