"""Tangent frames, in which maps of normals have their vectors: along u, along v, and the outside."""

from __future__ import annotations

import torch
from torch import Tensor

from invrender.constants import Constants, constant
from invrender.render.raster.fragments import Fragments
from invrender.render.shading.surfaces import Surfaces
from invrender.render.shading.vectors import dot, unit

known_tangents: Constants[tuple[Tensor, Tensor, Tensor]] = Constants()


def bump(surfaces: Surfaces, fragments: Fragments, normals: Tensor, vectors: Tensor) -> Tensor:
    """Unit normals [N, 3] that vectors [N, 3] of a map make of the surface's unit normals [N, 3].

    The tangent is interpolated and made orthogonal to the normal, and the third axis is their product, as glTF has it;
    where texture coordinates are mirrored that is turned, so that it follows v. Where they span nothing, the map's
    vector keeps its share along the normal alone.
    """
    tangents, corners, mirrored = known_corner_tangents(surfaces)
    along = surfaces.operations.interpolate(tangents, corners, fragments.face, fragments.barycentric)
    along = unit(along - normals * dot(normals, along))
    across = torch.linalg.cross(normals, along)
    across = torch.where(mirrored.index_select(0, fragments.face)[:, None], -across, across)
    found = vectors[:, :1] * along + vectors[:, 1:2] * across + vectors[:, 2:] * normals
    return unit(found)


def known_corner_tangents(surfaces: Surfaces) -> tuple[Tensor, Tensor, Tensor]:
    """As `corner_tangents`; those of things that don't move are found once."""
    given = surfaces.vertices, surfaces.faces, surfaces.uv, surfaces.uv_faces
    if not constant(*given):
        return corner_tangents(surfaces)
    return known_tangents.get(lambda: corner_tangents(surfaces), *given)


def corner_tangents(surfaces: Surfaces) -> tuple[Tensor, Tensor, Tensor]:
    """Tangents [2 T, 3], world frame, the corners [F, 3] into them, and which faces are mirrored, [F] bool.

    Each is the mean over the faces that share a texture coordinate and its handedness, weighted by their areas.
    """
    first, second, third = (surfaces.vertices.index_select(0, surfaces.faces[:, corner]) for corner in range(3))
    start, right, top = (surfaces.uv.index_select(0, surfaces.uv_faces[:, corner]) for corner in range(3))
    (u1, v1), (u2, v2) = (right - start).unbind(1), (top - start).unbind(1)
    mirrored = (u1 * v2 - u2 * v1).detach() < 0
    along = v2[:, None] * (second - first) - v1[:, None] * (third - first)
    along = torch.where(mirrored[:, None], -along, along)
    along = torch.nn.functional.normalize(along, dim=1, eps=1e-12)
    areas = torch.linalg.cross(second - first, third - first).square().sum(dim=1, keepdim=True)
    weighted = along * torch.where(areas > 0, areas, torch.ones_like(areas)).sqrt()
    count = len(surfaces.uv)
    corners = surfaces.uv_faces + count * mirrored[:, None]
    sums = weighted.new_zeros(2 * count, 3).index_add(0, corners.reshape(-1), weighted.repeat_interleave(3, 0))
    return sums, corners, mirrored
