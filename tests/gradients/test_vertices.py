"""Gradients in vertices, through every renderer whose edges move, are finite differences; seams hold together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import shapes
import tiny
import torch
from torch import Tensor

from invrender.errors import UserError
from invrender.fitting.problem import Problem
from invrender.geometry.spheres import icosphere
from invrender.losses import MeanSquaredError
from invrender.parameters import Vertices
from invrender.parameters.base import Shape
from invrender.render.base import Renderer, render_scene
from invrender.render.edge import EdgeRenderer
from invrender.render.hard import HardRenderer
from invrender.render.soft import SoftRenderer
from invrender.scene import DirectionalLight, Scene
from invrender.targets import render_target

RENDERERS: dict[str, Callable[[], Renderer]] = {
    "soft": lambda: SoftRenderer(sigma=1e-3, gamma=1e-2, samples=1),
    "soft reference": lambda: SoftRenderer(sigma=1e-3, gamma=1e-2, samples=1, backend="reference"),
    "edge": EdgeRenderer,
    "edge reference": lambda: EdgeRenderer(backend="reference"),
}


def ball() -> Scene:
    """A sphere of 80 faces under parallel light."""
    one = torch.ones(3).double()
    mesh = icosphere(1, -0.4 * one, 0.5 * one)
    placed = shapes.thing(mesh, shapes.material((0.7, 0.8, 0.9)))
    sun = DirectionalLight(one, torch.tensor(0.7).double(), torch.tensor([0.4, 1.0, 0.8]).double())
    view = shapes.camera(20, 18, 22.0, (0.3, 0.4, 2.2), (0.0, 0.0, 0.0))
    return shapes.scene(placed, view=view, lights=[sun, shapes.ambient(0.3)], background=[0.1, 0.05, 0.0])


@pytest.mark.parametrize("channels", [{"rgb"}, {"alpha"}, {"depth"}, {"normal"}], ids=lambda each: next(iter(each)))
@pytest.mark.parametrize("name", RENDERERS)
def test_the_gradient_is_the_finite_difference(name: str, channels: set[str]) -> None:
    scene, renderer, parameter = ball(), RENDERERS[name](), Vertices(smoothness=0.05)
    random = torch.Generator().manual_seed(3)
    raw = 0.01 * torch.randn(42, 3, generator=random).double()
    (channel,) = channels
    shape = render_scene(renderer, scene, frozenset(channels))[channel].shape
    # What covers little of a pixel has a depth, too, which jumps where that begins: depths count where all is covered.
    inside = render_scene(renderer, scene).alpha > 0.999 if channel == "depth" else torch.ones(shape[:2])
    cotangent = torch.randn(shape, generator=random).double()
    cotangent = cotangent * inside.reshape(*shape[:2], *[1] * (len(shape) - 2))

    def response(raw: Tensor) -> Tensor:
        return (render_scene(renderer, parameter.apply(scene, raw), frozenset(channels))[channel] * cotangent).sum()

    leaf = raw.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(response(leaf), leaf)
    assert float(gradient.abs().max()) > 0.1
    for _ in range(2):
        direction = torch.randn(42, 3, generator=random).double()
        with torch.no_grad():
            difference = (response(raw + 1e-6 * direction) - response(raw - 1e-6 * direction)) / 2e-6
        assert float(difference) == pytest.approx(float((gradient * direction).sum()), rel=1e-4, abs=1e-4)


def test_vertices_at_one_place_move_together_and_normals_follow() -> None:
    scene = shapes.scene(shapes.thing(shapes.subdivided(shapes.box(), 1)))
    (name,) = scene.objects
    mesh = scene.objects[name].mesh
    given = shapes.scene(shapes.thing(replace(mesh, normals=torch.ones(len(mesh.vertices), 3).double())))
    parameter = Vertices()
    raw = 0.1 * torch.randn(26, 3, generator=torch.Generator().manual_seed(0)).double()
    assert parameter.initial(given).shape == raw.shape
    moved = parameter.apply(given, raw).objects[name].mesh
    assert moved.normals is None
    assert len(torch.unique(moved.vertices, dim=0)) == 26
    # Where places are, and how large the mesh is, follow from the start alone.
    again = parameter.apply(parameter.apply(given, raw), 0 * raw).objects[name].mesh
    torch.testing.assert_close(again.vertices, moved.vertices)


def test_a_renderer_whose_edges_stand_still_is_refused_and_what_is_not_determined_is_said(
    caplog: pytest.LogCaptureFixture,
) -> None:
    scene = tiny.one_object()
    assert isinstance(Vertices(), Shape)
    target = render_target(scene)
    problem = Problem(scene, target, {"vertices": Vertices()}, HardRenderer(), {"mse": MeanSquaredError()})
    with pytest.raises(UserError, match=r"^recover\.vertices: this renderer's edges have no gradient"):
        problem.check()
    assert "there is one view, which does not determine depths" in caplog.text
    caplog.clear()
    half = replace(scene.objects["textured"].mesh, faces=scene.objects["textured"].mesh.faces[:4])
    Vertices().check(replace(scene, objects={"half": replace(scene.objects["textured"], mesh=half)}), target)
    assert "half is open: 4 edges have one face" in caplog.text
    assert "half has 1 vertices without a face" in caplog.text
    twice = replace(half, faces=torch.cat([half.faces, half.faces]))
    Vertices().check(replace(scene, objects={"twice": replace(scene.objects["textured"], mesh=twice)}), target)
    assert "twice is not manifold: 4 edges have more than two faces" in caplog.text


def test_masks_without_an_object_are_refused_and_those_without_an_outline_are_named(
    caplog: pytest.LogCaptureFixture,
) -> None:
    scene = ball()
    target = render_target(scene)
    (view,) = target.views
    masks = torch.zeros(18, 20).double(), torch.ones(18, 20).double()
    empty, full = (replace(view, picture=view.picture.with_channels(alpha=mask)) for mask in masks)
    with pytest.raises(UserError, match="the mask of camera is black all over, so that no object is seen there"):
        Vertices().check(scene, replace(target, views=(view, empty)))
    Vertices().check(scene, replace(target, views=(view, full)))
    (told,) = caplog.messages
    assert told == "recover.vertices: the mask of camera is white all over: it has no outline, and tells little"
