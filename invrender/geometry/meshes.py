"""Meshes: normals and bounds."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from invrender.geometry.cameras import transform
from invrender.scene import Mesh, Object


def group_normals(vertices: Tensor, mesh: Mesh) -> Tensor:
    """The unit normals [N, 3] that ``mesh.normal_faces`` indexes, computed from the faces.

    vertices: [V, 3] in any frame, indexed by ``mesh.faces``; the normals are in the same frame. Corners that share a
    normal get the area-weighted mean of their faces' normals, as PyTorch3D's vertex normals.
    """
    return area_weighted_normals(vertices, mesh.faces, mesh.normal_faces)


def area_weighted_normals(vertices: Tensor, faces: Tensor, groups: Tensor) -> Tensor:
    """The unit normals [N, 3] of ``groups`` [F, 3] of corners of ``faces`` [F, 3] into ``vertices`` [V, 3]."""
    areas = vector_areas(vertices, faces)
    sums = areas.new_zeros(int(groups.max()) + 1 if groups.numel() else 0, 3)
    for corner in groups.unbind(1):
        sums = sums.index_add(0, corner, areas)
    return torch.nn.functional.normalize(sums, dim=1, eps=1e-12)


def vector_areas(vertices: Tensor, faces: Tensor) -> Tensor:
    """Of each face [F, 3] into ``vertices`` [V, 3] a vector [F, 3] along its normal, as long as twice its area."""
    first, second, third = (vertices.index_select(0, corner) for corner in faces.unbind(1))
    areas: Tensor = torch.linalg.cross(second - first, third - first)
    return areas


def object_normals(mesh: Mesh) -> Tensor:
    """The unit normals [N, 3] in the object frame that ``mesh.normal_faces`` indexes."""
    if mesh.normals is None:
        return group_normals(mesh.vertices, mesh)
    return torch.nn.functional.normalize(mesh.normals, dim=1, eps=1e-12)


def world_normals(world: Tensor, obj: Object) -> Tensor:
    """The object's unit normals [N, 3] in the world, where its vertices are ``world`` [V, 3].

    The mesh's own normals, where it has any, turn with the inverse transpose of the pose. A pose that mirrors turns
    them inside, as it does with those of faces.
    """
    if obj.mesh.normals is None:
        return group_normals(world, obj.mesh)
    turn = obj.world_from_object[:3, :3]
    # The cofactors are the inverse transpose times the determinant, and need no division.
    cofactors = torch.stack([torch.linalg.cross(turn[(row + 1) % 3], turn[(row + 2) % 3]) for row in range(3)])
    return torch.nn.functional.normalize(obj.mesh.normals @ cofactors.T, dim=1, eps=1e-12)


def world_vertices(obj: Object) -> Tensor:
    """The object's vertices [V, 3] in the world."""
    return transform(obj.world_from_object, obj.mesh.vertices)


def bounds(objects: Mapping[str, Object]) -> tuple[Tensor, Tensor]:
    """The lower and the upper corner [3] of the box that holds all objects, in the world."""
    points = torch.cat([world_vertices(obj) for obj in objects.values()])
    return points.amin(0), points.amax(0)


def diagonal(mesh: Mesh) -> Tensor:
    """The diagonal of the box around a mesh in its own frame, [], as a constant."""
    vertices = mesh.vertices.detach()
    size: Tensor = torch.linalg.vector_norm(vertices.amax(0) - vertices.amin(0))
    return size
