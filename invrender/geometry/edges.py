"""The edges of a mesh, and which faces meet there."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from invrender.constants import Constants
from invrender.scene import Mesh


@dataclass(frozen=True)
class Edges:
    """Each edge of a mesh once.

    vertices: [E, 2] int64. faces: [E, 2] int64, the two faces that meet there, −1 for the second of one that is alone;
        of more than two, each is alone.
    creased: [E] bool: whether the two faces have normals or texture coordinates of their own along it.
    """

    vertices: Tensor
    faces: Tensor
    creased: Tensor


known: Constants[Edges] = Constants()


def mesh_edges(mesh: Mesh) -> Edges:
    """The edges of a mesh; those of a mesh whose faces are the very same tensors are found once.

    Vertices that move apart later stay one.
    """
    return known.get(lambda: found_edges(mesh), mesh.faces, mesh.normal_faces, mesh.uv_faces)


def found_edges(mesh: Mesh) -> Edges:
    """The edges of a mesh, by sorting; vertices at the same place are one."""
    faces = mesh.faces
    face = torch.arange(len(faces), device=faces.device).repeat_interleave(3)
    _, place = torch.unique(mesh.vertices.detach(), dim=0, return_inverse=True)
    ends, turned = sides(place[faces]).sort(dim=1)
    vertices = sides(faces).gather(1, turned)
    kept_apart = [sides(each).gather(1, turned) for each in (mesh.normal_faces, mesh.uv_faces) if each is not None]
    _, group, count = torch.unique(ends, dim=0, return_inverse=True, return_counts=True)
    order = torch.argsort(group, stable=True)
    paired = count[group[order]] == 2
    alone = order[~paired]
    first, second = order[paired].reshape(-1, 2).unbind(1)
    creased = torch.zeros_like(first, dtype=torch.bool)
    for each in kept_apart:
        creased = creased | (each[first] != each[second]).any(dim=1)
    return Edges(
        torch.cat([vertices[first], vertices[alone]]),
        torch.cat(
            [torch.stack([face[first], face[second]], 1), torch.stack([face[alone], -torch.ones_like(alone)], 1)]
        ),
        torch.cat([creased, torch.ones_like(alone, dtype=torch.bool)]),
    )


def sides(faces: Tensor) -> Tensor:
    """The three sides of each face [F, 3] as pairs [3 F, 2]."""
    return torch.stack([faces, faces.roll(-1, 1)], dim=-1).reshape(-1, 2)
