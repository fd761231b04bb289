"""Counted renderers draw the same, and count every picture."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from tiny import scene
from torch.autograd import forward_ad

from invrender.bench.counting import Counting, Tally
from invrender.fitting.fit import fit
from invrender.fitting.problem import Problem
from invrender.fitting.schedule import Stage
from invrender.fitting.solve import FirstOrder
from invrender.losses import MeanSquaredError
from invrender.parameters import LightIntensity
from invrender.render.base import render_scene, render_scenes
from invrender.render.embedded import EmbeddedRenderer
from invrender.render.hard import HardRenderer
from invrender.scene import Scene
from invrender.targets import render_target


def brightened(given: Scene, factor: torch.Tensor) -> Scene:
    lamp = given.lights["lamp"]
    return replace(given, lights={**given.lights, "lamp": replace(lamp, intensity=lamp.intensity * factor)})


def test_pictures_are_the_same_and_counted() -> None:
    tally, plain, given = Tally(), HardRenderer(samples=1), scene()
    counted = Counting(plain, tally)
    torch.testing.assert_close(render_scene(counted, given).rgb, render_scene(plain, given).rgb, rtol=0, atol=0)
    assert len(render_scenes(counted, [given, given])) == 2
    assert (tally.pictures, tally.differentiated) == (3, 0)


# What PyTorch warns of when forward mode is first used.
@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")
def test_pictures_with_derivatives_are_counted_apart() -> None:
    tally = Tally()
    counted = Counting(EmbeddedRenderer(sigma=1e-3, backend="reference"), tally)
    factor = torch.ones((), dtype=torch.float64, requires_grad=True)
    bright = brightened(scene(8), factor)
    render_scene(counted, bright)
    assert (tally.pictures, tally.differentiated) == (1, 1)
    with torch.no_grad():
        render_scene(counted, bright)
    assert (tally.pictures, tally.differentiated) == (2, 1)
    with forward_ad.dual_level():
        moving = forward_ad.make_dual(factor.detach(), torch.ones_like(factor))  # type: ignore[no-untyped-call]
        render_scene(counted, brightened(scene(8), moving))
    assert (tally.pictures, tally.differentiated) == (3, 2)


def test_a_fit_renders_so_many() -> None:
    tally, given = Tally(), scene(12)
    problem = Problem(
        scene=given,
        target=render_target(brightened(given, torch.tensor(2.0).double()), samples=1),
        parameters={"light": LightIntensity(lights=["lamp"])},
        renderer=Counting(HardRenderer(samples=1), tally),
        losses={"mse": MeanSquaredError()},
    )
    steps = fit(problem, FirstOrder(torch.optim.Adam, [Stage(steps=5)]))
    assert next(reversed([*steps])).iteration == 5
    # Whether the losses depend on the unknowns, the start, five steps, and in the end the best and the last.
    assert (tally.pictures, tally.differentiated) == (1 + 1 + 5 + 2, 1 + 5)
