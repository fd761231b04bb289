"""Soft pictures in forward mode: how every pixel changes in K directions at once.

Each thread takes whole tiles. What a pair of a face and a pixel has in common for all directions is computed once.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from invrender.render.backends.numba.blocks import BLOCK, COLOR, SHARE, D, Z
from invrender.render.backends.numba.compiling import divide_work, entry_point, kernel
from invrender.render.backends.numba.frame import TILE, Array, Bins, Frame, Surface, tiles_of
from invrender.render.backends.numba.geometry import FACE_SIZE, barycentric_tangent, gap, load_face
from invrender.render.backends.numba.interpolation import (
    INTERPOLATED,
    SURFACE_SIZE,
    interpolate,
    interpolate_tangent,
    load_surface,
    load_surface_tangent,
)
from invrender.render.backends.numba.looks import DIFFERENTIABLE, LOOK_SIZE, load_look
from invrender.render.backends.numba.shading import move_colors, room_for_block, shade
from invrender.render.backends.numba.soft import DEPTH, SHADED, Soft, Sums, hidden_behind
from invrender.render.backends.numba.soft_pixels import reach, room_for, weigh
from invrender.render.backends.numba.tangent import Tangent, load_corners_tangent, load_outline_tangent


class Changes(NamedTuple):
    """Of alpha [K, P], color [K, P, 3], depth [K, P] and weight [K, P]; empty ones of what is not asked for."""

    alpha: Array
    color: Array
    depth: Array
    weight: Array


def tangents(
    frame: Frame, surface: Surface, soft: Soft, bins: Bins, sums: Sums, tangent: Tangent, directions: int
) -> Changes:
    """How the pixels change."""
    changes = Changes(*(np.zeros((directions, *each.shape), frame.vertices.dtype) for each in sums[:4]))
    across = tiles_of(frame.width)

    def run(first: int, last: int) -> None:
        tangent_tiles(first * across, last * across, frame, surface, soft, bins, sums, tangent, changes)

    divide_work(run, (len(bins.first) - 1) // across)
    return changes


@entry_point
def tangent_tiles(begin, end, frame, surface, soft, bins, sums, tangent, changes):
    """Fill in the pixels of tiles begin … end − 1."""
    across, down = (frame.width + TILE - 1) // TILE, (frame.height + TILE - 1) // TILE
    sides, inverse_depth = frame.outline.shape[1], 1.0 / soft.gamma
    colored, shaded, silhouette = soft.asked >= DEPTH, soft.asked == SHADED, soft.silhouette
    directions = len(changes.alpha)
    f, q, look, own = np.empty(FACE_SIZE), np.empty(SURFACE_SIZE), np.empty(LOOK_SIZE), np.empty(BLOCK, np.int64)
    rows, lit = room_for_block(surface)
    reached, moved_inside = room_for(TILE * TILE), np.empty((directions, TILE * TILE))
    outline, corners, moved = np.zeros((4, 2)), np.zeros((3, 4)), np.empty(INTERPOLATED)
    moved_look, still = np.empty(DIFFERENTIABLE), np.zeros(surface.lights.shape[1:], surface.lights.dtype)
    hidden = hidden_behind(soft)
    for tile in range(begin, end):
        picture, rest = tile // (across * down), tile % (across * down)
        top, left = rest // across * TILE, rest % across * TILE
        for entry in range(bins.first[tile], bins.first[tile + 1]):
            g = bins.faces[entry]
            load_face(frame, g, f)
            columns = max(bins.box[g, 0], left), min(bins.box[g, 1], left + TILE - 1)
            lines = max(bins.box[g, 2], top), min(bins.box[g, 3], top + TILE - 1)
            shallowest = bins.nearest[g] - hidden
            count, kept = reach(
                f, sides, frame, soft, sums, picture, columns, lines, shallowest, colored, silhouette, reached, 0, 0
            )  # fmt: skip
            if count == 0:
                continue
            for k in range(directions):
                load_outline_tangent(frame, tangent, g, k, outline)
                move_inside(f, sides, frame, soft, outline, count, reached, moved_inside[k])
            obj = 0
            if shaded and kept > 0:
                obj = surface.object[frame.face[g]]
                load_surface(surface, frame.face[g], q)
                load_look(surface, obj, picture, look)
            for start in range(0, kept, BLOCK):
                n = weigh(f, soft, sums, reached, start, min(kept - start, BLOCK), colored, 0, rows, own)
                if n == 0:
                    continue
                if shaded:
                    interpolate(surface, f, q, rows, 0, n)
                    shade(surface, look, picture, obj, True, rows, lit, n)
                for k in range(directions):
                    load_corners_tangent(frame, tangent, g, k, corners)
                    barycentric_tangent(f, corners, rows, 0, n)
                    if shaded:
                        load_surface_tangent(tangent, surface, frame.face[g], k, moved)
                        interpolate_tangent(surface, f, q, corners, moved, rows, 0, n)
                        move_colors(surface, tangent, look, obj, picture, k, moved_look, still, rows, lit, n)
                    for i in range(n):
                        at, share = reached.pixel[own[i]], rows[SHARE, i]
                        logit = (1.0 - reached.cover[own[i]]) * moved_inside[k, own[i]] - rows[D + Z, i] * inverse_depth
                        changes.weight[k, at] += share * sums.weight[at] * logit
                        changes.depth[k, at] += share * (logit * (rows[Z, i] - sums.depth[at]) + rows[D + Z, i])
                        if shaded:
                            for c in range(3):
                                apart = rows[COLOR + c, i] - sums.color[at, c]
                                changes.color[k, at, c] += share * (logit * apart + rows[D + COLOR + c, i])
            for k in range(directions * silhouette):
                for i in range(count):
                    pixel = reached.pixel[i]
                    changes.alpha[k, pixel] += sums.transparency[pixel] * reached.cover[i] * moved_inside[k, i]


@kernel
def move_inside(f, sides, frame, soft, outline, count, reached, moved):
    """Fill in how the distances of reached pixels, divided by σ, change as the outline moves by outline [4, 2]."""
    slope = 2.0 * frame.unit * frame.unit / soft.sigma
    for i in range(count):
        side, share = int(reached.side[i]), reached.share[i]
        ahead = side + 1 if side + 1 < sides else 0
        gap_x, gap_y = gap(f, side, share, reached.x[i], reached.y[i])
        change = (1.0 - share) * (gap_x * outline[side, 0] + gap_y * outline[side, 1])
        change += share * (gap_x * outline[ahead, 0] + gap_y * outline[ahead, 1])
        moved[i] = -slope * change if reached.inside[i] > 0.0 else slope * change
