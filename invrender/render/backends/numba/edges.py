"""Where visible edges pass between the centres of neighbouring pixels: `raster.antialias.crossings` in scalars."""

from __future__ import annotations

import math

import numpy as np

from invrender.render.backends.numba.compiling import divide_work, entry_point, kernel
from invrender.render.backends.numba.frame import TILE, Array, Bins, Frame
from invrender.render.backends.numba.geometry import CORNERS, FACE_SIZE, load_corners
from invrender.render.raster.antialias import BEHIND

PARTS = 64


def jumps(faces: Array, creased: Array, facing: Array) -> Array:
    """As `raster.antialias.jumps`, of the arrays of `Edges`."""
    found = np.empty(len(faces), dtype=np.bool_)
    divide_work(lambda begin, end: mark_jumps(begin, end, faces, creased, facing, found), len(faces))
    return np.flatnonzero(found)


@entry_point
def mark_jumps(begin, end, faces, creased, facing, found):
    """Fill in whether the picture may jump at edges begin … end − 1."""
    for edge in range(begin, end):
        here = facing[faces[edge, 0]]
        there = facing[faces[edge, 1]] if faces[edge, 1] >= 0 else here * 0
        found[edge] = here != there or (creased[edge] and here != 0)


def crossings(frame: Frame, bins: Bins, ends: Array, picture: Array) -> tuple[Array, Array, Array]:
    """Edges, pairs of pixels and whether they lie side by side, as in `Crossings`.

    ends: [D, 2] into the frame's vertices; picture: [D]. bins: of faces widened by half a pixel or more.
    """
    count = np.zeros(len(ends) + 1, dtype=np.int64)
    count_columns(frame, ends, count)
    first = np.cumsum(count)
    edge, seen = np.empty(first[-1], dtype=np.int64), np.zeros(first[-1], dtype=np.bool_)
    pixel, sideways = np.empty((first[-1], 2), dtype=np.int64), np.empty(first[-1], dtype=np.bool_)
    nearest, box = bins.nearest[bins.faces], bins.box[bins.faces]  # one after the other, as `hidden` reads them
    rest = np.empty(len(nearest))
    find_rests(bins.first, nearest, rest)
    bounds = np.searchsorted(first, np.arange(1, PARTS) * (first[-1] / PARTS))
    bounds = np.concatenate([[0], bounds, [len(ends)]])

    def run(start: int, last: int) -> None:
        cross(
            bounds[start], bounds[last], frame, bins, nearest, rest, box, ends, picture, first, edge, pixel, sideways,
            seen,
        )  # fmt: skip

    divide_work(run, PARTS)
    return edge[seen], pixel[seen], sideways[seen]


@entry_point
def find_rests(first, nearest, rest):
    """Fill in the least depth of each face and of those after it in its tile."""
    for tile in range(len(first) - 1):
        least = math.inf
        for entry in range(first[tile + 1] - 1, first[tile] - 1, -1):
            least = min(least, nearest[entry])
            rest[entry] = least


@kernel
def cut_edge(frame, ends, number):
    """Both ends of an edge in pixels, their w and depths, cut at the near plane; and whether any of it is in front."""
    a, b = ends[number, 0], ends[number, 1]
    za, zb = frame.vertices[a, 3] * 1.0, frame.vertices[b, 3] * 1.0
    if za <= frame.near and zb <= frame.near:
        return 0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0, 1.0, False
    xa, ya, wa = frame.vertices[a, 0] * 1.0, frame.vertices[a, 1] * 1.0, frame.vertices[a, 2] * 1.0
    xb, yb, wb = frame.vertices[b, 0] * 1.0, frame.vertices[b, 1] * 1.0, frame.vertices[b, 2] * 1.0
    if za <= frame.near:
        share = (frame.near - za) / (zb - za)
        xa, ya, wa, za = xa + share * (xb - xa), ya + share * (yb - ya), wa + share * (wb - wa), frame.near
    elif zb <= frame.near:
        share = (frame.near - zb) / (za - zb)
        xb, yb, wb, zb = xb + share * (xa - xb), yb + share * (ya - yb), wb + share * (wa - wb), frame.near
    return xa / wa, ya / wa, wa, za, xb / wb, yb / wb, wb, zb, True


@kernel
def columns(low, high, size):
    """The first of the columns whose centres lie in [low, high), and the one after the last."""
    low, high = min(low, high), max(low, high)
    first = min(max(math.ceil(low - 0.5), 0.0), size * 1.0)
    last = min(max(math.ceil(high - 0.5), 0.0), size * 1.0)
    return int(first), int(last)


@entry_point
def count_columns(frame, ends, count):
    """Fill count[1:] with how many columns (of steep edges, rows) of pixel centres each edge passes."""
    for number in range(len(ends)):
        xa, ya, _, _, xb, yb, _, _, shows = cut_edge(frame, ends, number)
        if shows and math.isfinite(xa + ya + xb + yb):
            steep = abs(yb - ya) > abs(xb - xa)
            first, last = columns(ya, yb, frame.height) if steep else columns(xa, xb, frame.width)
            count[number + 1] = last - first


@entry_point
def cross(begin, end, frame, bins, nearest, rest, box, ends, picture, first, edge, pixel, sideways, seen):
    """Fill in what edges begin … end − 1 cross; nearest, box: of the faces in each tile, as in `Bins`.

    rest: as `find_rests` finds them.
    """
    across_tiles, down_tiles = (frame.width + TILE - 1) // TILE, (frame.height + TILE - 1) // TILE
    f = np.empty(FACE_SIZE)
    for number in range(begin, end):
        if first[number + 1] == first[number]:
            continue
        xa, ya, wa, za, xb, yb, wb, zb, _ = cut_edge(frame, ends, number)
        steep = abs(yb - ya) > abs(xb - xa)
        if steep:
            xa, ya, xb, yb = ya, xa, yb, xb
        size, other_size = (frame.height, frame.width) if steep else (frame.width, frame.height)
        start, _ = columns(xa, xb, size)
        for k in range(first[number + 1] - first[number]):
            column = start + k
            share = (column + 0.5 - xa) / (xb - xa)
            y = ya + share * (yb - ya)
            upper = math.floor(y - 0.5)
            at = first[number] + k
            if upper < 0 or upper + 1 >= other_size:
                continue
            near, far = (1.0 - share) / wa, share / wb
            depth = (near * za + far * zb) / (near + far)
            place_x, place_y = (y, column + 0.5) if steep else (column + 0.5, y)
            tile_x = min(int(place_x), frame.width - 1) // TILE
            tile_y = min(int(place_y), frame.height - 1) // TILE
            tile = (picture[number] * down_tiles + tile_y) * across_tiles + tile_x
            before = depth * (1.0 - BEHIND)
            if hidden(frame, bins, nearest, rest, box, tile, ends, number, place_x, place_y, before, f):
                continue
            row, left = (column, int(upper)) if steep else (int(upper), column)
            edge[at] = number
            pixel[at, 0] = (picture[number] * frame.height + row) * frame.width + left
            pixel[at, 1] = pixel[at, 0] + (1 if steep else frame.width)
            sideways[at] = steep
            seen[at] = True


@kernel
def hidden(frame, bins, nearest, rest, box, tile, ends, number, x, y, depth, f):
    """Whether a face that does not share an end with the edge lies before the point (x, y) at a depth."""
    a, b = ends[number, 0], ends[number, 1]
    for entry in range(bins.first[tile], bins.first[tile + 1]):
        if not rest[entry] < depth:
            return False
        if not nearest[entry] < depth or x < box[entry, 0] or x > box[entry, 1] + 1.0:
            continue
        if y < box[entry, 2] or y > box[entry, 3] + 1.0:
            continue
        g = bins.faces[entry]
        i, j, k = frame.triangles[g, 0], frame.triangles[g, 1], frame.triangles[g, 2]
        if a in (i, j, k) or b in (i, j, k):
            continue
        load_corners(frame, g, f)
        w0, w1, w2 = f[CORNERS + 2], f[CORNERS + 6], f[CORNERS + 10]
        x0, x1, x2 = f[CORNERS] - x * w0, f[CORNERS + 4] - x * w1, f[CORNERS + 8] - x * w2
        y0, y1, y2 = f[CORNERS + 1] - y * w0, f[CORNERS + 5] - y * w1, f[CORNERS + 9] - y * w2
        winding = frame.winding[g]
        s0, s1, s2 = (x1 * y2 - y1 * x2) * winding, (x2 * y0 - y2 * x0) * winding, (x0 * y1 - y0 * x1) * winding
        if s0 >= 0.0 and s1 >= 0.0 and s2 >= 0.0:
            z = (s0 * f[CORNERS + 3] + s1 * f[CORNERS + 7] + s2 * f[CORNERS + 11]) / max(s0 + s1 + s2, 1e-300)
            if frame.near <= z < depth:
                return True
    return False
