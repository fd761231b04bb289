"""The pixels that a soft face counts in, once the sums over all faces are known: where derivatives begin."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from invrender.render.backends.numba.blocks import (
    BLOCK,
    LANES,
    SHARE,
    D,
    X,
    Y,
    Z,
    exponential,
    vectors_end,
    whole_lanes,
)
from invrender.render.backends.numba.compiling import allocating, kernel
from invrender.render.backends.numba.frame import Array
from invrender.render.backends.numba.geometry import barycentric, measure_distances, sign_distances


class Reached(NamedTuple):
    """Some pixels in reach of faces, one after the other.

    pixel: their numbers. x, y: their centres. inside: the signed squared distance, in NDC. side, share: the nearest
    edge of the outline, and the share of the way along it. cover: how much of each the face covers. seen: which of
    them may show the face; the others only have it in front of them, or behind.
    """

    pixel: Array
    x: Array
    y: Array
    inside: Array
    side: Array
    share: Array
    cover: Array
    seen: Array


@allocating
def room_for(count):
    """Arrays for so many pixels."""
    lanes = count + LANES
    return Reached(
        np.empty(lanes, np.int64), np.empty(lanes), np.empty(lanes), np.empty(lanes), np.empty(lanes), np.empty(lanes),
        np.empty(lanes), np.empty(lanes, np.int64),
    )  # fmt: skip


@kernel
def reach(f, sides, frame, soft, sums, picture, columns, lines, depth, colored, silhouette, begin, reached):
    """Enter the pixels in columns and lines, each first and last, that count, from number ``begin`` on.

    Those are open, if the ``silhouette`` is asked for, or, if colours or depths are, show something at ``depth`` or
    deeper. Returns the number after the last of them, and how many may be seen.
    """
    inverse_sigma, kept, count = 1.0 / soft.sigma, 0, begin
    nearest, transparency = sums.nearest, sums.transparency
    at_once = max(1, BLOCK // (columns[1] - columns[0] + 1))  # a line of a small face alone would fill no vector
    for upper in range(lines[0], lines[1] + 1, at_once):
        start = end = count
        for y in range(upper, min(upper + at_once, lines[1] + 1)):
            line = (picture * frame.height + y) * frame.width
            for x in range(columns[0], columns[1] + 1):
                pixel = line + x
                reached.pixel[end], reached.x[end], reached.y[end] = pixel, x + 0.5, y + 0.5
                end += (colored and depth <= nearest[pixel]) or (silhouette and transparency[pixel] > 0.0)
        n, x_of, y_of, inside = end - start, reached.x[start:], reached.y[start:], reached.inside[start:]
        measure_distances(f, sides, x_of, y_of, n, inside, reached.side[start:], reached.share[start:])
        sign_distances(f, sides, frame.near, frame.unit, x_of, y_of, n, inside)
        for i in range(start, end):
            within = reached.inside[i]
            reached.pixel[count], reached.x[count], reached.y[count] = reached.pixel[i], reached.x[i], reached.y[i]
            reached.inside[count], reached.side[count], reached.share[count] = within, reached.side[i], reached.share[i]
            count += within > -soft.reach
    for i in range(begin, begin + whole_lanes(count - begin)):
        reached.cover[i] = 1.0 / (1.0 + exponential(-reached.inside[i] * inverse_sigma))
    for i in range(begin, count):
        reached.seen[kept] = i
        # Whether a clipped face is behind the camera at a pixel is known by its depth only.
        kept += sides == 4 or (colored and depth <= nearest[reached.pixel[i]])
    return count, kept


@kernel
def weigh(f, soft, sums, reached, start, n, colored, begin, rows, own):
    """Fill columns from ``begin`` on with those of n pixels, from number ``start`` of those seen on, that show a face.

    Those that show enough of it to count. Where the face is behind the camera it covers nothing from now on. Returns
    the column after the last; own: which pixels they are.
    """
    inverse_depth, m, end = 1.0 / soft.gamma, begin, begin + n
    for i in range(begin, end):
        at = reached.seen[start + i - begin]
        rows[X, i], rows[Y, i] = reached.x[at], reached.y[at]
        rows[D + Z, i] = sums.nearest[reached.pixel[at]] if colored else 0.0
    barycentric(f, rows, begin, end)
    for i in range(begin, vectors_end(begin, end)):
        rows[SHARE, i] = exponential((rows[D + Z, i] - rows[Z, i]) * inverse_depth)
    for i in range(begin, end):
        at = reached.seen[start + i - begin]
        if not rows[Z, i] > 0.0:
            reached.cover[at] = 0.0
        elif colored:
            share = reached.cover[at] * rows[SHARE, i] / sums.weight[reached.pixel[at]]
            if share > soft.negligible:
                own[m], rows[SHARE, m] = at, share
                for row in range(X, Z + 1):
                    rows[row, m] = rows[row, i]
                m += 1
    return m
