"""Which points on edges a face hides."""

from __future__ import annotations

from typing import NamedTuple

import torch
import triton
import triton.language as tl
from torch import Tensor

from invrender.render.backends.triton.frame import Bins, Frame
from invrender.render.backends.triton.geometry import NEAR, barycentric
from invrender.render.backends.triton.launching import launch
from invrender.render.backends.triton.vectors import some

FACES = 32  # that a program looks at together


class Points(NamedTuple):
    """Points on edges.

    place: [N, 2], pixels. depth: [N], from where on faces don't hide them. tile: [N]. ends: [N, 2], the vertices
    between which their edges lie.
    """

    place: Tensor
    depth: Tensor
    tile: Tensor
    ends: Tensor


@triton.jit
def hide_point(frame, bins, points, triangles, hidden, FACES: tl.constexpr):
    """Fill in whether a point is hidden by a face that does not share an end with its edge."""
    point = tl.program_id(0).to(tl.int64)
    x, y = tl.load(points.place + 2 * point), tl.load(points.place + 2 * point + 1)
    depth, tile = tl.load(points.depth + point), tl.load(points.tile + point)
    start, end = tl.load(points.ends + 2 * point), tl.load(points.ends + 2 * point + 1)
    near = tl.load(frame.numbers + NEAR)
    last = tl.load(bins.first + tile + 1)
    hides = tl.zeros([FACES], tl.int1)
    for first in range(tl.load(bins.first + tile), last, FACES):
        entry = first + tl.arange(0, FACES)
        g = tl.load(bins.face + entry, entry < last, 0)
        least, _, _, z = barycentric(frame, g, x, y)
        covers = (entry < last) & (least >= 0) & (z >= near) & (z < depth)
        for k in tl.static_range(3):
            corner = tl.load(triangles + 3 * g + k)
            covers = covers & (corner != start) & (corner != end)
        hides = hides | covers
    tl.store(hidden + point, some(hides))


def hidden_points(frame: Frame, bins: Bins, points: Points, triangles: Tensor) -> Tensor:
    """Whether points are hidden, [N] bool. triangles: [G, 3], the vertices of the faces."""
    hidden = torch.empty(len(points.depth), dtype=torch.bool, device=points.depth.device)
    launch(hide_point, len(hidden), frame, bins, points, triangles, hidden, FACES=FACES, fused=False)
    return hidden
