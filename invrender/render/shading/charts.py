"""Which texels of a texture a mesh shows, and the pyramids of its textures."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from invrender.constants import Constants, constant
from invrender.render.shading.mipmaps import build_pyramid
from invrender.scene import Mesh

masks: Constants[Tensor | None] = Constants()
pyramids: Constants[Tensor] = Constants()


def mesh_pyramid(mesh: Mesh, texture: Tensor) -> Tensor:
    """The texels [X, C] of all levels of a texture [H, W, C] on a mesh; of one that is no unknown, found once."""

    def texels() -> Tensor:
        return pack_levels(build_pyramid(texture, covered_texels(mesh, *texture.shape[:2])))

    return pyramids.get(texels, texture, mesh.uv, mesh.uv_faces) if constant(texture) else texels()


def pack_levels(levels: Sequence[Tensor]) -> Tensor:
    """The texels [X, C] of levels [H, W, C], row by row, level after level."""
    return torch.cat([level.reshape(-1, level.shape[-1]) for level in levels])


def covered_texels(mesh: Mesh, height: int, width: int) -> Tensor | None:
    """The texels [H, W] within a texel of a chart, as ones and zeros; None if all are, or none."""
    uv, faces = mesh.uv, mesh.uv_faces
    assert uv is not None and faces is not None

    def cover() -> Tensor | None:
        from invrender.render.backends.numba.charts import cover_texels

        points = torch.stack([uv[:, 0] * width, (1 - uv[:, 1]) * height], dim=1).detach().double().cpu()
        mask = torch.zeros(height, width, dtype=torch.uint8)
        cover_texels(points.numpy(), faces.cpu().numpy(), mask.numpy())
        return None if bool(mask.all()) or not bool(mask.any()) else mask.to(uv)

    return masks.get(cover, uv, faces, setting=(height, width))


def cover_texels_slowly(points: Tensor, faces: Tensor, mask: Tensor) -> None:
    """The slow twin of `invrender.render.backends.numba.charts.cover_texels`."""
    height, width = mask.shape
    rows, columns = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
    centre = torch.stack([columns, rows], dim=-1).to(points)
    for corners in points[faces]:
        starts, ends = corners, corners.roll(-1, 0)
        along, off = ends - starts, centre[..., None, :] - starts
        length = along.square().sum(dim=1)
        share = ((off * along).sum(dim=-1) / torch.where(length > 0, length, 1.0)).clamp(0, 1)
        near = (off - share[..., None] * along).square().sum(dim=-1).amin(dim=-1) < 1
        sides = along[:, 0] * off[..., 1] - along[:, 1] * off[..., 0]
        within = (sides > 0).any(dim=-1) != (sides < 0).any(dim=-1)
        mask[near | within] = 1
