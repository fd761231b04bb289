"""Our lighting, evaluated where PyTorch3D's shaders evaluate theirs: at fragments, at vertices or once a face."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from invrender.render.raster.fragments import Fragments
from invrender.render.shading.phong import light_up, shade
from invrender.render.shading.surfaces import Surfaces


def lit_by_vertex(surfaces: Surfaces, fragments: Fragments) -> Tensor:
    """Gouraud: linear RGB [N, 3], interpolated between the corners; a texture is looked up at the corners alone."""
    corners = shade(surfaces, corners_of(surfaces, fragments)).reshape(-1, 3, 3)
    return (corners.index_select(0, fragments.face) * fragments.barycentric[..., None]).sum(dim=1)


def lit_by_face(surfaces: Surfaces, fragments: Fragments) -> Tensor:
    """Flat: linear RGB [N, 3], lit at the middle of the face with its own normal; the albedo is the fragment's."""
    corners = corner_positions(surfaces)
    across = torch.linalg.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals = torch.nn.functional.normalize(across, dim=1, eps=1e-12)
    middles = corners.mean(dim=1)
    return light_up(
        surfaces, fragments, middles.index_select(0, fragments.face), normals.index_select(0, fragments.face)
    )


def corner_positions(surfaces: Surfaces) -> Tensor:
    """The world position of each corner of each face, [F, 3, 3]."""
    return surfaces.vertices.index_select(0, surfaces.faces.reshape(-1)).reshape(-1, 3, 3)


def corner_normals(surfaces: Surfaces) -> Tensor:
    """The unit normal of each corner of each face, world frame, [F, 3, 3]."""
    return surfaces.normals.index_select(0, surfaces.normal_faces.reshape(-1)).reshape(-1, 3, 3)


def corners_of(surfaces: Surfaces, like: Fragments) -> Fragments:
    """Every corner of every face as a fragment, [3 F]."""
    count = surfaces.faces.shape[0]
    none = like.depth.new_zeros(3 * count)
    nowhere = torch.zeros_like(none, dtype=torch.int64)
    return replace(
        like,
        pixel=nowhere,
        picture=nowhere,
        face=torch.arange(count, device=nowhere.device).repeat_interleave(3),
        inside=none,
        barycentric=torch.eye(3).to(like.barycentric).repeat(count, 1),
        depth=none,
        footprint=none,
    )
