"""Soft pictures in forward mode: how every pixel changes in K directions at once.

Each thread takes whole tiles. What a pair of a face and a pixel has in common for all directions is computed once.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from invrender.render.kernels.cpu.compiling import divided, kernel
from invrender.render.kernels.cpu.frame import TILE, Array, Bins, Frame, Shading, tiles_of
from invrender.render.kernels.cpu.geometry import (
    CORNERS,
    FACE_SIZE,
    barycentric,
    barycentric_along,
    footprint,
    gap,
    load_face,
    nearest_row,
    signed_row,
)
from invrender.render.kernels.cpu.moving import Moving, load_moving_face
from invrender.render.kernels.cpu.shading import (
    GRADIENTS,
    LEVELS,
    SHADING_SIZE,
    SURFACE_SIZE,
    TEXEL_AREA,
    load_moving_surface,
    load_surface,
    look_up_along,
    shade,
    shade_along,
)
from invrender.render.kernels.cpu.soft import DEPTH, SHADED, Soft, Sums, hidden_behind


class Changes(NamedTuple):
    """Of alpha [K, P], color [K, P, 3], depth [K, P] and weight [K, P]."""

    alpha: Array
    color: Array
    depth: Array
    weight: Array


def tangents(
    frame: Frame, shading: Shading, soft: Soft, bins: Bins, sums: Sums, moving: Moving, directions: int
) -> Changes:
    """How the pixels change."""
    dtype, pixels = frame.vertices.dtype, len(sums.transparency)
    colored, shaded = pixels * (soft.asked >= DEPTH), pixels * (soft.asked == SHADED)
    changes = Changes(
        np.zeros((directions, pixels), dtype),
        np.zeros((directions, shaded, 3), dtype),
        np.zeros((directions, colored), dtype),
        np.zeros((directions, colored), dtype),
    )
    across = tiles_of(frame.width)

    def run(first: int, last: int) -> None:
        tangent_tiles(first * across, last * across, frame, shading, soft, bins, sums, moving, changes)

    divided(run, (len(bins.first) - 1) // across)
    return changes


@kernel
def tangent_tiles(begin, end, frame, shading, soft, bins, sums, moving, changes):
    """Fill in the pixels of tiles begin … end − 1."""
    across, down = (frame.width + TILE - 1) // TILE, (frame.height + TILE - 1) // TILE
    sides, inverse_depth, inverse_sigma = frame.outline.shape[1], 1.0 / soft.depth, 1.0 / soft.sigma
    directions = len(changes.alpha)
    f, q, s, row = np.empty(FACE_SIZE), np.empty(SURFACE_SIZE), np.empty(SHADING_SIZE), np.empty(TILE)
    sides_of, along = np.empty(TILE), np.empty(TILE)
    outline, corners, moved = (
        np.zeros((directions, 4, 2)), np.zeros((directions, 3, 4)), np.zeros((directions, GRADIENTS))
    )  # fmt: skip
    still = np.zeros(shading.lights.shape[1:])
    hidden = hidden_behind(soft)
    scale = frame.unit * frame.unit
    for tile in range(begin, end):
        picture, rest = tile // (across * down), tile % (across * down)
        top, left = rest // across * TILE, rest % across * TILE
        lights = shading.lights[picture]
        for entry in range(bins.first[tile], bins.first[tile + 1]):
            g = bins.faces[entry]
            load_face(frame, g, f)
            load_moving_face(frame, moving, g, outline, corners)
            table = shading.textures[0]
            if soft.asked == SHADED:
                load_surface(shading, frame.face[g], picture, q)
                table = shading.textures[shading.object[frame.face[g]]]
                for k in range(directions):
                    load_moving_surface(moving, shading, frame.face[g], picture, k, moved[k])
            front = min(f[CORNERS + 3], f[CORNERS + 7], f[CORNERS + 11])
            first, last = max(bins.box[g, 0], left), min(bins.box[g, 1], left + TILE - 1)
            for y in range(max(bins.box[g, 2], top), min(bins.box[g, 3], top + TILE - 1) + 1):
                nearest_row(f, sides, first + 0.5, y + 0.5, last - first + 1, row, sides_of, along)
                signed_row(f, sides, frame.near, frame.unit, first + 0.5, y + 0.5, last - first + 1, row)
                for x in range(first, last + 1):
                    inside = row[x - first]
                    if not inside > -soft.reach:
                        continue
                    pixel = (picture * frame.height + y) * frame.width + x
                    seen = soft.asked >= DEPTH and front - sums.nearest[pixel] <= hidden
                    open_pixel = sums.transparency[pixel] > 0.0
                    if not (seen or open_pixel):
                        continue
                    cover = 1.0 / (1.0 + math.exp(-inside * inverse_sigma))
                    b0, b1, b2, total, z, share, weight = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
                    if seen or sides == 4:
                        b0, b1, b2, total, z = barycentric(f, x + 0.5, y + 0.5)
                        if not z > 0.0:
                            continue
                    if seen:
                        weight = cover * math.exp((sums.nearest[pixel] - z) * inverse_depth)
                        share = weight / sums.weight[pixel]
                        seen = share > soft.negligible
                    red, green, blue = 0.0, 0.0, 0.0
                    if seen and soft.asked == SHADED:
                        minification = q[TEXEL_AREA] * footprint(f, b0, b1, b2)
                        red, green, blue = shade(
                            q, lights, shading.kinds, table, shading.texels, b0, b1, b2, minification, True, s
                        )
                        red -= sums.color[pixel, 0]
                        green -= sums.color[pixel, 1]
                        blue -= sums.color[pixel, 2]
                    side, part = int(sides_of[x - first]), along[x - first]
                    gap_x, gap_y = gap(f, side, part, x + 0.5, y + 0.5)
                    ahead = (side + 1) % sides
                    slope = -2.0 * scale if inside > 0.0 else 2.0 * scale
                    for k in range(directions):
                        d_inside = (1.0 - part) * (gap_x * outline[k, side, 0] + gap_y * outline[k, side, 1])
                        d_inside += part * (gap_x * outline[k, ahead, 0] + gap_y * outline[k, ahead, 1])
                        d_inside *= slope * inverse_sigma
                        changes.alpha[k, pixel] += sums.transparency[pixel] * cover * d_inside
                        if not seen:
                            continue
                        m0, m1, m2, dz = barycentric_along(f, corners[k], x + 0.5, y + 0.5, b0, b1, b2, total)
                        d_logit = (1.0 - cover) * d_inside - dz * inverse_depth
                        changes.weight[k, pixel] += weight * d_logit
                        changes.depth[k, pixel] += share * (d_logit * (z - sums.depth[pixel]) + dz)
                        if soft.asked == SHADED:
                            t0, t1, t2 = 0.0, 0.0, 0.0
                            if len(moving.texels) > 0 and q[LEVELS] > 0.0:
                                t0, t1, t2 = look_up_along(table, s, moving.texels[k])
                            if len(moving.lights) > 0:
                                still[:] = moving.lights[k, picture]
                            r_, g_, b_ = shade_along(
                                q, moved[k], lights, still, shading.kinds, b0, b1, b2, m0, m1, m2, s, t0, t1, t2
                            )
                            changes.color[k, pixel, 0] += share * (d_logit * red + r_)
                            changes.color[k, pixel, 1] += share * (d_logit * green + g_)
                            changes.color[k, pixel, 2] += share * (d_logit * blue + b_)
