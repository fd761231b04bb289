"""The pixels that a soft face counts in, once the sums over all faces are known: where derivatives begin."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from invrender.render.backends.numba.blocks import LANES, SHARE, D, X, Y, Z, exponential, whole_lanes
from invrender.render.backends.numba.compiling import allocating, kernel
from invrender.render.backends.numba.frame import Array
from invrender.render.backends.numba.geometry import barycentric, nearest_row, signed_row


class Reached(NamedTuple):
    """Some pixels in reach of one face, one after the other.

    pixel: their numbers. x, y: their centres. inside: the signed squared distance, in NDC. side, share: the nearest
    edge of the outline, and the share of the way along it. cover: how much of each the face covers. seen: which of
    them may show the face; the others only have it in front of them, or behind. row: scratch, for one line each.
    """

    pixel: Array
    x: Array
    y: Array
    inside: Array
    side: Array
    share: Array
    cover: Array
    seen: Array
    row: Array


@allocating
def room_for(count, width):
    """Arrays for so many pixels, from lines of so many."""
    lanes, line = count + LANES, width + LANES
    return Reached(
        np.empty(lanes, np.int64), np.empty(lanes), np.empty(lanes), np.empty(lanes), np.empty(lanes), np.empty(lanes),
        np.empty(lanes), np.empty(lanes, np.int64), np.empty((3, line)),
    )  # fmt: skip


@kernel
def reach(f, sides, frame, soft, sums, picture, columns, lines, depth, colored, silhouette, reached):
    """Enter the pixels in columns and lines, each first and last, that count: how many, and how many may be seen.

    Those are open, if the ``silhouette`` is asked for, or, if colours or depths are, show something at ``depth`` or
    deeper.
    """
    first, last = columns
    inverse_sigma, width, count, kept = 1.0 / soft.sigma, last - first + 1, 0, 0
    row, sides_of, shares = reached.row[0], reached.row[1], reached.row[2]
    nearest, transparency = sums.nearest, sums.transparency
    for y in range(lines[0], lines[1] + 1):
        nearest_row(f, sides, first + 0.5, y + 0.5, width, row, sides_of, shares)
        signed_row(f, sides, frame.near, frame.unit, first + 0.5, y + 0.5, width, row)
        start = (picture * frame.height + y) * frame.width + first
        for i in range(width):
            pixel = start + i
            reached.pixel[count], reached.x[count], reached.y[count] = pixel, first + i + 0.5, y + 0.5
            reached.inside[count], reached.side[count], reached.share[count] = row[i], sides_of[i], shares[i]
            counts = (colored and depth <= nearest[pixel]) or (silhouette and transparency[pixel] > 0.0)
            count += counts and row[i] > -soft.reach
    for i in range(whole_lanes(count)):
        reached.cover[i] = 1.0 / (1.0 + exponential(-reached.inside[i] * inverse_sigma))
    for i in range(count):
        reached.seen[kept] = i
        # Whether a clipped face is behind the camera at a pixel is known by its depth only.
        kept += sides == 4 or (colored and depth <= nearest[reached.pixel[i]])
    return count, kept


@kernel
def weigh(f, soft, sums, reached, start, n, colored, rows, own):
    """Fill a block with those of n pixels, from number ``start`` of those seen on, that show enough of a face.

    Where the face is behind the camera it covers nothing from now on. Returns how many there are; own: which.
    """
    inverse_depth, m = 1.0 / soft.gamma, 0
    for i in range(n):
        at = reached.seen[start + i]
        rows[X, i], rows[Y, i] = reached.x[at], reached.y[at]
        rows[D + Z, i] = sums.nearest[reached.pixel[at]] if colored else 0.0
    barycentric(f, rows, 0, n)
    for i in range(whole_lanes(n)):
        rows[SHARE, i] = exponential((rows[D + Z, i] - rows[Z, i]) * inverse_depth)
    for i in range(n):
        at = reached.seen[start + i]
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
