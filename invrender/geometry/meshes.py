"""Meshes: normals and bounds."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from invrender.geometry.cameras import transform
from invrender.scene import Mesh, Object


def corner_normals(vertices: Tensor, mesh: Mesh) -> Tensor:
    """The unit normal at each corner of each face, [F, 3, 3].

    vertices: [V, 3] in any frame, indexed by ``mesh.faces``; the normals are in the same frame. Corners that share a
    normal (``mesh.normal_faces``) get the area-weighted mean of their faces' normals, as PyTorch3D's vertex normals.
    """
    corners = vertices.index_select(0, mesh.faces.reshape(-1)).reshape(-1, 3, 3)
    areas = torch.linalg.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    groups = mesh.normal_faces.reshape(-1)
    count = int(groups.max()) + 1 if groups.numel() else 0
    sums = areas.new_zeros(count, 3).index_add(0, groups, areas.repeat_interleave(3, dim=0))
    return torch.nn.functional.normalize(sums, dim=1, eps=1e-12).index_select(0, groups).reshape(-1, 3, 3)


def world_vertices(thing: Object) -> Tensor:
    """The object's vertices [V, 3] in the world."""
    return transform(thing.world_from_object, thing.mesh.vertices)


def bounds(objects: Mapping[str, Object]) -> tuple[Tensor, Tensor]:
    """The lower and the upper corner [3] of the box that holds all objects, in the world."""
    points = torch.cat([world_vertices(thing) for thing in objects.values()])
    return points.amin(0), points.amax(0)
