"""Shading in closed form: a square that faces the camera, one pixel at a time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import pytest
import shapes
import torch
from torch import Tensor

from invrender.render.base import render_scene
from invrender.render.embedded import EmbeddedRenderer
from invrender.render.hard import HardRenderer
from invrender.scene import DirectionalLight, Light, Material, Object, PointLight, Scene, phong

DEPTH = 2.0


def directional(direction: Sequence[float], level: float = 1.0, color: Sequence[float] = (1.0, 1.0, 1.0)) -> Light:
    return DirectionalLight(shapes.doubles(color), torch.tensor(level).double(), shapes.doubles(direction))


def square(looks: Material | None = None, half: float = 2.0) -> Object:
    return shapes.thing(shapes.facing(half, DEPTH), looks)


def center_color(scene: Scene) -> Tensor:
    """[3] at the one pixel of a picture that looks along −z."""
    return render_scene(HardRenderer(samples=1), scene.with_camera(shapes.camera(1, 1, focal=1.0))).rgb[0, 0]


def test_ambient_light_is_albedo_times_colour_times_intensity() -> None:
    light = replace(shapes.ambient(0.5), color=shapes.doubles([1.0, 0.8, 0.2]))
    found = center_color(shapes.scene(square(shapes.material((0.6, 0.5, 0.4))), lights=[light]))
    torch.testing.assert_close(found, shapes.doubles([0.3, 0.2, 0.04]))


@pytest.mark.parametrize("degrees", [0.0, 30.0, 80.0, 100.0, 180.0])
def test_directional_light_follows_lambert(degrees: float) -> None:
    angle = math.radians(degrees)
    # The length of the direction does not matter.
    light = directional([7 * math.sin(angle), 0.0, 7 * math.cos(angle)], level=0.9, color=(1.0, 0.5, 0.0))
    found = center_color(shapes.scene(square(shapes.material((0.6, 0.5, 0.4))), lights=[light]))
    torch.testing.assert_close(found, max(math.cos(angle), 0.0) * 0.9 * shapes.doubles([0.6, 0.25, 0.0]))


@pytest.mark.parametrize(("shininess", "degrees"), [(1.0, 20.0), (8.0, 20.0), (8.0, 60.0), (30.0, 5.0)])
def test_highlights_follow_phong(shininess: float, degrees: float) -> None:
    """Seen along the normal, the mirrored light is as far from the eye as the light is from the normal."""
    angle = math.radians(degrees)
    looks = shapes.material((0.0, 0.0, 0.0), specular=0.7, shininess=shininess)
    light = directional([0.0, math.sin(angle), math.cos(angle)], level=1.5)
    found = center_color(shapes.scene(square(looks), lights=[light]))
    torch.testing.assert_close(found, (0.7 * 1.5 * math.cos(angle) ** shininess * torch.ones(3)).double())


def test_no_highlight_where_the_light_is_behind_the_surface() -> None:
    """Light and eye are both behind it, so the eye would see the mirrored light if the surface had no sides."""
    front = shapes.facing(2.0, DEPTH)
    back = replace(front, faces=front.faces.flip(1), normal_faces=front.faces.flip(1))
    looks = shapes.material((0.0, 0.0, 0.0), specular=1.0, shininess=2.0)
    for shape, expected in ((front, 1.0), (back, 0.0)):
        found = center_color(shapes.scene(shapes.thing(shape, looks), lights=[directional([0.0, 0.0, 1.0])]))
        torch.testing.assert_close(found, torch.full((3,), expected).double())


def test_ambient_light_has_no_highlight() -> None:
    looks = shapes.material((0.0, 0.0, 0.0), specular=1.0)
    assert (center_color(shapes.scene(square(looks), lights=[shapes.ambient()])) == 0).all()


def lamp(height: float, falloff: str) -> Light:
    """A lamp above the middle of the square, of intensity 3."""
    where = shapes.doubles([0.0, 0.0, height - DEPTH])
    return PointLight(torch.ones(3).double(), torch.tensor(3.0).double(), where, falloff)  # type: ignore[arg-type]


@pytest.mark.parametrize("height", [0.5, 1.0, 2.0, 10.0])
def test_point_lights_fall_off_as_they_say(height: float) -> None:
    constant, falling = (
        float(center_color(shapes.scene(square(), lights=[lamp(height, falloff)]))[0])
        for falloff in ("none", "inverse_square")
    )
    assert constant == pytest.approx(3)
    assert falling == pytest.approx(3 / height**2)


def test_a_point_light_lights_every_point_from_its_own_direction() -> None:
    picture = render_scene(
        HardRenderer(samples=1),
        shapes.scene(square(), view=shapes.camera(5, 5, focal=5.0), lights=[lamp(1.0, "inverse_square")]),
    )
    offset = (torch.arange(5).double() - 2) / 5 * DEPTH
    squared = offset[:, None] ** 2 + offset[None, :] ** 2 + 1
    torch.testing.assert_close(picture.rgb[..., 0], 3 / squared**1.5)


def test_lights_add_up() -> None:
    lights = [shapes.ambient(0.2), directional([0.0, 1.0, 1.0]), lamp(1.5, "none")]
    looks = shapes.material((0.3, 0.5, 0.7), specular=0.2, shininess=4.0)
    apart = sum(center_color(shapes.scene(square(looks), lights=[light])) for light in lights)
    torch.testing.assert_close(center_color(shapes.scene(square(looks), lights=lights)), apart)
    assert (center_color(shapes.scene(square(looks), lights=[])) == 0).all()


def test_highlights_of_an_orthographic_camera_know_no_place() -> None:
    """All eyes look along the same line, so with a directional light every pixel is alike."""
    looks = shapes.material((0.2, 0.2, 0.2), specular=0.7, shininess=20.0)
    view = shapes.camera(5, 5, focal=2.0, projection="orthographic")
    picture = render_scene(
        HardRenderer(samples=1), shapes.scene(square(looks), view=view, lights=[directional([0, 0.3, 1])])
    )
    torch.testing.assert_close(picture.rgb, picture.rgb[2:3, 2:3].expand(5, 5, 3))
    cosine = 1 / math.sqrt(1.09)
    assert float(picture.rgb[0, 0, 0]) == pytest.approx(0.2 * cosine + 0.7 * cosine**20)


def test_vertex_colours_are_interpolated_in_space_and_not_on_the_screen() -> None:
    """On a square that recedes, the middle of the surface is not in the middle of its picture."""
    colors = shapes.doubles([[0.0] * 3, [0.0] * 3, [1.0] * 3, [1.0] * 3])
    floor = shapes.quad([[-4.0, -1.0, -2.0], [4.0, -1.0, -2.0], [-4.0, -1.0, -6.0]])
    view = shapes.camera(1, 64, focal=64.0)
    rendered = render_scene(
        HardRenderer(samples=1), shapes.scene(shapes.thing(floor, shapes.material(vertex_colors=colors)), view=view)
    )
    row = torch.arange(64).double() + 0.5
    depth = 64 / (row - 32)
    expected = torch.where((depth >= 2) & (depth <= 6), (depth - 2) / 4, torch.zeros(64).double())
    torch.testing.assert_close(rendered.rgb[:, 0, 0], expected)


def test_texture_and_vertex_colours_and_albedo_multiply() -> None:
    looks = shapes.material((0.5, 1.0, 1.0), torch.full((2, 2, 3), 0.6).double(), shapes.doubles([[0.2, 0.3, 0.4]] * 4))
    torch.testing.assert_close(center_color(shapes.scene(square(looks))), shapes.doubles([0.06, 0.18, 0.24]))


def test_smooth_normals_are_unit_length_between_corners() -> None:
    """In the middle of a hexagonal tube's side the corners' normals are 60 degrees apart; their mean is cos 30 long."""
    towards = (math.sin(math.pi / 6), 0.0, math.cos(math.pi / 6))
    view = shapes.camera(1, 1, 1.0, position=[3 * each for each in towards], target=(0.0, 0.0, 0.0))
    tube = shapes.scene(shapes.thing(shapes.tube(around=6)), view=view, lights=[directional(towards)])
    for renderer in (HardRenderer(samples=1), EmbeddedRenderer(background="softmax")):
        assert 0.97 < float(render_scene(renderer, tube).rgb[0, 0, 0]) <= 1 + 1e-12


def test_a_background_picture_shows_where_nothing_is() -> None:
    behind = torch.rand(8, 8, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    small = replace(shapes.scene(square(half=0.5)), background=behind).with_camera(shapes.camera(8, 8, focal=8.0))
    for renderer in (HardRenderer(samples=2), EmbeddedRenderer(sigma=1e-6, samples=2)):
        rendered = render_scene(renderer, small)
        empty = rendered.alpha == 0
        assert 0 < int(empty.sum()) < 64
        torch.testing.assert_close(rendered.rgb[empty], behind[empty])
        covered = rendered.alpha > 1 - 1e-9
        assert int(covered.sum()) >= 2
        torch.testing.assert_close(rendered.rgb[covered], torch.ones(int(covered.sum()), 3).double())


def test_gradients_of_lights_and_material_are_those_of_the_picture() -> None:
    looks = shapes.material((0.3, 0.5, 0.7), specular=0.4, shininess=5.0)
    sun, lamp_at = shapes.doubles([0.2, 1.0, 0.7]), shapes.doubles([0.6, 0.3, -1.0])
    color, intensity = shapes.doubles([0.9, 0.8, 0.7]), torch.tensor(1.3).double()
    leaves = (looks.albedo, looks.specular, looks.shininess, color, intensity, lamp_at, sun)

    def picture(*values: Tensor) -> Tensor:
        albedo, specular, shininess, color, intensity, position, direction = values
        thing = square(phong(albedo, specular, shininess))
        lights: list[Light] = [
            PointLight(color, intensity, position, "inverse_square"),
            DirectionalLight(color, intensity, direction),
        ]
        return render_scene(
            HardRenderer(samples=1), shapes.scene(thing, view=shapes.camera(3, 3, 3.0), lights=lights)
        ).rgb

    assert torch.autograd.gradcheck(picture, tuple(leaf.clone().requires_grad_() for leaf in leaves))
