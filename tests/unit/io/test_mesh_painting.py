"""Several materials and repeated textures as one texture: what is looked up is what was to be seen."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from invrender.errors import UserError
from invrender.io.meshes.content import Wrap
from invrender.io.meshes.painting import Paint, Painted, distinct, paint
from invrender.render.shading.textures import sample_bilinear
from invrender.scene import Mesh

Array = np.ndarray[Any, Any]


def mesh_of(uv: Tensor) -> Mesh:
    """Faces that share nothing, with texture coordinates [F, 3, 2]."""
    count = len(uv)
    faces = torch.arange(3 * count).reshape(-1, 3)
    generator = torch.Generator().manual_seed(0)
    return Mesh(torch.rand(3 * count, 3, generator=generator), faces, faces, uv.reshape(-1, 2), faces)


def seen(painted: Painted, weights: Tensor) -> Tensor:
    """The colours [F, N, 3] at barycentrics [N, 3] of each face."""
    assert painted.texture is not None
    assert painted.mesh.uv is not None
    assert painted.mesh.uv_faces is not None
    assert float(painted.mesh.uv.min()) >= 0
    assert float(painted.mesh.uv.max()) <= 1
    uv = torch.einsum("nk,fkc->fnc", weights, painted.mesh.uv[painted.mesh.uv_faces])
    return sample_bilinear(painted.texture, uv.reshape(-1, 2)).reshape(*uv.shape[:2], 3) * painted.color


def expected(paint: Paint, uv: Tensor) -> Tensor:
    """The colours [N, 3] at uv [N, 2], with each of the four texels around looked up for itself."""
    if paint.picture is None:
        return paint.color.expand(len(uv), 3)
    height, width = paint.picture.shape[:2]
    x, y = uv[:, 0].double() * width - 0.5, (1 - uv[:, 1].double()) * height - 0.5
    left, top = x.floor(), y.floor()
    total = torch.zeros(len(uv), 3, dtype=torch.float64)
    for down in (0, 1):
        for right in (0, 1):
            weight = (1 - (x - left - right).abs()) * (1 - (y - top - down).abs())
            column = wrapped(left + right, width, paint.wrap[0])
            row = wrapped(top + down, height, paint.wrap[1])
            total += weight[:, None] * paint.picture[row, column]
    return (total * paint.color).float()


def wrapped(index: Tensor, size: int, wrap: Wrap) -> Tensor:
    """The texel of a picture at a place of the endless plane."""
    index = index.long()
    if wrap == "clamp":
        return index.clamp(0, size - 1)
    if wrap == "repeat":
        return index.remainder(size)
    folded = index.remainder(2 * size)
    return torch.minimum(folded, 2 * size - 1 - folded)


def weights_inside(count: int) -> Tensor:
    """Barycentrics [N, 3] inside a triangle."""
    weights = torch.rand(count, 3, generator=torch.Generator().manual_seed(1)) + 0.02
    return weights / weights.sum(dim=1, keepdim=True)


def picture(height: int, width: int, seed: int = 0) -> Tensor:
    """A picture of random colours."""
    return torch.rand(height, width, 3, generator=torch.Generator().manual_seed(seed))


WRAPS: list[tuple[Wrap, Wrap]] = [
    ("repeat", "repeat"),
    ("mirror", "mirror"),
    ("repeat", "mirror"),
    ("mirror", "clamp"),
    ("clamp", "repeat"),
    ("clamp", "clamp"),
]


@pytest.mark.parametrize("wrap", WRAPS, ids="-".join)
def test_a_texture_is_wrapped(wrap: tuple[Wrap, Wrap]) -> None:
    # Away from whole numbers, where a face would show half a texel of the other side of the picture.
    uv = torch.tensor(
        [
            [[0.2, 0.2], [2.7, 0.4], [0.4, 1.9]],
            [[-3.4, 5.2], [-3.1, 5.6], [-3.3, 5.9]],
            [[-0.6, 0.1], [0.7, 0.3], [0.2, 0.8]],
        ]
    )
    given = Paint(torch.tensor([1.0, 0.5, 0.25]), picture(6, 9), wrap)
    weights = weights_inside(200)
    found = seen_anywhere(paint(mesh_of(uv), torch.zeros(3, dtype=torch.int64), [given]), weights)
    at = torch.einsum("nk,fkc->fnc", weights, uv).reshape(-1, 2)
    torch.testing.assert_close(found.reshape(-1, 3), expected(given, at), atol=2e-5, rtol=0)


def seen_anywhere(painted: Painted, weights: Tensor) -> Tensor:
    """`seen`, where clamped texture coordinates may lie beyond the picture, as the sampler clamps them itself."""
    assert painted.texture is not None
    assert painted.mesh.uv is not None
    assert painted.mesh.uv_faces is not None
    uv = torch.einsum("nk,fkc->fnc", weights, painted.mesh.uv[painted.mesh.uv_faces])
    return sample_bilinear(painted.texture, uv.reshape(-1, 2)).reshape(*uv.shape[:2], 3) * painted.color


def test_whole_numbers_of_copies_change_nothing() -> None:
    inside = torch.tensor([[[0.0, 0.0], [1.0, 0.0], [0.25, 1.0]], [[0.5, 0.5], [1.0, 1.0], [0.0, 0.75]]])
    given = Paint(torch.ones(3), picture(4, 4))
    part = torch.zeros(2, dtype=torch.int64)
    same = paint(mesh_of(inside), part, [given])
    assert same.texture is given.picture
    moved = paint(mesh_of(inside + torch.tensor([[[3.0, -2.0]], [[-1.0, 7.0]]])), part, [given])
    assert moved.texture is not None
    assert moved.texture.shape == (4, 4, 3)
    assert torch.equal(seen(moved, weights_inside(50)), seen(same, weights_inside(50)))
    assert not moved.notes


def test_less_than_half_a_texel_beyond_is_not_beyond() -> None:
    uv = torch.tensor([[[-0.1, 0.0], [1.1, 0.0], [0.25, 1.0]]])
    painted = paint(mesh_of(uv), torch.zeros(1, dtype=torch.int64), [Paint(torch.ones(3), picture(4, 4))])
    assert painted.texture is not None
    assert painted.texture.shape == (4, 4, 3)


def test_copies_are_said_and_have_a_limit() -> None:
    uv = torch.tensor([[[0.0, 0.0], [100.0, 0.0], [0.0, 100.0]]])
    part = torch.zeros(1, dtype=torch.int64)
    painted = paint(mesh_of(uv), part, [Paint(torch.ones(3), picture(128, 128))])
    assert painted.texture is not None
    assert painted.texture.shape[0] * painted.texture.shape[1] <= 4096**2
    assert "is drawn from 40 x 40 texels instead of 128 x 128" in painted.notes[0]
    assert "100 x 100 copies" in painted.notes[1]
    with pytest.raises(UserError, match="which is too often to be drawn"):
        paint(mesh_of(uv * 1000), part, [Paint(torch.ones(3), picture(128, 128))])


def test_several_materials_are_one_texture() -> None:
    generator = torch.Generator().manual_seed(2)
    uv = torch.rand(8, 3, 2, generator=generator)
    uv[2:4] = uv[2:4] * 2.4 + 0.3  # one picture is repeated
    part = torch.tensor([0, 0, 1, 1, 2, 3, 4, 4])
    paints = [
        Paint(torch.tensor([1.0, 0.5, 0.5]), picture(8, 8, 1)),
        Paint(torch.ones(3), picture(5, 12, 2)),
        Paint(torch.tensor([0.1, 0.2, 0.3])),
        Paint(torch.tensor([0.9, 0.8, 0.7])),
        Paint(torch.ones(3), picture(30, 7, 3), ("clamp", "clamp")),
    ]
    painted = paint(mesh_of(uv), part, paints)
    weights = weights_inside(100)
    found = seen(painted, weights)
    for face, number in enumerate(part.tolist()):
        at = torch.einsum("nk,kc->nc", weights, uv[face])
        given = paints[number]
        if given.wrap == ("repeat", "repeat") and number != 1:  # all inside: its border goes on, as for one alone
            given = Paint(given.color, given.picture, ("clamp", "clamp"))
        torch.testing.assert_close(found[face], expected(given, at), atol=3e-5, rtol=0)


@pytest.mark.parametrize("count", [2, 3, 5, 300])
def test_plain_colours_are_exact(count: int) -> None:
    colors = torch.rand(count, 3, generator=torch.Generator().manual_seed(4))
    part = torch.arange(count).repeat(2)
    painted = paint(mesh_of(torch.zeros(2 * count, 3, 2)), part, [Paint(color) for color in colors])
    assert torch.equal(seen(painted, weights_inside(5)), colors[part][:, None].expand(-1, 5, 3))


def test_materials_that_look_alike_are_one() -> None:
    shown = picture(2, 2)
    paints = [Paint(torch.ones(3)), Paint(torch.ones(3), shown), Paint(torch.ones(3)), Paint(torch.zeros(3), shown)]
    found, part = distinct(paints, torch.tensor([0, 1, 2, 3, 2]))
    assert len(found) == 3
    assert part.tolist() == [0, 1, 0, 2, 0]
