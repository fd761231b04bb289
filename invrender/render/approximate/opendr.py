"""The rule of OpenDR (Loper and Black, 2014, doi:10.1007/978-3-319-10584-0_11): a picture moves as its surfaces do.

A pixel changes by minus the picture's slope times the way that the surface point in it goes, which is the mean of the
ways of its face's corners by barycentric coordinates. Slopes are differences between neighbouring pixels. Inside of
an object they leave out pixels at its outline, and where that leaves one neighbour they are one-sided. At an outline
they reach across it, and count twice: a central difference spreads a jump over two pixels, of which the object has one.
"""

from __future__ import annotations

import torch
from torch import Tensor

from invrender.render.approximate.base import HardPicture, whole_faces
from invrender.render.raster.decide import decide


def move_by_slopes(hard: HardPicture) -> Tensor:
    """The picture [P, C], with OpenDR's gradient of the positions."""
    raster, screen = hard.raster, hard.screen
    seen = raster.fragments
    face = hard.winner.index_select(0, seen.pixel)
    kept = whole_faces(screen).index_select(0, face).nonzero()[:, 0]
    pixel, face = seen.pixel.index_select(0, kept), face.index_select(0, kept)
    weights = seen.barycentric.detach().index_select(0, kept)
    moved = screen.points - screen.points.detach()  # zeros that have a gradient
    way = (weights[..., None] * moved[screen.triangles[face]]).sum(dim=1)

    def find(values: Tensor, depth: Tensor) -> tuple[Tensor]:
        outline = outline_pixels(hard, depth)
        return (raster.work.slopes(values, outline, screen.height, screen.width),)

    (slopes,) = decide(find, hard.values, hard.depth)
    return hard.values.index_add(0, pixel, -(slopes[pixel] * way[:, None, :]).sum(dim=2))


def outline_pixels(hard: HardPicture, depth: Tensor) -> Tensor:
    """[P] bool: pixels of a surface beside which its outline, or its open border, passes. depth: [P], of pixels."""
    found, crossed = hard.raster.jumps
    outlines = (found.creases.index_select(0, crossed.edge)[:, 0] < 0).nonzero()[:, 0]
    pairs = crossed.pixel.index_select(0, outlines)
    reach = torch.where(hard.winner >= 0, depth, torch.inf)
    front = pairs.gather(1, reach[pairs].argmin(dim=1, keepdim=True))[:, 0]
    at_outline = torch.zeros_like(hard.winner, dtype=torch.bool)
    at_outline[front] = True
    return at_outline & (hard.winner >= 0)
