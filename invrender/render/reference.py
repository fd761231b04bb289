"""The reference rasterizer: plain PyTorch, exact over every face within reach of a pixel.

Which faces touch which pixels is decided without gradients; the arithmetic on the pairs that remain is smooth.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from invrender.render.fragments import Fragments
from invrender.render.screen import ScreenFaces

PAIRS_AT_ONCE = 1 << 18
TINY = 1e-12
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


def rasterize_soft(screen: ScreenFaces, height: int, width: int, reach: float) -> Pairs:
    """Every pair whose pixel centre lies in the face or within ``reach`` of its outline.

    reach: the squared distance in squared NDC units (2 / the shorter side is one pixel), PyTorch3D's blur_radius.
    """
    unit = 2.0 / min(height, width)
    found = []
    with torch.no_grad():
        for face, pixel in candidates(screen, height, width, reach**0.5 / unit):
            centre = pixel_centres(pixel, width, screen.outline)
            weights = barycentric(screen, face, centre)
            within = smallest(weights) > 0
            if screen.outline.shape[1] > 3:  # clipped faces have a part that lies nearer than the near plane
                within = within & (dot(weights, screen.depth.index_select(0, face)) > screen.near)
            squared, edge = squared_distances(screen, face, centre).min(dim=1)
            squared = squared * unit**2
            near = (within | (squared < reach)).nonzero()[:, 0]
            depth = dot(clipped_to_face(weights[near]), screen.depth.index_select(0, face[near]))
            near, depth = near[depth > 0], depth[depth > 0]
            inside = torch.where(within[near], squared[near], -squared[near])
            found.append(Pairs(face[near], pixel[near], edge[near], within[near], inside, depth))
    return joined(found, screen)


def rasterize_hard(screen: ScreenFaces, height: int, width: int) -> Pairs:
    """At most one pair for each pixel: the nearest face that holds its centre; ties go to the lower index."""
    with torch.no_grad():
        nearest = torch.full((height * width,), torch.inf, dtype=screen.depth.dtype, device=screen.depth.device)
        winner = torch.full((height * width,), -1, dtype=torch.int64, device=screen.depth.device)
        for face, pixel in candidates(screen, height, width, 0.0):
            centre = pixel_centres(pixel, width, screen.outline)
            weights = barycentric(screen, face, centre)
            depth = dot(weights, screen.depth.index_select(0, face))
            hits = ((smallest(weights) >= 0) & (depth >= screen.near)).nonzero()[:, 0]
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


def fragments(screen: ScreenFaces, pairs: Pairs, height: int, width: int, clip: bool) -> Fragments:
    """The smooth part: distances, barycentrics and depths of the pairs, differentiable in the screen faces.

    clip: barycentrics are clipped to the face, as soft fragments outside it need.
    """
    unit = 2.0 / min(height, width)
    centre = pixel_centres(pairs.pixel, width, screen.outline)
    sides = screen.outline.shape[1]
    starts = screen.outline.reshape(-1, 2)
    ends = screen.outline.roll(-1, dims=1).reshape(-1, 2)
    edge = pairs.face * sides + pairs.edge
    squared = squared_distance(centre, starts.index_select(0, edge), ends.index_select(0, edge)) * unit**2
    weights = barycentric(screen, pairs.face, centre)
    if clip:
        weights = clipped_to_face(weights)
    return Fragments(
        pixel=pairs.pixel,
        face=screen.face.index_select(0, pairs.face),
        inside=torch.where(pairs.within, squared, -squared),
        barycentric=weights,
        depth=dot(weights, screen.depth.index_select(0, pairs.face)),
    )


def candidates(screen: ScreenFaces, height: int, width: int, reach: float) -> Iterator[tuple[Tensor, Tensor]]:
    """Pairs (face [M], pixel [M]) from the faces' bounding boxes widened by ``reach`` pixels, some at a time."""
    outline = screen.outline.detach()
    if outline.shape[0] == 0:
        return
    size = outline.new_tensor([width, height])
    lower = (outline.amin(dim=1) - reach - 0.5).ceil().clamp(min=0).minimum(size).long()
    upper = (outline.amax(dim=1) + reach - 0.5).floor().clamp(min=-1).minimum(size - 1).long()
    unit = 2.0 / min(height, width)
    # Measured from a corner: far from the picture's origin the products of a small face would cancel to nothing.
    shape = outline - outline[:, :1]
    ahead = shape.roll(-1, dims=1)
    area = (shape[..., 0] * ahead[..., 1] - shape[..., 1] * ahead[..., 0]).sum(dim=1).abs() * unit**2
    extent = (upper - lower + 1).clamp(min=0) * (area > SMALLEST_AREA)[:, None]
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
        yield face, row * width + lower[face, 0] + offset % columns


def pixel_centres(pixel: Tensor, width: int, like: Tensor) -> Tensor:
    """[N, 2], (x, y) of pixels numbered row by row."""
    row = torch.div(pixel, width, rounding_mode="floor")
    return torch.stack([pixel - row * width, row], dim=1).to(like.dtype) + 0.5


def barycentric(screen: ScreenFaces, face: Tensor, centre: Tensor) -> Tensor:
    """Perspective-correct barycentrics [N, 3] of pixel centres [N, 2], right even for corners behind the camera.

    Homogeneous rasterization (Olano and Greer, 1997), with the pixel as the origin so that nothing cancels. A face's
    plane has a horizon; on its far side the weights keep their signs but no longer sum to one.
    """
    first, second, third = (
        (corner[:, 0] - centre[:, 0] * corner[:, 2], corner[:, 1] - centre[:, 1] * corner[:, 2])
        for corner in screen.homogeneous.index_select(0, face).unbind(1)
    )
    pairs = ((second, third), (third, first), (first, second))
    products = torch.stack([a[0] * b[1] - a[1] * b[0] for a, b in pairs], dim=1)
    products = products * screen.winding.index_select(0, face)[:, None]
    return products / total(products).clamp(min=TINY)[:, None]


def clipped_to_face(weights: Tensor) -> Tensor:
    """Barycentrics [N, 3] with negative ones set to zero and the others scaled to sum to one."""
    positive = weights.clamp(min=0)
    return positive / total(positive).clamp(min=1e-5)[:, None]


def squared_distances(screen: ScreenFaces, face: Tensor, centre: Tensor) -> Tensor:
    """Squared distances [N, K] in pixels from pixel centres [N, 2] to each edge of their face's outline."""
    corners = screen.outline.index_select(0, face).unbind(1)
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


def joined(found: list[Pairs], screen: ScreenFaces) -> Pairs:
    """Pairs found piece by piece, as one."""
    if not found:
        none = torch.zeros(0, dtype=torch.int64, device=screen.depth.device)
        empty = screen.depth.detach().new_zeros(0)
        return Pairs(none, none, none, none.bool(), empty, empty)
    return Pairs(*(torch.cat([getattr(each, field.name) for each in found]) for field in fields(Pairs)))
