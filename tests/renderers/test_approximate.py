"""Approximate gradients: hard pictures, and the gradient that each rule is meant to give them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapes
import slow_rules
import tiny
import torch
from shapes import facing, joined, slope, thing, with_vertices
from torch import Tensor
from torch.func import jacfwd

from invrender.errors import UserError
from invrender.geometry.cameras import project
from invrender.geometry.meshes import world_vertices
from invrender.io.meshes import read_mesh
from invrender.parameters import CameraPose
from invrender.render.approximate.base import HardPicture
from invrender.render.approximate.opendr import outline_pixels
from invrender.render.approximate.renderer import RULES, ApproximateRenderer, RuleName
from invrender.render.base import Shot, render_scene
from invrender.render.film import Batch
from invrender.render.hard import HardRenderer
from invrender.render.stages import Raster
from invrender.scene import Mesh, Scene

LINEAR: list[RuleName] = [name for name, rule in RULES.items() if rule.linear]
COW = Path(__file__).parents[3] / "shared" / "meshes" / "cow" / "cow.obj"


def triangle() -> Scene:
    """One triangle with colours at its corners before a plain background."""
    colors = shapes.doubles([[0.9, 0.2, 0.1], [0.2, 0.8, 0.3], [0.1, 0.3, 0.9]])
    corners = shapes.doubles([[-0.33, -0.31, -1.0], [0.37, -0.12, -1.2], [-0.04, 0.39, -0.9]])
    looks = shapes.material(vertex_colors=colors)
    return shapes.scene(thing(shapes.mesh(corners, torch.tensor([[0, 1, 2]])), looks), background=(0.4, 0.4, 0.5))


def cow() -> Scene:
    """PyTorch3D's cow, with colours by place."""
    if not COW.is_file():
        pytest.skip("needs PyTorch3D's cow")
    read: Any = read_mesh(COW)
    vertices = read.mesh.vertices.double()
    mesh = Mesh(vertices, read.mesh.faces, read.mesh.faces)
    view = shapes.camera(20, 20, focal=22.0, position=(1.1, 0.7, -1.9), target=(0.0, 0.0, 0.0))
    looks = shapes.material(vertex_colors=(0.5 + 0.4 * torch.sin(4 * vertices)).clamp(0, 1))
    return shapes.scene(thing(mesh, looks), view=view, background=(0.3, 0.5, 0.4))


def raster_of(scene: Scene, backend: Any = "numba") -> Raster:
    return Raster.of(Batch([Shot(scene, scene.camera)], 1), False, False, True, backend)


def picture_of(renderer: ApproximateRenderer, scene: Scene) -> Tensor:
    """[H, W, 4], colour and alpha."""
    found = render_scene(renderer, scene, frozenset(("rgb", "alpha")))
    return torch.cat([found.rgb, found.alpha[..., None]], dim=2)


def plain(rule: RuleName, **settings: Any) -> ApproximateRenderer:
    return ApproximateRenderer(rule, mipmaps=False, **settings)


def posed(scene: Scene) -> Callable[[Tensor], Scene]:
    return lambda raw: CameraPose().apply(scene, raw)


def random_like(tensor: Tensor, seed: int = 0) -> Tensor:
    return torch.randn(tensor.shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("rule", ["opendr", "nmr", "drtk"])
def test_the_picture_is_the_hard_one(rule: RuleName) -> None:
    scene = tiny.scene(20)
    found, hard = (render_scene(each, scene) for each in (plain(rule), HardRenderer(samples=1)))
    for channel in ("rgb", "alpha", "depth"):
        torch.testing.assert_close(found[channel], hard[channel], rtol=0, atol=1e-12)


@pytest.mark.parametrize("scene", [triangle, cow])
def test_opendr_gives_the_derivative_images_of_a_slow_transcription(scene: Callable[[], Scene]) -> None:
    start = scene()
    number = torch.zeros(6).double()
    images = jacfwd(lambda raw: picture_of(plain("opendr"), posed(start)(raw)))(number)

    raster = raster_of(start)
    hard = HardPicture(raster, picture_of(plain("opendr"), start).reshape(-1, 4))
    size = start.camera.height, start.camera.width
    weights = torch.zeros(len(raster.winner), 3).double()
    weights[raster.fragments.pixel] = raster.fragments.barycentric
    (only,) = start.objects.values()

    def places(raw: Tensor) -> Tensor:
        return project(posed(start)(raw).camera, world_vertices(only))[0]

    motion = jacfwd(places)(number)
    for direction in range(6):
        expected = slow_rules.opendr_image(
            hard.values.reshape(*size, 4).numpy(),
            raster.winner.reshape(size).numpy(),
            weights.reshape(*size, 3).numpy(),
            raster.screen.triangles.numpy(),
            motion[..., direction].numpy(),
            outline_pixels(hard, hard.depth).reshape(size).numpy(),
        )
        assert np.abs(expected).max() > 0.1
        assert np.abs(images[..., direction].numpy() - expected).max() < 1e-6


@pytest.mark.parametrize("scene", [triangle, cow])
def test_nmr_gives_the_gradient_of_a_slow_transcription(scene: Callable[[], Scene]) -> None:
    start = scene()
    (only,) = start.objects.values()
    raster = raster_of(start)
    size = start.camera.height, start.camera.width
    picture = picture_of(plain("nmr"), start)
    for seed in range(2):
        against = random_like(picture, seed)
        corners = raster.screen.points[raster.screen.triangles]
        expected = slow_rules.nmr_gradient(
            corners.numpy(), raster.winner.reshape(size).numpy(), picture.detach().numpy(), against.numpy()
        )
        vertices = only.mesh.vertices.clone().requires_grad_()
        points = project(start.camera, vertices)[0]
        through = slope(points[raster.screen.triangles], torch.from_numpy(expected), vertices)
        found = slope(picture_of(plain("nmr"), with_vertices(start, vertices)), against, vertices)
        assert through.abs().max() > 1
        torch.testing.assert_close(found, through, rtol=1e-9, atol=1e-6)


def test_outline_pixels_are_those_of_the_surface_in_front() -> None:
    near, far = facing(0.2, 1.0), facing(0.6, 2.0)
    raster = raster_of(shapes.scene(thing(joined([near, far]))))
    hard = HardPicture(raster, torch.zeros(256, 1).double())
    found = outline_pixels(hard, hard.depth).reshape(16, 16)
    front = (hard.depth.reshape(16, 16) - 1).abs() < 1e-9
    both = hard.depth.reshape(16, 16) > 0

    def ring(mask: Tensor) -> Tensor:
        inside = mask.clone()
        for shift, axis in ((1, 0), (-1, 0), (1, 1), (-1, 1)):
            inside &= mask.roll(shift, axis)
        return mask & ~inside

    assert torch.equal(found, ring(front) | ring(both))
    assert front.sum() < both.sum() < 256


@pytest.mark.parametrize("rule", RULES)
def test_the_twins_agree(rule: RuleName) -> None:
    def gradient(scene: Scene, backend: Any, seed: int) -> Tensor:
        raw = torch.zeros(6).double().requires_grad_()
        picture = picture_of(ApproximateRenderer(rule, backend=backend), posed(scene)(raw))
        return torch.cat([picture.reshape(-1), slope(picture, random_like(picture, seed), raw)])

    wide = tiny.scene(18)
    wide = wide.with_camera(replace(wide.camera, width=13))
    behind = shapes.scene(thing(shapes.box(1.5)), view=shapes.camera(9, 11, position=(0.3, 0.2, 1.7), focal=5))
    for seed, scene in enumerate((wide, behind)):
        torch.testing.assert_close(gradient(scene, "numba", seed), gradient(scene, "reference", seed))


@pytest.mark.parametrize("rule", LINEAR)
def test_forward_mode_agrees_with_reverse_mode(rule: RuleName) -> None:
    scene = tiny.scene(16)
    renderer = ApproximateRenderer(rule)
    raw = torch.zeros(6).double().requires_grad_()
    picture = picture_of(renderer, posed(scene)(raw))
    against = random_like(picture)
    jacobian = jacfwd(lambda raw: picture_of(renderer, posed(scene)(raw)))(raw.detach())
    torch.testing.assert_close((jacobian * against[..., None]).sum(dim=(0, 1, 2)), slope(picture, against, raw))


def test_nmr_depends_on_the_loss() -> None:
    scene, renderer = triangle(), plain("nmr")
    assert renderer.supports.approximate and renderer.supports.depends_on_loss and not renderer.supports.forward_mode

    def gradient(against: Tensor) -> Tensor:
        raw = torch.zeros(6).double().requires_grad_()
        return slope(picture_of(renderer, posed(scene)(raw)), against, raw)

    against = random_like(picture_of(renderer, scene))
    upper = against.clone()
    upper[8:] = 0
    # Pixels are asked one by one, each in proportion to what the loss's gradient is there, if that has the right sign.
    torch.testing.assert_close(gradient(3 * against), 3 * gradient(against))
    torch.testing.assert_close(gradient(upper) + gradient(against - upper), gradient(against))
    assert (gradient(-against) + gradient(against)).abs().max() > 0.1 * gradient(against).abs().max()
    with pytest.raises(UserError, match="depends on the loss"):
        jacfwd(lambda raw: picture_of(renderer, posed(scene)(raw)))(torch.zeros(6).double())


@pytest.mark.parametrize("backend", ["numba", "reference"])
def test_nmr_tells_what_each_pixel_adds_to_the_gradient_of_a_loss(backend: Any) -> None:
    scene, loss = tiny.scene(13), -0.7
    renderer = plain("nmr", backend=backend).assume(loss)
    raw = torch.zeros(6).double().requires_grad_()
    picture = picture_of(renderer, posed(scene)(raw))
    images = jacfwd(lambda raw: picture_of(renderer, posed(scene)(raw)))(raw.detach())
    (found,) = torch.autograd.grad(picture, raw, torch.full_like(picture, loss), retain_graph=True)
    torch.testing.assert_close(loss * images.sum(dim=(0, 1, 2)), found)
    # One pixel at a time.
    for row, column in ((3, 4), (6, 6)):
        alone = torch.zeros_like(picture)
        alone[row, column] = loss
        (pulled,) = torch.autograd.grad(picture, raw, alone, retain_graph=True)
        torch.testing.assert_close(loss * images[row, column].sum(dim=0), pulled)


@pytest.mark.parametrize("rule", RULES)
def test_lights_and_textures_have_their_exact_gradient(rule: RuleName) -> None:
    scene = tiny.one_object(12)
    lamp = scene.lights["lamp"]
    texture = scene.objects["textured"].material.properties["albedo"].texture
    assert texture is not None
    against = random_like(picture_of(ApproximateRenderer(rule), scene))

    def measure(intensity: Tensor, texture: Tensor) -> Tensor:
        only = scene.objects["textured"]
        painted = replace(only, material=only.material.with_property("albedo", texture=texture))
        lit = replace(scene, objects={"textured": painted})
        lit = replace(lit, lights={**scene.lights, "lamp": replace(lamp, intensity=intensity)})
        return (picture_of(ApproximateRenderer(rule), lit) * against).sum()

    inputs = (lamp.intensity.clone().requires_grad_(), texture.clone().requires_grad_())
    directions = (torch.tensor(1.0).double(), random_like(texture, 1))
    found = sum(
        (each * way).sum() for each, way in zip(torch.autograd.grad(measure(*inputs), inputs), directions, strict=True)
    )
    ahead, back = (
        measure(*(each.detach() + step * way for each, way in zip(inputs, directions, strict=True)))
        for step in (1e-6, -1e-6)
    )
    torch.testing.assert_close(found, (ahead - back) / 2e-6, rtol=1e-6, atol=1e-7)


# A square that reaches 16 × corner pixels from the middle to each side, and covers 6, 8 and 8 pixels' centres.
@pytest.mark.parametrize(("corner", "shown", "blended"), [(0.21, 6, 7), (0.24, 8, 7), (0.27, 8, 9)])
def test_a_square_that_moves_takes_its_outline_along(corner: float, shown: int, blended: int) -> None:
    # The sum of x over the square changes by its height times the distance of its sides: of the borders of pixels, of
    # the pixels that the sides cut, or of the outermost pixels.
    across: dict[RuleName, int] = {"drtk": shown, "nvdiffrast": blended, "opendr": shown - 1}
    for rule, distance in across.items():
        square = facing(corner, 1.0)
        vertices = square.vertices.clone().requires_grad_()
        rendered = render_scene(ApproximateRenderer(rule), with_vertices(shapes.scene(thing(square)), vertices))
        columns = torch.arange(16).double().expand(16, 16)
        moving = slope(rendered.alpha, columns, vertices)[:, 0].sum()
        # Blending misses a side where the pixel beside it shows the square's other face, at the diagonal's end.
        assert float(moving) == pytest.approx(16 * shown * distance, rel=0.1)


@pytest.mark.parametrize("rule", ["opendr", "nvdiffrast", "drtk"])
def test_what_is_hidden_gets_no_gradient(rule: RuleName) -> None:
    near, far = facing(0.25, 1.0), facing(0.3, 2.0)
    both = joined([near, far])
    vertices = both.vertices.clone().requires_grad_()
    rendered = render_scene(ApproximateRenderer(rule), with_vertices(shapes.scene(thing(both)), vertices))
    found = slope(rendered.alpha, torch.ones_like(rendered.alpha), vertices)
    assert found[: len(near.vertices)].abs().max() > 1
    assert found[len(near.vertices) :].abs().max() == 0


@pytest.mark.parametrize("rule", RULES)
def test_steps_against_the_gradient_go_towards_the_target(rule: RuleName) -> None:
    # Where an edge passes through a pixel's centre, pulls have next to no way to go.
    square = facing(0.25, 1.0)
    square = replace(square, vertices=square.vertices + shapes.doubles([0.011, 0.023, 0.0]))
    beside = square.vertices + shapes.doubles([0.1, 0.0, 0.0])
    target = render_scene(HardRenderer(samples=1), with_vertices(shapes.scene(thing(square)), beside)).alpha
    vertices = square.vertices.clone().requires_grad_()
    rendered = render_scene(ApproximateRenderer(rule), with_vertices(shapes.scene(thing(square)), vertices))
    (found,) = torch.autograd.grad((rendered.alpha - target).square().sum(), vertices)
    assert float(found[:, 0].sum()) < -1
    assert abs(float(found[:, 1].sum())) < 0.3 * abs(float(found[:, 0].sum()))


def test_a_rule_that_is_not_there_is_refused() -> None:
    with pytest.raises(UserError, match="expected one of opendr, nmr, nvdiffrast, drtk"):
        ApproximateRenderer("softras")  # type: ignore[arg-type]
