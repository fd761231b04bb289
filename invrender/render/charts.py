"""Which texels of a texture a mesh shows, and the pyramids of its textures."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from invrender.constants import Constants, constant
from invrender.render.mipmaps import pyramid
from invrender.render.reference import classify
from invrender.scene import Mesh

masks: Constants[Tensor | None] = Constants()
pyramids: Constants[Tensor] = Constants()


def mesh_pyramid(mesh: Mesh, texture: Tensor) -> Tensor:
    """The texels [X, 3] of all levels of a texture [H, W, 3] on a mesh; of one that is no unknown, found once."""

    def texels() -> Tensor:
        return packed(pyramid(texture, covered_texels(mesh, *texture.shape[:2])))

    return pyramids.get(texels, texture, mesh.uv, mesh.uv_faces) if constant(texture) else texels()


def packed(levels: Sequence[Tensor]) -> Tensor:
    """The texels [X, 3] of levels [H, W, 3], row by row, level after level."""
    return torch.cat([level.reshape(-1, 3) for level in levels])


def covered_texels(mesh: Mesh, height: int, width: int) -> Tensor | None:
    """The texels [H, W] within a texel of a chart, as ones and zeros; None if all are."""
    uv, faces = mesh.uv, mesh.uv_faces
    assert uv is not None and faces is not None
    return masks.get(lambda: drawn_charts(uv.detach(), faces, height, width), uv, faces, setting=(height, width))


def drawn_charts(uv: Tensor, faces: Tensor, height: int, width: int) -> Tensor | None:
    """The charts as a silhouette in the plane of the texture, widened by a texel."""
    from invrender.render.blend import Softness
    from invrender.render.dispatch import implementation
    from invrender.render.screen import Screen

    points = torch.stack([uv[:, 0] * width, (1 - uv[:, 1]) * height], dim=1).contiguous()
    vertices = torch.cat([points, torch.ones_like(points)], dim=1)
    number = torch.arange(len(faces), device=faces.device)
    winding, _ = classify(vertices, faces, near=0.5, cull_backfaces=False)
    screen = Screen(
        vertices=vertices, triangles=faces, face=number, picture=torch.zeros_like(number), winding=winding,
        points=points, outline=faces, facing=winding, blocks=(), near=0.5, height=height, width=width, pictures=1,
    )  # fmt: skip
    texel = screen.unit**2
    drawn = implementation("auto", uv.device).soft_layers(screen, None, Softness(texel, 1.0, texel, 0.0, 1.0), False)
    mask = drawn.alpha.reshape(height, width) > 0
    return None if bool(mask.all()) or not bool(mask.any()) else mask.to(uv.dtype)
