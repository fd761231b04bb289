from __future__ import annotations

import math

import pytest
import shapes
import torch
from torch import Tensor

from invrender.render.base import Renderer, render_scene
from invrender.render.embedded import EmbeddedRenderer
from invrender.render.hard import HardRenderer
from invrender.render.shading.textures import sample_bilinear


def noise(*shape: int) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def slow_bilinear(texture: Tensor, u: float, v: float) -> Tensor:
    """Texel (row, column) has its centre at u = (column + 0.5) / W, v = 1 − (row + 0.5) / H."""
    height, width, _ = texture.shape
    column, row = u * width - 0.5, (1 - v) * height - 0.5
    left, top = math.floor(column), math.floor(row)
    color = torch.zeros(texture.shape[2]).double()
    for i, row_share in ((top, top + 1 - row), (top + 1, row - top)):
        for j, column_share in ((left, left + 1 - column), (left + 1, column - left)):
            color += row_share * column_share * texture[min(max(i, 0), height - 1), min(max(j, 0), width - 1)]
    return color


@pytest.mark.parametrize("size", [(5, 7), (1, 6), (6, 1), (2, 2), (1, 1)])
def test_values_are_those_of_a_loop_and_of_torch(size: tuple[int, int]) -> None:
    texture = noise(*size, 3)
    uv = noise(200, 2) * 1.6 - 0.3
    found = sample_bilinear(texture, uv)
    by_hand = torch.stack([slow_bilinear(texture, u, v) for u, v in uv.tolist()])
    torch.testing.assert_close(found, by_hand)
    grid = torch.stack([uv[:, 0] * 2 - 1, 1 - uv[:, 1] * 2], dim=1)[None, None]
    library = torch.nn.functional.grid_sample(
        texture.movedim(-1, 0)[None], grid, padding_mode="border", align_corners=False
    )
    torch.testing.assert_close(found, library[0, :, 0].T)


def test_a_texel_is_itself_at_its_centre() -> None:
    texture = noise(4, 3, 2)
    rows, columns = torch.meshgrid(torch.arange(4).double(), torch.arange(3).double(), indexing="ij")
    uv = torch.stack([(columns + 0.5) / 3, 1 - (rows + 0.5) / 4], dim=-1).reshape(-1, 2)
    torch.testing.assert_close(sample_bilinear(texture, uv).reshape(4, 3, 2), texture)


def test_the_border_goes_on_for_ever_and_has_no_slope() -> None:
    texture = noise(4, 3, 2)
    uv = shapes.doubles([[-1e6, 1e6], [2.0, -3.0]]).requires_grad_()
    found = sample_bilinear(texture, uv)
    torch.testing.assert_close(found, torch.stack([texture[0, 0], texture[3, 2]]))
    assert (torch.autograd.grad(found.sum(), uv)[0] == 0).all()


def test_gradients_are_those_of_the_values() -> None:
    texture = noise(5, 4, 2).requires_grad_()
    uv = (noise(30, 2) * 1.4 - 0.2).requires_grad_()
    assert torch.autograd.gradcheck(sample_bilinear, (texture, uv))


@pytest.mark.parametrize(
    "renderer", [HardRenderer(samples=1), EmbeddedRenderer(sigma=1e-7, gamma=1e-6, background="softmax")]
)
def test_a_texture_that_fills_the_picture_is_the_picture(renderer: Renderer) -> None:
    texture = noise(6, 6, 3)
    square = shapes.thing(shapes.facing(1.0, 2.0), shapes.material(texture=texture))
    rendered = render_scene(renderer, shapes.scene(square, view=shapes.camera(6, 6, focal=6.0)))
    torch.testing.assert_close(rendered.rgb, texture, atol=1e-6, rtol=0)


@pytest.mark.parametrize(
    "renderer", [HardRenderer(samples=2), EmbeddedRenderer(sigma=1e-5), EmbeddedRenderer(background="softmax")]
)
def test_a_seam_does_not_show(renderer: Renderer) -> None:
    """A tube seen from its seam, with a texture that is periodic: the same as from where no seam is, turned."""
    angle = (torch.arange(64).double() + 0.5) * (2 * math.pi / 64)
    periodic = (0.5 + 0.4 * torch.cos(8 * angle))[None, :, None].expand(2, -1, 3)
    tube = shapes.thing(shapes.tube(around=32), shapes.material(texture=periodic))

    def seen_from(azimuth: float) -> Tensor:
        eye = (4 * math.sin(azimuth), 0.3, 4 * math.cos(azimuth))
        view = shapes.camera(24, 12, focal=34.0, position=eye, target=(0.0, 0.0, 0.0))
        return render_scene(renderer, shapes.scene(tube, view=view)).rgb

    # Border texels are not mixed across the seam, so half a texel on either side is flat: 1 − cos(π / 8) of 0.4.
    assert (seen_from(0.0) - seen_from(math.pi / 2)).abs().max() < 0.4 * (1 - math.cos(math.pi / 8)) + 1e-6


def test_a_seam_does_not_show_in_vertex_colours_at_all() -> None:
    colors = shapes.doubles([[0.2, 0.4, 0.6], [0.9, 0.1, 0.3]]).repeat(16, 1).repeat(2, 1)
    tube = shapes.thing(shapes.tube(around=32), shapes.material(vertex_colors=colors))
    pictures = [
        render_scene(EmbeddedRenderer(), shapes.scene(tube, view=shapes.camera(24, 12, 34.0, eye, (0.0, 0.0, 0.0)))).rgb
        for eye in ((0.0, 0.3, 4.0), (4.0, 0.3, 0.0))
    ]
    torch.testing.assert_close(*pictures)
