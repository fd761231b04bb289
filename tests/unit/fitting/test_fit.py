"""The fit loop: what it yields, when it stops, what it keeps."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import pytest
import shapes
import tiny
import torch
from torch import Tensor

from invrender.errors import UserError
from invrender.fitting.fit import fit
from invrender.fitting.problem import Problem
from invrender.fitting.schedule import Stage
from invrender.fitting.solve import LBFGS, FirstOrder, LevenbergMarquardt
from invrender.fitting.solve.base import Solver
from invrender.fitting.step import Step
from invrender.fitting.stopping import Stopping
from invrender.losses import MeanSquaredError, Silhouette
from invrender.parameters import Ambient, CameraPose, LightIntensity
from invrender.parameters.base import Parameter
from invrender.render.base import ALL, OWN, Capabilities, Quality, Shot
from invrender.render.embedded import EmbeddedRenderer
from invrender.scene import Channels, Picture, Scene, Target
from invrender.targets import render_target

STAGES = [Stage(8, size=12, blur=0.5, sigma=1e-3), Stage(12, sigma=1e-6)]


def guess() -> Scene:
    return LightIntensity(lights=["key"]).apply(tiny.scene(), torch.tensor([1.5]).double())


def problem(
    target: Target, unknowns: Mapping[str, Parameter], start: Scene | None = None, renderer: Any = None
) -> Problem:
    """What most of these fits are about."""
    return Problem(
        start or guess(), target, unknowns, renderer or EmbeddedRenderer(samples=3), {"mse": MeanSquaredError()}
    )


def steps(
    stages: list[Stage] = STAGES,
    algorithm: Callable[..., torch.optim.Optimizer] = torch.optim.Adam,
    renderer: Any = None,
    **options: Any,
) -> list[Step]:
    target = render_target(tiny.scene())
    unknowns = {"key": LightIntensity(lights=["key"], lr=0.4)}
    solver = FirstOrder(algorithm, stages)
    return list(
        fit(
            problem(target, unknowns, renderer=renderer),
            solver,
            Stopping(**options),
        )
    )


def test_yields_the_start_every_step_and_the_best() -> None:
    taken = steps()
    assert [step.iteration for step in taken] == [*range(21), 20]
    assert [step.stage for step in taken] == [1] + [0] * 8 + [1] * 13
    assert [step.stopped_because for step in taken] == [None] * 21 + ["finished"]
    first, last = taken[0], taken[-1]
    assert first.errors["key"]["relative"] == pytest.approx(math.exp(1.5) - 1)
    assert last.errors["key"]["relative"] < 0.1
    assert last.loss == last.best.loss == min(first.loss, last.loss)
    assert last.loss == pytest.approx(sum(last.terms.values()))
    assert [step.rendered[0].rgb.shape[0] for step in taken] == [24] + [12] * 8 + [24] * 13
    assert all(a.seconds <= b.seconds for a, b in pairwise(taken))


def test_runs_repeat_bit_for_bit() -> None:
    first, second = steps(), steps()
    assert [step.loss for step in first] == [step.loss for step in second]
    assert torch.equal(first[-1].raw["key"], second[-1].raw["key"])


@pytest.mark.parametrize(
    "algorithm",
    [torch.optim.Adam, torch.optim.SGD, torch.optim.RMSprop, torch.optim.Rprop, torch.optim.LBFGS, torch.optim.Adagrad],
)
def test_any_torch_optimizer(algorithm: type[torch.optim.Optimizer]) -> None:
    taken = steps([Stage(6, sigma=1e-4)], algorithm)
    assert taken[-1].loss < taken[0].loss


def test_the_best_is_kept_though_later_steps_are_worse() -> None:
    unknowns = {"key": LightIntensity(lights=["key"], lr=3.0)}
    solver = FirstOrder(torch.optim.Adam, [Stage(6, sigma=1e-4)])
    target = render_target(tiny.scene())
    taken = list(fit(problem(target, unknowns, tiny.scene()), solver))
    assert max(step.loss for step in taken) > 2 * taken[0].loss
    assert taken[-1].loss == taken[0].loss
    assert taken[-1].errors["key"]["relative"] == 0.0


def test_stops_when_the_loss_is_small_enough() -> None:
    taken = steps([Stage(50, sigma=1e-4)], tolerance=1e9)
    assert taken[-1].stopped_because == "tolerance"
    assert taken[-1].iteration == 1


def test_stops_without_improvement() -> None:
    taken = steps([Stage(500, sigma=1e-4)], patience=5, improvement=0.9)
    assert taken[-1].stopped_because == "no_improvement"
    assert taken[-1].iteration < 50


def test_a_stage_without_improvement_gives_way_to_the_next() -> None:
    taken = steps([Stage(500, size=12), Stage(3)], patience=5, improvement=0.9)
    assert taken[-1].stopped_because == "finished"
    assert [step.stage for step in taken[-5:]] == [0, 1, 1, 1, 1]


def test_stops_at_the_budget() -> None:
    taken = steps(seconds=1e-9)
    assert taken[-1].stopped_because == "budget"
    assert taken[-1].iteration == 1


@dataclass(frozen=True)
class Breaking:
    """A renderer whose pictures are not numbers once the key light is brighter than ``limit``."""

    limit: float
    with_gradient_alone: bool = False

    @property
    def supports(self) -> Capabilities:
        return Capabilities()

    def render(self, shots: Sequence[Shot], channels: Channels = ALL, quality: Quality = OWN) -> list[Picture]:
        return [self.broken(shot, channels) for shot in shots]

    def broken(self, shot: Shot, channels: Channels) -> Picture:
        [rendered] = EmbeddedRenderer(sigma=1e-4).render([shot], channels)
        intensity = shot.scene.lights["key"].intensity
        if intensity < self.limit or (self.with_gradient_alone and not torch.is_grad_enabled()):
            return rendered
        return rendered.with_channels(rgb=rendered.rgb * (intensity * math.nan))


def test_nan_is_caught_and_the_best_kept() -> None:
    start = float(guess().lights["key"].intensity)
    below = render_target(LightIntensity(lights=["key"]).apply(tiny.scene(), torch.tensor([3.0]).double()))
    solver = FirstOrder(torch.optim.Adam, [Stage(50, sigma=1e-4)])
    unknowns = {"key": LightIntensity(lights=["key"], lr=0.1)}
    losses = {"mse": MeanSquaredError()}
    taken = list(fit(Problem(guess(), below, unknowns, Breaking(1.5 * start), losses), solver))
    last = taken[-1]
    assert last.stopped_because == "diverged"
    assert 3 < last.iteration < 10
    assert math.isfinite(last.loss)
    assert last.loss < taken[0].loss
    assert float(last.scene.lights["key"].intensity) < 1.5 * start


def test_a_start_that_is_no_number_is_refused() -> None:
    with pytest.raises(UserError, match="the loss at the start is nan"):
        steps(renderer=Breaking(0.0))


def test_ctrl_c_between_steps_gives_the_best_so_far() -> None:
    target = render_target(tiny.scene())
    unknowns = {"key": LightIntensity(lights=["key"], lr=0.4)}
    solver = FirstOrder(torch.optim.Adam, STAGES)
    running = fit(problem(target, unknowns), solver)
    start = next(running)
    for _ in range(15):
        next(running)
    last = running.throw(KeyboardInterrupt())
    assert last.stopped_because == "interrupted"
    assert last.loss < start.loss
    with pytest.raises(StopIteration):
        next(running)


def test_ctrl_c_at_the_start_gives_the_start() -> None:
    target = render_target(tiny.scene())
    unknowns = {"key": LightIntensity(lights=["key"])}
    solver = FirstOrder(torch.optim.Adam, STAGES)
    running = fit(problem(target, unknowns), solver)
    start = next(running)
    last = running.throw(KeyboardInterrupt())
    assert (last.stopped_because, last.loss) == ("interrupted", start.loss)


def test_several_unknowns_each_at_their_own_rate() -> None:
    target = render_target(tiny.scene())
    unknowns = {"key": LightIntensity(lights=["key"], lr=0.2), "ambient": Ambient(lr=0.01)}
    solver = FirstOrder(torch.optim.Adam, [Stage(1)], schedule="constant")
    taken = list(fit(problem(target, unknowns), solver))
    # Adam's first step has the size of its learning rate, whatever the gradient.
    objective_raw: dict[str, Tensor] = taken[-1].raw
    assert abs(float(objective_raw["key"][0])) == pytest.approx(0.2, rel=1e-3)
    assert abs(float(objective_raw["ambient"][0])) == pytest.approx(0.01, rel=1e-3)


def test_ranges_hold_at_every_step() -> None:
    target = render_target(tiny.scene())
    start = float(guess().lights["key"].intensity)
    unknowns = {"key": LightIntensity(lights=["key"], lr=0.5, range=(0.8 * start, 2 * start))}
    solver = FirstOrder(torch.optim.Adam, [Stage(10)])
    for step in fit(
        Problem(guess(), target, unknowns, EmbeddedRenderer(samples=3), {"mse": MeanSquaredError()}), solver
    ):
        assert float(step.scene.lights["key"].intensity) >= 0.8 * start - 1e-9


def test_a_stage_can_choose_its_losses() -> None:
    losses = {"all": MeanSquaredError(), "object": MeanSquaredError(where="object")}
    solver = FirstOrder(torch.optim.Adam, [Stage(2, losses=["all"]), Stage(2, losses=["object"])])
    unknowns = {"key": LightIntensity(lights=["key"])}
    taken = list(fit(Problem(guess(), render_target(tiny.scene()), unknowns, EmbeddedRenderer(), losses), solver))
    assert [list(step.terms) for step in taken] == [["object"], ["all"], ["all"], ["object"], ["object"], ["object"]]


BOTH = {"key": LightIntensity(lights=["key"], lr=0.1), "pose": CameraPose(lr=0.01)}
LOSSES = {"mse": MeanSquaredError(), "outline": Silhouette()}


def staged(
    stages: Sequence[Stage], algorithm: Callable[..., torch.optim.Optimizer] | None = torch.optim.Adam
) -> Iterator[Step]:
    """The steps of a fit by an algorithm of torch, or by least squares for None."""
    solver: Solver = LevenbergMarquardt(stages)
    if algorithm is not None:
        solver = FirstOrder(algorithm, stages, schedule="constant")
    renderer = EmbeddedRenderer(sigma=1e-4, samples=1)
    return fit(Problem(guess(), render_target(tiny.scene()), BOTH, renderer, LOSSES), solver)


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")
@pytest.mark.parametrize("algorithm", [torch.optim.Adam, torch.optim.SGD, LBFGS, None])
def test_a_stage_moves_its_unknowns_alone(algorithm: type[torch.optim.Optimizer] | None) -> None:
    stages = [Stage(1, size=12, unknowns=["pose"]), Stage(1, size=12, unknowns=["key"]), Stage(1), Stage(1)]
    begun = [step.raw for step in staged(stages, algorithm)][1:5]
    moved = [{name for name in BOTH if not torch.equal(a[name], b[name])} for a, b in pairwise(begun)]
    assert moved == [{"pose"}, {"key"}, {"pose", "key"}]


def test_rates_of_single_unknowns_are_scaled() -> None:
    # Adam's first step has the size of its learning rate, whatever the gradient.
    second = list(staged([Stage(1, size=12, lr={"key": 0.5}), Stage(1)]))[2]
    assert abs(float(second.raw["key"][0])) == pytest.approx(0.05, rel=1e-3)
    assert float(second.raw["pose"].abs().max()) == pytest.approx(0.01, rel=1e-3)


def test_rates_of_single_unknowns_need_an_algorithm_that_has_them() -> None:
    with pytest.raises(UserError, match="can't be used: LBFGS doesn't support"):
        next(staged([Stage(1, lr={"key": 0.5})], torch.optim.LBFGS))


@pytest.mark.parametrize(
    ("stages", "message"),
    [
        ([Stage(1), Stage(1, losses=["l1"])], r"stages\[1\].losses: there is no loss 'l1' here, only mse, outline"),
        ([Stage(1, losses=[])], r"stages\[0\].losses is empty, expected some of mse, outline, or null"),
        ([Stage(1, unknowns=["light"])], r"stages\[0\].unknowns: there is no unknown 'light' here, only key, pose"),
        ([Stage(1), Stage(1, unknowns=[])], r"stages\[1\].unknowns is empty, expected some of key, pose, or null"),
        ([Stage(1, lr={"light": 2.0})], r"stages\[0\].lr: there is no unknown 'light' here, only key, pose"),
        ([Stage(1, unknowns=["pose"])], "stages: key moves in none; add it"),
        ([Stage(1, losses=["outline"])], r"recover.key: none of the losses \(outline\) depends on it"),
        (
            [Stage(1, unknowns=["pose"]), Stage(1, unknowns=["key"], losses=["outline"])],
            r"recover.key: none of the losses \(outline\) depends on it",
        ),
        (
            [Stage(1), Stage(1, unknowns=["key"], losses=["outline"])],
            r"stages\[1\]: none of its losses \(outline\) depends on its unknowns \(key\)",
        ),
    ],
)
def test_what_stages_choose_is_checked_before_the_first_step(stages: list[Stage], message: str) -> None:
    with pytest.raises(UserError, match=message):
        next(staged(stages))


def test_several_views_are_all_explained() -> None:
    target = render_target(shapes.seen_from_sides(tiny.scene()), shapes.SIDES)
    unknowns = {"key": LightIntensity(lights=["key"], lr=0.4)}
    solver = FirstOrder(torch.optim.Adam, STAGES)
    seen = replace(problem(target, unknowns), scene=shapes.seen_from_sides(guess()))
    taken = list(fit(seen, solver))
    assert len(taken[-1].rendered) == 2
    assert taken[-1].errors["key"]["relative"] < 0.1


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"steps": 0}, "steps is 0"),
        ({"size": 0}, "size is 0"),
        ({"blur": -1.0}, "blur is -1.0"),
        ({"sigma": -1.0}, "sigma is -1.0"),
        ({"lr": 0.0}, "lr is 0.0"),
        ({"lr": {"pose": -1.0}}, "lr is {'pose': -1.0}, expected a number above 0, or such numbers by unknown"),
    ],
)
def test_stages_are_checked(given: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        Stage(**({"steps": 1} | given))  # type: ignore[arg-type]


def test_recovering_nothing_is_refused() -> None:
    solver = FirstOrder(torch.optim.Adam, STAGES)
    with pytest.raises(UserError, match="recover is empty"):
        next(fit(Problem(guess(), Target(()), {}, EmbeddedRenderer(), {"mse": MeanSquaredError()}), solver))
