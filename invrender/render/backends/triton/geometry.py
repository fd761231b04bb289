"""One face and the pixels of a tile: distances, barycentrics and depths, with their adjoints and tangents.

The formulas are those of `raster.reference`. x, y: blocks of pixel centres; g: the number of a face of the frame.
"""

from __future__ import annotations

import triton
import triton.language as tl

from invrender.render.backends.triton.vectors import (
    add,
    add_up,
    add_up3,
    cross,
    dot,
    scale,
    subtract,
    where3,
    where_positive,
)
from invrender.render.raster import reference

TINY = tl.constexpr(reference.TINY)
NEAR, SIGMA, GAMMA, REACH = (tl.constexpr(position) for position in range(4))  # positions in `Frame.numbers`


@triton.jit
def pixels_of(frame, tile, TILE: tl.constexpr):
    """The pixels of a tile: their picture, their centres x and y, their numbers, and which lie in the picture."""
    height, width = tl.load(frame.size), tl.load(frame.size + 1)
    across, down = (width + TILE - 1) // TILE, (height + TILE - 1) // TILE
    picture = tile // (across * down)
    rest = tile % (across * down)
    offset = tl.arange(0, TILE * TILE)
    column = rest % across * TILE + offset % TILE
    row = rest // across * TILE + offset // TILE
    pixel = (picture * height + row) * width + column
    number = frame.vertices.dtype.element_ty
    within = (column < width) & (row < height)
    return picture, column.to(number) + 0.5, row.to(number) + 0.5, pixel, within


@triton.jit
def nearest_side(frame, g, x, y, SIDES: tl.constexpr):
    """The outline's point that is nearest to pixels' centres.

    Returns its squared distance in pixels, its edge, its share of the way along that, and the gap to the centre.
    """
    squared = tl.full(x.shape, float("inf"), x.dtype)
    side = tl.zeros(x.shape, tl.int32)
    share, gap_x, gap_y = tl.zeros_like(x), tl.zeros_like(x), tl.zeros_like(x)
    corners = frame.outline + g * (2 * SIDES)
    for k in tl.static_range(SIDES):
        start_x, start_y = tl.load(corners + 2 * k), tl.load(corners + 2 * k + 1)
        ahead = corners + 2 * ((k + 1) % SIDES)
        along_x, along_y = tl.load(ahead) - start_x, tl.load(ahead + 1) - start_y
        length = along_x * along_x + along_y * along_y
        right, down = x - start_x, y - start_y
        part = (right * along_x + down * along_y) / tl.where(length > 0, length, 1.0)
        part = tl.minimum(tl.maximum(part, 0.0), 1.0)
        here_x, here_y = right - part * along_x, down - part * along_y
        here = here_x * here_x + here_y * here_y
        closer = here < squared
        squared = tl.where(closer, here, squared)
        side = tl.where(closer, k, side)
        share = tl.where(closer, part, share)
        gap_x, gap_y = tl.where(closer, here_x, gap_x), tl.where(closer, here_y, gap_y)
    return squared, side, share, gap_x, gap_y


@triton.jit
def at_corner(k, side, share, SIDES: tl.constexpr):
    """How much the nearest point moves with corner k of the outline.

    It slides along its edge at right angles to the gap, so that only its share matters.
    """
    before = (k + SIDES - 1) % SIDES
    return tl.where(side == k, 1.0 - share, 0.0) + tl.where(side == before, share, 0.0)


@triton.jit
def nearest_side_back(gradient, g, side, share, gap_x, gap_y, cotangent, SIDES: tl.constexpr):
    """Add the gradient of squared distances with cotangents to that of the outlines [G, K, 2]."""
    for k in tl.static_range(SIDES):
        factor = -2.0 * cotangent * at_corner(k, side, share, SIDES)
        add_up(gradient + (g * SIDES + k) * 2, factor * gap_x)
        add_up(gradient + (g * SIDES + k) * 2 + 1, factor * gap_y)


@triton.jit
def nearest_side_tangent(tangent, g, side, share, gap_x, gap_y, SIDES: tl.constexpr):
    """The tangent of squared distances, from that of the outlines [G, K, 2]."""
    change = tl.zeros_like(share)
    for k in tl.static_range(SIDES):
        moved_x = tl.load(tangent + (g * SIDES + k) * 2)
        moved_y = tl.load(tangent + (g * SIDES + k) * 2 + 1)
        change -= 2.0 * at_corner(k, side, share, SIDES) * (gap_x * moved_x + gap_y * moved_y)
    return change


@triton.jit
def of_corners(vertices, g, number):
    """One number of the three corners of a face, of [G, 3, 4]."""
    first = vertices + g * 12 + number
    return tl.load(first), tl.load(first + 4), tl.load(first + 8)


@triton.jit
def seen_from(vertices, g, x, y):
    """The x and the y of the corners' homogeneous pixels with the pixels' centres as origins."""
    w = of_corners(vertices, g, 2)
    return subtract(of_corners(vertices, g, 0), scale(w, x)), subtract(of_corners(vertices, g, 1), scale(w, y))


@triton.jit
def side_functions(frame, g, x, y):
    """Barycentrics but for their scale, all positive inside the face (Olano and Greer, 1997)."""
    right, down = seen_from(frame.vertices, g, x, y)
    return scale(cross(right, down), tl.load(frame.winding + g))


@triton.jit
def smallest(a):
    """The least of three numbers."""
    return tl.minimum(tl.minimum(a[0], a[1]), a[2])


@triton.jit
def barycentric(frame, g, x, y):
    """The least side function; barycentrics, clipped to the face and summing to one; their sum before that; depths."""
    sides = side_functions(frame, g, x, y)
    positive = where_positive(sides, sides)
    total = tl.maximum(positive[0] + positive[1] + positive[2], TINY)
    weights = positive[0] / total, positive[1] / total, positive[2] / total
    return smallest(sides), weights, total, dot(weights, of_corners(frame.vertices, g, 3))


@triton.jit
def on_face(shown, weights):
    """Barycentrics, replaced by those of the face's middle where nothing is shown, so that everything is finite."""
    return where3(shown, weights, 1.0 / 3.0)


@triton.jit
def barycentric_back(frame, gradient, g, x, y, weights, total, cotangents):
    """Add the gradient of barycentrics with three cotangents to that of the vertices [G, 3, 4]."""
    mean = tl.where(total > TINY, dot(cotangents, weights), 0.0)
    factor = tl.load(frame.winding + g) / total
    centred = cotangents[0] - mean, cotangents[1] - mean, cotangents[2] - mean
    at_sides = where_positive(weights, scale(centred, factor))
    right, down = seen_from(frame.vertices, g, x, y)
    at_right, at_down = cross(down, at_sides), cross(at_sides, right)
    at_w = add(scale(at_right, -x), scale(at_down, -y))
    for k in tl.static_range(3):
        add_up3(gradient + g * 12 + 4 * k, (at_right[k], at_down[k], at_w[k]))


@triton.jit
def depth_back(gradient, g, weights, cotangent):
    """Add the gradient of depths, at fixed barycentrics, to that of the vertices [G, 3, 4]."""
    for k in tl.static_range(3):
        add_up(gradient + g * 12 + 4 * k + 3, cotangent * weights[k])


@triton.jit
def barycentric_tangent(frame, tangent, g, x, y, weights, total):
    """The tangents of barycentrics and depths, from that of the vertices [G, 3, 4]."""
    right, down = seen_from(frame.vertices, g, x, y)
    right_change, down_change = seen_from(tangent, g, x, y)
    sides = add(cross(right_change, down), cross(right, down_change))
    sides = where_positive(weights, scale(sides, tl.load(frame.winding + g)))
    whole = tl.where(total > TINY, sides[0] + sides[1] + sides[2], 0.0)
    change = scale(subtract(sides, scale(weights, whole)), 1.0 / total)
    depth = dot(change, of_corners(frame.vertices, g, 3)) + dot(weights, of_corners(tangent, g, 3))
    return change, depth
