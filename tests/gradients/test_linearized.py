"""The Jacobian of the residuals, by forward mode through the renderer, is that of finite differences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest
import shapes
import tiny
import torch
from torch import Tensor

from invrender.errors import UserError
from invrender.fitting import objective as objectives
from invrender.fitting.objective import Objective
from invrender.fitting.problem import Problem
from invrender.fitting.schedule import Stage
from invrender.fitting.solve.base import Raw, run_batched
from invrender.fitting.solve.least_squares import settle
from invrender.losses import (
    Contrast,
    Huber,
    MeanAbsoluteError,
    MeanSquaredError,
    Moments,
    Silhouette,
    TotalVariation,
)
from invrender.losses.base import Loss
from invrender.parameters import Ambient, CameraPose, LightDirection, LightIntensity, ObjectPose
from invrender.render.base import ALL, OWN, Capabilities, Quality, Shot, render_scene
from invrender.render.embedded import EmbeddedRenderer
from invrender.scene import Channels, Picture, Target, view_of
from invrender.targets import render_target

TRUTH = shapes.seen_from_sides(tiny.scene())
RENDERER = EmbeddedRenderer(sigma=2e-3, gamma=1e-2)
LIGHTS = {"sun": LightDirection(), "key": LightIntensity(lights=["key", "lamp"]), "ambient": Ambient()}
ONE_VIEW = render_target(TRUTH, samples=2)


def two_views() -> Target:
    return render_target(TRUTH, shapes.SIDES, samples=2)


def displaced(problem: Problem | Objective, seed: int = 0) -> Raw:
    random = torch.Generator().manual_seed(seed)
    return {
        name: 0.05 * torch.randn(parameter.initial(TRUTH).shape, generator=random, dtype=torch.float64)
        for name, parameter in problem.parameters.items()
    }


def residuals(objective: Objective, raw: Raw) -> Tensor:
    return objective.residuals([objective.scene_at(raw)]).values


def differences(objective: Objective, raw: Raw, names: Sequence[str], step: float = 1e-6) -> Tensor:
    """The Jacobian [M, K] by central differences of the residuals after changes of the raw tensors."""
    columns = []
    for name in names:
        for unit in torch.eye(raw[name].numel(), dtype=torch.float64):
            ahead, back = (
                residuals(objective, objective.retract(raw, {name: sign * step * unit.reshape(raw[name].shape)})[0])
                for sign in (1, -1)
            )
            columns.append((ahead - back) / (2 * step))
    return torch.stack(columns, dim=1)


# The silhouette tells the contrast where to look without gradients, so that one is for lights, which don't move it.
LOOKS: dict[str, Loss] = {
    "mse": MeanSquaredError(weight=2.0),
    "contrast": Contrast(window=0.1),
    "l1": MeanAbsoluteError(),
}
SHAPES: dict[str, Loss] = {"srgb": Huber(space="srgb"), "outline": Silhouette(weight=0.3), "moments": Moments()}


@pytest.mark.parametrize("blur", [0.0, 0.8])
@pytest.mark.parametrize("unknowns", ["camera", "object"])
def test_jacobian_is_the_finite_difference(unknowns: str, blur: float) -> None:
    pose = {"camera": CameraPose(), "object": ObjectPose(object="painted")}[unknowns]
    target = ONE_VIEW if unknowns == "camera" else two_views()
    problem = Problem(TRUTH, target, {"pose": pose, **LIGHTS}, RENDERER, SHAPES)
    objective, raw = problem.at(Stage(1, blur=blur)), displaced(problem)
    # In another order than that of the unknowns.
    names = ["key", "pose", "ambient", "sun"]
    [local] = objective.linearize([raw], names)
    assert list(local.shapes) == names
    torch.testing.assert_close(local.residuals, residuals(objective, raw))
    expected = differences(objective, raw, names)
    assert expected.abs().amax(dim=0).min() > 0.01
    torch.testing.assert_close(local.jacobian, expected, rtol=1e-5, atol=1e-6 * float(expected.abs().max()))


# The shift of an object is a share of the camera's distance, so that what moves the camera moves the object as well.
@pytest.mark.parametrize("order", [["camera", "object", "key"], ["object", "key", "camera"]])
def test_unknowns_that_act_on_each_other_are_differentiated_together(order: list[str]) -> None:
    every = {"camera": CameraPose(), "object": ObjectPose(object="painted"), **LIGHTS}
    problem = Problem(TRUTH, ONE_VIEW, {name: every[name] for name in order}, RENDERER, {"srgb": Huber(space="srgb")})
    objective, raw = problem.at(Stage(1)), displaced(problem, seed=3)
    raw["object"] = raw["object"] + torch.tensor([0.2, -0.1, 0.3, 0.15, -0.1, 0.2], dtype=torch.float64)
    [local] = objective.linearize([raw], order)
    expected = differences(objective, raw, order)
    torch.testing.assert_close(local.jacobian, expected, rtol=1e-5, atol=1e-6 * float(expected.abs().max()))
    leaves = {name: value.clone().requires_grad_() for name, value in raw.items()}
    slopes = torch.autograd.grad(objective(leaves).loss, list(leaves.values()))
    for name, slope in zip(order, slopes, strict=True):
        along = torch.randn(slope.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
        ahead, back = (float(objective({**raw, name: raw[name] + step * along}).loss) for step in (1e-6, -1e-6))
        assert (ahead - back) / 2e-6 == pytest.approx(float((slope * along).sum()), rel=1e-4, abs=1e-9)


@pytest.mark.parametrize("names", [["pose", "key"], []])
def test_many_are_linearized_together_as_one_by_one(names: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    # Four of the five are rendered together, and then the last.
    monkeypatch.setattr(objectives, "AT_ONCE", 9 * 12 * 12)
    unknowns = {"pose": ObjectPose(object="painted"), **LIGHTS}
    objective = Problem(TRUTH, two_views(), unknowns, RENDERER, LOOKS | SHAPES).at(Stage(1, size=12, blur=0.7))
    raws = [displaced(objective, seed) for seed in range(5)]
    together = objective.linearize(raws, names)
    assert len(together) == 5
    for raw, local in zip(raws, together, strict=True):
        [alone] = objective.linearize([raw], names)
        assert local.jacobian.shape == (len(local.residuals), sum(raw[name].numel() for name in names))
        assert local.shapes == alone.shapes
        for key in ("residuals", "weights", "pixel", "jacobian"):
            torch.testing.assert_close(getattr(local, key), getattr(alone, key), rtol=1e-12, atol=1e-12)


def test_jacobian_of_lights_is_the_finite_difference() -> None:
    problem = Problem(TRUTH, two_views(), LIGHTS, RENDERER, LOOKS)
    objective, raw = problem.at(Stage(1, size=12, blur=0.7)), displaced(problem)
    [local] = objective.linearize([raw], list(LIGHTS))
    expected = differences(objective, raw, list(LIGHTS))
    torch.testing.assert_close(local.jacobian, expected, rtol=1e-5, atol=1e-7)


def test_the_normal_equations_have_the_gradient_of_the_loss() -> None:
    # Of |d|, the sum of squares has the gradient where d is not next to nothing, as in these pictures it often is.
    losses = {name: loss for name, loss in (LOOKS | SHAPES).items() if name != "l1"}
    problem = Problem(TRUTH, two_views(), {"pose": ObjectPose(object="painted"), **LIGHTS}, RENDERER, losses)
    objective, raw = problem.at(Stage(1, blur=0.7)), problem.initial()
    leaves = {name: value.requires_grad_() for name, value in raw.items()}
    expected = torch.autograd.grad(objective(leaves).loss, list(leaves.values()))
    [local] = objective.linearize([problem.initial()], list(raw))
    _, slope = local.normal_equations()
    assert slope.abs().max() > 1e-4
    for part, gradient in zip(local.split(2 * slope).values(), expected, strict=True):
        torch.testing.assert_close(part, gradient, rtol=1e-6, atol=1e-9)


def burnt_out(target: Target) -> Target:
    """The target as a file shows it whose values end at 0.35, which is most of the objects."""
    views = []
    for view in target.views:
        rgb = view.rgb.clamp(max=0.35)
        ceiling = torch.where(view.rgb >= 0.35, rgb, torch.inf)
        views.append(replace(view, picture=view.picture.with_channels(rgb=rgb), ceiling=ceiling))
    return replace(target, views=tuple(views))


@pytest.mark.parametrize("blur", [0.0, 0.7])
def test_burnt_out_pictures_have_the_gradient_of_their_values(blur: float) -> None:
    problem = Problem(TRUTH, burnt_out(two_views()), LIGHTS, RENDERER, LOOKS | SHAPES)
    objective, raw = problem.at(Stage(1, size=18, blur=blur)), displaced(problem)
    [local] = objective.linearize([raw], list(LIGHTS))
    expected = differences(objective, raw, list(LIGHTS))
    torch.testing.assert_close(local.jacobian, expected, rtol=1e-5, atol=1e-7)
    # Against random cotangents, backward.
    leaves = {name: value.requires_grad_() for name, value in raw.items()}
    found = residuals(objective, leaves)
    cotangent = torch.randn(found.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    slopes = torch.autograd.grad(found, list(leaves.values()), cotangent)
    for (name, leaf), slope in zip(leaves.items(), slopes, strict=True):
        along = torch.randn(leaf.shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
        with torch.no_grad():
            ahead, back = (residuals(objective, {**raw, name: leaf + sign * 1e-6 * along}) for sign in (1, -1))
        torch.testing.assert_close((slope * along).sum(), (ahead - back) @ cotangent / 2e-6, rtol=1e-5, atol=1e-7)


def test_what_is_burnt_out_has_no_part_where_a_rendering_is_brighter() -> None:
    # Blur comes after the ceiling, as it does for the picture: at the truth nothing is left.
    target = Target((view_of(render_scene(RENDERER, TRUTH).rgb),))
    problem = Problem(TRUTH, burnt_out(target), LIGHTS, RENDERER, {"mse": MeanSquaredError()})
    for stage in (Stage(1), Stage(1, blur=1.5)):
        [local] = problem.at(stage).linearize([problem.initial()], list(LIGHTS))
        assert float(local.residuals.abs().max()) < 1e-12
    exactly = Problem(TRUTH, Target((view_of(burnt_out(target).views[0].rgb),)), LIGHTS, RENDERER, problem.losses)
    assert float(exactly.at(Stage(1))(problem.initial()).loss) > 1e-4


@pytest.mark.parametrize("factor", [0.1, 1.0, 30.0])
def test_lights_are_solved_for_behind_a_ceiling(factor: float) -> None:
    lights = {name: replace(light, intensity=factor * light.intensity) for name, light in TRUTH.lights.items()}
    target = burnt_out(Target((view_of(render_scene(RENDERER, TRUTH).rgb),)))
    unknowns = {"key": LightIntensity(lights=["key", "lamp", "sun"]), "ambient": Ambient()}
    problem = Problem(replace(TRUTH, lights=lights), target, unknowns, RENDERER, {"mse": MeanSquaredError()})
    objective = problem.at(Stage(1))
    [raw] = run_batched([settle(objective, problem.initial())], objective)
    for name, light in objective.scene_at(raw).lights.items():
        assert float(light.intensity) == pytest.approx(float(TRUTH.lights[name].intensity), rel=1e-3)


def test_hard_edges_move_as_well() -> None:
    problem = Problem(TRUTH, ONE_VIEW, {"pose": CameraPose()}, RENDERER, {"mse": MeanSquaredError()})
    objective = problem.at(Stage(1, sigma=0.0, blur=1.0, samples=2))
    raw = displaced(problem)
    [local], expected = objective.linearize([raw], ["pose"]), differences(objective, raw, ["pose"], step=1e-7)
    torch.testing.assert_close(local.jacobian, expected, rtol=1e-4, atol=1e-4 * float(expected.abs().max()))


def test_a_loss_that_is_no_sum_of_squares_is_refused() -> None:
    losses: dict[str, Loss] = {"mse": MeanSquaredError(), "smooth": TotalVariation()}
    problem = Problem(TRUTH, ONE_VIEW, LIGHTS, RENDERER, losses)
    with pytest.raises(UserError, match=r"loss.smooth is no sum of squares, which least squares need; set optimizer="):
        problem.at(Stage(1)).linearize([problem.initial()], ["ambient"])


def test_retract_keeps_the_ranges_and_says_where() -> None:
    problem = Problem(TRUTH, ONE_VIEW, {"ambient": Ambient(range=(0.1, 0.4))}, RENDERER, {"mse": MeanSquaredError()})
    objective = problem.at(Stage(1))
    for change, kept, held in ((0.1, 0.1, False), (0.3, 0.2, True), (-0.3, -0.1, True)):
        found, stopped = objective.retract(problem.initial(), {"ambient": torch.tensor([change]).double()})
        assert float(found["ambient"]) == pytest.approx(kept)
        assert bool(stopped["ambient"]) == held


def test_scores_are_the_losses() -> None:
    problem = Problem(TRUTH, ONE_VIEW, {"pose": CameraPose()}, RENDERER, {"mse": MeanSquaredError()})
    raws = [{"pose": 0.02 * k * torch.ones(6).double()} for k in range(3)]
    objective = problem.at(Stage(1, size=16))
    assert objective.scores(raws) == pytest.approx([float(objective(raw).loss) for raw in raws])


def test_scores_forgive_dimmed_lights_where_light_is_unknown() -> None:
    lights = {name: replace(light, intensity=0.3 * light.intensity) for name, light in TRUTH.lights.items()}
    target = Target((view_of(render_scene(RENDERER, TRUTH).rgb),))
    unknowns = {"pose": CameraPose(), "ambient": Ambient()}
    problem = Problem(replace(TRUTH, lights=lights), target, unknowns, RENDERER, {"mse": MeanSquaredError()})
    objective, raw = problem.at(Stage(1)), problem.initial()
    away = {**raw, "pose": torch.tensor([0, 0.3, 0, 0, 0, 0], dtype=torch.float64)}
    right, wrong = objective.scores([raw, away])
    assert float(objective(raw).loss) > 1e-3
    assert right < 1e-9 < 1e-4 < wrong


class Opaque(torch.autograd.Function):
    """Hands a picture on, without forward mode, as renderers of other libraries do."""

    @staticmethod
    def forward(ctx: object, picture: Tensor) -> Tensor:
        return picture.clone()

    @staticmethod
    def backward(ctx: object, cotangent: Tensor) -> Tensor:
        return cotangent


@dataclass(frozen=True)
class WithoutForwardMode(EmbeddedRenderer):
    """The embedded renderer behind such a function."""

    @property
    def supports(self) -> Capabilities:
        return replace(super().supports, forward_mode=False)

    def render(self, shots: Sequence[Shot], channels: Channels = ALL, quality: Quality = OWN) -> list[Picture]:
        pictures = super().render(shots, channels, quality)
        return [picture.with_channels(rgb=Opaque.apply(picture.rgb)) for picture in pictures]


def test_differences_stand_in_for_forward_mode() -> None:
    unknowns = {"pose": CameraPose(lr=1e-5), "ambient": Ambient(lr=1e-5)}
    problem = Problem(TRUTH, ONE_VIEW, unknowns, RENDERER, {"mse": MeanSquaredError()})
    raw = displaced(problem)
    [by_forward_mode] = problem.at(Stage(1)).linearize([raw], list(raw))
    opaque = WithoutForwardMode(sigma=2e-3, gamma=1e-2)
    [by_differences] = replace(problem, renderer=opaque).at(Stage(1)).linearize([raw], list(raw))
    torch.testing.assert_close(by_differences.jacobian, by_forward_mode.jacobian, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(by_differences.residuals, by_forward_mode.residuals)
