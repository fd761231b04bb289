"""Which corners of a mesh share a smooth normal."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from invrender.geometry.meshes import vector_areas
from invrender.geometry.topology import label_connected, sort_sides


def normal_groups(vertices: Tensor, faces: Tensor, crease: float) -> Tensor:
    """Group numbers [F, 3] of the corners of ``faces`` [F, 3]; corners of one group share one normal.

    Two faces share normals along an edge that bends by ``crease`` degrees or less: 0 is flat, 180 smooth all over.
    """
    if crease >= 180:
        return faces.clone()
    corner = torch.arange(faces.numel()).reshape(-1, 3)
    if crease <= 0:
        return corner
    links = smooth_links(vertices.double(), faces, corner, crease)
    group = label_connected(links, faces.numel())
    is_lowest = group == corner.reshape(-1)
    return (is_lowest.cumsum(0) - 1)[group].reshape(-1, 3)


def smooth_links(vertices: Tensor, faces: Tensor, corner: Tensor, crease: float) -> Tensor:
    """Pairs of corners [L, 2] that meet at an end of an edge which is not a crease."""
    normals = torch.nn.functional.normalize(vector_areas(vertices, faces), dim=1, eps=1e-30)

    sides = sort_sides(faces)
    # Where more than two faces meet they are linked one after the other.
    follows = torch.ones_like(sides.turned)
    follows[sides.first] = False
    second = follows.nonzero()[:, 0]
    corners = sides.ends(corner, sides.side)
    first_face, second_face = (torch.div(sides.side[each], 3, rounding_mode="floor") for each in (second - 1, second))
    cosine = (normals[first_face] * normals[second_face]).sum(dim=1)
    smooth = cosine >= math.cos(math.radians(crease)) - 1e-9
    pairs = torch.stack([corners[second - 1], corners[second]], dim=2)[smooth]
    return torch.cat([pairs[:, 0], pairs[:, 1]])
