"""Runs on a graphics card that is none what runs on one that is, compares it with the CPU, and prints what worked.

Triton must be told to interpret the kernels, by TRITON_INTERPRET=1.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import tiny
import torch
from fake_card import FakeCard, OnCard, waits
from torch import Tensor

from invrender import losses, parameters
from invrender.fitting.fit import fit
from invrender.fitting.problem import Problem
from invrender.fitting.schedule import Stage
from invrender.fitting.search import Search
from invrender.fitting.solve.base import Solver
from invrender.fitting.solve.first_order import FirstOrder
from invrender.fitting.solve.least_squares import LevenbergMarquardt
from invrender.losses.base import DataTerm, SquaredDataTerm
from invrender.parameters.base import Parameter, Pose
from invrender.render.backends.dispatch import Backend
from invrender.render.backends.triton import edges, hard, soft
from invrender.render.base import Quality, Renderer, render_scene
from invrender.render.embedded import EmbeddedRenderer
from invrender.render.hard import HardRenderer
from invrender.scene import Lens, Scene, map_tensors
from invrender.targets import render_target

CARD = "card"
CHANNELS = frozenset(("rgb", "alpha", "depth", "normal"))
Found = Sequence[Tensor | float]
Case = Callable[[str], Found]
UNKNOWNS = [name for name in parameters.__all__ if name not in ("CameraPoses", "Values")]
LOSSES = [name for name in losses.__all__ if isinstance(getattr(losses, name)(), DataTerm)]


def launch(kernel: Any, programs: int, *tables: Any, fused: bool = True, **constants: Any) -> None:
    """Has Triton interpret a kernel, which takes tensors on the card alone."""

    def held(value: Any) -> Any:
        if isinstance(value, tuple):
            return type(value)(*map(held, value))
        assert isinstance(value, OnCard) or not isinstance(value, Tensor), "a kernel was given a tensor on the CPU"
        return value.held if isinstance(value, OnCard) else value

    if programs:
        with torch._C._DisableTorchDispatch():
            kernel[(programs,)](*map(held, tables), **constants)


def bent() -> Scene:
    """A scene through a lens."""
    scene = tiny.scene(8)
    lens = Lens(torch.tensor([-0.1, 0.02, 0.0, 0.0]).double(), "brown_conrady")
    return scene.with_camera(replace(scene.camera, lens=lens))


def draw(renderer: Renderer, quality: Quality, scene: Scene, device: str) -> Found:
    """A picture, and its gradients by all of the scene's tensors."""
    leaves: list[Tensor] = []

    def leaf(tensor: Tensor) -> Tensor:
        moved = tensor.to(device)
        if moved.is_floating_point():
            leaves.append(moved.requires_grad_())
        return moved

    picture = render_scene(renderer, map_tensors(scene, leaf), CHANNELS, quality)
    channels = [picture[name] for name in sorted(CHANNELS)]
    gradients = torch.autograd.grad(
        [each.square().sum() for each in channels if each.requires_grad], leaves, allow_unused=True
    )
    return [*channels, *(each for each in gradients if each is not None)]


def displace(parameter: Parameter, device: str) -> Found:
    """What an unknown makes of a scene, and says of it."""
    scene = tiny.ground() if isinstance(parameter, parameters.HeightMap) else tiny.scene()
    truth = scene.to(device)
    raw = parameter.initial(truth) + 0.02
    moved = parameter.apply(truth, parameter.project(truth, parameter.retract(truth, raw, 0.5 * raw)))
    seen = render_target(truth, renderer=EmbeddedRenderer(backend="reference"), samples=1).truth
    assert seen is not None
    errors = parameter.error(moved, seen)
    found: list[Tensor | float] = [*errors.values(), parameter.retract(truth, raw, raw)]
    if isinstance(parameter, Pose):
        found += [parameter.symmetries(truth), parameter.sample_poses(truth, 20, 15.0)]
    parameter.value(moved)
    return [*found, *tensors_of(moved)]


def compare(loss: DataTerm, device: str) -> Found:
    """A loss of a picture, and its residuals."""
    truth = tiny.scene().to(device)
    renderer = EmbeddedRenderer(backend="reference", sigma=1e-3)
    [view] = render_target(truth, renderer=renderer, samples=1, channels=CHANNELS).views
    view = replace(view, weight=view.picture.alpha * 0.5 + 0.5)
    moved = parameters.CameraPose().apply(truth, torch.full((6,), 0.02, dtype=torch.float64, device=device))
    picture = render_scene(renderer, moved, CHANNELS)
    loss.check(view)
    value = loss(picture, view)
    squares = loss.residuals(picture, view) if isinstance(loss, SquaredDataTerm) else None
    return [value] if squares is None else [value, squares.values, squares.weights, squares.pixel]


def recover(solver: Solver[Any], search: Search | None, unknowns: dict[str, Parameter], device: str) -> Found:
    """The losses of a fit."""
    scene = tiny.one_object(8).to(device)
    renderer = EmbeddedRenderer(backend="reference", sigma=1e-3)
    target = render_target(scene, renderer=renderer, samples=1, noise=0.01)
    for parameter in unknowns.values():
        scene = parameter.apply(scene, parameter.initial(scene) + 0.03)
    problem = Problem(scene, target, unknowns, renderer, {"mse": losses.MeanSquaredError()})
    return [step.loss for step in fit(problem, solver, search=search)]


def tensors_of(value: Any) -> list[Tensor]:
    found: list[Tensor] = []
    map_tensors(value, lambda tensor: found.append(tensor) or tensor)  # type: ignore[func-returns-value]
    return found


def picture_of(
    renderer: type[EmbeddedRenderer | HardRenderer], backend: Backend, quality: Quality, scene: Scene, device: str
) -> Found:
    return draw(renderer(backend=backend if device == CARD else "reference", samples=1), quality, scene, device)


def cases() -> Iterator[tuple[str, Case]]:
    """What is run on both devices, by name; on the CPU pictures are the reference's."""
    soft_edges, hard_edges = Quality(sigma=1e-2), Quality(sigma=0.0)
    yield "soft", partial(picture_of, EmbeddedRenderer, "reference", soft_edges, tiny.scene(8))
    yield "edge", partial(picture_of, EmbeddedRenderer, "reference", hard_edges, tiny.scene(8))
    yield "hard", partial(picture_of, HardRenderer, "reference", hard_edges, tiny.scene(8))
    yield "bent", partial(picture_of, EmbeddedRenderer, "reference", hard_edges, bent())
    yield "soft by kernels", partial(picture_of, EmbeddedRenderer, "triton", soft_edges, tiny.one_object(5))
    yield "edge by kernels", partial(picture_of, EmbeddedRenderer, "triton", hard_edges, tiny.one_object(5))
    for name in UNKNOWNS:
        arguments = {"ObjectPose": {"object": "painted"}}.get(name, {})
        yield name, partial(displace, getattr(parameters, name)(**arguments))
    for name in LOSSES:
        yield name, partial(compare, getattr(losses, name)())
    pose, lamp = parameters.CameraPose(), parameters.LightIntensity(lights=["lamp"])
    adam = FirstOrder(torch.optim.Adam, [Stage(2, sigma=1e-3), Stage(1, blur=6.0)])
    squares = LevenbergMarquardt([Stage(1, blur=1.0)])
    judging = Search([Stage(1, size=6), Stage(1)])
    both: dict[str, Parameter] = {"pose": pose, "lamp": lamp}
    yield "first order", partial(recover, adam, None, both)
    yield "least squares", partial(recover, squares, None, both)
    yield "verdict", partial(recover, squares, judging, {"lamp": lamp})


def assert_alike(name: str, found: Found, expected: Found) -> None:
    assert len(found) == len(expected), name
    for one, other in zip(found, expected, strict=True):
        assert isinstance(one, OnCard) == isinstance(other, Tensor), f"{name}: a result is on the CPU"
        here = one.detach().cpu() if isinstance(one, Tensor) else one
        torch.testing.assert_close(here, other, rtol=1e-6, atol=1e-9, msg=lambda text: f"{name}: {text}")


def waits_of_step(quality: Quality) -> int:
    """How often a step of a fit waits for the card once those before it have made what lasts."""
    pose, renderer = parameters.CameraPose(), EmbeddedRenderer(backend="triton", samples=1)
    scene = tiny.one_object(5).to(CARD)
    raw = pose.initial(scene).requires_grad_()
    for _ in range(2):
        waits.clear()
        picture = render_scene(renderer, pose.apply(scene, raw), frozenset(("rgb", "alpha")), quality)
        torch.autograd.grad(picture.rgb.square().sum() + picture.alpha.sum(), raw)
    return waits.total()


for module in (soft, hard, edges):
    module.launch = launch  # type: ignore[attr-defined]
for name, case in cases():
    expected = case("cpu")
    with FakeCard():
        assert_alike(name, case(CARD), expected)
    print(name, flush=True)
with FakeCard():
    for name, quality in (("soft", Quality(sigma=1e-2)), ("edge", Quality(sigma=0.0))):
        print(f"{name} waits: {waits_of_step(quality)}", flush=True)
# PyTorch's threads for a device that is written in Python may be running yet, and would end the process with an abort.
sys.stdout.flush()
os._exit(0)
