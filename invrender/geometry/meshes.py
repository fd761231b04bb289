"""Meshes: normals and bounds."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from invrender.geometry.cameras import transform
from invrender.scene import Mesh, Object


def group_normals(vertices: Tensor, mesh: Mesh) -> Tensor:
    """The unit normals [N, 3] that ``mesh.normal_faces`` indexes.

    vertices: [V, 3] in any frame, indexed by ``mesh.faces``; the normals are in the same frame. Corners that share a
    normal get the area-weighted mean of their faces' normals, as PyTorch3D's vertex normals.
    """
    first, second, third = (vertices.index_select(0, corner) for corner in mesh.faces.unbind(1))
    areas = torch.linalg.cross(second - first, third - first)
    groups = mesh.normal_faces
    sums = areas.new_zeros(int(groups.max()) + 1 if groups.numel() else 0, 3)
    for corner in groups.unbind(1):
        sums = sums.index_add(0, corner, areas)
    return torch.nn.functional.normalize(sums, dim=1, eps=1e-12)


def world_vertices(thing: Object) -> Tensor:
    """The object's vertices [V, 3] in the world."""
    return transform(thing.world_from_object, thing.mesh.vertices)


def bounds(objects: Mapping[str, Object]) -> tuple[Tensor, Tensor]:
    """The lower and the upper corner [3] of the box that holds all objects, in the world."""
    points = torch.cat([world_vertices(thing) for thing in objects.values()])
    return points.amin(0), points.amax(0)
