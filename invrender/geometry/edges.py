"""The edges of a mesh, and which faces meet there."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from invrender.constants import Constants
from invrender.geometry.topology import sort_sides
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
    return known.get(lambda: find_edges(mesh), mesh.faces, mesh.normal_faces, mesh.uv_faces)


def find_edges(mesh: Mesh) -> Edges:
    """The edges of a mesh, by sorting; vertices at the same place are one."""
    _, place = torch.unique(mesh.vertices.detach(), dim=0, return_inverse=True)
    sides = sort_sides(place[mesh.faces])
    (first, second), alone = sides.pairs, sides.alone
    creased = torch.zeros_like(first, dtype=torch.bool)
    for each in (mesh.normal_faces, mesh.uv_faces):
        if each is not None:
            one, other = (sides.ends(each, side) for side in (first, second))
            creased = creased | (one != other).any(dim=1)
    whole = torch.cat([first, alone])
    face = [torch.div(side, 3, rounding_mode="floor") for side in (first, second, alone)]
    return Edges(
        sides.ends(mesh.faces, whole),
        torch.stack([torch.cat([face[0], face[2]]), torch.cat([face[1], -torch.ones_like(face[2])])], dim=1),
        torch.cat([creased, torch.ones_like(alone, dtype=torch.bool)]),
    )
