"""The fit: a generator of steps that does no input or output."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property

import torch
from torch import Tensor

from invrender.errors import UserError, naming
from invrender.fitting.stopping import Stopping
from invrender.gauge import Gauge
from invrender.losses.base import Loss
from invrender.objective import Objective, Problem, check_dependence
from invrender.parameters.base import Parameters
from invrender.pyramid import check_stages, chosen
from invrender.render.base import Renderer
from invrender.scene import Picture, Scene, Target, detach
from invrender.search import Search
from invrender.solve.base import Evaluation, Raw, Solver
from invrender.verdict import Verdict, numbers

Errors = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True)
class Best:
    """The best scene so far. ``loss`` is measured as the stage ``stage`` measures it."""

    iteration: int
    stage: int
    loss: float
    scene: Scene
    raw: Raw


@dataclass(frozen=True)
class Step:
    """One iteration.

    seconds: spent fitting so far; what the consumer does with a step does not count.
    iteration: counts the steps taken; the first yielded step is iteration 0, the start.
    stage: the index of the solver's stage; the start and the last step are measured at the last stage.
    loss, terms: the total and its named terms, at ``scene``.
    show: renders a picture for each view of the target, at the stage's resolution.
    errors: by unknown, against the truth; empty where there is none. pulls: by unknown, how many standard deviations
        its values are from the true ones; empty where either is not known.
    stopped_because: None, or the reason on the last step, whose scene is the best one.
    verdict: on the last step, what is to be thought of the answer; None where the fit was not asked to judge it.
    """

    iteration: int
    stage: int
    seconds: float
    loss: float
    terms: Mapping[str, float]
    scene: Scene
    raw: Raw
    show: Callable[[Scene], tuple[Picture, ...]]
    errors: Errors
    best: Best
    stopped_because: str | None = None
    verdict: Verdict | None = None
    pulls: Mapping[str, Sequence[float]] = field(default_factory=dict)

    @cached_property
    def rendered(self) -> tuple[Picture, ...]:
        """A picture for each view of the target, rendered when it is first asked for."""
        with torch.no_grad():
            return self.show(self.scene)


def fit(
    scene: Scene,
    target: Target,
    parameters: Parameters,
    renderer: Renderer,
    losses: Mapping[str, Loss],
    solver: Solver,
    stopping: Stopping | None = None,
    search: Search | None = None,
) -> Generator[Step, None, None]:
    """Recover ``parameters`` of ``scene`` so that its renderings match ``target``.

    Yields the start (iteration 0), then every step taken, then the best scene once more with ``stopped_because`` set:
    "finished", "tolerance", "no_improvement", "budget", "diverged" or "interrupted". The start and the last step are
    measured as the solver's last stage measures, so their losses compare. The best scene is never worse than the
    start. Ctrl-C ends the fit with the last step; a consumer that is interrupted itself gets that step by
    ``steps.throw(KeyboardInterrupt())``.

    search: looks for other starts, before the first step or when the answer does not explain the target, and judges the
    answer; without it there is neither.

    Raises `UserError` where an unknown or a loss does not go with the scene or the target, where a stage names what is
    not there, where no loss depends on an unknown, and where the start's loss is not a number.
    """
    for name, parameter in parameters.items():
        with naming(f"recover.{name}"):
            parameter.check(scene, target)
    for name, loss in losses.items():
        with naming(f"loss.{name}"):
            for view in target.views:
                loss.check(view)
    if not parameters:
        raise UserError("recover is empty, expected at least one unknown: recover=camera_pose")
    problem = Problem(scene, target, parameters, renderer, losses)
    stages = list(solver.stages)
    check_stages(stages, losses, parameters)
    raw = problem.initial()
    for stage in stages:
        # What the solver can't move is refused before anybody has recorded a step.
        solver.begin(stage, chosen(raw, stage.unknowns), problem.rates)
    coarsest = min(stages, key=lambda stage: stage.size or math.inf)
    if search is not None:
        search.check(problem, stages)
    check_dependence(problem.at(replace(coarsest, losses=None)), raw, stages)
    # Not before: the first rendering on a machine compiles the kernels.
    fitting = Fitting(problem, solver, stopping or Stopping(), Clock())
    yield from fitting.steps(raw, search)


@dataclass(frozen=True)
class End:
    """Raw tensors as the last stage measures them, and its evaluation."""

    best: Best
    evaluation: Evaluation


@dataclass
class Fitting:
    """A fit under way. iteration: counts the steps taken. stopped: why the last attempt ended."""

    problem: Problem
    solver: Solver
    stopping: Stopping
    clock: Clock
    iteration: int = 0
    stopped: str = "finished"

    @cached_property
    def gauge(self) -> Gauge | None:
        """The convention for what the pictures leave open."""
        return Gauge.of(self.problem.scene, self.problem.parameters)

    @cached_property
    def final(self) -> Objective:
        """The objective of the last stage, by which results are compared."""
        return self.problem.at(self.solver.stages[-1])

    def steps(self, raw: Raw, search: Search | None) -> Generator[Step, None, None]:
        """All steps of the fit."""
        end = self.measured(raw, 0)
        if not math.isfinite(end.best.loss):
            raise UserError(
                f"the loss at the start is {end.best.loss}: check the scene's numbers (sizes, intensities, camera)"
            )
        verdict = None
        try:
            with self.clock.stopped():
                yield self.last_step(end)
            if search is not None and search.mode == "on":
                raw = search.everywhere(self.problem, raw)
            end = yield from self.attempt(raw, end)
            if search is not None and self.stopped != "interrupted":
                end, verdict = self.judged(search, end)
                if search.mode == "auto" and verdict.status == "not_converged" and self.stopped != "budget":
                    end = yield from self.attempt(search.everywhere(self.problem, end.best.raw), end)
                    if self.stopped != "interrupted":
                        end, verdict = self.judged(search, end)
        except KeyboardInterrupt:
            self.stopped = "interrupted"
        yield self.last_step(end, self.stopped, verdict)

    def attempt(self, raw: Raw, end: End) -> Generator[Step, None, End]:
        """The steps of all stages from ``raw``; returns the best of ``end``, the best step and the last one."""
        leading = end.best
        try:
            for index, stage in enumerate(self.solver.stages):
                objective = self.problem.at(stage, resting=raw)
                descent = self.solver.begin(stage, chosen(raw, stage.unknowns), self.problem.rates)
                progress = Progress(self.stopping)
                lowest = math.inf
                for _ in range(stage.steps):
                    evaluation, following = descent.step(objective, chosen(raw, stage.unknowns))
                    now = float(evaluation.loss.detach())
                    if not math.isfinite(now) or not all(bool(each.isfinite().all()) for each in following.values()):
                        self.stopped = "diverged"
                        break
                    if now < lowest:
                        lowest = now
                        leading = Best(self.iteration, index, now, detach(evaluation.scene), raw)
                    self.iteration += 1
                    with self.clock.stopped():
                        yield self.report(evaluation, raw, objective, index, leading)
                    projected = {name: self.projected(name, value) for name, value in following.items()}
                    raw = raw | projected
                    if self.gauge is not None:
                        raw = self.gauge.fixed(raw)
                    self.stopped = progress.finished(now) or "finished"
                    if self.stopping.seconds is not None and self.clock.seconds() > self.stopping.seconds:
                        self.stopped = "budget"
                    if self.stopped != "finished" or descent.finished:
                        break
                if self.stopped in ("diverged", "budget"):
                    break
        except KeyboardInterrupt:
            self.stopped = "interrupted"
        try:
            return self.better(end, leading, raw)
        except KeyboardInterrupt:
            self.stopped = "interrupted"
            return self.better(end, leading, raw)

    def better(self, end: End, leading: Best, raw: Raw) -> End:
        """The best of ``end``, the best step and the last one, all as the last stage measures."""
        ends = [end, self.measured(leading.raw, leading.iteration), self.measured(raw, self.iteration)]
        return min(ends, key=lambda each: each.best.loss if math.isfinite(each.best.loss) else math.inf)

    def judged(self, search: Search, end: End) -> tuple[End, Verdict]:
        """The best of the answer and those that look like it, and what is to be thought of it."""
        best = end.best
        raw, verdict = search.judged(self.problem, self.solver.stages, best.raw)
        return end if raw is best.raw else self.measured(raw, best.iteration), verdict

    def projected(self, name: str, raw: Tensor) -> Tensor:
        """The nearest raw tensor within the unknown's range."""
        return self.problem.parameters[name].project(self.problem.scene, raw)

    def measured(self, raw: Raw, iteration: int) -> End:
        """What raw tensors are worth at the last stage. iteration: the step that has led to them."""
        with torch.no_grad():
            evaluation = self.final(raw)
        last = len(self.solver.stages) - 1
        return End(Best(iteration, last, float(evaluation.loss), evaluation.scene, raw), evaluation)

    def last_step(self, end: End, stopped: str | None = None, verdict: Verdict | None = None) -> Step:
        """The start, or the best scene as the fit's last step."""
        best = end.best
        return self.report(end.evaluation, best.raw, self.final, best.stage, best, stopped, verdict)

    def report(
        self,
        evaluation: Evaluation,
        raw: Raw,
        objective: Objective,
        stage: int,
        best: Best,
        stopped: str | None = None,
        verdict: Verdict | None = None,
    ) -> Step:
        """The step as consumers see it."""
        found = detach(evaluation.scene)
        return Step(
            iteration=self.iteration,
            stage=stage,
            seconds=self.clock.seconds(),
            loss=float(evaluation.loss.detach()),
            terms={name: float(term.detach()) for name, term in evaluation.terms.items()},
            scene=found,
            raw=raw,
            show=objective.pictures,
            errors=errors_of(self.problem.parameters, found, self.problem.target),
            best=best,
            stopped_because=stopped,
            verdict=verdict,
            pulls={} if verdict is None else pulls_of(self.problem.parameters, found, self.problem.target, verdict),
        )


def errors_of(parameters: Parameters, scene: Scene, target: Target) -> Errors:
    """By unknown, how far ``scene`` is from the target's truth; empty where the truth is not known."""
    if target.truth is None:
        return {}
    return {name: parameter.error(scene, target.truth) for name, parameter in parameters.items()}


def pulls_of(parameters: Parameters, scene: Scene, target: Target, verdict: Verdict) -> dict[str, list[float]]:
    """By unknown, how many standard deviations its values are from the true ones; empty where there is no truth."""
    found: dict[str, list[float]] = {}
    if target.truth is None:
        return found
    for name, deviations in verdict.error_bars.items():
        values, true = parameters[name].value(scene), parameters[name].value(target.truth.scene)
        for key, deviation in deviations.items():
            value, wanted = values[key], true.get(key)
            if value is not None and wanted is not None and deviation is not None:
                triples = zip(numbers(value), numbers(wanted), numbers(deviation), strict=True)
                found.setdefault(name, []).extend((one - other) / unit for one, other, unit in triples if unit > 0)
    return found


@dataclass
class Progress:
    """Follows the loss of one stage and says when the stage is done."""

    stopping: Stopping
    best: float = field(default=math.inf, init=False)
    since: int = field(default=0, init=False)

    def finished(self, loss: float) -> str | None:
        """The reason to stop after a step of this loss, or None."""
        if loss <= self.stopping.tolerance:
            return "tolerance"
        if loss < self.best * (1 - self.stopping.improvement):
            self.best, self.since = loss, 0
        else:
            self.since += 1
        return "no_improvement" if self.since >= self.stopping.patience else None


class Clock:
    """Measures the time that passes while it is not stopped."""

    def __init__(self) -> None:
        self.began = time.perf_counter()

    def seconds(self) -> float:
        """The time so far."""
        return time.perf_counter() - self.began

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Leave out what happens inside."""
        stopped = time.perf_counter()
        try:
            yield
        finally:
            self.began += time.perf_counter() - stopped
