"""Which corners share a normal, as a mesh file says."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from invrender.geometry.meshes import area_weighted_normals
from invrender.io.meshes.content import MISSING, Array
from invrender.io.meshes.welding import by_first_use, same, welded

# Numbers of few digits, as files have them, leave a normal this uncertain.
AGREEMENT = math.radians(0.1)


def file_normals(vertices: Tensor, faces: Tensor, normals: Array, corners: Array) -> tuple[Tensor, Tensor | None]:
    """The groups [F, 3] of corners that share a normal, and the normals [N, 3] that the groups index.

    vertices: [V, 3] and faces: [F, 3], welded. normals: [K, 3], the file's. corners: [F, 3] into them.

    Corners at the same vertex with the same normal are a group: with the same index where this explains the normals,
    else with equal ones. The normals are None where they are the area-weighted means of their faces', which are
    computed anew as the vertices move.
    """
    normals = np.concatenate([normals, np.full((1, 3), np.nan)])  # what MISSING, the last one, names
    corners = np.where(corners == MISSING, len(normals) - 1, corners)
    groups, given = grouped(faces, normals, corners)
    if agree(vertices, faces, groups, given):
        return groups, None
    _, numbers, original = welded(normals, corners)
    groups, given = grouped(faces, normals[original], numbers)
    if agree(vertices, faces, groups, given):
        return groups, None
    means = area_weighted_normals(vertices, faces, groups)
    return groups, torch.where(is_direction(given)[:, None], given, means.double()).float()


def grouped(faces: Tensor, normals: Array, corners: Array) -> tuple[Tensor, Tensor]:
    """Groups [F, 3] of corners that share vertex and normal, numbered as they appear, and their normals [N, 3]."""
    vertex, normal = faces.numpy().reshape(-1), corners.reshape(-1)
    if follows(normal, vertex):
        pair = vertex
    elif follows(vertex, normal):
        pair = normal
    else:
        pair = same(np.stack([vertex, normal], axis=1).astype(np.uint32))
    groups, pairs = by_first_use(pair)
    given = np.empty((len(pairs), 3))
    given[groups] = normals[normal]
    return torch.from_numpy(groups.reshape(-1, 3)), torch.from_numpy(given)


def follows(value: Array, key: Array) -> bool:
    """Whether equal numbers in ``key`` [K] always have equal ones in ``value`` [K] beside them."""
    chosen = np.empty(int(key.max()) + 1, value.dtype)
    chosen[key] = value
    return bool((chosen[key] == value).all())


def is_direction(normals: Tensor) -> Tensor:
    """Whether each of ``normals`` [N, 3] has one, [N]."""
    length = torch.linalg.vector_norm(normals, dim=1)
    found: Tensor = torch.isfinite(length) & length.gt(0)
    return found


def agree(vertices: Tensor, faces: Tensor, groups: Tensor, given: Tensor) -> bool:
    """Whether the area-weighted means of groups of corners are the normals ``given`` [N, 3], where these are any."""
    means = area_weighted_normals(vertices, faces, groups).double()
    across = torch.linalg.cross(given, means).norm(dim=1)
    close = (across <= math.sin(AGREEMENT) * given.norm(dim=1)) & ((given * means).sum(dim=1) > 0)
    return bool((close | ~is_direction(given) | (means == 0).all(dim=1)).all())
