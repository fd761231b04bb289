"""Antialiasing of hard pictures along the edges at which they jump, exact in the areas that an edge cuts from pixels.

A hard picture shows one colour a pixel, that of its centre. Where an edge passes between the centres of two neighbours,
it cuts a trapezoid from one or both of them, and what lies beyond it has the neighbour's colour. The areas are smooth
functions of the edge's ends, so the picture gets the gradient that a moving edge gives to the mean over a pixel.

As in Laine et al. (2020, arXiv:2011.03277) pairs of neighbours are blended; here the pairs come from walking along the
edges instead of from the faces at the pixels' centres, so that no edge is lost where faces are smaller than pixels, and
the shares are the exact areas instead of a distance along the line between the centres.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from invrender.geometry.edges import Edges, mesh_edges
from invrender.render.raster.reference import barycentric, dot, side_functions, smallest
from invrender.render.raster.screen import Screen
from invrender.render.shading.surfaces import Surfaces

CROSSINGS_AT_ONCE = 1 << 8
EDGES_REACH = 0.5  # a tile has the faces that touch any part of its pixels: between two centres they hide edges, too
BEHIND = 1e-5  # a face hides an edge if it is nearer by this share of the edge's depth


@dataclass(frozen=True)
class Outlines:
    """Edges [D, 2] of a screen's vertices at which its pictures may jump, and the picture [D] of each.

    creases: [D, 2], the screen's two faces that meet at a crease; −1 where one face alone is seen.
    """

    ends: Tensor
    picture: Tensor
    creases: Tensor


Unhidden = Callable[[Screen, Outlines, Tensor, Tensor, Tensor], Tensor]  # with the arguments of `unhidden`


@dataclass(frozen=True)
class Crossings:
    """Where a visible edge passes between the centres of two neighbouring pixels.

    edge: [N] into `Outlines`. pixel: [N, 2], the upper and the lower one, or the left and the right one. sideways: [N]
    bool, whether they lie beside each other.
    """

    edge: Tensor
    pixel: Tensor
    sideways: Tensor


def jumps(edges: Edges, facing: Tensor) -> Tensor:
    """The numbers [D] of a mesh's edges at which its picture may jump; facing: [F], the windings of its faces.

    They are edges of open surfaces, between a face seen from the front and one from behind or left out, and creases.
    """
    here = facing.index_select(0, edges.faces[:, 0])
    alone = edges.faces[:, 1] < 0
    there = facing.index_select(0, edges.faces[:, 1].clamp(min=0)).masked_fill(alone, 0)
    return ((here != there) | (edges.creased & (here != 0))).nonzero()[:, 0]


Jumps = Callable[[Edges, Tensor], Tensor]  # with the arguments of `jumps`


def outlines(screen: Screen, surfaces: Surfaces, jumps: Jumps = jumps) -> Outlines:
    """The edges at which pictures may jump, as ``jumps`` finds them."""
    ends, pictures, creases = [], [], []
    all_shown = len(screen.triangles) == len(screen.facing)
    numbers = None if all_shown else (screen.facing != 0).cumsum(0) - 1
    for block in screen.blocks:
        for obj in range(block.first, block.last):
            edges = mesh_edges(surfaces.meshes[obj])
            first = surfaces.first_face[obj] + block.face
            facing = screen.facing[first : first + surfaces.meshes[obj].faces.shape[0]]
            chosen = jumps(edges, facing)
            own = edges.vertices.index_select(0, chosen) + (surfaces.first_vertex[obj] + block.vertex)
            ends.append(own)
            pictures.append(torch.full_like(own[:, 0], block.picture))
            faces = edges.faces.index_select(0, chosen)
            windings = facing[faces.clamp(min=0)]
            both = (windings[:, 0] == windings[:, 1]) & (faces[:, 1] >= 0)
            faces = first + faces.clamp(min=0)
            creases.append(torch.where(both[:, None], faces if numbers is None else numbers[faces], -1))
    return Outlines(torch.cat(ends), torch.cat(pictures), torch.cat(creases))


def end_points(screen: Screen, ends: Tensor) -> tuple[Tensor, Tensor]:
    """The ends of edges [N, 2] in pixels [N, 2, 2], cut at the near plane, and their (w, depth) [N, 2, 2]."""
    corners = screen.vertices.index_select(0, ends.reshape(-1)).reshape(-1, 2, 4)
    depth = corners[..., 3].detach()
    behind = depth <= screen.near
    hidden = behind & ~behind.flip(1)
    span = torch.where(hidden, corners.flip(1)[..., 3] - corners[..., 3], torch.ones_like(depth))
    share = torch.where(hidden, (screen.near - corners[..., 3]) / span, torch.zeros_like(depth))
    corners = corners + share[..., None] * (corners.flip(1) - corners)
    divisor = corners[..., 2:3].masked_fill(behind.all(dim=1)[:, None, None], 1.0)
    return corners[..., :2] / divisor, corners[..., 2:]


def unhidden(screen: Screen, found: Outlines, edge: Tensor, place: Tensor, depth: Tensor) -> Tensor:
    """The positions [M] of points [N] on edges, at pixels ``place`` [N, 2] and depths [N], that no face hides.

    Faces that share an end with the edge don't hide it.
    """
    seen = [torch.ones(0, dtype=torch.bool, device=edge.device)]
    faces = torch.arange(len(screen.triangles), device=edge.device)
    for begin in range(0, len(edge), CROSSINGS_AT_ONCE):
        here = slice(begin, begin + CROSSINGS_AT_ONCE)
        number = len(edge[here])
        face = faces.repeat(number)
        sides = side_functions(screen, face, place[here].repeat_interleave(len(faces), dim=0))
        nearer = dot(barycentric(sides), screen.depth[face]).reshape(number, -1)
        hides = (smallest(sides) >= 0).reshape(number, -1) & (nearer < depth[here, None] * (1 - BEHIND))
        hides &= nearer >= screen.near
        ends = found.ends[edge[here]]
        hides &= ~(screen.triangles[None, :, :, None] == ends[:, None, None, :]).any(3).any(2)
        hides &= screen.picture[None] == found.picture[edge[here], None]
        seen.append(~hides.any(dim=1))
    return torch.cat(seen).nonzero()[:, 0]


def crossings(screen: Screen, found: Outlines, seen_points: Unhidden = unhidden) -> Crossings:
    """Every place where a visible edge passes between two pixels' centres. The slow twin of the kernels.

    seen_points: finds the points that no face hides, as `unhidden` does.
    """
    with torch.no_grad():
        points, depths = end_points(screen, found.ends)
        along = (points[:, 1] - points[:, 0]).abs()
        sideways = along[:, 1] > along[:, 0]
        # As if all edges ran from left to right: those that run down are mirrored at the diagonal.
        points = torch.where(sideways[:, None, None], points.flip(2), points)
        low, high = points[..., 0].amin(1), points[..., 0].amax(1)
        size = torch.where(sideways, screen.height, screen.width)
        lost = (screen.vertices[found.ends][..., 3] <= screen.near).all(1) | ~points.isfinite().all(2).all(1)
        low, high = (each.masked_fill(lost, 0.0) for each in (low, high))
        first = (low - 0.5).ceil().clamp(min=0).minimum(size.to(low)).long()
        count = (
            ((high - 0.5).ceil().clamp(min=0).minimum(size.to(low)).long() - first).clamp(min=0).masked_fill(lost, 0)
        )
        ends = count.cumsum(0)
        total = int(ends[-1]) if len(ends) else 0
        edge = torch.repeat_interleave(count, output_size=total)
        step = torch.arange(total, device=count.device) - (ends - count)[edge]
        across = first[edge] + step
        start, end = points[edge].unbind(1)
        share = (across + 0.5 - start[:, 0]) / (end[:, 0] - start[:, 0])
        down = start[:, 1] + share * (end[:, 1] - start[:, 1])
        upper = (down - 0.5).floor().long()
        other_size = torch.where(sideways, screen.width, screen.height)[edge]
        inside = ((upper >= 0) & (upper + 1 < other_size)).nonzero()[:, 0]
        edge, across, down, upper, share = (each[inside] for each in (edge, across, down, upper, share))
        weights = torch.stack([1 - share, share], dim=1) / depths[edge][..., 0]
        depth = (weights * depths[edge][..., 1]).sum(1) / weights.sum(1)
        turned = sideways[edge]
        place = torch.stack([across + 0.5, down], dim=1)
        place = torch.where(turned[:, None], place.flip(1), place)
        seen = seen_points(screen, found, edge, place, depth)
        row, column = torch.where(turned, across, upper), torch.where(turned, upper, across)
        pixel = (found.picture[edge] * screen.height + row) * screen.width + column
        pixel = torch.stack([pixel, pixel + torch.where(turned, 1, screen.width)], dim=1)
        return Crossings(edge[seen], pixel[seen], turned[seen])


def select_crossings(found: Outlines, crossed: Crossings, winner: Tensor, names: Tensor | None = None) -> Crossings:
    """The crossings at which the picture jumps: at creases, where the two pixels show the two faces that meet there.

    winner: [P], the face that each pixel's centre shows. names: [G], of the screen's faces: those of one name count as
    one; None where each counts for itself. What lies between two pixels elsewhere may be more than one
    crease, or a crease and an outline, and the jump between the pixels is not the crease's.
    """
    creases = found.creases.index_select(0, crossed.edge)
    shown = winner.index_select(0, crossed.pixel.reshape(-1)).reshape(-1, 2)
    if names is not None:
        creases, shown = (torch.where(each < 0, each, names[each.clamp(min=0)]) for each in (creases, shown))
    meets = (shown == creases).all(dim=1) | (shown.flip(1) == creases).all(dim=1)
    kept = ((creases[:, 0] < 0) | meets).nonzero()[:, 0]
    return Crossings(*(each.index_select(0, kept) for each in (crossed.edge, crossed.pixel, crossed.sideways)))


def shares(screen: Screen, found: Outlines, crossed: Crossings) -> Tensor:
    """How much of each pixel of a crossing the edge cuts off, [N, 2]; differentiable."""
    points, _ = end_points(screen, found.ends.index_select(0, crossed.edge))
    points = torch.where(crossed.sideways[:, None, None], points.flip(2), points)
    (start_x, start_y), (end_x, end_y) = (each.unbind(1) for each in points.unbind(1))
    slope = (end_y - start_y) / (end_x - start_x)
    row = torch.div(crossed.pixel, screen.width, rounding_mode="floor")
    column = crossed.pixel - row * screen.width
    row = row % screen.height
    across = torch.where(crossed.sideways, row[:, 0], column[:, 0])
    border = torch.where(crossed.sideways, column[:, 1], row[:, 1])
    height = start_y + slope * (across + 0.5 - start_x) - border
    return area_below(torch.stack([-height, height], dim=1), slope[:, None])


def antialias_all(
    screen: Screen, found: Outlines, crossed: Crossings, pictures: Sequence[Tensor]
) -> tuple[Tensor, ...]:
    """Pictures [P, C] antialiased where crossings cut their pixels; differentiable. The slow twin of the kernels."""
    cut = shares(screen, found, crossed)
    return tuple(antialias(each, cut, crossed) for each in pictures)


def area_below(height: Tensor, slope: Tensor) -> Tensor:
    """∫ max(0, height + slope s) ds for s from −½ to ½: the area under a line in a column of width one."""
    half = 0.5 * slope.abs()
    mixed = height.detach().abs() < half.detach()
    rise = torch.where(mixed, half, torch.ones_like(half))
    return torch.where(mixed, (height + half) ** 2 / (4 * rise), height.clamp(min=0))


def antialias(picture: Tensor, shares: Tensor, crossed: Crossings) -> Tensor:
    """A picture [P, C] in which pairs of pixels take shares [N, 2] of each other's colour.

    Pairs above each other go first and pairs beside each other work on the result, as a box filter separates: what is
    left of a corner is the product of what is left of its sides.
    """
    for others in (crossed.sideways, ~crossed.sideways):
        picture = blend_pairs(picture, shares.masked_fill(others[:, None], 0.0), crossed.pixel)
    return picture


def blend_pairs(picture: Tensor, shares: Tensor, pixel: Tensor) -> Tensor:
    """A picture [P, C] in which pairs of pixels [N, 2] take shares [N, 2] of each other's colour.

    Where edges would take more than the whole of a pixel, their shares are scaled down.
    """
    first, second = pixel.unbind(1)
    flat = pixel.reshape(-1)
    taken = shares.new_zeros(picture.shape[0]).index_add(0, flat, shares.reshape(-1))
    shares = shares / taken.clamp(min=1).index_select(0, flat).reshape(-1, 2)
    difference = picture.index_select(0, second) - picture.index_select(0, first)
    moved = picture.index_add(0, first, shares[:, :1] * difference)
    return moved.index_add(0, second, -shares[:, 1:] * difference)
