"""Faces seen from behind."""

from __future__ import annotations

from dataclasses import replace

import pytest
import shapes
import torch

from invrender.render.base import Renderer, render_scene
from invrender.render.embedded import EmbeddedRenderer
from invrender.render.hard import HardRenderer
from invrender.scene import Camera, DirectionalLight, Mesh, Projection, Scene


def lit(shape: Mesh, view: Camera) -> Scene:
    light = DirectionalLight(torch.ones(3).double(), torch.tensor(0.7).double(), shapes.doubles([0.3, 1.0, 0.6]))
    return shapes.scene(shapes.thing(shape), view=view, lights=[light, shapes.ambient(0.2)])


def turned_over(shape: Mesh) -> Mesh:
    return replace(shape, faces=shape.faces.flip(1), normal_faces=shape.normal_faces.flip(1))


@pytest.mark.parametrize("projection", ["perspective", "orthographic"])
@pytest.mark.parametrize("position", [(3.0, 2.0, 4.0), (-3.0, 0.1, 2.0), (0.2, -5.0, 0.1)])
def test_a_closed_convex_object_looks_the_same_without_its_back(
    projection: Projection, position: tuple[float, float, float]
) -> None:
    focal = 24.0 if projection == "perspective" else 6.0
    view = replace(shapes.camera(24, 24, focal, position, (0.0, 0.0, 0.0)), projection=projection)
    whole, front = (
        render_scene(HardRenderer(samples=2, cull_backfaces=cull), lit(shapes.box(), view)) for cull in (False, True)
    )
    assert 0.05 < float(whole.alpha.mean()) < 0.95
    assert torch.equal(whole.rgb, front.rgb)
    assert torch.equal(whole.alpha, front.alpha)
    assert torch.equal(whole.depth, front.depth)


@pytest.mark.parametrize("renderer", [HardRenderer(2, cull_backfaces=True), EmbeddedRenderer(cull_backfaces=True)])
def test_an_object_turned_inside_out_shows_its_far_side(renderer: Renderer) -> None:
    view = shapes.camera(16, 16, 16.0, (0.0, 0.0, 4.0), (0.0, 0.0, 0.0))
    near, far = (
        render_scene(renderer, lit(shape, view)).depth[8, 6] for shape in (shapes.box(), turned_over(shapes.box()))
    )
    assert float(near) == pytest.approx(3) and float(far) == pytest.approx(5)


@pytest.mark.parametrize(
    ("renderer", "culling"),
    [
        (HardRenderer(samples=1), HardRenderer(samples=1, cull_backfaces=True)),
        (EmbeddedRenderer(), EmbeddedRenderer(cull_backfaces=True)),
    ],
)
def test_a_floor_that_reaches_behind_the_camera_has_the_right_side(renderer: Renderer, culling: Renderer) -> None:
    floor = shapes.quad([[-5.0, -1.0, 3.0], [5.0, -1.0, 3.0], [-5.0, -1.0, -6.0]])
    view = shapes.camera(20, 14, focal=10.0)
    plain, culled = (render_scene(each, lit(floor, view)) for each in (renderer, culling))
    assert float(plain.alpha.mean()) > 0.2
    assert torch.equal(plain.rgb, culled.rgb)
    assert (render_scene(culling, lit(turned_over(floor), view)).alpha == 0).all()


@pytest.mark.parametrize("renderer", [HardRenderer(cull_backfaces=True), EmbeddedRenderer(cull_backfaces=True)])
def test_from_inside_a_closed_object_nothing_shows(renderer: Renderer) -> None:
    rendered = render_scene(renderer, lit(shapes.box(), shapes.camera(8, 8, focal=3.0)))
    assert (rendered.alpha == 0).all() and (rendered.rgb == 0).all()


def test_without_culling_both_sides_show_and_are_lit_from_outside() -> None:
    square = shapes.facing(3.0, 2.0)
    view = shapes.camera(4, 4)
    light = DirectionalLight(torch.ones(3).double(), torch.tensor(0.8).double(), shapes.doubles([0.0, 0.0, 1.0]))
    front, back = (
        render_scene(HardRenderer(), shapes.scene(shapes.thing(shape), view=view, lights=[light]))
        for shape in (square, turned_over(square))
    )
    assert (front.alpha == 1).all() and (back.alpha == 1).all()
    torch.testing.assert_close(front.rgb, torch.full((4, 4, 3), 0.8).double())
    assert (back.rgb == 0).all()
