"""Where things land in the picture."""

from __future__ import annotations

from dataclasses import replace

import pytest
import shapes
import torch
from torch import Tensor

from invrender.render.base import Renderer, render_scene
from invrender.render.embedded import EmbeddedRenderer
from invrender.render.hard import HardRenderer
from invrender.scene import Camera, DirectionalLight, Picture, Projection, Scene

RENDERERS = [
    pytest.param(HardRenderer(samples=2), id="hard"),
    pytest.param(EmbeddedRenderer(sigma=1e-3, gamma=1e-2), id="composite"),
    pytest.param(EmbeddedRenderer(sigma=1e-3, gamma=1e-2, background="softmax"), id="softmax"),
]


def solid(view: Camera) -> Scene:
    """A box, turned by the camera, under a light that tells its sides apart."""
    light = DirectionalLight(torch.ones(3).double(), torch.tensor(0.7).double(), shapes.doubles([0.3, 1.0, 0.6]))
    looks = shapes.material((0.9, 0.5, 0.2), specular=0.3)
    return shapes.scene(
        shapes.thing(shapes.box(), looks), view=view, lights=[light, shapes.ambient(0.2)], background=(0.1, 0.2, 0.3)
    )


def stacked(rendered: Picture) -> Tensor:
    return torch.cat([rendered.rgb, rendered.alpha[..., None], rendered.depth[..., None]], dim=-1)


@pytest.mark.parametrize("renderer", RENDERERS)
def test_an_orthographic_camera_is_a_perspective_one_far_away(renderer: Renderer) -> None:
    distance, scale = 1e6, 6.0
    away = (0.48 * distance, 0.6 * distance, 0.64 * distance)
    view = shapes.camera(
        24, 20, focal=scale * distance, position=away, target=(0.0, 0.0, 0.0), near=distance - 5, far=distance + 5
    )
    level = replace(view, projection="orthographic", intrinsics=shapes.pinhole(scale, 12, 10))
    perspective, orthographic = (stacked(render_scene(renderer, solid(each))) for each in (view, level))
    assert 0.1 < float(orthographic[..., 3].mean()) < 0.9
    torch.testing.assert_close(perspective, orthographic, atol=1e-4, rtol=1e-6)


@pytest.mark.parametrize("renderer", RENDERERS)
@pytest.mark.parametrize("projection", ["perspective", "orthographic"])
def test_the_principal_point_shifts_the_picture(renderer: Renderer, projection: Projection) -> None:
    focal = 20.0 if projection == "perspective" else 5.0
    view = replace(shapes.camera(24, 20, focal, (2.0, 1.5, 3.0), (0.0, 0.0, 0.0)), projection=projection)
    shift = shapes.doubles([[0, 0, 5], [0, 0, -3], [0, 0, 0]])
    here, there = (
        stacked(render_scene(renderer, solid(each)))
        for each in (view, replace(view, intrinsics=view.intrinsics + shift))
    )
    torch.testing.assert_close(there[:17, 5:], here[3:, :19])


@pytest.mark.parametrize("renderer", RENDERERS)
@pytest.mark.parametrize("upright", [False, True])
def test_a_longer_side_adds_to_the_picture_and_changes_nothing(renderer: Renderer, upright: bool) -> None:
    width, height = (16, 28) if upright else (28, 16)
    where = ((2.0, 1.5, 3.0), (0.0, 0.0, 0.0))
    square, longer = shapes.camera(16, 16, 20.0, *where), shapes.camera(width, height, 20.0, *where)
    middle = stacked(render_scene(renderer, solid(longer)))
    middle = middle[6:22] if upright else middle[:, 6:22]
    torch.testing.assert_close(middle, stacked(render_scene(renderer, solid(square))))


@pytest.mark.parametrize("renderer", RENDERERS)
@pytest.mark.parametrize("scale", [1e-3, 1e3])
def test_the_unit_of_length_does_not_matter(renderer: Renderer, scale: float) -> None:
    where = (2.0, 1.5, 3.0)
    view = shapes.camera(24, 20, 20.0, where, (0.0, 0.0, 0.0))
    scaled_view = shapes.camera(
        24, 20, 20.0, [scale * each for each in where], (0.0, 0.0, 0.0), scale * view.near, scale * view.far
    )
    small = shapes.thing(shapes.box(scale), shapes.material((0.9, 0.5, 0.2), specular=0.3))
    scaled = replace(solid(scaled_view), objects={"object 0": small})
    one, other = render_scene(renderer, solid(view)), render_scene(renderer, scaled)
    torch.testing.assert_close(one.rgb, other.rgb)
    torch.testing.assert_close(one.alpha, other.alpha)
    torch.testing.assert_close(one.depth * scale, other.depth)


@pytest.mark.parametrize("renderer", [HardRenderer(samples=4), EmbeddedRenderer(sigma=1e-9, samples=4)])
def test_a_square_of_one_pixel_fills_that_pixel(renderer: Renderer) -> None:
    """Row 2, column 5 reaches from x = 5 to 6 and from y = 2 to 3; a unit is a pixel and y runs up."""
    view = shapes.camera(9, 6, focal=1.0, projection="orthographic")
    left, bottom = 5 - 4.5, 3 - 3.0
    pixel = shapes.quad([[left, -bottom, -1.0], [left + 1, -bottom, -1.0], [left, 1 - bottom, -1.0]])
    alpha = render_scene(renderer, shapes.scene(shapes.thing(pixel), view=view)).alpha
    expected = torch.zeros(6, 9).double()
    # Four of sixteen samples lie on the edge between two soft faces; each covers half, which leaves a quarter open.
    expected[2, 5] = 1 if isinstance(renderer, HardRenderer) else 15 / 16
    torch.testing.assert_close(alpha, expected, atol=1e-9, rtol=0)

    shifted = replace(pixel, vertices=pixel.vertices + shapes.doubles([0.25, -0.5, 0.0]))
    alpha = render_scene(HardRenderer(samples=4), shapes.scene(shapes.thing(shifted), view=view)).alpha
    torch.testing.assert_close(alpha[2:4, 5:7], shapes.doubles([[0.375, 0.125], [0.375, 0.125]]))


def test_hard_and_soft_agree_on_the_depth_of_an_inclined_plane() -> None:
    ramp = shapes.quad([[-9.0, -2.0, -2.0], [9.0, -2.0, -2.0], [-9.0, 9.0, -9.0]])
    view = shapes.camera(12, 10, focal=10.0)
    hard, soft = (
        render_scene(renderer, shapes.scene(shapes.thing(ramp), view=view)).depth
        for renderer in (HardRenderer(samples=1), EmbeddedRenderer(sigma=1e-9))
    )
    assert float(hard.max() - hard.min()) > 1
    torch.testing.assert_close(soft, hard)
