"""Which texels of a texture a mesh shows, and the pyramids of its textures."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary

from invrender.render.mipmaps import pyramid
from invrender.render.reference import classify
from invrender.scene import Mesh

masks: WeakTensorKeyDictionary = WeakTensorKeyDictionary()  # by a mesh's uv: (uv_faces, size), mask
pyramids: WeakTensorKeyDictionary = WeakTensorKeyDictionary()  # by texture: (version, uv), levels


def mesh_pyramid(mesh: Mesh, texture: Tensor) -> list[Tensor]:
    """The pyramid of a texture [H, W, 3] on a mesh; that of a texture which is no unknown is built once."""
    if texture.requires_grad or torch._C._functorch.maybe_current_level() is not None:
        return pyramid(texture, covered_texels(mesh, *texture.shape[:2]))
    found = pyramids.get(texture, None)  # type: ignore[no-untyped-call]
    if found is None or found[0] != texture._version or found[1] is not mesh.uv:
        found = texture._version, mesh.uv, pyramid(texture, covered_texels(mesh, *texture.shape[:2]))
        pyramids[texture] = found
    levels: list[Tensor] = found[2]
    return levels


def covered_texels(mesh: Mesh, height: int, width: int) -> Tensor | None:
    """The texels [H, W] within a texel of a chart, as ones and zeros; None if all are."""
    assert mesh.uv is not None and mesh.uv_faces is not None
    found = masks.get(mesh.uv, None)  # type: ignore[no-untyped-call]
    if found is None or found[0] is not mesh.uv_faces or found[1] != (height, width):
        found = mesh.uv_faces, (height, width), drawn_charts(mesh.uv.detach(), mesh.uv_faces, height, width)
        masks[mesh.uv] = found
    mask: Tensor | None = found[2]
    return mask


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
