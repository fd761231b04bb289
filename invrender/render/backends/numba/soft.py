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
    SHARE,
    X,
    Y,
    Z,
    exponential,
    whole_lanes,
)
from invrender.render.backends.numba.compiling import allocating, divide_work, kernel
from invrender.render.backends.numba.frame import TILE, Array, Bins, Frame, Surface, tiles_of
from invrender.render.backends.numba.geometry import FACE_SIZE, barycentric, load_face, signed_row, squared_row
from invrender.render.backends.numba.interpolation import SURFACE_SIZE, interpolate, load_surface
from invrender.render.backends.numba.looks import LOOK_SIZE, load_look
from invrender.render.backends.numba.shading import room_for_block, shade
from invrender.render.raster import blend

ALPHA, DEPTH, SHADED = range(3)  # what is asked for; each includes those before it
# A fragment that contributes at most this share of its pixel's colour is not shaded, by the precision of the tensors.
NEGLIGIBLE = {4: 1e-7, 8: blend.NEGLIGIBLE}


class Soft(NamedTuple):
    """Numbers of `Softness`; gamma: γ, in depths, as `Softness.depth`. asked: `ALPHA`, `DEPTH` or `SHADED`.

    negligible: the share of a pixel's colour that does not count.
    """

    sigma: float
    gamma: float
    reach: float
    asked: int
    negligible: float


class Sums(NamedTuple):
    """The sums over faces of P pixels, as in `Layers`; the transparency is 1 − alpha. Float64 but for the colours."""

    transparency: Array
    color: Array
    depth: Array
    weight: Array
    nearest: Array

    @classmethod
    def empty(cls, pixels: int, asked: int, dtype: Any) -> Sums:
        """Sums over no faces."""
        colored, shaded = pixels * (asked >= DEPTH), pixels * (asked >= SHADED)
        return cls(
            np.ones(pixels),
            np.zeros((shaded, 3), dtype),
            np.zeros(colored, dtype),
            np.zeros(colored),
            np.full(colored, np.inf),
        )


def forward(frame: Frame, surface: Surface, soft: Soft, bins: Bins, pictures: int) -> Sums:
    """The sums of all pixels."""
    pixels = pictures * frame.height * frame.width
    sums = Sums.empty(pixels, soft.asked, frame.vertices.dtype)
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


@allocating
def forward_tiles(begin, end, frame, surface, soft, bins, sums):
    """Fill in the pixels of tiles begin … end − 1."""
    across, down = (frame.width + TILE - 1) // TILE, (frame.height + TILE - 1) // TILE
    sides, asked, pixels = frame.outline.shape[1], soft.asked, TILE * TILE
    f, q, look, row = np.empty(FACE_SIZE), np.empty(SURFACE_SIZE), np.empty(LOOK_SIZE), np.empty(TILE)
    rows, lit = room_for_block(surface)
    tile_sums = Sums(np.empty(pixels), np.empty((pixels, 3)), np.empty(pixels), np.empty(pixels), np.empty(pixels))
    # Of a tile's pixels that a face reaches: which they are, and the shares that it covers and lets pass.
    cell, cover, passed = np.empty(pixels, np.int64), np.empty(pixels), np.empty(pixels)
    shown, hidden = np.empty(BLOCK, np.int64), hidden_behind(soft)
    for tile in range(begin, end):
        if bins.first[tile] == bins.first[tile + 1]:
            continue
        picture, rest = tile // (across * down), tile % (across * down)
        top, left = rest // across * TILE, rest % across * TILE
        tile_sums.transparency[:], tile_sums.nearest[:], tile_sums.weight[:] = 1.0, math.inf, 0.0
        tile_sums.depth[:], tile_sums.color[:] = 0.0, 0.0
        looked_at = -1
        for entry in range(bins.first[tile], bins.first[tile + 1]):
            g = bins.faces[entry]
            load_face(frame, g, f)
            columns = max(bins.box[g, 0], left), min(bins.box[g, 1], left + TILE - 1)
            lines = max(bins.box[g, 2], top), min(bins.box[g, 3], top + TILE - 1)
            count = cover_tile(f, sides, frame, soft, columns, lines, left, top, row, cell, cover, passed)
            kept = pass_light(sides, soft, bins.nearest[g] - hidden, count, tile_sums, cell, cover, passed)
            if kept == 0:
                continue
            obj = 0
            if asked == SHADED:
                load_surface(surface, frame.face[g], q)
                obj = surface.object[frame.face[g]]
                if obj != looked_at:
                    load_look(surface, obj, picture, look)
                    looked_at = obj
            for start in range(0, kept, BLOCK):
                n = min(kept - start, BLOCK)
                for i in range(n):
                    at = cell[start + i]
                    rows[X, i], rows[Y, i] = left + at % TILE + 0.5, top + at // TILE + 0.5
                barycentric(f, rows, 0, n)
                n = blend_in(sides, soft, n, tile_sums, cell[start:], cover[start:], passed[start:], rows, shown)
                if asked == SHADED and n > 0:
                    interpolate(surface, f, q, rows, 0, n)
                    shade(surface, look, picture, obj, False, rows, lit, n)
                    for i in range(n):
                        for c in range(3):
                            tile_sums.color[shown[i], c] += rows[SHARE, i] * rows[COLOR + c, i]
        write_tile(frame, asked, picture, left, top, tile_sums, sums)


@kernel
def cover_tile(f, sides, frame, soft, columns, lines, left, top, row, cell, cover, passed):
    """Enter a tile's pixels in columns and lines, each first and last, that a face reaches; how many there are."""
    first, width, count, inverse_sigma = columns[0], columns[1] - columns[0] + 1, 0, 1.0 / soft.sigma
    for y in range(lines[0], lines[1] + 1):
        squared_row(f, sides, first + 0.5, y + 0.5, width, row)
        signed_row(f, sides, frame.near, frame.unit, first + 0.5, y + 0.5, width, row)
        start = (y - top) * TILE + first - left
        for i in range(width):
            cell[count], cover[count] = start + i, row[i]
            count += row[i] > -soft.reach
    for i in range(whole_lanes(count)):
        odds = exponential(-cover[i] * inverse_sigma)
        cover[i] = 1.0 / (1.0 + odds)
        passed[i] = odds * cover[i]
    return count


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
def blend_in(sides, soft, n, tile_sums, cell, cover, passed, rows, shown):
    """Add fragments to the sums, but for their colours; keep those that count.

    Returns how many these are; shown: their pixels.
    """
    transparency, nearest, weight = tile_sums.transparency, tile_sums.nearest, tile_sums.weight
    depth, color, inverse_depth, kept = tile_sums.depth, tile_sums.color, 1.0 / soft.gamma, 0
    for i in range(n):
        rows[SHARE, i] = nearest[cell[i]]
    for i in range(whole_lanes(n)):
        rows[SHARE, i] = exponential(-abs(rows[SHARE, i] - rows[Z, i]) * inverse_depth)
    for i in range(n):
        at, z, share = cell[i], rows[Z, i], rows[SHARE, i]
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
        shown[kept], rows[SHARE, kept] = at, share
        for k in range(3):
            rows[BARYCENTRIC + k, kept] = rows[BARYCENTRIC + k, i]
        kept += 1
    return kept


@kernel
def write_tile(frame, asked, picture, left, top, tile_sums, sums):
    """Write a tile's sums to its picture."""
    for y in range(top, min(top + TILE, frame.height)):
        for x in range(left, min(left + TILE, frame.width)):
            pixel, at = (picture * frame.height + y) * frame.width + x, (y - top) * TILE + x - left
            sums.transparency[pixel] = tile_sums.transparency[at]
            if asked >= DEPTH:
                weight = tile_sums.weight[at]
                total = weight if weight > 0.0 else 1.0
                sums.weight[pixel], sums.nearest[pixel] = weight, tile_sums.nearest[at]
                sums.depth[pixel] = tile_sums.depth[at] / total
                if asked == SHADED:
                    for c in range(3):
                        sums.color[pixel, c] = tile_sums.color[at, c] / total
