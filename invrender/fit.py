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
from torch.func import jacfwd

from invrender.errors import UserError, naming
from invrender.losses.base import Loss
from invrender.parameters.base import Parameters
from invrender.pixels import background_pixels
from invrender.pyramid import Stage, blurred_rendering, blurred_view, reduced
from invrender.render.base import Channels, Rendered, Renderer
from invrender.scene import Scene, Target, View, detached
from invrender.solve.base import Changes, Evaluation, Linearized, Raw, Solver

Errors = Mapping[str, Mapping[str, float]]


SCORED_AT_ONCE = 64


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
    errors: by unknown, against the truth; empty where there is none.
    stopped_because: None, or the reason on the last step, whose scene is the best one.
    """

    iteration: int
    stage: int
    seconds: float
    loss: float
    terms: Mapping[str, float]
    scene: Scene
    raw: Raw
    show: Callable[[Scene], tuple[Rendered, ...]]
    errors: Errors
    best: Best
    stopped_because: str | None = None

    @cached_property
    def rendered(self) -> tuple[Rendered, ...]:
        """A picture for each view of the target, rendered when it is first asked for."""
        with torch.no_grad():
            return self.show(self.scene)


@dataclass(frozen=True)
class Objective:
    """The loss as a function of the raw tensors, at one stage."""

    scene: Scene
    views: tuple[View, ...]
    parameters: Parameters
    renderer: Renderer
    losses: Mapping[str, Loss]
    stage: Stage

    @classmethod
    def at(
        cls,
        stage: Stage,
        scene: Scene,
        target: Target,
        parameters: Parameters,
        renderer: Renderer,
        losses: Mapping[str, Loss],
    ) -> Objective:
        """The objective of a stage: its renderer softened, its target reduced and blurred."""
        softened = renderer if stage.sigma is None else renderer.softened(stage.sigma)
        views = tuple(blurred_view(reduced(view, stage.size), stage.blur) for view in target.views)
        if stage.losses is not None:
            unknown = set(stage.losses) - set(losses)
            if unknown:
                raise UserError(
                    f"optimizer.stages: there is no loss {', '.join(sorted(unknown))}, only {', '.join(losses)}"
                )
            losses = {name: losses[name] for name in stage.losses}
        return cls(scene, views, parameters, softened, losses, stage)

    def scene_at(self, raw: Mapping[str, Tensor]) -> Scene:
        """The scene with every unknown applied."""
        scene = self.scene
        for name, parameter in self.parameters.items():
            scene = parameter.apply(scene, raw[name])
        return scene

    def pictures(self, scene: Scene) -> tuple[Rendered, ...]:
        """A picture of the scene for each view of the target."""
        return self.renderer.render_batch(self.seen(scene))

    def seen(self, scene: Scene) -> list[Scene]:
        """The scene as each view's camera sees it, at the view's resolution."""
        return [
            replace(scene, camera=(view.camera or scene.camera).resized(view.rgb.shape[1], view.rgb.shape[0]))
            for view in self.views
        ]

    def compared(self, scene: Scene) -> Iterator[tuple[Rendered, View, Scene]]:
        """What the losses compare: for each view the picture of the scene, blurred, the view, and the scene it sees."""
        scenes = self.seen(scene)
        pictures = self.renderer.render_batch(scenes, self.channels)
        for view, seen, picture in zip(self.views, scenes, pictures, strict=True):
            yield blurred_rendering(picture, self.stage.blur), view, seen

    def __call__(self, raw: Mapping[str, Tensor]) -> Evaluation:
        """Render every view and sum up the weighted losses, each the mean over the views."""
        scene = self.scene_at(raw)
        terms: dict[str, Tensor] = {}
        for compared in self.compared(scene):
            for name, loss in self.losses.items():
                term = loss.weight * loss(*compared) / len(self.views)
                terms[name] = terms[name] + term if name in terms else term
        return Evaluation(torch.stack(list(terms.values())).sum(), terms, scene)

    def scores(self, raws: Sequence[Mapping[str, Tensor]]) -> list[float]:
        """The loss at each of many raw tensors, rendered in batches.

        Where lights are unknown, each picture is first made brighter or darker to go with its target.
        """
        found: list[float] = []
        with torch.no_grad():
            for first in range(0, len(raws), SCORED_AT_ONCE):
                scenes = [self.scene_at(raw) for raw in raws[first : first + SCORED_AT_ONCE]]
                seen = [self.seen(scene) for scene in scenes]
                pictures = iter(self.renderer.render_batch([each for views in seen for each in views], self.channels))
                found += [float(sum(self.scored(next(pictures), *pair) for pair in zip(self.views, views, strict=True)))
                          for views in seen]
        return found

    def scored(self, picture: Rendered, view: View, scene: Scene) -> Tensor:
        """The weighted losses of one picture, [], as bright as the target where lights are unknown."""
        picture = blurred_rendering(picture, self.stage.blur)
        if self.linear and picture.rgb.numel():
            background = background_pixels(scene.background, *view.rgb.shape[:2]).reshape(view.rgb.shape)
            shown, wanted = picture.rgb - background, view.rgb - background
            gain = (shown * wanted).sum() / shown.square().sum().clamp(min=1e-12)
            picture = replace(picture, rgb=background + gain.clamp(min=0) * shown)
        terms = [loss.weight * loss(picture, view, scene) for loss in self.losses.values()]
        return torch.stack(terms).sum() / len(self.views)

    @property
    def channels(self) -> Channels:
        """What the losses read of a rendering."""
        return frozenset().union(*(loss.channels for loss in self.losses.values()))

    @property
    def linear(self) -> list[str]:
        """The unknowns in which the pictures are linear."""
        return [name for name, parameter in self.parameters.items() if parameter.linear]

    def linearized(self, raw: Mapping[str, Tensor], names: Sequence[str]) -> Linearized:
        """The losses near ``raw`` as a sum of squares in the changes of the named unknowns.

        Raises `UserError` for a loss that is no sum of squares.
        """
        shapes = {name: raw[name].shape for name in names}
        sizes = [shape.numel() for shape in shapes.values()]
        here = self.scene_at(raw)

        def residuals(change: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
            scene = here
            for (name, shape), part in zip(shapes.items(), change.split(sizes), strict=True):
                scene = self.parameters[name].apply(scene, part.reshape(shape))
            found = [self.squared(*compared) for compared in self.compared(scene)]
            values, weights = (torch.cat(each) for each in zip(*found, strict=True))
            return values, (values, weights)

        with torch.no_grad():
            jacobian, (values, weights) = jacfwd(residuals, has_aux=True)(raw[names[0]].new_zeros(sum(sizes)))
        return Linearized(shapes, values, weights, jacobian)

    def squared(self, rendered: Rendered, view: View, scene: Scene) -> tuple[Tensor, Tensor]:
        """The residuals of all losses on one view and their weights, [M]."""
        found = []
        for name, loss in self.losses.items():
            residuals = getattr(loss, "residuals", None)
            if residuals is None:
                raise UserError(f"optimizer: loss.{name} is no sum of squares, which least squares need; set optimizer=adam")
            values, weights = residuals(rendered, view, scene)
            found.append((values.reshape(-1), loss.weight / len(self.views) * weights.reshape(-1)))
        values, weights = (torch.cat(each) for each in zip(*found, strict=True))
        return values, weights

    def moved(self, raw: Mapping[str, Tensor], changes: Changes) -> tuple[Raw, dict[str, Tensor]]:
        """The raw tensors after changes, kept in their ranges; and for each number whether its range held it back."""
        scene, found, stopped = self.scene, dict(raw), {}
        for name, parameter in self.parameters.items():
            if name in changes:
                moved = parameter.moved(scene, raw[name], changes[name])
                found[name] = parameter.project(scene, moved)
                stopped[name] = found[name] != moved
            scene = parameter.apply(scene, raw[name])
        return found, stopped


@dataclass(frozen=True)
class Stopping:
    """When to stop before the solver's stages have run out.

    tolerance: a loss at or below it ends the stage.
    patience: so many steps without the loss falling by the share ``improvement`` end the stage.
    seconds: the budget of the whole fit, or None.
    """

    tolerance: float = 0.0
    patience: int = 50
    improvement: float = 1e-3
    seconds: float | None = None


def fit(
    scene: Scene,
    target: Target,
    parameters: Parameters,
    renderer: Renderer,
    losses: Mapping[str, Loss],
    solver: Solver,
    stopping: Stopping | None = None,
) -> Generator[Step, None, None]:
    """Recover ``parameters`` of ``scene`` so that its renderings match ``target``.

    Yields the start (iteration 0), then every step taken, then the best scene once more with ``stopped_because`` set:
    "finished", "tolerance", "no_improvement", "budget", "diverged" or "interrupted". The start and the last step are
    measured as the solver's last stage measures, so their losses compare. The best scene is never worse than the
    start. Ctrl-C ends the fit with the last step; a consumer that is interrupted itself gets that step by
    ``steps.throw(KeyboardInterrupt())``.

    Raises `UserError` where an unknown or a loss does not go with the scene or the target, where no loss depends on an
    unknown, and where the start's loss is not a number.
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

    stopping = stopping or Stopping()
    raw: Raw = {name: parameter.initial(scene) for name, parameter in parameters.items()}
    rates = {name: parameter.lr for name, parameter in parameters.items()}
    stages = list(solver.stages)
    last = len(stages) - 1
    final = Objective.at(stages[last], scene, target, parameters, renderer, losses)
    coarsest = min(stages, key=lambda stage: stage.size or math.inf)
    check_dependence(Objective.at(replace(coarsest, losses=None), scene, target, parameters, renderer, losses), raw)
    clock = Clock()  # not before: the first rendering on a machine compiles the kernels
    iteration = 0

    def report(
        evaluation: Evaluation, raw: Raw, objective: Objective, stage: int, best: Best, stopped: str | None = None
    ) -> Step:
        found = detached(evaluation.scene)
        return Step(
            iteration=iteration,
            stage=stage,
            seconds=clock.seconds(),
            loss=float(evaluation.loss.detach()),
            terms={name: float(term.detach()) for name, term in evaluation.terms.items()},
            scene=found,
            raw=raw,
            show=objective.pictures,
            errors=errors_of(parameters, found, target),
            best=best,
            stopped_because=stopped,
        )

    with torch.no_grad():
        first = final(raw)
    if not math.isfinite(float(first.loss)):
        raise UserError(
            f"the loss at the start is {float(first.loss)}: check the scene's numbers (sizes, intensities, camera)"
        )
    start = best = Best(0, last, float(first.loss), first.scene, raw)
    stopped = "finished"
    try:
        with clock.stopped():
            yield report(first, raw, final, last, start)
        for index, stage in enumerate(stages):
            objective = Objective.at(stage, scene, target, parameters, renderer, losses)
            descent = solver.begin(stage, raw, rates)
            progress = Progress(stopping)
            best_of_stage = math.inf
            for _ in range(stage.steps):
                evaluation, following = descent.step(objective, raw)
                now = float(evaluation.loss.detach())
                if not math.isfinite(now) or not all(bool(value.isfinite().all()) for value in following.values()):
                    stopped = "diverged"
                    break
                if now < best_of_stage:
                    best_of_stage = now
                    best = Best(iteration, index, now, detached(evaluation.scene), raw)
                iteration += 1
                with clock.stopped():
                    yield report(evaluation, raw, objective, index, best)
                raw = {name: parameters[name].project(scene, value) for name, value in following.items()}
                stopped = progress.finished(now) or "finished"
                if stopping.seconds is not None and clock.seconds() > stopping.seconds:
                    stopped = "budget"
                if stopped != "finished" or descent.finished:
                    break
            if stopped in ("diverged", "budget"):
                break
    except KeyboardInterrupt:
        stopped = "interrupted"

    with torch.no_grad():
        ends = [(first, start.raw), *((final(candidate), candidate) for candidate in (best.raw, raw))]
    evaluation, raw = min(ends, key=lambda end: loss_or_infinity(end[0]))
    best = Best(best.iteration, last, float(evaluation.loss), evaluation.scene, raw)
    yield report(evaluation, raw, final, last, best, stopped)


def check_dependence(objective: Objective, raw: Raw) -> None:
    """Raise `UserError` for an unknown that no loss depends on, as far as the renderer tells."""
    leaves = {name: value.detach().requires_grad_() for name, value in raw.items()}
    loss = objective(leaves).loss
    gradients: Sequence[Tensor | None] = [None] * len(leaves)
    if loss.requires_grad:
        gradients = torch.autograd.grad(loss, list(leaves.values()), allow_unused=True)
    for name, gradient in zip(leaves, gradients, strict=True):
        if gradient is None:
            raise UserError(
                f"recover.{name}: none of the losses ({', '.join(objective.losses)}) depends on it "
                "in what this renderer draws; choose another loss or another renderer"
            )


def errors_of(parameters: Parameters, scene: Scene, target: Target) -> Errors:
    """By unknown, how far ``scene`` is from the target's truth; empty where the truth is not known."""
    if target.truth is None:
        return {}
    return {name: parameter.error(scene, target.truth) for name, parameter in parameters.items()}


def loss_or_infinity(evaluation: Evaluation) -> float:
    """The loss as a number that sorts: infinite where it is not finite."""
    loss = float(evaluation.loss)
    return loss if math.isfinite(loss) else math.inf


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
