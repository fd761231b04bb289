"""The reference rasterizer: plain PyTorch, exact over every face within reach of a pixel.

Which faces touch which pixels is decided without gradients; the arithmetic on the pairs that remain is smooth.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from invrender.render.fragments import Fragments
from invrender.render.screen import ScreenFaces

PAIRS_AT_ONCE = 1 << 20
TINY = 1e-12
SMALLEST_AREA = 1e-10  # squared NDC units; thinner faces cover no pixel and their barycentrics are noise


@dataclass(frozen=True)
class Pairs:
    """Candidates (face, pixel) with what was decided about them: all [M], nothing differentiable.

    face: index into the screen faces. edge: the outline's edge that is nearest to the pixel's centre.
    """

    face: Tensor
    pixel: Tensor
    edge: Tensor
    inside: Tensor

    def select(self, chosen: Tensor | slice) -> Pairs:
        """The pairs at positions ``chosen``."""
        return Pairs(self.face[chosen], self.pixel[chosen], self.edge[chosen], self.inside[chosen])


def rasterize_soft(screen: ScreenFaces, height: int, width: int, reach: float) -> Pairs:
    """Every pair whose pixel centre lies in the face or within ``reach`` of its outline.

    reach: the squared distance in squared NDC units (2 / the shorter side is one pixel), PyTorch3D's blur_radius.
    """
    unit = 2.0 / min(height, width)
    found = []
    with torch.no_grad():
        for face, pixel in candidates(screen, height, width, reach**0.5 / unit):
            centre = pixel_centres(pixel, width, screen.outline)
            inside = (barycentric(screen, face, centre) > 0).all(dim=1)
            squared, edge = squared_distances(screen, face, centre).min(dim=1)
            near = (inside | (squared * unit**2 < reach)).nonzero()[:, 0]
            if screen.outline.shape[1] > 3:
                near = near[visible_depth(screen, face[near], centre[near], clip=True) > 0]
            found.append(Pairs(face[near], pixel[near], edge[near], inside[near]))
    return joined(found, screen)


def rasterize_hard(screen: ScreenFaces, height: int, width: int, near: float) -> Pairs:
    """At most one pair for each pixel: the nearest face that holds its centre; ties go to the lower index."""
    with torch.no_grad():
        nearest = torch.full((height * width,), torch.inf, dtype=screen.depth.dtype, device=screen.depth.device)
        winner = torch.full((height * width,), -1, dtype=torch.int64, device=screen.depth.device)
        for face, pixel in candidates(screen, height, width, 0.0):
            centre = pixel_centres(pixel, width, screen.outline)
            weights = barycentric(screen, face, centre)
            depth = (weights * screen.depth.index_select(0, face)).sum(dim=1)
            hits = ((weights >= 0).all(dim=1) & (depth >= near)).nonzero()[:, 0]
            face, pixel, depth = face[hits], pixel[hits], depth[hits]
            before = nearest.clone()
            nearest.scatter_reduce_(0, pixel, depth, "amin")
            won = (depth == nearest[pixel]) & (depth < before[pixel])
            first = torch.full_like(winner, torch.iinfo(torch.int64).max)
            first.scatter_reduce_(0, pixel[won], face[won], "amin")
            winner = torch.where(first < torch.iinfo(torch.int64).max, first, winner)
        pixel = (winner >= 0).nonzero()[:, 0]
        zeros = torch.zeros_like(pixel)
        return Pairs(winner[pixel], pixel, zeros, torch.ones_like(pixel, dtype=torch.bool))


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
    depth = (weights * screen.depth.index_select(0, pairs.face)).sum(dim=1)
    return Fragments(
        pixel=pairs.pixel,
        face=screen.face.index_select(0, pairs.face),
        inside=torch.where(pairs.inside, squared, -squared),
        barycentric=weights,
        depth=depth,
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
    ahead = outline.roll(-1, dims=1)
    area = (outline[..., 0] * ahead[..., 1] - outline[..., 1] * ahead[..., 0]).sum(dim=1).abs() * unit**2
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
    corners = screen.homogeneous.index_select(0, face)
    x, y = (corners[..., :2] - centre[:, None] * corners[..., 2:]).unbind(-1)
    products = x.roll(-1, 1) * y.roll(-2, 1) - x.roll(-2, 1) * y.roll(-1, 1)
    products = products * screen.winding.index_select(0, face)[:, None]
    return products / products.sum(dim=1, keepdim=True).clamp(min=TINY)


def clipped_to_face(weights: Tensor) -> Tensor:
    """Barycentrics [N, 3] with negative ones set to zero and the others scaled to sum to one."""
    positive = weights.clamp(min=0)
    return positive / positive.sum(dim=1, keepdim=True).clamp(min=1e-5)


def visible_depth(screen: ScreenFaces, face: Tensor, centre: Tensor, clip: bool) -> Tensor:
    """The depth [N] at pixel centres [N, 2]."""
    weights = barycentric(screen, face, centre)
    weights = clipped_to_face(weights) if clip else weights
    return (weights * screen.depth.index_select(0, face)).sum(dim=1)


def squared_distances(screen: ScreenFaces, face: Tensor, centre: Tensor) -> Tensor:
    """Squared distances [N, K] in pixels from pixel centres [N, 2] to each edge of their face's outline."""
    outline = screen.outline.index_select(0, face)
    return squared_distance(centre[:, None], outline, outline.roll(-1, dims=1))


def squared_distance(point: Tensor, start: Tensor, end: Tensor) -> Tensor:
    """Squared distance [...] from points to line segments [..., 2]; segments without length are points."""
    along, offset = end - start, point - start
    length = (along * along).sum(dim=-1)
    share = (offset * along).sum(dim=-1) / torch.where(length > 0, length, torch.ones_like(length))
    gap = offset - share.clamp(0, 1)[..., None] * along
    return (gap * gap).sum(dim=-1)


def joined(found: list[Pairs], screen: ScreenFaces) -> Pairs:
    """Pairs found piece by piece, as one."""
    if not found:
        none = torch.zeros(0, dtype=torch.int64, device=screen.depth.device)
        return Pairs(none, none, none, none.bool())
    return Pairs(
        torch.cat([p.face for p in found]),
        torch.cat([p.pixel for p in found]),
        torch.cat([p.edge for p in found]),
        torch.cat([p.inside for p in found]),
    )
