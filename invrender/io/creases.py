"""Which corners of a mesh share a smooth normal."""

from __future__ import annotations

import math

import torch
from torch import Tensor


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
    group = connected(links, faces.numel())
    is_lowest = group == corner.reshape(-1)
    return (is_lowest.cumsum(0) - 1)[group].reshape(-1, 3)


def smooth_links(vertices: Tensor, faces: Tensor, corner: Tensor, crease: float) -> Tensor:
    """Pairs of corners [L, 2] that meet at an end of an edge which is not a crease."""
    points = vertices[faces]
    normals = torch.linalg.cross(points[:, 1] - points[:, 0], points[:, 2] - points[:, 0])
    normals = torch.nn.functional.normalize(normals, dim=1, eps=1e-30)

    ends = torch.stack([faces, faces.roll(-1, 1)], dim=-1).reshape(-1, 2)
    corners = torch.stack([corner, corner.roll(-1, 1)], dim=-1).reshape(-1, 2)
    turned = ends[:, 0] > ends[:, 1]
    ends, corners = (torch.where(turned[:, None], each.flip(1), each) for each in (ends, corners))
    # Equal edges become neighbours; where more than two faces meet they are linked one after the other.
    order = torch.argsort(ends[:, 0] * (int(faces.max()) + 1) + ends[:, 1], stable=True)
    first, second = order[:-1], order[1:]
    shared = (ends[first] == ends[second]).all(dim=1)
    first, second = first[shared], second[shared]
    cosine = (normals[first // 3] * normals[second // 3]).sum(dim=1)
    smooth = cosine >= math.cos(math.radians(crease)) - 1e-9
    return torch.cat([torch.stack([corners[first, end], corners[second, end]], dim=1)[smooth] for end in (0, 1)])


def connected(links: Tensor, count: int) -> Tensor:
    """For each of ``count`` nodes the lowest node that it is connected with through ``links`` [L, 2]."""
    label = torch.arange(count)
    first, second = links.T.contiguous()
    while True:
        lowest = torch.minimum(label[first], label[second])
        following = label.scatter_reduce(0, first, lowest, "amin").scatter_reduce(0, second, lowest, "amin")
        following = following[following]
        if torch.equal(following, label):
            return label
        label = following
