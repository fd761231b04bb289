"""Soft pictures, fused: rasterization, shading and blending of a tile at a time.

Each thread takes whole tiles and sums over the faces that touch them, the nearest first, with a running least depth as
the reference of the softmax. For each face and tile, the pixels in reach are listed; those that the face may be seen in
are then taken a block at a time.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from invrender.render.backends.numba.blocks import (
    BARYCENTRIC,
    BLOCK,
    COLOR,
    COLUMNS,
    LANES,
    SHARE,
    X,
    Y,
    Z,
    exponential,
    whole_lanes,
)
from invrender.render.backends.numba.compiling import divide_work, entry_point, kernel
from invrender.render.backends.numba.frame import TILE, Array, Bins, Frame, Surface, tiles_of
from invrender.render.backends.numba.geometry import FACE_SIZE, barycentric, load_face, sign_distances, square_distances
from invrender.render.backends.numba.interpolation import SURFACE_SIZE, interpolate, load_surface
from invrender.render.backends.numba.looks import LOOK_SIZE, load_look
from invrender.render.backends.numba.shading import room_for_block, shade
from invrender.render.raster import blend

ALPHA, DEPTH, SHADED = range(3)  # what is asked for; each includes those before it
# A fragment that contributes at most this share of its pixel's colour is not shaded, by the precision of the tensors.
NEGLIGIBLE = {4: 1e-7, 8: blend.NEGLIGIBLE}


class Soft(NamedTuple):
    """Numbers of `Softness`; gamma: γ, in depths, as `Softness.depth`. asked: `ALPHA`, `DEPTH` or `SHADED`.

    silhouette: whether alpha is asked for. negligible: the share of a pixel's colour that does not count.
    """

    sigma: float
    gamma: float
    reach: float
    asked: int
    silhouette: bool
    negligible: float


class Sums(NamedTuple):
    """The sums over faces of P pixels, as in `Layers`; the transparency is 1 − alpha. Float64 but for the colours."""

    transparency: Array
    color: Array
    depth: Array
    weight: Array
    nearest: Array

    @classmethod
    def empty(cls, pixels: int, soft: Soft, dtype: Any) -> Sums:
        """Sums over no faces; empty ones of what is not asked for."""
        colored, shaded = pixels * (soft.asked >= DEPTH), pixels * (soft.asked >= SHADED)
        return cls(
            np.ones(pixels * soft.silhouette),
            np.zeros((shaded, 3), dtype),
            np.zeros(colored, dtype),
            np.zeros(colored),
            np.full(colored, np.inf),
        )


def forward(frame: Frame, surface: Surface, soft: Soft, bins: Bins, pictures: int) -> Sums:
    """The sums of all pixels."""
    pixels = pictures * frame.height * frame.width
    sums = Sums.empty(pixels, soft, frame.vertices.dtype)
    rows = pictures * tiles_of(frame.height)
    across = tiles_of(frame.width)

    def run(first: int, last: int) -> None:
        forward_tiles(first * across, last * across, frame, surface, soft, bins, sums)

    divide_work(run, rows if len(bins.first) > 1 else 0)
    return sums


@kernel
def hidden_behind(soft):
    """How much deeper than the nearest fragment of a pixel a face is of which the pixel shows nothing that counts."""
    return soft.gamma * (-math.log(soft.negligible) + soft.reach / soft.sigma)


@entry_point
def forward_tiles(begin, end, frame, surface, soft, bins, sums):
    """Fill in the pixels of tiles begin … end − 1."""
    across, down = (frame.width + TILE - 1) // TILE, (frame.height + TILE - 1) // TILE
    sides, shaded, pixels, inverse_depth = frame.outline.shape[1], soft.asked == SHADED, TILE * TILE, 1.0 / soft.gamma
    f, q, look = np.empty(FACE_SIZE), np.empty(SURFACE_SIZE), np.empty(LOOK_SIZE)
    rows, lit = room_for_block(surface)
    tile_sums = Sums(np.empty(pixels), np.empty((pixels, 3)), np.empty(pixels), np.empty(pixels), np.empty(pixels))
    near, x, y = np.empty(pixels + LANES), np.empty(pixels + LANES), np.empty(pixels + LANES)
    # Of a tile's pixels that a face reaches: which they are, and the shares that it covers and lets pass.
    cell, cover, passed = np.empty(pixels + LANES, np.int64), np.empty(pixels + LANES), np.empty(pixels + LANES)
    # Of the fragments of a block: their pixels, and the least depths there when their shares were found.
    shown, depths, hidden = np.empty(BLOCK, np.int64), np.empty(COLUMNS), hidden_behind(soft)
    for tile in range(begin, end):
        entry, last = bins.first[tile], bins.first[tile + 1]
        if entry == last:
            continue
        picture, rest = tile // (across * down), tile % (across * down)
        top, left = rest // across * TILE, rest % across * TILE
        tile_sums.transparency[:], tile_sums.nearest[:], tile_sums.weight[:] = 1.0, math.inf, 0.0
        tile_sums.depth[:], tile_sums.color[:] = 0.0, 0.0
        loaded, taken, kept = -1, 0, 0  # the face at hand, and of its fragments those that were in blocks, and all
        while entry < last:
            n, obj = 0, surface.object[frame.face[bins.faces[entry]]] if shaded else 0
            while entry < last and n < BLOCK:
                g = bins.faces[entry]
                if entry != loaded:
                    if shaded and surface.object[frame.face[g]] != obj:
                        break
                    columns = max(bins.box[g, 0] - left, 0), min(bins.box[g, 1] - left, TILE - 1)
                    lines = max(bins.box[g, 2] - top, 0), min(bins.box[g, 3] - top, TILE - 1)
                    kept, shallowest = 0, bins.nearest[g] - hidden
                    if any_counts(columns, lines, TILE, shallowest, tile_sums, soft.asked >= DEPTH, soft.silhouette):
                        load_face(frame, g, f)
                        count = cover_tile(
                            f, sides, frame, soft, columns, lines, left, top, x, y, near, cell, cover, passed
                        )
                        kept = pass_light(sides, soft, shallowest, count, tile_sums, cell, cover, passed)
                    if shaded and kept > 0:
                        load_surface(surface, frame.face[g], q)
                    loaded = entry
                if n > 0 and kept - taken > BLOCK - n:
                    break  # what begins with a block lies at the beginning of vectors
                piece, following = min(kept - taken, BLOCK - n), n
                if piece > 0:
                    for i in range(piece):
                        at = cell[taken + i]
                        rows[X, n + i], rows[Y, n + i] = left + at % TILE + 0.5, top + at // TILE + 0.5
                    barycentric(f, rows, n, n + piece)
                    following = blend_in(
                        sides, soft, n, piece, tile_sums, cell[taken:], cover[taken:], passed[taken:],
                        rows, shown, depths,
                    )  # fmt: skip
                if shaded and following > n:
                    interpolate(surface, f, q, rows, n, following)
                n, taken = following, taken + piece
                if taken == kept:
                    entry, taken = entry + 1, 0
            if shaded and n > 0:
                load_look(surface, obj, picture, look)
                shade(surface, look, picture, obj, False, rows, lit, n)
                add_colors(n, inverse_depth, tile_sums, rows, shown, depths)
        write_tile(frame, soft, picture, left, top, tile_sums, sums)


@kernel
def any_counts(columns, lines, width, depth, sums, colored, silhouette):
    """Whether any pixel in columns and lines, each first and last, counts: sums are of pixels ``width`` in a line.

    Those that are open, if the ``silhouette`` is asked for, or, if colours or depths are, show something at ``depth``
    or deeper.
    """
    nearest, transparency = sums.nearest, sums.transparency
    for line in range(lines[0], lines[1] + 1):
        for pixel in range(line * width + columns[0], line * width + columns[1] + 1):
            if (colored and depth <= nearest[pixel]) or (silhouette and transparency[pixel] > 0.0):
                return True
    return False


@kernel
def cover_tile(f, sides, frame, soft, columns, lines, left, top, x, y, near, cell, cover, passed):
    """Enter a tile's pixels in its columns and lines, first and last, that a face reaches; how many there are."""
    count, reached, inverse_sigma = 0, 0, 1.0 / soft.sigma
    first, width = columns[0], columns[1] - columns[0] + 1
    for line in range(lines[0], lines[1] + 1):
        assert count >= 0
        start = line * TILE + first
        for i in range(whole_lanes(width)):
            x[count + i], y[count + i], cell[count + i] = left + first + i + 0.5, top + line + 0.5, start + i
        count += width
    square_distances(f, sides, x, y, count, near)
    sign_distances(f, sides, frame.near, frame.unit, x, y, count, near)
    for i in range(count):
        cell[reached], cover[reached] = cell[i], near[i]
        reached += near[i] > -soft.reach
    for i in range(whole_lanes(reached)):
        odds = exponential(-cover[i] * inverse_sigma)
        cover[i] = 1.0 / (1.0 + odds)
        passed[i] = odds * cover[i]
    return reached


@kernel
def pass_light(sides, soft, shallowest, count, tile_sums, cell, cover, passed):
    """Let less light pass where a face is; keep the pixels that it may be seen in. Returns how many these are.

    Those that show something at depth ``shallowest`` or deeper; and all of a clipped face, which may be behind the
    camera: only its depth there tells.
    """
    kept, colored = 0, soft.asked >= DEPTH
    transparency, nearest = tile_sums.transparency, tile_sums.nearest
    for i in range(count):
        at = cell[i]
        if sides == 3:
            transparency[at] *= passed[i]
        cell[kept], cover[kept], passed[kept] = at, cover[i], passed[i]
        kept += sides == 4 or (colored and shallowest <= nearest[at])
    return kept


@kernel
def blend_in(sides, soft, begin, count, tile_sums, cell, cover, passed, rows, shown, depths):
    """Add ``count`` fragments, in a block from column ``begin`` on, to the sums but for their colours.

    Those that count stay in the block: returns where they end. shown: their pixels. depths: the least ones there.
    """
    assert rows.shape[1] == COLUMNS and begin >= 0
    transparency, nearest, weight = tile_sums.transparency, tile_sums.nearest, tile_sums.weight
    depth, color, inverse_depth, kept = tile_sums.depth, tile_sums.color, 1.0 / soft.gamma, begin
    for i in range(count):
        rows[SHARE, begin + i] = nearest[cell[i]]
    for i in range(whole_lanes(count)):
        rows[SHARE, begin + i] = exponential(-abs(rows[SHARE, begin + i] - rows[Z, begin + i]) * inverse_depth)
    for i in range(count):
        at, z, share = cell[i], rows[Z, begin + i], rows[SHARE, begin + i]
        if not z > 0.0:
            continue
        if sides == 4:
            transparency[at] *= passed[i]
        if soft.asked == ALPHA:
            continue
        if z < nearest[at]:
            weight[at] *= share
            depth[at] *= share
            for c in range(3):
                color[at, c] *= share
            nearest[at] = z
            share = cover[i]
        else:
            share *= cover[i]
            if share <= soft.negligible * weight[at]:
                continue
        weight[at] += share
        depth[at] += share * z
        shown[kept], depths[kept], rows[SHARE, kept] = at, nearest[at], share
        for k in range(3):
            rows[BARYCENTRIC + k, kept] = rows[BARYCENTRIC + k, begin + i]
        kept += 1
    return kept


@kernel
def add_colors(n, inverse_depth, tile_sums, rows, shown, depths):
    """Add a block's colours to the sums; since their shares were found the least depths may have become less."""
    for i in range(n):
        rows[Z, i] = tile_sums.nearest[shown[i]]
    for i in range(whole_lanes(n)):
        rows[SHARE, i] *= exponential((rows[Z, i] - depths[i]) * inverse_depth)
    for i in range(n):
        for c in range(3):
            tile_sums.color[shown[i], c] += rows[SHARE, i] * rows[COLOR + c, i]


@kernel
def write_tile(frame, soft, picture, left, top, tile_sums, sums):
    """Write a tile's sums to its picture."""
    for y in range(top, min(top + TILE, frame.height)):
        for x in range(left, min(left + TILE, frame.width)):
            pixel, at = (picture * frame.height + y) * frame.width + x, (y - top) * TILE + x - left
            if soft.silhouette:
                sums.transparency[pixel] = tile_sums.transparency[at]
            if soft.asked >= DEPTH:
                weight = tile_sums.weight[at]
                total = weight if weight > 0.0 else 1.0
                sums.weight[pixel], sums.nearest[pixel] = weight, tile_sums.nearest[at]
                sums.depth[pixel] = tile_sums.depth[at] / total
                if soft.asked == SHADED:
                    for c in range(3):
                        sums.color[pixel, c] = tile_sums.color[at, c] / total
