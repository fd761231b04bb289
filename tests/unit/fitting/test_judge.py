"""What answers are worth: error bars, what pictures leave open, and what they leave unexplained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest
import tiny
import torch
from torch import Tensor

from invrender.fitting.judge.explained import measure_unexplained
from invrender.fitting.judge.judge import judge
from invrender.fitting.judge.uncertainty import BLOCK, estimate_uncertainty, find_deviations, sum_by_block
from invrender.fitting.problem import Problem
from invrender.fitting.schedule import Stage
from invrender.fitting.solve import LevenbergMarquardt
from invrender.fitting.solve.base import Linearized, Raw
from invrender.losses import MeanSquaredError, Silhouette
from invrender.parameters import CameraPose, LightColor, LightIntensity
from invrender.parameters.base import Parameter
from invrender.render.base import Quality, render_scene
from invrender.render.embedded import EmbeddedRenderer
from invrender.scene import Channels, Picture, Target, view_of

RATES = {"one": 0.1, "two": 2.0}
SIZES = [(12, 16), (10, 14)]
RGB: Channels = frozenset(("rgb",))


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def linearized(jacobian: Tensor, residuals: Tensor, pixel: Tensor | None = None) -> Linearized:
    """Of two unknowns of two numbers and one, with weights that sum to one; a residual for each pixel if not told."""
    shapes = {"one": torch.Size([2]), "two": torch.Size([1])}
    pixel = torch.arange(len(residuals)) if pixel is None else pixel
    return Linearized(shapes, residuals, torch.full_like(residuals, 1 / len(residuals)), pixel, jacobian)


def slow_blocks(values: Tensor, sizes: Sequence[tuple[int, int]]) -> list[Tensor]:
    """The same sums, pixel by pixel."""
    sums: dict[tuple[int, int, int], Tensor] = {}
    first, channels = 0, len(values) // sum(height * width for height, width in sizes)
    for view, (height, width) in enumerate(sizes):
        for row in range(height):
            for column in range(width):
                for _ in range(channels):
                    key = (view, row // BLOCK, column // BLOCK)
                    sums[key] = sums.get(key, torch.zeros(values.shape[1]).double()) + values[first]
                    first += 1
    return [sums[key] for key in sorted(sums)]


@pytest.mark.parametrize("channels", [1, 3])
def test_blocks_are_summed_up(channels: int) -> None:
    values = noise(channels * sum(height * width for height, width in SIZES), 2)
    pixel = torch.arange(len(values) // channels).repeat_interleave(channels)
    torch.testing.assert_close(sum_by_block(values, pixel, SIZES), torch.stack(slow_blocks(values, SIZES)))


def test_what_belongs_to_no_pixel_is_a_block_of_its_own() -> None:
    values, pixel = noise(7, 2), torch.tensor([-1, 0, 3, -1, 2, 1, -1])
    found = sum_by_block(values, pixel, [(2, 2)])
    assert torch.equal(found, torch.stack([values[pixel >= 0].sum(dim=0), *values[pixel < 0]]))


# Errors that differ from pixel to pixel, and errors that are the same all over a block.
@pytest.mark.parametrize("kind", ["white", "in blocks"])
def test_one_standard_deviation_holds_two_thirds_of_the_errors(kind: str) -> None:
    sizes = [(48, 64)]
    rows, columns = torch.meshgrid(torch.arange(48).double(), torch.arange(64).double(), indexing="ij")
    waves = [torch.sin(rows / 5), torch.cos(columns / 7), torch.sin(rows / 9 + columns / 6)]
    jacobian = torch.stack([wave.reshape(-1) for wave in waves], dim=1) * torch.tensor([1.0, 0.5, 0.02]).double()
    within = 0
    for seed in range(200):
        errors = 0.1 * noise(48, 64, seed=seed)
        if kind == "in blocks":
            errors = 0.1 * noise(12, 16, seed=seed).repeat_interleave(4, dim=0).repeat_interleave(4, dim=1)
        change = torch.linalg.lstsq(jacobian, -errors.reshape(-1, 1)).solution[:, 0]
        found = estimate_uncertainty(linearized(jacobian, errors.reshape(-1) + jacobian @ change), RATES, sizes)
        assert found.unseen == []
        assert found.promised < 1e-12
        within += int((change.abs() <= found.covariance.diagonal().sqrt()).sum())
    # Two standard deviations of a share of 600 are 4 per cent.
    assert within / 600 == pytest.approx(0.683, abs=0.04)


def test_what_the_picture_does_not_see_is_named() -> None:
    jacobian = noise(192 + 140, 3)
    jacobian[:, 2] = -jacobian[:, 0] / 20
    found = estimate_uncertainty(linearized(jacobian, 0.1 * noise(len(jacobian), seed=1)), RATES, SIZES)
    # In learning rates, of which 0.1 of one and 2 of the other make up for each other.
    (parts,) = found.unseen
    assert parts == pytest.approx({"one": 0.5, "two": 0.5}, abs=1e-6)
    assert bool(found.covariance.isfinite().all())


def test_what_is_still_to_be_gained_is_said() -> None:
    jacobian, left = noise(192, 3), noise(192, seed=1)
    left = left - jacobian @ torch.linalg.lstsq(jacobian, left[:, None]).solution[:, 0]
    residuals = left + 0.3 * jacobian[:, 1]
    found = estimate_uncertainty(linearized(jacobian, residuals), RATES, SIZES[:1])
    expected = 1 - float((left**2).sum() / (residuals**2).sum())
    assert found.promised == pytest.approx(expected)
    # 0.3 of an unknown whose learning rate is 0.1.
    assert found.remaining == pytest.approx(3.0)


TRUTH = tiny.scene(32)
RENDERER = EmbeddedRenderer(sigma=1e-4, samples=2, mipmaps=False)
UNKNOWNS: Mapping[str, Parameter] = {"key": LightIntensity(lights=["key"]), "pose": CameraPose()}
STAGE = Stage(20, sigma=0.0)


def fitted(target: Target, unknowns: Mapping[str, Parameter] = UNKNOWNS) -> tuple[Problem, Raw]:
    """A problem and its answer."""
    losses = {"mse": MeanSquaredError()}
    problem = Problem(TRUTH, target, unknowns, RENDERER, losses)
    solver = LevenbergMarquardt([STAGE], accuracy=1e-2)
    objective, raw = problem.at(STAGE), problem.initial()
    state = solver.init(objective, raw)
    while not solver.done(state):
        _, raw, state = solver.step(objective, raw, state)
    return problem, raw


def drawn(noise_level: float = 0.0, seed: int = 0) -> Target:
    """The truth as the fit draws it, and noise."""
    rgb = render_scene(RENDERER, TRUTH, quality=Quality(sigma=0.0)).rgb
    return Target((view_of(rgb + noise_level * noise(*rgb.shape, seed=seed)),))


@pytest.mark.slow
def test_an_answer_is_converged_and_its_deviations_are_those_of_many_fits() -> None:
    distances, intensities, told = [], [], []
    for seed in range(10):
        problem, raw = fitted(drawn(0.02, seed))
        verdict = judge(problem, [STAGE], raw)
        assert verdict.status == "converged", verdict.reason
        values = problem.values(raw)
        position = torch.tensor(values["pose"]["position"])
        distances.append(float((position - TRUTH.camera.position)[0]))
        intensities.append(float(values["key"]["key"]) - 0.3)  # type: ignore[arg-type]
        told.append((verdict.deviations["pose"]["position"][0], verdict.deviations["key"]["key"]))  # type: ignore[index]
    for errors, which in ((distances, 0), (intensities, 1)):
        actual = float(torch.tensor(errors).square().mean().sqrt())
        assert 0.5 < actual / (sum(each[which] for each in told) / len(told)) < 1.7


def test_deviations_are_of_the_values_that_people_read() -> None:
    problem = Problem(TRUTH, drawn(0.02), UNKNOWNS, RENDERER, {"mse": MeanSquaredError()})
    objective, raw = problem.at(STAGE), problem.initial()
    [local] = objective.linearize([raw], ["key"])
    found = estimate_uncertainty(local, objective.rates, [(32, 32)])
    values = find_deviations(objective, raw, local, found)
    # The unknown is a share of the intensity, which is 0.3.
    assert list(values) == ["key"]
    assert values["key"]["key"] == pytest.approx(0.3 * float(found.covariance[0, 0]) ** 0.5, rel=1e-4)


def test_colour_and_intensity_make_up_for_each_other() -> None:
    unknowns = {"key": LightIntensity(lights=["key"]), "color": LightColor(lights=["key"])}
    problem = Problem(TRUTH, drawn(0.01), unknowns, RENDERER, {"mse": MeanSquaredError()})
    verdict = judge(problem, [STAGE], problem.initial())
    assert verdict.status == "unidentifiable"
    (parts,) = verdict.unseen
    assert set(parts) == {"key", "color"}


def test_an_answer_without_any_loss_has_converged() -> None:
    problem = Problem(TRUTH, drawn(), UNKNOWNS, RENDERER, {"mse": MeanSquaredError()})
    for away in (0.0, 1e-6):
        raw = {name: value + away for name, value in problem.initial().items()}
        assert judge(problem, [STAGE], raw).status == "converged"


def test_an_answer_with_a_step_to_go_has_not_converged() -> None:
    problem = Problem(TRUTH, drawn(), UNKNOWNS, RENDERER, {"mse": MeanSquaredError()})
    raw = {name: value + 1e-2 for name, value in problem.initial().items()}
    verdict = judge(problem, [STAGE], raw)
    assert (verdict.status, verdict.reason) == ("not_converged", "the loss was still falling")


def test_what_is_left_of_the_way_counts_in_the_error_bars() -> None:
    problem = Problem(TRUTH, drawn(1e-3), UNKNOWNS, RENDERER, {"mse": MeanSquaredError()})
    raw = {name: value + 2e-3 for name, value in problem.initial().items()}
    verdict = judge(problem, [STAGE], raw)
    assert verdict.status == "converged"
    away, true = problem.values(raw)["pose"]["position"], problem.values(problem.initial())["pose"]["position"]
    deviations = verdict.deviations["pose"]["position"]
    for found, wanted, deviation in zip(away, true, deviations, strict=True):  # type: ignore[arg-type]
        assert abs(found - wanted) < 1.5 * deviation
    at_rest = judge(problem, [STAGE], problem.initial()).deviations["pose"]["position"]
    assert max(deviations) > 3 * max(at_rest)  # type: ignore[arg-type, type-var, operator]


def test_a_wrong_pose_has_not_converged() -> None:
    problem = Problem(TRUTH, drawn(), UNKNOWNS, RENDERER, {"mse": MeanSquaredError()})
    away = {**problem.initial(), "pose": torch.tensor([0.1, 0.5, 0, 0, 0, 0], dtype=torch.float64)}
    verdict = judge(problem, [STAGE], away)
    assert verdict.status == "not_converged"
    assert f"{verdict.unexplained:.0%} of the picture is left unexplained" in verdict.reason


def test_light_leaves_nothing_unexplained_and_other_patterns_do() -> None:
    rgb = 0.2 + 0.1 * noise(48, 48, 3).abs()
    alpha = torch.ones(48, 48).double()

    def left(shown: Tensor) -> float:
        return measure_unexplained(Picture({"rgb": shown, "alpha": alpha, "depth": alpha}), view_of(rgb), RGB)

    sideways = torch.linspace(0.8, 1.2, 48, dtype=torch.float64)[:, None]
    assert left(rgb) < 1e-9
    assert left(3 * rgb) < 1e-9
    assert left(sideways * rgb) < 0.02
    assert left(rgb.roll(8, dims=1)) > 0.8
    assert left(torch.full_like(rgb, 0.3)) > 0.99
    # The negative has the contrast, and it is not explained.
    assert left(0.6 - rgb) > 0.99


def clipped(target: Target, top: float) -> Target:
    """The target as a file shows it whose values end at ``top``."""
    (view,) = target.views
    rgb = view.rgb.clamp(max=top)
    return Target((view_of(rgb, ceiling=torch.where(view.rgb >= top, rgb, torch.inf)),))


def test_the_verdict_knows_what_is_burnt_out() -> None:
    problem, raw = fitted(clipped(drawn(), 0.4))
    verdict = judge(problem, [STAGE], raw)
    assert verdict.status == "converged"
    rendered = render_scene(RENDERER, TRUTH, quality=Quality(sigma=0.0))
    share = float(rendered.alpha[(rendered.rgb >= 0.4).any(dim=-1)].sum() / rendered.alpha.sum())
    assert 0.1 < share < 0.9
    assert verdict.burnt_out == pytest.approx(share, abs=0.01)
    assert verdict.reason.endswith(f"; {verdict.burnt_out:.0%} of the object is burnt out")
    assert judge(*[Problem(TRUTH, drawn(), UNKNOWNS, RENDERER, problem.losses), [STAGE], raw]).burnt_out == 0


def test_a_light_that_burns_out_everything_is_not_seen() -> None:
    bright = {name: replace(light, intensity=1e4 * light.intensity) for name, light in TRUTH.lights.items()}
    scene = replace(TRUTH, lights=bright)
    white = clipped(Target((view_of(render_scene(RENDERER, scene, quality=Quality(sigma=0.0)).rgb),)), 1.0)
    problem = Problem(scene, white, {"key": LightIntensity(lights=["key"])}, RENDERER, {"mse": MeanSquaredError()})
    verdict = judge(problem, [STAGE], problem.initial())
    assert verdict.status == "unidentifiable"
    assert verdict.burnt_out > 0.95


def test_silhouettes_are_explained_by_what_they_share() -> None:
    mask, alpha = torch.zeros(2, 10, 10).double()
    mask[:, 2:8], alpha[:, 4:8] = 1, 1
    rendered = Picture({"rgb": torch.zeros(10, 10, 3).double(), "alpha": alpha, "depth": alpha})
    view = view_of(rendered.rgb, mask=mask)
    assert measure_unexplained(rendered, view, Silhouette().channels) == pytest.approx(1 / 3)
    assert measure_unexplained(rendered, view_of(rendered.rgb), Silhouette().channels) == 0.0
