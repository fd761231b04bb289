"""Edge visibility: close to the mean over each pixel, with the gradient of that mean, and without bias."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import shapes
import torch
from torch import Tensor

from invrender.geometry.cameras import look_at
from invrender.render.base import render_scene, shots_of
from invrender.render.embedded import EmbeddedRenderer
from invrender.render.hard import HardRenderer
from invrender.render.raster.antialias import antialias, area_below, crossings, outlines, shares
from invrender.render.raster.project import project_surfaces
from invrender.render.shading.surfaces import Surfaces
from invrender.scene import DirectionalLight, Mesh, Object, Scene

EDGE = EmbeddedRenderer(visibility="edge")
LIGHTS = [
    shapes.ambient(0.3),
    DirectionalLight(shapes.doubles([1, 0.9, 0.8]), torch.tensor(0.7).double(), shapes.doubles([0.4, 1.0, 0.3])),
]


def ball(times: int) -> Mesh:
    """An octahedron subdivided and pushed out to a sphere of radius 0.7."""
    axes = torch.cat([torch.eye(3), -torch.eye(3)]).double()
    corners = [(0, 1, 2), (1, 3, 2), (3, 4, 2), (4, 0, 2), (1, 0, 5), (3, 1, 5), (4, 3, 5), (0, 4, 5)]
    fine = shapes.subdivided(shapes.mesh(axes, torch.tensor(corners)), times)
    around = 0.7 * torch.nn.functional.normalize(fine.vertices, dim=1)
    vertices, faces = torch.unique(around.round(decimals=9), dim=0, return_inverse=True)
    return shapes.mesh(vertices, faces.reshape(-1, 3))


def seen(*things: Object, size: int = 48, position: tuple[float, float, float] = (2.1, 1.3, 2.2)) -> Scene:
    view = shapes.camera(size, size, 0.9 * size, position, (0.0, 0.0, 0.0))
    return shapes.scene(*things, view=view, lights=LIGHTS, background=(0.1, 0.2, 0.4))


def cube() -> Scene:
    return seen(shapes.thing(shapes.box(0.6)))


def sphere() -> Scene:
    return seen(shapes.thing(ball(3)))


def overlapping() -> Scene:
    front = replace(shapes.box(0.3), vertices=shapes.box(0.3).vertices + shapes.doubles([0.5, 0.4, 0.9]))
    return seen(shapes.thing(ball(2)), shapes.thing(front, shapes.material((0.9, 0.3, 0.1))))


SCENES: list[Callable[[], Scene]] = [cube, sphere, overlapping]


def from_position(scene: Scene, position: Tensor) -> Scene:
    camera_from_world = look_at(position, scene.camera.look_at, scene.camera.up)
    return scene.with_camera(replace(scene.camera, camera_from_world=camera_from_world))


@pytest.mark.parametrize("make", SCENES)
def test_the_picture_is_close_to_the_mean_over_each_pixel(make: Callable[[], Scene]) -> None:
    """Of 4 × 4 samples a pixel it takes less than twice the error, for one sample's work."""
    mean = render_scene(HardRenderer(samples=16), make())

    def error(renderer: EmbeddedRenderer | HardRenderer) -> float:
        return float(((render_scene(renderer, make()).rgb - mean.rgb) ** 2).mean().sqrt())

    assert error(EDGE) < 0.5 * error(HardRenderer(samples=1))
    assert error(EmbeddedRenderer(visibility="edge", samples=2)) < error(HardRenderer(samples=4))


@pytest.mark.parametrize("make", SCENES)
def test_its_gradient_is_that_of_the_mean_over_each_pixel(make: Callable[[], Scene]) -> None:
    """Against differences of pictures of 16 × 16 samples a pixel, which are themselves unsure by 5 to 10 percent."""
    scene = make()
    rows, columns = torch.meshgrid(torch.arange(48).double(), torch.arange(48).double(), indexing="ij")
    cotangent = torch.stack([torch.sin(rows / 7 + columns / 9), torch.cos(columns / 6), torch.sin(rows / 5)], dim=-1)
    position = scene.camera.position.clone().requires_grad_()
    rgb = render_scene(EmbeddedRenderer(visibility="edge", samples=2), from_position(scene, position)).rgb
    gradient = torch.autograd.grad((rgb * cotangent).sum(), position)[0]
    differences = []
    for step in 0.02 * torch.eye(3).double():
        ahead, behind = (
            render_scene(HardRenderer(samples=16), from_position(scene, position.detach() + sign * step)).rgb
            for sign in (1, -1)
        )
        differences.append(((ahead - behind) * cotangent).sum() / 0.04)
    expected = torch.stack(differences)
    assert (gradient - expected).norm() < 0.16 * expected.norm()
    assert gradient @ expected > 0.99 * gradient.norm() * expected.norm()


def test_an_axis_parallel_rectangle_covers_exactly_its_area() -> None:
    """But for its corners, which no line through pixels' centres may cross."""
    position = shapes.doubles([[3.3, 2.6, 0], [9.8, 2.6, 0], [3.3, 11.2, 0]])  # pixels, at one unit a pixel
    corners = position * shapes.doubles([1, -1, 1]) + shapes.doubles([-8, 8, -2])
    plate = shapes.quad(corners.tolist())
    view = shapes.camera(16, 16, 1.0, projection="orthographic")
    alpha = render_scene(EDGE, shapes.scene(shapes.thing(plate), view=view)).alpha
    edges = torch.arange(17).double()

    def covered(low: float, high: float) -> Tensor:
        return (edges[1:].clamp(max=high) - edges[:-1].clamp(min=low)).clamp(min=0)

    expected = covered(2.6, 11.2)[:, None] * covered(3.3, 9.8)
    corner = torch.zeros(16, 16, dtype=torch.bool)
    corner[2:12:9, 3:10:6] = True
    torch.testing.assert_close(alpha[~corner], expected[~corner])
    assert (alpha - expected)[corner].abs().max() < 0.2


@pytest.mark.parametrize("slope", [0.0, 0.3, -1.0])
def test_areas_are_integrals(slope: float) -> None:
    height = torch.linspace(-1, 1, 41).double().requires_grad_()
    slopes = torch.full_like(height, slope).requires_grad_()
    across = (torch.arange(4000).double() + 0.5) / 4000 - 0.5
    expected = (height[:, None] + slopes[:, None] * across).clamp(min=0).mean(dim=1)
    torch.testing.assert_close(area_below(height, slopes), expected, atol=1e-6, rtol=0)
    inner = (height.detach().abs() - abs(slope) / 2).abs() > 1e-3
    for found, wanted in zip(
        torch.autograd.grad(area_below(height, slopes)[inner].sum(), (height, slopes)),
        torch.autograd.grad(expected[inner].sum(), (height, slopes)),
        strict=True,
    ):
        torch.testing.assert_close(found, wanted, atol=2e-3, rtol=0)


def test_shares_have_the_gradient_of_their_values() -> None:
    """In float64, by finite differences, with the crossings held fixed."""
    scene = cube()
    found = crossed = None

    def picture(position: Tensor) -> Tensor:
        nonlocal found, crossed
        moved = from_position(scene, position)
        surfaces = Surfaces.of(shots_of([moved]))
        screen = project_surfaces(surfaces, [moved.camera], cull_backfaces=False)
        found = found or outlines(screen, surfaces)
        crossed = crossed or crossings(screen, found)
        flat = torch.linspace(0, 1, screen.pixels).double()[:, None]
        return antialias(flat, shares(screen, found, crossed), crossed)[::5]

    assert torch.autograd.gradcheck(picture, (scene.camera.position.requires_grad_(),), atol=1e-5)


def test_hidden_edges_and_inner_edges_of_smooth_surfaces_are_left_alone() -> None:
    wall = shapes.thing(shapes.facing(3.0, 1.5, cells=6))  # many smooth inner edges, and the box is behind it
    behind = replace(shapes.box(0.5), vertices=shapes.box(0.5).vertices - shapes.doubles([0, 0, 4]))
    scene = shapes.scene(wall, shapes.thing(behind), lights=LIGHTS)
    surfaces = Surfaces.of(shots_of([scene]))
    screen = project_surfaces(surfaces, [scene.camera], cull_backfaces=False)
    assert len(crossings(screen, outlines(screen, surfaces)).edge) == 0


def test_a_fit_that_starts_at_the_truth_stays_there() -> None:
    """With σ = 1e-4 the same steps drift by a degree: front and back faces both count at silhouettes."""
    scene = overlapping()
    target = render_scene(HardRenderer(samples=8), scene)

    def drift(renderer: EmbeddedRenderer) -> float:
        position = scene.camera.position.clone().requires_grad_()
        optimizer = torch.optim.Adam([position], lr=0.01)
        for step in range(60):
            optimizer.param_groups[0]["lr"] = 0.01 * 0.93**step
            rendered = render_scene(renderer, from_position(scene, position))
            loss = ((rendered.rgb - target.rgb) ** 2).mean() + ((rendered.alpha - target.alpha) ** 2).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return float((position.detach() - scene.camera.position).norm() / scene.camera.position.norm())

    hard = drift(EmbeddedRenderer(visibility="edge", samples=2))
    assert hard < 5e-4
    assert drift(EmbeddedRenderer(sigma=1e-4, gamma=1e-4)) > 10 * hard
