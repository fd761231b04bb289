"""The plan of a fit, and the check of its gradient."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
import tiny
import torch

from invrender.fitting.dry_run import GradientCheck, dry_run
from invrender.fitting.problem import Problem
from invrender.fitting.schedule import Stage
from invrender.fitting.solve import FirstOrder
from invrender.losses import MeanSquaredError
from invrender.parameters import CameraPose, LightIntensity
from invrender.render.base import ALL, OWN, Quality, Shot
from invrender.render.embedded import EmbeddedRenderer
from invrender.scene import Channels, Picture, detach, map_tensors
from invrender.targets import render_target


class Detached(EmbeddedRenderer):
    """Loses the gradient of what the camera does."""

    def render(self, shots: Sequence[Shot], channels: Channels = ALL, quality: Quality = OWN) -> list[Picture]:
        return super().render([replace(shot, camera=detach(shot.camera)) for shot in shots], channels, quality)


@pytest.mark.parametrize("renderer", [EmbeddedRenderer, Detached])
def test_gradients_are_held_against_finite_differences(renderer: type[EmbeddedRenderer]) -> None:
    scene = map_tensors(tiny.one_object(), lambda tensor: tensor.float() if tensor.is_floating_point() else tensor)
    brighter = LightIntensity().apply(scene, torch.full((3,), 0.3))
    stages = [Stage(steps=5, size=12, sigma=1e-4), Stage(steps=7)]
    problem = Problem(
        scene,
        render_target(brighter, samples=1),
        {"camera": CameraPose(lr=0.02), "light": LightIntensity(lr=0.1)},
        renderer(sigma=1e-4, gamma=1e-3, samples=1),
        {"mse": MeanSquaredError()},
    )
    plan = dry_run(problem, FirstOrder(torch.optim.Adam, stages))
    right = renderer is EmbeddedRenderer
    assert (plan.gradients["camera"].difference < 1e-4) == right
    assert plan.gradients["light"].difference < 1e-4
    assert plan.numbers["camera"] == 6
    assert [stage.pixels for stage in plan.stages] == [(12, 12), (24, 24)]
    assert plan.seconds == pytest.approx(sum(stage.stage.steps * stage.seconds_per_step for stage in plan.stages))
    assert plan.bytes > 1e6


@pytest.mark.parametrize(("analytic", "numeric", "difference"), [(0.0, 0.0, 0.0), (2.0, 1.0, 0.5), (1.0, -1.0, 2.0)])
def test_how_far_gradients_are_apart(analytic: float, numeric: float, difference: float) -> None:
    assert GradientCheck(analytic, numeric).difference == difference
