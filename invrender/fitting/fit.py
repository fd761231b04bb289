"""The fit: a generator of steps that does no input or output."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from invrender.errors import UserError
from invrender.fitting.alone import first_shared, group_poses, restrict_stages, split_problem
from invrender.fitting.base import Base, Meshes
from invrender.fitting.clock import Clock
from invrender.fitting.judge.verdict import Verdict
from invrender.fitting.problem import Problem, check_dependence
from invrender.fitting.schedule import check_stages, select
from invrender.fitting.search import Search
from invrender.fitting.solve.base import Evaluation, Raw, Solver
from invrender.fitting.state import Best, Progress, State, read_generators, restore_generators, stamp
from invrender.fitting.step import Step, measure_errors, measure_pulls
from invrender.fitting.stopping import Stopping
from invrender.parameters.base import Reaching, only_camera
from invrender.scene import detach

log = logging.getLogger("invrender.fitting.search")

Steps = Generator[Step, None, None]


def fit(
    problem: Problem,
    solver: Solver[Any],
    stopping: Stopping | None = None,
    search: Search | None = None,
    state: State | None = None,
    judging: bool = True,
) -> Steps:
    """Recover the problem's unknowns, so that renderings of its scene match its target.

    Yields the start (iteration 0), then every step taken, then the best scene once more with ``stopped_because`` set:
    "finished", "tolerance", "no_improvement", "budget", "diverged" or "interrupted". The start and the last step are
    measured as the solver's last stage measures, so their losses compare. The best scene is never worse than the
    start. Ctrl-C ends the fit with the last step; a consumer that is interrupted itself gets that step by
    ``steps.throw(KeyboardInterrupt())``.

    search: looks for other starts, before the first step or when the answer does not explain the target, and fits views
        alone, where it suits the solver; and has the answer judged, after any solver. Without it there is none of this.
    judging: whether the answer is judged; other starts are looked for before the first step, too, where it is not.
    state: of a step of the same fit. The fit goes on from there, with the same bits, and yields what came after it.

    Raises `UserError` where an unknown or a loss does not go with the scene or the target, where a stage names what is
    not there, where no loss depends on an unknown, where the start's loss is not a number, and where ``state`` is that
    of another fit.
    """
    problem.check()
    fitting = Fitting(problem, solver, stopping or Stopping(), search, judging)
    fitting.check(state)
    # Not before: the first rendering on a machine compiles the kernels.
    fitting.clock = Clock(0.0 if state is None else state.seconds)
    yield from fitting.steps(state)


@dataclass(frozen=True)
class End:
    """Raw tensors as the last stage measures them, and its evaluation."""

    best: Best
    evaluation: Evaluation


class Fitting:
    """A fit under way.

    search: what looks for other starts, None where nothing does. judge: what judges the answer, likewise.
    state: where it is. end: the best so far, as the last stage measures it. stopped: why it ends. verdict: on the end.
    """

    state: State
    end: End

    def __init__(
        self, problem: Problem, solver: Solver[Any], stopping: Stopping, search: Search | None, judging: bool
    ) -> None:
        self.problem = problem
        self.solver = solver
        self.stopping = stopping
        suits = search is not None and search.suits(solver)
        self.search = search if suits else None
        self.judge = None if search is None or not judging else search if suits else search.frugal
        self.clock = Clock()
        self.stopped = "finished"
        self.verdict: Verdict | None = None

    @cached_property
    def bases(self) -> list[Base]:
        """The bases that displacements started from so far, the first of all first."""
        return [Base.of(self.problem, self.solver.stages, {})]

    def base(self, meshes: Meshes) -> Base:
        """The base that has these meshes."""
        known = next((each for each in self.bases if each.meshes is meshes or not (each.meshes or meshes)), None)
        return known or self.keep(Base.of(self.problem, self.solver.stages, meshes))

    def keep(self, base: Base) -> Base:
        """A base, kept with the last few: of those that were left behind, only the best one's is looked at again."""
        first, *others = self.bases
        self.bases[:] = [first, *others[-2:], base]
        return base

    @property
    def here(self) -> Base:
        """The base of the state."""
        return self.base(self.state.meshes)

    @cached_property
    def stamp(self) -> str:
        """What is fitted to what."""
        return stamp(self.problem)

    def check(self, state: State | None) -> None:
        """Raise `UserError` for what can't be fitted, before anybody has recorded a step."""
        stages, raw = list(self.solver.stages), self.problem.initial()
        check_stages(stages, self.problem.losses, self.problem.parameters)
        for objective in self.bases[0].objectives:
            self.solver.init(objective, select(raw, objective.stage.unknowns))
        for stage in stages:
            if stage.before is not None:  # what can't be done to meshes is told now, not in the middle of the fit
                self.bases[0].change(raw, stage.before)
        if self.search is not None:
            self.search.check(self.problem, stages)
        if state is not None and state.problem != self.stamp:
            raise UserError("the state is that of another fit: its scene, target or unknowns differ")
        coarsest = min(stages, key=lambda stage: stage.size or math.inf)
        check_dependence(self.problem.at(replace(coarsest, losses=None)), raw, stages)

    def steps(self, state: State | None) -> Steps:
        """All steps of the fit, or those after ``state``."""
        if state is None:
            self.start()
        else:
            restore_generators(state.random)
            self.state, self.end = state, self.measure(state.kept)
        try:
            if state is None:
                with self.clock.stopped():
                    yield self.report_end()
            yield from self.attempts()
        except KeyboardInterrupt:
            self.stopped = "interrupted"
        yield self.report_end(self.stopped)

    def start(self) -> None:
        """Measure the start. Raises `UserError` where its loss is not a number."""
        self.end = self.measure(Best(0, 0, math.nan, self.problem.initial()))
        if not math.isfinite(self.end.best.loss):
            raise UserError(
                f"the loss at the start is {self.end.best.loss}: check the scene's numbers (sizes, intensities, camera)"
            )
        self.state = replace(State.at_start(self.stamp, self.end.best), random=read_generators())

    def attempts(self) -> Steps:
        """The steps of an attempt and, where its answer explains nothing, of another one from where a search ends."""
        search = self.search
        if search is not None and self.state.iteration == 0:
            self.find_start(search)
        yield from self.attempt()
        again = self.may_search_again()
        self.judge_end(last=not again)
        if search is not None and again and self.verdict is not None and search.doubts(self.verdict):
            best = self.end.best
            raw = search.find_start(self.base(best.meshes).problem, best.raw, self.verdict)
            self.state = self.state.begin_again(raw, min(search.again, len(self.solver.stages) - 1))
            yield from self.attempt()
            self.judge_end()

    def find_start(self, search: Search) -> None:
        """Where the first step begins: of each view alone if that is asked for, found everywhere, or close by."""
        if search.start != "together" and len(group_poses(self.problem)) > 1:
            self.fit_alone(search)
        else:
            begin = search.find_start if search.mode == "on" else search.approach
            self.state = replace(self.state, raw=begin(self.problem, self.state.raw))

    def fit_alone(self, search: Search) -> None:
        """Fit each view that has a pose of its own by itself; then all go on together.

        Stages in which nothing else moves are over by then.
        """
        try:
            for raw in fit_views(
                self.problem, self.solver, self.remaining, search, self.judge is not None, self.state.raw
            ):
                self.state = replace(self.state, raw=self.here.constrain(raw), seconds=self.clock.seconds())
        finally:
            self.conclude()
        alone = [name for name, each in self.problem.parameters.items() if only_camera(each) is not None]
        self.state = replace(self.state, stage=first_shared(self.solver.stages, self.problem, alone))

    def remaining(self) -> Stopping:
        """When to stop what is done before the first step."""
        if self.stopping.seconds is None:
            return self.stopping
        return replace(self.stopping, seconds=max(1e-3, self.stopping.seconds - self.clock.seconds()))

    def may_search_again(self) -> bool:
        """Whether other starts have not been tried, and may be."""
        mode = None if self.search is None else self.search.mode
        return mode == "auto" and self.stopped != "budget" and self.state.attempt == 0

    def attempt(self) -> Steps:
        """The steps of all stages from the state on; then the end is the best of all."""
        try:
            while not self.state.is_over(len(self.solver.stages)):
                if not self.state.taken:
                    self.state = self.enter(self.state)
                before = self.state
                evaluation, self.state = self.advance(before)
                if evaluation is not None:
                    with self.clock.stopped():
                        yield self.report(evaluation, before.raw, before.stage, self.state.leading)
            self.stopped = self.state.stopped
        except KeyboardInterrupt:
            self.stopped = "interrupted"
        try:
            self.conclude()
        except KeyboardInterrupt:
            self.stopped = "interrupted"
            self.conclude()

    def advance(self, state: State) -> tuple[Evaluation | None, State]:
        """One step: the evaluation where it began and the state after it; no evaluation where numbers diverge."""
        stage = self.solver.stages[state.stage]
        base = self.base(state.meshes)
        objective = replace(base.objectives[state.stage], resting=state.raw)
        moving = select(state.raw, stage.unknowns)
        own = state.solver if state.taken else self.solver.init(objective, moving)
        evaluation, following, own = self.solver.step(objective, moving, own)
        loss = float(evaluation.loss.detach())
        if not math.isfinite(loss) or not all(bool(each.isfinite().all()) for each in following.values()):
            return None, replace(state, stopped="diverged")
        progress, reason = state.progress.follow(loss, self.stopping)
        if self.stopping.seconds is not None and self.clock.seconds() > self.stopping.seconds:
            reason = "budget"
        lower = not state.taken or loss < state.leading.loss
        state = replace(
            state,
            raw=base.constrain({**state.raw, **following}),
            leading=Best(state.iteration, state.stage, loss, state.raw, state.meshes) if lower else state.leading,
            taken=state.taken + 1,
            iteration=state.iteration + 1,
            solver=own,
            progress=progress,
            stopped=reason or "finished",
            seconds=self.clock.seconds(),
            random=read_generators(),
        )
        if reason or self.solver.done(own) or state.taken == stage.steps:
            state = replace(state, stage=state.stage + 1, taken=0, solver=None, progress=Progress())
        return evaluation, state

    def enter(self, state: State) -> State:
        """The state before the first step of a stage: where it begins, and on the base that the stage makes."""
        if state.stage and self.search is not None:
            state = self.keep_start(state)
        before = self.solver.stages[state.stage].before
        if before is None:
            return state
        base, raw = self.base(state.meshes).change(state.raw, before)
        return replace(state, raw=raw, meshes=self.keep(base).meshes)

    def keep_start(self, state: State) -> State:
        """The state before a stage, at the best of the start and earlier attempts if that is better as it measures."""
        start = state.kept
        with torch.no_grad():
            now, before = (
                float(self.base(each.meshes).objectives[state.stage](each.raw).loss) for each in (state, start)
            )
        return replace(state, raw=start.raw, meshes=start.meshes) if before < now else state

    def conclude(self) -> None:
        """Make the best of the end so far, the best step and the last one the end, all as the last stage measures."""
        state = self.state
        last = replace(state.leading, iteration=state.iteration, raw=state.raw, meshes=state.meshes)
        ends = [self.end, self.measure(self.state.leading), self.measure(last)]
        self.end = min(ends, key=lambda each: each.best.loss if math.isfinite(each.best.loss) else math.inf)
        self.state = replace(self.state, kept=self.end.best)

    def judge_end(self, last: bool = True) -> None:
        """Judge the best of the end and of those that look like it, which becomes the end; nothing if interrupted."""
        if self.judge is None or self.stopped == "interrupted":
            return
        best = self.end.best
        raw, self.verdict = self.judge.judge(self.base(best.meshes).problem, self.solver.stages, best.raw, last)
        if raw is not best.raw:
            self.end = self.measure(replace(best, raw=raw))
            self.state = replace(self.state, kept=self.end.best)

    def measure(self, best: Best) -> End:
        """What raw tensors are worth at the last stage."""
        with torch.no_grad():
            evaluation = self.base(best.meshes).final(best.raw)
        measured = replace(best, stage=len(self.solver.stages) - 1, loss=float(evaluation.loss))
        return End(measured, evaluation)

    def report_end(self, stopped: str | None = None) -> Step:
        """The best so far as consumers see it, at the last stage."""
        best = self.end.best
        return self.report(self.end.evaluation, best.raw, best.stage, best, stopped)

    def report(self, evaluation: Evaluation, raw: Raw, stage: int, best: Best, stopped: str | None = None) -> Step:
        """The step as consumers see it."""
        found = detach(evaluation.scene)
        problem = self.problem
        verdict = None if stopped is None else self.verdict
        return Step(
            iteration=self.state.iteration,
            stage=stage,
            seconds=self.clock.seconds(),
            loss=float(evaluation.loss.detach()),
            terms={name: float(term.detach()) for name, term in evaluation.terms.items()},
            scene=found,
            raw=raw,
            show=self.bases[0].objectives[stage].pictures,
            errors=measure_errors(problem.parameters, found, problem.target),
            best=best,
            state=self.state,
            stopped_because=stopped,
            verdict=verdict,
            pulls=measure_pulls(problem.parameters, found, problem.target, verdict),
        )


def fit_views(
    problem: Problem, solver: Any, stopping: Callable[[], Stopping], search: Search, judging: bool, raw: Raw
) -> Iterator[Raw]:
    """The raw tensors after each view that has a pose of its own is fitted by itself, in the order of the views.

    Each begins at its own start or, as ``search.start`` says, where the view before it was found or is known to be.
    Raises `KeyboardInterrupt` where one of the fits was interrupted.
    """
    parts = {only_camera(problem.parameters[name]): (name, part) for name, part in split_problem(problem, raw).items()}
    before: Tensor | None = None
    for camera in dict.fromkeys(view.camera for view in problem.target.views):
        if camera not in parts:
            before = problem.scene.cameras[camera].camera_from_world
            continue
        name, part = parts[camera]
        pose, start = part.parameters[name], raw[name]
        if search.start == "previous" and before is not None and isinstance(pose, Reaching):
            start = pose.reach(part.scene, before)
        moved = replace(part, scene=pose.apply(part.scene, start))
        own = replace(search, stages=restrict_stages(search.stages, part))
        alone = replace(solver, stages=restrict_stages(solver.stages, part))
        *_, last = fit(moved, alone, stopping(), own, judging=judging)
        found = last.best.raw
        raw = {**raw, **found, name: pose.retract(part.scene, start, found[name])}
        if last.verdict is None or last.verdict.explained:
            before = last.scene.cameras[camera].camera_from_world
        log.info("%s alone: %s", camera, f"loss {last.loss:.3g}" if last.verdict is None else last.verdict.reason)
        yield raw
        if last.stopped_because == "interrupted":
            raise KeyboardInterrupt
