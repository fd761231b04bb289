"""The reference rasterizer: plain PyTorch, exact over every face within reach of a pixel.

Which faces touch which pixels is decided without gradients; the arithmetic on the pairs that remain is smooth.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from invrender.constants import numbers
from invrender.render.raster.fragments import Fragments
from invrender.render.raster.screen import Screen

PAIRS_AT_ONCE = 1 << 18
TINY = 1e-17
SMALLEST_AREA = 1e-10  # squared NDC units; thinner faces cover no pixel and their barycentrics are noise


@dataclass(frozen=True)
class Pairs:
    """Candidates (face, pixel) with what was decided about them: all [M], nothing differentiable.

    face: index into the screen faces. edge: the outline's edge that is nearest to the pixel's centre.
    within: whether the centre lies in the face. inside, depth: as in `Fragments`.
    """

    face: Tensor
    pixel: Tensor
    edge: Tensor
    within: Tensor
    inside: Tensor
    depth: Tensor

    def select(self, chosen: Tensor | slice) -> Pairs:
        """The pairs at positions ``chosen``."""
        return Pairs(*(getattr(self, field.name)[chosen] for field in fields(self)))


def classify(vertices: Tensor, triangles: Tensor, near: float, cull_backfaces: bool) -> tuple[Tensor, Tensor]:
    """The winding [F] of faces, 0 for those that can't show, and which cross the near plane, [F] bool.

    vertices: [V, 4] and triangles: [F, 3] as in `Screen`. A determinant tells the winding whatever lies behind the
    camera; seen from outside, faces run counter-clockwise.
    """
    in_front = (vertices[:, 3] > near)[triangles]
    first, second, third = (vertices[:, :3].double()[triangles[:, corner]] for corner in range(3))
    winding = (first * torch.linalg.cross(second, third)).sum(dim=1).sign()
    hidden = ~in_front.any(dim=1)
    if cull_backfaces:
        hidden = hidden | (winding > 0)
    return winding.masked_fill(hidden, 0).to(vertices.dtype), in_front.any(dim=1) & ~in_front.all(dim=1)


def rasterize_soft(screen: Screen, reach: float) -> Pairs:
    """Every pair whose pixel centre lies in the face or within ``reach`` of its outline.

    reach: the squared distance in squared NDC units (2 / the shorter side is one pixel), PyTorch3D's blur_radius.
    """
    found = []
    with torch.no_grad():
        depths = screen.depth
        for face, pixel in candidates(screen, reach**0.5 / screen.unit):
            centre = pixel_centres(screen, pixel)
            sides = side_functions(screen, face, centre)
            within = smallest(sides) > 0
            weights = barycentric(sides)
            depth = dot(weights, depths.index_select(0, face))
            within = within & (depth > screen.near)  # clipped faces have a part that lies nearer than the near plane
            squared, edge = squared_distances(screen, face, centre).min(dim=1)
            squared = squared * screen.unit**2
            near = ((within | (squared < reach)) & (depth > 0)).nonzero()[:, 0]
            inside = torch.where(within[near], squared[near], -squared[near])
            found.append(Pairs(face[near], pixel[near], edge[near], within[near], inside, depth[near]))
    return concatenate_pairs(found, screen)


def rasterize_hard(screen: Screen) -> Pairs:
    """At most one pair for each pixel: the nearest face that holds its centre; ties go to the lower index."""
    with torch.no_grad():
        nearest = torch.full((screen.pixels,), torch.inf, dtype=screen.vertices.dtype, device=screen.vertices.device)
        winner = torch.full((screen.pixels,), -1, dtype=torch.int64, device=screen.vertices.device)
        depths = screen.depth
        for face, pixel in candidates(screen, 0.0):
            sides = side_functions(screen, face, pixel_centres(screen, pixel))
            depth = dot(barycentric(sides), depths.index_select(0, face))
            hits = ((smallest(sides) >= 0) & (depth >= screen.near)).nonzero()[:, 0]
            face, pixel, depth = face[hits], pixel[hits], depth[hits]
            before = nearest.clone()
            nearest.scatter_reduce_(0, pixel, depth, "amin")
            won = (depth == nearest[pixel]) & (depth < before[pixel])
            first = torch.full_like(winner, torch.iinfo(torch.int64).max)
            first.scatter_reduce_(0, pixel[won], face[won], "amin")
            winner = torch.where(first < torch.iinfo(torch.int64).max, first, winner)
        pixel = (winner >= 0).nonzero()[:, 0]
        within = torch.ones_like(pixel, dtype=torch.bool)
        depth = nearest[pixel]
        return Pairs(winner[pixel], pixel, torch.zeros_like(pixel), within, torch.full_like(depth, torch.inf), depth)


def fragments(screen: Screen, pairs: Pairs) -> Fragments:
    """The smooth part: distances, barycentrics and depths of the pairs, differentiable in the screen."""
    centre = pixel_centres(screen, pairs.pixel)
    count = screen.outline.shape[1]
    starts = screen.polygon.reshape(-1, 2)
    ends = screen.polygon.roll(-1, dims=1).reshape(-1, 2)
    edge = pairs.face * count + pairs.edge
    squared = squared_distance(centre, starts.index_select(0, edge), ends.index_select(0, edge)) * screen.unit**2
    weights = barycentric(side_functions(screen, pairs.face, centre))
    return Fragments(
        pixel=pairs.pixel,
        picture=screen.picture.index_select(0, pairs.face),
        face=screen.face.index_select(0, pairs.face),
        inside=torch.where(pairs.within, squared, -squared),
        barycentric=weights,
        depth=dot(weights, screen.depth.index_select(0, pairs.face)),
        footprint=footprints(screen, pairs.face, weights),
    )


def footprints(screen: Screen, face: Tensor, weights: Tensor) -> Tensor:
    """The area [N] in barycentric coordinates (b₁, b₂) that a pixel covers: the projective map's Jacobian, w³ / |det|.

    det: the determinant of the corners' homogeneous pixels; w: their third coordinate at barycentrics [N, 3].
    """
    across = dot(weights, screen.homogeneous[..., 2].index_select(0, face))
    found: Tensor = across**3 / determinants(screen).index_select(0, face)
    return found


def determinants(screen: Screen) -> Tensor:
    """The absolute determinants [G] of the corners' homogeneous pixels, above 0."""
    homogeneous = screen.homogeneous
    first, second, third = homogeneous.double().unbind(1)
    found: Tensor = (first * torch.linalg.cross(second, third)).sum(dim=1).abs().to(homogeneous)
    return found.clamp(min=torch.finfo(found.dtype).tiny)


def candidates(screen: Screen, reach: float) -> Iterator[tuple[Tensor, Tensor]]:
    """Pairs (face [M], pixel [M]) from the faces' bounding boxes widened by ``reach`` pixels, some at a time."""
    outline = screen.polygon.detach()
    if outline.shape[0] == 0:
        return
    lower, upper, shown = boxes(outline, screen.height, screen.width, screen.unit, reach)
    extent = (upper - lower + 1) * shown[:, None]
    counts = extent.prod(dim=1)
    faces = counts.nonzero()[:, 0]
    counts = counts[faces]
    ends = counts.cumsum(0)
    total = int(ends[-1]) if faces.numel() else 0
    for begin in range(0, total, PAIRS_AT_ONCE):
        number = torch.arange(begin, min(begin + PAIRS_AT_ONCE, total), device=outline.device)
        which = torch.searchsorted(ends, number, right=True)
        face = faces[which]
        offset = number - (ends[which] - counts[which])
        columns = extent[face, 0]
        row = lower[face, 1] + torch.div(offset, columns, rounding_mode="floor")
        row = row + screen.picture[face] * screen.height
        yield face, row * screen.width + lower[face, 0] + offset % columns


def boxes(outline: Tensor, height: int, width: int, unit: float, reach: float) -> tuple[Tensor, Tensor, Tensor]:
    """The first and the last column and row, [G, 2] each, that faces may touch, and which of them touch any, [G].

    outline: [G, K, 2], pixels. unit: the size of a pixel in NDC. reach: pixels.
    """
    size = numbers((width, height), outline)
    lower = (outline.amin(dim=1) - reach - 0.5).ceil().clamp(min=0).minimum(size).long()
    upper = (outline.amax(dim=1) + reach - 0.5).floor().clamp(min=-1).minimum(size - 1).long()
    # Measured from a corner: far from the picture's origin the products of a small face would cancel to nothing.
    shape = outline - outline[:, :1]
    ahead = shape.roll(-1, dims=1)
    area = (shape[..., 0] * ahead[..., 1] - shape[..., 1] * ahead[..., 0]).sum(dim=1).abs() * unit**2
    return lower, upper, (area > SMALLEST_AREA) & (lower <= upper).all(dim=1)


def pixel_centres(screen: Screen, pixel: Tensor) -> Tensor:
    """[N, 2], (x, y) of pixels numbered row by row and picture by picture."""
    row = torch.div(pixel, screen.width, rounding_mode="floor")
    return torch.stack([pixel - row * screen.width, row % screen.height], dim=1).to(screen.vertices.dtype) + 0.5


def side_functions(screen: Screen, face: Tensor, centre: Tensor) -> Tensor:
    """[N, 3], the barycentrics of points [N, 2] in pixels but for their scale; all three positive inside the face.

    Homogeneous rasterization (Olano and Greer, 1997), right even for corners behind the camera, with the point as the
    origin so that nothing cancels. Beyond the horizon of a face's plane the sum is negative.
    """
    first, second, third = (
        (corner[:, 0] - centre[:, 0] * corner[:, 2], corner[:, 1] - centre[:, 1] * corner[:, 2])
        for corner in screen.homogeneous.index_select(0, face).unbind(1)
    )
    pairs = ((second, third), (third, first), (first, second))
    products = torch.stack([a[0] * b[1] - a[1] * b[0] for a, b in pairs], dim=1)
    return products * screen.winding.index_select(0, face)[:, None]


def barycentric(sides: Tensor) -> Tensor:
    """Perspective-correct barycentrics [N, 3] from `side_functions`, clipped to the face and scaled to sum to one."""
    positive = sides.clamp(min=0)
    return positive / total(positive).clamp(min=TINY)[:, None]


def squared_distances(screen: Screen, face: Tensor, centre: Tensor) -> Tensor:
    """Squared distances [N, K] in pixels from pixel centres [N, 2] to each edge of their face's outline."""
    corners = screen.polygon.index_select(0, face).unbind(1)
    ahead = corners[1:] + corners[:1]
    return torch.stack([squared_distance(centre, a, b) for a, b in zip(corners, ahead, strict=True)], dim=1)


def squared_distance(point: Tensor, start: Tensor, end: Tensor) -> Tensor:
    """Squared distance [N] from points to line segments, all [N, 2]; segments without length are points."""
    along_x, along_y = (end - start).unbind(1)
    x, y = (point - start).unbind(1)
    length = along_x * along_x + along_y * along_y
    share = (x * along_x + y * along_y) / torch.where(length > 0, length, torch.ones_like(length))
    share = share.clamp(0, 1)
    gap_x, gap_y = x - share * along_x, y - share * along_y
    return gap_x * gap_x + gap_y * gap_y


# Sums over three columns: reductions along so short a dimension are several times slower in PyTorch.


def total(values: Tensor) -> Tensor:
    """Row sums [N] of [N, 3]."""
    return values[:, 0] + values[:, 1] + values[:, 2]


def dot(first: Tensor, second: Tensor) -> Tensor:
    """Row-wise dot products [N] of [N, 3]."""
    return total(first * second)


def smallest(values: Tensor) -> Tensor:
    """Row minima [N] of [N, 3]."""
    return values[:, 0].minimum(values[:, 1]).minimum(values[:, 2])


def concatenate_pairs(found: list[Pairs], screen: Screen) -> Pairs:
    """Pairs found piece by piece, as one."""
    if not found:
        none = torch.zeros(0, dtype=torch.int64, device=screen.vertices.device)
        empty = screen.vertices.detach().new_zeros(0)
        return Pairs(none, none, none, none.bool(), empty, empty)
    return Pairs(*(torch.cat([getattr(each, field.name) for each in found]) for field in fields(Pairs)))
