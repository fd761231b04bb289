"""The rule of nvdiffrast (Laine et al., 2020, arXiv:2011.03277): neighbouring pixels are blended across silhouettes.

Where the face at the nearer of two neighbours ends between their centres, at a silhouette edge of its mesh that is
closer to a right angle with the line between them than to a parallel, the pixel that the edge cuts takes a share of the
other's colour: the distance of the edge from the middle of that line. So the picture is another one than the hard one.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from invrender.render.approximate.base import HardPicture, neighbours
from invrender.render.raster.antialias import outlines
from invrender.render.raster.reference import pixel_centres
from invrender.render.raster.screen import Screen
from invrender.scene import Mesh


def blend_silhouettes(hard: HardPicture) -> Tensor:
    """The picture [P, C], blended across silhouettes."""
    silhouette = silhouette_sides(hard)
    depth = torch.where(hard.winner >= 0, hard.depth.detach(), torch.inf)
    found = hard.values
    for sideways in (True, False):
        first, second = neighbours(hard.screen, sideways)
        differing = hard.winner[first] != hard.winner[second]
        first, second = first[differing], second[differing]
        swap = depth[second] < depth[first]
        near, far = torch.where(swap, second, first), torch.where(swap, first, second)
        face = hard.winner[near]
        end, suits = last_sides(place_corners(hard.screen, face, near, sideways, swap), silhouette[face])
        cut = (suits & (end >= 0) & (end <= 1)).nonzero()[:, 0]
        near, far, end = near[cut], far[cut], end[cut]
        difference = (hard.values[far] - hard.values[near]) * (0.5 - end)[:, None]
        found = found.index_add(0, torch.where(end.detach() < 0.5, near, far), difference)
    return found


def place_corners(screen: Screen, face: Tensor, near: Tensor, sideways: bool, swap: Tensor) -> Tensor:
    """The corners [N, 3, 2] of faces [N], along and across the line from the near pixel's centre to the far one's."""
    corners = screen.corners[face]
    place = corners[..., :2] / corners[..., 2:3] - pixel_centres(screen, near)[:, None]
    along, across = place.unbind(2) if sideways else place.flip(2).unbind(2)
    return torch.stack([along * torch.where(swap, -1, 1)[:, None], across], dim=2)


def last_sides(place: Tensor, silhouette: Tensor) -> tuple[Tensor, Tensor]:
    """Where faces end along lines, [N], as shares of a pixel, and whether that is at a side that counts, [N] bool.

    place: [N, 3, 2], the corners along and across the lines. silhouette: [N, 3], whether the sides are silhouettes.
    """
    along, across = place.unbind(2)
    run, rise = along.roll(-1, 1) - along, across.roll(-1, 1) - across
    crosses = (across > 0) != (across.roll(-1, 1) > 0)
    distance = along - across * run / torch.where(crosses, rise, 1)
    side = torch.where(crosses, distance, -torch.inf).detach().argmax(dim=1, keepdim=True)
    suits = silhouette & crosses & (rise.abs() >= run.abs())
    return distance.gather(1, side)[:, 0], suits.gather(1, side)[:, 0]


def silhouette_sides(hard: HardPicture) -> Tensor:
    """Which sides of the screen's faces [G, 3], from a corner to the next one, lie on silhouettes of their mesh."""
    screen, surfaces = hard.screen, hard.raster.surfaces
    smooth = tuple(without_creases(each) for each in surfaces.meshes)
    ends = outlines(screen, replace(surfaces, meshes=smooth)).ends.sort(dim=1).values
    count = len(screen.vertices)
    sides = torch.stack([screen.triangles, screen.triangles.roll(-1, 1)], dim=-1).sort(dim=-1).values
    return torch.isin(sides[..., 0] * count + sides[..., 1], ends[:, 0] * count + ends[:, 1])


def without_creases(mesh: Mesh) -> Mesh:
    """A mesh of which only positions count."""
    return Mesh(mesh.vertices, mesh.faces, mesh.faces)
