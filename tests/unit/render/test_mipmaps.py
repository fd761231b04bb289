"""Texture pyramids: no texel is skipped where a texture is minified, and charts keep their colours to themselves."""

from __future__ import annotations

from dataclasses import replace

import pytest
import shapes
import tiny
import torch
from torch import Tensor

from invrender.parameters import ObjectPose
from invrender.render.backends.numba.charts import cover_texels
from invrender.render.base import render_scene
from invrender.render.embedded import EmbeddedRenderer
from invrender.render.shading.charts import cover_texels_slowly, covered_texels, pack_levels
from invrender.render.shading.mipmaps import build_pyramid, find_level, halve, level_sizes
from invrender.render.shading.textures import sample_pyramids
from invrender.scene import Mesh, Object, Scene

RENDERERS = [
    pytest.param(EmbeddedRenderer(visibility="edge"), id="edge"),
    pytest.param(EmbeddedRenderer(sigma=1e-6, gamma=1e-5, background="softmax"), id="soft"),
    pytest.param(EmbeddedRenderer(sigma=1e-6, gamma=1e-5, background="softmax", backend="reference"), id="reference"),
]


def noise(*shape: int) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.mark.parametrize("shape", [(8, 8), (7, 5), (1, 9), (16, 3)])
def test_levels_are_means_down_to_one_texel(shape: tuple[int, int]) -> None:
    texture = noise(*shape, 3)
    levels = build_pyramid(texture)
    assert levels[0] is texture
    assert levels[-1].shape == (1, 1, 3)
    for level in levels[1:]:
        torch.testing.assert_close(level.mean(dim=(0, 1)), texture.mean(dim=(0, 1)))
    assert torch.autograd.gradcheck(
        lambda values: build_pyramid(values)[-1], (texture[:4, :4].clone().requires_grad_(),)
    )


def wall(texture: Tensor, size: int) -> Scene:
    """A square that fills the picture, showing a texture [H, W, 3]."""
    square = shapes.thing(shapes.facing(1.0, 2.0), shapes.material(texture=texture))
    return shapes.scene(square, view=shapes.camera(size, size, focal=float(size)))


@pytest.mark.parametrize("renderer", RENDERERS)
def test_no_texel_is_skipped_where_a_texture_is_minified(renderer: EmbeddedRenderer) -> None:
    texture = noise(64, 64, 3).requires_grad_()
    rgb = render_scene(renderer, wall(texture, 8)).rgb
    assert (rgb - halve(halve(halve(texture)))).abs().max() < 0.02
    gradient = torch.autograd.grad(rgb.sum(), texture)[0]
    assert gradient.min() > 0.2 * gradient.max() > 0
    without = replace(renderer, mipmaps=False)
    skipped = torch.autograd.grad(render_scene(without, wall(texture, 8)).rgb.sum(), texture)[0]
    assert (skipped == 0).double().mean() > 0.9


@pytest.mark.parametrize("renderer", RENDERERS)
def test_a_magnified_texture_is_looked_up_as_ever(renderer: EmbeddedRenderer) -> None:
    scene = wall(noise(4, 4, 3), 12)
    assert torch.equal(render_scene(renderer, scene).rgb, render_scene(replace(renderer, mipmaps=False), scene).rgb)


def looked_up(minification: Tensor) -> Tensor:
    """The colour [N] of an 8 × 8 texture at one place, under minifications [N]."""
    texture, table, first = noise(8, 8, 3), [], 0
    for height, width in level_sizes(8, 8):
        table.append([first, width, height])
        first += height * width
    count = len(minification)
    uv = torch.tensor([[0.3, 0.6]]).double().expand(count, -1)
    which = torch.zeros(count, dtype=torch.int64)
    return sample_pyramids(pack_levels(build_pyramid(texture)), torch.tensor([table]), which, uv, minification)[:, 0]


def test_the_level_has_a_derivative_but_where_it_is_clamped() -> None:
    """Texels in a pixel: magnified, at the first clamp, in between, at a whole level, at the last one, and beyond."""
    minification = torch.tensor([0.5, 1.0, 3.0, 4.0, 40.0, 64.0, 100.0]).double().requires_grad_()
    coarsest = torch.full((7,), 3)
    level = find_level(minification, coarsest)
    torch.testing.assert_close(level[[0, 1, 3, 5, 6]].detach(), torch.tensor([0.0, 0.0, 1.0, 3.0, 3.0]).double())
    found = torch.autograd.grad(looked_up(minification).sum(), minification)[0]
    assert (found[[0, 1, 5, 6]] == 0).all()
    with torch.no_grad():
        ahead = (looked_up(minification + 1e-6) - looked_up(minification)) / 1e-6
    torch.testing.assert_close(found[2:5], ahead[2:5], rtol=1e-5, atol=0)
    assert (found[2:5].abs() > 1e-4).all()


@pytest.mark.parametrize("texels", [16, 64])
@pytest.mark.parametrize("renderer", [replace(each.values[0], gamma=1e-2, sigma=2e-3) for each in RENDERERS])
def test_a_minified_textures_pose_has_the_gradient_of_finite_differences(
    renderer: EmbeddedRenderer, texels: int
) -> None:
    scene, pose = tiny.one_object(24), ObjectPose(object="textured")
    thing = scene.objects["textured"]
    looks = thing.material.with_property("albedo", texture=noise(texels, texels + 3, 3))
    scene = replace(scene, objects={"textured": replace(thing, material=looks)})
    cotangents = torch.randn(24, 24, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)

    def response(raw: Tensor) -> Tensor:
        return (render_scene(renderer, pose.apply(scene, raw)).rgb * cotangents).sum()

    raw = pose.initial(scene).requires_grad_()
    gradient = torch.autograd.grad(response(raw), raw)[0]
    with torch.no_grad():
        steps = 1e-6 * torch.eye(len(raw)).double()
        differences = torch.stack([response(step) - response(-step) for step in steps]) / 2e-6
    assert (gradient - differences).norm() < 1e-7 * differences.norm()


def chart(shown: Mesh, left: float, right: float) -> Mesh:
    """The same mesh with u between ``left`` and ``right``."""
    assert shown.uv is not None
    return replace(shown, uv=torch.stack([left + (right - left) * shown.uv[:, 0], shown.uv[:, 1]], dim=1))


@pytest.mark.parametrize("renderer", RENDERERS)
def test_no_colour_bleeds_into_a_chart_from_outside(renderer: EmbeddedRenderer) -> None:
    """The chart is the white half of a texture whose other half is black, seen so small that levels mix both."""
    texture = torch.zeros(64, 64, 3).double()
    texture[:, 31:] = 1.0  # a texel beyond the chart's border, which bilinear look-ups read
    square = shapes.thing(chart(shapes.facing(1.0, 2.0), 0.5, 1.0), shapes.material(texture=texture))
    rgb = render_scene(renderer, shapes.scene(square, view=shapes.camera(4, 4, focal=4.0))).rgb
    torch.testing.assert_close(rgb, torch.ones_like(rgb), atol=1e-9, rtol=0)


def test_meshes_that_share_a_texture_have_charts_of_their_own() -> None:
    texture = torch.zeros(64, 64, 3).double()
    texture[:, :33, 0] = 1.0
    texture[:, 31:, 1] = 1.0

    def shown(left: float, right: float) -> Object:
        half = chart(shapes.facing(1.0, 2.0), left, right)
        return shapes.thing(half, shapes.material(texture=texture))

    scene = shapes.scene(shown(0.0, 0.5), view=shapes.camera(4, 4, focal=4.0))
    behind = replace(shown(0.5, 1.0), world_from_object=torch.eye(4).double())
    behind.world_from_object[2, 3] = -1.0
    both = replace(scene, objects={"behind": behind, **scene.objects})
    renderer = EmbeddedRenderer(visibility="edge")
    torch.testing.assert_close(render_scene(renderer, both).rgb, render_scene(renderer, scene).rgb)


def test_covered_texels_are_those_of_the_charts_and_their_neighbours() -> None:
    left = chart(shapes.facing(1.0, 2.0), 0.0, 0.25)
    mask = covered_texels(left, 16, 16)
    assert mask is not None
    assert (mask[:, :4] == 1).all() and (mask[:, 6:] == 0).all()
    assert covered_texels(shapes.facing(1.0, 2.0), 16, 16) is None


def test_charts_are_covered_as_the_slow_twin_covers_them() -> None:
    random = torch.Generator().manual_seed(0)
    points = 24 * torch.rand(36, 2, generator=random, dtype=torch.float64) - 2
    faces = torch.arange(36).reshape(-1, 3)
    faces[-1] = faces[-1, 0]  # a point
    for triangles in (faces, faces[:2], faces[-1:]):
        found, expected = torch.zeros(2, 20, 17, dtype=torch.uint8)
        cover_texels(points.numpy(), triangles.numpy(), found.numpy())
        cover_texels_slowly(points, triangles, expected)
        assert torch.equal(found, expected)
        assert 0 < int(found.sum()) < found.numel()
