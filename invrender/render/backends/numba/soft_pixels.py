"""The pixels that a soft face counts in, once the sums over all faces are known: where derivatives begin."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from invrender.render.backends.numba.blocks import COLUMNS, LANES, SHARE, D, X, Y, Z, exponential, whole_lanes
from invrender.render.backends.numba.compiling import allocating, kernel
from invrender.render.backends.numba.frame import Array
from invrender.render.backends.numba.geometry import barycentric, find_nearest_edges, sign_distances


class Reached(NamedTuple):
    """Some pixels in reach of a face, or of several faces, one after the other.

    pixel: their numbers. x, y: their centres. inside: the signed squared distance, in NDC. side, share: the nearest
    edge of the outline, and the share of the way along it. cover: how much of each the face covers; 0 out of its reach.
    seen: which of them may show the face; the others only have it in front of them, or behind.
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
def reach(f, sides, frame, soft, sums, picture, columns, lines, depth, colored, silhouette, reached, begin, kept):
    """Enter the pixels in columns and lines, each first and last, that count, from number ``begin`` on.

    Those are open, if the ``silhouette`` is asked for, or, if colours or depths are, show something at ``depth`` or
    deeper. Returns where they end, and where those that may show the face do, which are entered from ``kept`` on.
    """
    inverse_sigma, end = 1.0 / soft.sigma, begin
    nearest, transparency = sums.nearest, sums.transparency
    for line in range(lines[0], lines[1] + 1):
        start = (picture * frame.height + line) * frame.width
        for column in range(columns[0], columns[1] + 1):
            pixel = start + column
            reached.pixel[end], reached.x[end], reached.y[end] = pixel, column + 0.5, line + 0.5
            end += (colored and depth <= nearest[pixel]) or (silhouette and transparency[pixel] > 0.0)
    count, x, y, inside, cover = (
        end - begin,
        reached.x[begin:],
        reached.y[begin:],
        reached.inside[begin:],
        reached.cover[begin:],
    )
    find_nearest_edges(f, sides, x, y, count, inside, reached.side[begin:], reached.share[begin:])
    sign_distances(f, sides, frame.near, frame.unit, x, y, count, inside)
    for i in range(whole_lanes(count)):
        covered = 1.0 / (1.0 + exponential(-inside[i] * inverse_sigma))
        cover[i] = covered if inside[i] > -soft.reach else 0.0
    for i in range(begin, end):
        reached.seen[kept] = i
        # Whether a clipped face is behind the camera at a pixel is known by its depth only.
        seen = sides == 4 or (colored and depth <= nearest[reached.pixel[i]])
        kept += seen and reached.cover[i] > 0.0
    return end, kept


@kernel
def weigh(f, soft, sums, reached, start, count, colored, begin, rows, own):
    """Fill a block, from column ``begin`` on, with those pixels that show enough of a face.

    Of ``count`` of those seen, from number ``start`` on. Where the face is behind the camera it covers nothing from now
    on. Returns where the columns end; own: which pixels these are.
    """
    assert rows.shape[1] == COLUMNS and begin >= 0
    inverse_depth, end = 1.0 / soft.gamma, begin
    for i in range(count):
        at = reached.seen[start + i]
        rows[X, begin + i], rows[Y, begin + i] = reached.x[at], reached.y[at]
        rows[D + Z, begin + i] = sums.nearest[reached.pixel[at]] if colored else 0.0
    barycentric(f, rows, begin, begin + count)
    for i in range(whole_lanes(count)):
        rows[SHARE, begin + i] = exponential((rows[D + Z, begin + i] - rows[Z, begin + i]) * inverse_depth)
    for i in range(begin, begin + count):
        at = reached.seen[start + i - begin]
        if not rows[Z, i] > 0.0:
            reached.cover[at] = 0.0
        elif colored:
            share = reached.cover[at] * rows[SHARE, i] / sums.weight[reached.pixel[at]]
            if share > soft.negligible:
                own[end], rows[SHARE, end] = at, share
                for row in range(X, Z + 1):
                    rows[row, end] = rows[row, i]
                end += 1
    return end
