"""Verdicts on textures and other unknowns of many numbers, which have no Jacobian."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
import tiny
import torch
from torch import Tensor

from invrender.fitting.judge.coverage import WELL, measure_coverage
from invrender.fitting.judge.descent import descend
from invrender.fitting.judge.judge import judge
from invrender.fitting.problem import Problem
from invrender.fitting.schedule import Stage
from invrender.losses import MeanSquaredError, TotalVariation
from invrender.losses.base import Loss
from invrender.parameters import Ambient, CameraPose, LightIntensity, Texture
from invrender.parameters.base import Parameter
from invrender.render.base import Quality, render_scene
from invrender.render.embedded import EmbeddedRenderer
from invrender.scene import Scene, Target, view_of

TRUTH = tiny.scene(24)
RENDERER = EmbeddedRenderer(sigma=1e-4, samples=2, mipmaps=False)
STAGE = Stage(20, sigma=0.0)
TEXTURE: Mapping[str, Parameter] = {"texture": Texture()}


def problem_of(
    unknowns: Mapping[str, Parameter] = TEXTURE,
    losses: Mapping[str, Loss] | None = None,
    truth: Scene = TRUTH,
    weight: Tensor | None = None,
) -> Problem:
    """A problem that starts at its answer, but for a little noise."""
    with torch.no_grad():
        rgb = render_scene(RENDERER, truth, quality=Quality(sigma=0.0)).rgb
    noise = torch.randn(rgb.shape, generator=torch.Generator().manual_seed(0), dtype=rgb.dtype)
    target = Target((view_of(rgb + 1e-3 * noise, weight=weight),))
    return Problem(truth, target, unknowns, RENDERER, losses or {"mse": MeanSquaredError()})


def away(problem: Problem, by: float) -> dict[str, Tensor]:
    """The start with a texture that is brighter by so much."""
    raw = problem.initial()
    return {**raw, "texture": raw["texture"] + by}


# By a loss that is a sum of squares, and by one more that is none.
@pytest.mark.parametrize("losses", [{}, {"smooth": TotalVariation(weight=1e-5)}])
def test_a_texture_has_converged_where_a_few_steps_gain_nothing(losses: Mapping[str, Loss]) -> None:
    problem = problem_of(losses={"mse": MeanSquaredError(), **losses})
    good = judge(problem, [STAGE], problem.initial())
    assert (good.status, good.deviations) == ("converged", {})
    bad = judge(problem, [STAGE], away(problem, 0.03))
    assert (bad.status, bad.reason) == ("not_converged", "the loss was still falling")
    assert bad.explained


def test_a_few_steps_go_where_a_quadratic_loss_is_lower() -> None:
    problem = problem_of()
    objective = problem.at(STAGE)
    start = away(problem, 0.03)
    found = descend(objective, start)
    with torch.no_grad():
        least, there = (float(objective(raw).loss) for raw in (problem.initial(), start))
    assert 0.5 * (1 - least / there) < found.gained <= 1
    assert found.falls("texture")
    assert not descend(objective, problem.initial()).falls("texture")


def test_steps_keep_within_ranges() -> None:
    dark = {"texture": Texture(range=(0.0, 1e-3), smoothness=0.0)}
    problem = problem_of(dark)
    objective = problem.at(STAGE)
    lowest = {"texture": dark["texture"].project(TRUTH, torch.zeros_like(problem.initial()["texture"]))}
    found = descend(objective, lowest)
    # All that would make the picture brighter is out of range.
    assert found.moved["texture"] < 0.1


@pytest.mark.parametrize("smoothness", [0.0, 0.5])
def test_coverage_is_that_of_single_texels(smoothness: float) -> None:
    problem = problem_of({"texture": Texture(smoothness=smoothness)})
    objective, raw = problem.at(STAGE), problem.initial()
    found = measure_coverage(objective, raw, ["texture"])["texture"]
    assert found.entries == "texels"
    assert 0.1 < found.well <= found.seen < 0.9

    def brightness(added: Tensor) -> Tensor:
        with torch.no_grad():
            [picture] = objective.pictures(objective.scene_with(raw, {"texture": added}))
        return picture.rgb.sum()

    zero = torch.zeros_like(raw["texture"])
    before = brightness(zero)
    for texel in range(0, len(zero), 5):
        # The lights are coloured, and the darkest channel counts.
        one = torch.nn.functional.one_hot(torch.tensor(texel), len(zero)).double()[:, None]
        changes = [brightness(one * torch.eye(3).double()[channel]) - before for channel in range(3)]
        assert float(min(changes)) == pytest.approx(float(found.weights[texel]), abs=1e-9)
    assert found.well == pytest.approx(float((found.weights >= WELL).double().mean()))


def test_what_weights_leave_out_is_not_seen() -> None:
    with torch.no_grad():
        shown = render_scene(RENDERER, tiny.one_object(24), quality=Quality(sigma=0.0)).alpha
    verdict = judge(problem_of(weight=(shown == 0).double()), [STAGE], problem_of().initial())
    assert verdict.coverage["texture"].seen == 0
    assert (verdict.status, verdict.reason) == ("unidentifiable", "the picture does not show texture")


def test_what_moves_beside_a_texture_has_a_verdict_and_no_error_bars() -> None:
    problem = problem_of({"pose": CameraPose(), **TEXTURE})
    verdict = judge(problem, [STAGE], problem.initial())
    assert [each.status for each in verdict.unknowns.values()] == ["converged", "converged"]
    assert verdict.deviations == {}
    moved = {**problem.initial(), "pose": torch.tensor([0.01, 0, 0, 0, 0, 0]).double()}
    verdict = judge(problem, [STAGE], moved)
    assert verdict.unknowns["pose"].status == "not_converged"


def test_light_on_an_unknown_texture_is_open() -> None:
    matt = tiny.one_object(24)
    looks = matt.objects["textured"].material.with_property("specular", factor=torch.zeros(3).double())
    matt = replace(matt, objects={"textured": replace(matt.objects["textured"], material=looks)})
    unknowns = {"pose": CameraPose(), "lights": LightIntensity(), "ambient": Ambient(), **TEXTURE}
    verdict = judge(problem_of(unknowns, truth=matt), [STAGE], problem_of(unknowns, truth=matt).initial())
    statuses = {name: each.status for name, each in verdict.unknowns.items()}
    assert statuses == {
        "pose": "converged",
        "lights": "unidentifiable",
        "ambient": "unidentifiable",
        "texture": "unidentifiable",
    }
    assert "light x colour" in verdict.unknowns["texture"].reason
    # The pose alone counts.
    assert verdict.status == "converged"
