"""The soft picture: against the formulas in two loops, in its limits, and where terms are left out."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, Literal

import pytest
import shapes
import slow_softras
import tiny
import torch
from torch import Tensor

from invrender.errors import UserError
from invrender.render.base import Quality, render_scene
from invrender.render.edge import EdgeRenderer
from invrender.render.embedded import EmbeddedRenderer
from invrender.render.hard import HardRenderer
from invrender.render.raster import blend
from invrender.render.raster.fragments import Fragments
from invrender.render.shading.phong import shade
from invrender.render.shading.surfaces import Surfaces
from invrender.render.soft import SoftRenderer
from invrender.scene import Camera, Projection, Scene


def loose_faces(count: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Random faces [F, 3, 3] between depths 2 and 4 and their corners' colours [F, 3, 3]; they cross one another."""
    random = torch.Generator().manual_seed(seed)
    place = torch.rand(count, 3, 3, generator=random, dtype=torch.float64)
    return (place - 0.5) * 2 - shapes.doubles([0, 0, 3]), torch.rand(count, 3, 3, generator=random, dtype=torch.float64)


def scene_of(view: Camera, corners: Tensor, colors: Tensor, background: Tensor) -> Scene:
    faces = torch.arange(3 * len(corners)).reshape(-1, 3)
    looks = shapes.material(vertex_colors=colors.reshape(-1, 3))
    base = shapes.scene(shapes.thing(shapes.mesh(corners.reshape(-1, 3), faces), looks), view=view)
    return replace(base, background=background)


def stacked(renderer: EmbeddedRenderer | HardRenderer, scene: Scene) -> Tensor:
    """[H, W, 5] of colour, alpha and depth."""
    rendered = render_scene(renderer, scene)
    return torch.cat([rendered.rgb, rendered.alpha[..., None], rendered.depth[..., None]], dim=-1)


@pytest.mark.parametrize("mode", ["composite", "softmax"])
@pytest.mark.parametrize(
    ("projection", "sigma", "gamma"),
    [("perspective", 1e-2, 0.1), ("perspective", 1e-1, 0.05), ("orthographic", 2e-2, 0.1)],
)
def test_picture_and_gradients_are_those_of_the_formulas(
    mode: Literal["composite", "softmax"], projection: Projection, sigma: float, gamma: float
) -> None:
    corners, colors = loose_faces(6)
    view = shapes.camera(7, 5, focal=6.0 if projection == "perspective" else 2.5, projection=projection)
    background = shapes.doubles([0.1, 0.7, 0.4])
    leaves = [corners, colors, background, view.intrinsics, view.camera_from_world]
    corners, colors, background, intrinsics, pose = leaves = [each.clone().requires_grad_() for each in leaves]
    moved = replace(view, intrinsics=intrinsics, camera_from_world=pose)
    renderer = EmbeddedRenderer(sigma, gamma, reach=1e-3, background=mode)
    fast = stacked(renderer, scene_of(moved, corners, colors, background))
    slow = slow_softras.picture(moved, corners, colors, background, sigma, gamma, renderer.reach, mode)
    assert (slow[..., 3] < 0.2).any() and (slow[..., 3] > 0.9).any()
    torch.testing.assert_close(fast, slow, rtol=1e-7, atol=1e-8)
    cotangent = torch.randn(fast.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    for leaf in leaves:
        found, expected = (torch.autograd.grad(each, leaf, cotangent, retain_graph=True)[0] for each in (fast, slow))
        torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-7 * float(expected.abs().max()))


@pytest.mark.parametrize("mode", ["composite", "softmax"])
def test_the_soft_picture_tends_to_the_hard_one(mode: Literal["composite", "softmax"]) -> None:
    corners, colors = loose_faces(8)
    scene = scene_of(shapes.camera(40, 30, focal=30.0), corners, colors, shapes.doubles([0.1, 0.7, 0.4]))
    hard = stacked(HardRenderer(samples=1), scene)
    errors = [
        float((stacked(EmbeddedRenderer(softness, softness, background=mode), scene) - hard).abs().mean())
        for softness in (1e-2, 1e-3, 1e-4, 1e-5, 1e-14)
    ]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 1e-6


def test_alpha_is_one_minus_the_product_of_transparencies() -> None:
    """One half plane over the picture: alpha is the sigmoid of the signed squared distance to its edge."""
    half_plane = shapes.mesh(shapes.doubles([[0, -90, -2], [90, 0, -2], [0, 90, -2]]), torch.tensor([[0, 1, 2]]))
    view = shapes.camera(16, 16, focal=16.0)
    distance = (torch.arange(16).double() + 0.5 - 8) / 8
    sigma = 1e-2
    coverage = torch.sigmoid(distance.sign() * distance**2 / sigma)
    for layers in (1, 2, 200):
        # Layers a little apart hide one another, and still each takes away its share of the light.
        stack = shapes.joined(
            [replace(half_plane, vertices=half_plane.vertices * (1 + 1e-3 * layer)) for layer in range(layers)]
        )
        rendered = render_scene(EmbeddedRenderer(sigma, reach=1e-9), shapes.scene(shapes.thing(stack), view=view))
        expected = 1 - (1 - coverage) ** layers
        torch.testing.assert_close(rendered.alpha[8], expected, atol=1e-6, rtol=0)


def test_every_one_of_many_layers_counts() -> None:
    """200 faces at one depth share the colour evenly, each with its own."""
    layers = shapes.joined([shapes.facing(9.0, 2.0)] * 200)
    levels = torch.rand(200, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    colors = levels.repeat_interleave(4)[:, None].expand(-1, 3)
    looks = shapes.material(vertex_colors=colors)
    rendered = render_scene(
        EmbeddedRenderer(gamma=1e-2), shapes.scene(shapes.thing(layers, looks), view=shapes.camera(3, 2))
    )
    torch.testing.assert_close(rendered.rgb, levels.mean().expand(2, 3, 3))


@pytest.mark.parametrize("mode", ["composite", "softmax"])
def test_fragments_that_are_not_shaded_would_not_show(
    mode: Literal["composite", "softmax"], monkeypatch: pytest.MonkeyPatch
) -> None:
    corners, colors = loose_faces(40)
    leaf = corners.clone().requires_grad_()
    scene = scene_of(shapes.camera(24, 24, focal=16.0), leaf, colors, shapes.doubles([0.1, 0.7, 0.4]))
    shaded: list[int] = []

    def counted(surfaces: Surfaces, fragments: Fragments) -> Tensor:
        shaded.append(fragments.pixel.shape[0])
        return shade(surfaces, fragments)

    shaders = {"rgb": counted}
    renderer = EmbeddedRenderer(sigma=1e-3, gamma=5e-3, background=mode, backend="reference", shaders=shaders)
    cotangent = torch.randn(24, 24, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    pruned = stacked(renderer, scene)
    slope = shapes.slope(pruned, cotangent, leaf)
    bound = 40 * 4 * blend.NEGLIGIBLE  # at most 40 faces a pixel, colours of at most 1 and depths of at most 4
    monkeypatch.setattr(blend, "NEGLIGIBLE", 5e-324)
    monkeypatch.setattr(blend, "OPAQUE", -math.inf)
    whole = stacked(renderer, scene)
    assert shaded[0] < 0.8 * shaded[1]
    assert (pruned - whole).abs().max() < bound
    expected = shapes.slope(whole, cotangent, leaf)
    assert (slope - expected).abs().max() < 1e-6 * expected.abs().max()


def test_depth_is_that_of_what_is_seen() -> None:
    squares = shapes.joined([shapes.facing(0.6, 2.0), shapes.facing(4.0, 3.0)])
    view = shapes.camera(16, 16, focal=16.0)
    for renderer in (
        HardRenderer(samples=3),
        EmbeddedRenderer(sigma=1e-7, gamma=1e-5),
        EmbeddedRenderer(sigma=1e-7, gamma=1e-5, samples=3),
    ):
        depth = render_scene(renderer, shapes.scene(shapes.thing(squares), view=view)).depth
        torch.testing.assert_close(depth[5:11, 5:11], torch.full((6, 6), 2.0).double(), atol=1e-6, rtol=0)
        torch.testing.assert_close(depth[:3], torch.full((3, 16), 3.0).double(), atol=1e-6, rtol=0)


def test_depth_at_an_edge_is_not_mixed_with_nothing() -> None:
    view = shapes.camera(16, 16, focal=16.0)
    for renderer in (HardRenderer(samples=4), EmbeddedRenderer(sigma=1e-7, samples=4)):
        rendered = render_scene(renderer, shapes.scene(shapes.thing(shapes.facing(0.47, 2.0)), view=view))
        assert bool(((rendered.alpha > 0.1) & (rendered.alpha < 0.9)).any())
        seen = rendered.alpha > 0
        torch.testing.assert_close(rendered.depth[seen], torch.full((int(seen.sum()),), 2.0).double())
        assert (rendered.depth[~seen] == 0).all()


def test_samples_are_the_mean_of_a_larger_picture() -> None:
    corners, colors = loose_faces(8)
    scene = scene_of(shapes.camera(9, 7, focal=7.0), corners, colors, shapes.doubles([0.1, 0.7, 0.4]))
    fine = scene.with_camera(scene.camera.resized(27, 21))
    sampled, large = render_scene(EmbeddedRenderer(samples=3), scene), render_scene(EmbeddedRenderer(), fine)
    torch.testing.assert_close(sampled.rgb, large.rgb.reshape(7, 3, 9, 3, 3).mean(dim=(1, 3)))
    torch.testing.assert_close(sampled.alpha, large.alpha.reshape(7, 3, 9, 3).mean(dim=(1, 3)))


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"sigma": 0.0}, "renderer.sigma is 0.0"),
        ({"gamma": -1.0}, "renderer.gamma is -1.0"),
        ({"gamma": math.nan}, "renderer.gamma is nan"),
        ({"reach": 0.5}, "renderer.reach is 0.5"),
        ({"samples": 0}, "renderer.samples is 0"),
    ],
)
def test_settings_that_mean_nothing_are_refused(settings: dict[str, Any], named: str) -> None:
    with pytest.raises(UserError, match=f"^{named}, expected"):
        EmbeddedRenderer(**settings)


def test_the_softness_that_is_asked_for_is_drawn() -> None:
    scene, renderer = tiny.scene(8), EmbeddedRenderer(gamma=0.3, samples=2)
    for quality, twin in (
        (Quality(sigma=0.05), SoftRenderer(sigma=0.05, gamma=0.3, samples=2)),
        (Quality(samples=1), SoftRenderer(gamma=0.3)),
        (Quality(sigma=0.0), EdgeRenderer(samples=2)),
    ):
        assert torch.equal(render_scene(renderer, scene, quality=quality).rgb, render_scene(twin, scene).rgb)
    for hard in (HardRenderer(samples=2), EdgeRenderer(samples=2)):
        assert torch.equal(render_scene(hard, scene, quality=Quality(sigma=0.5)).rgb, render_scene(hard, scene).rgb)
