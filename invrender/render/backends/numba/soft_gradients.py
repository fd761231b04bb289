"""The gradients of soft pictures.

Each thread takes whole faces and visits their pixels again, with nothing kept but a few sums a pixel: no two threads
ever add to the same number, so that results do not depend on how many there are.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from invrender.render.backends.numba.blocks import BARYCENTRIC, BLOCK, COLOR, SHARE, D, Z, fill
from invrender.render.backends.numba.compiling import allocating, kernel
from invrender.render.backends.numba.frame import Array, Bins, Frame, Surface
from invrender.render.backends.numba.geometry import FACE_SIZE, barycentric_back, distances_back, load_face
from invrender.render.backends.numba.gradients import Gradients, Which, store_corners, store_look
from invrender.render.backends.numba.interpolation import (
    INTERPOLATED,
    SURFACE_SIZE,
    interpolate,
    interpolate_back,
    load_surface,
)
from invrender.render.backends.numba.looks import DIFFERENTIABLE, LEVELS, LOOK_SIZE, load_look
from invrender.render.backends.numba.shading import room_for_block, shade, shade_back
from invrender.render.backends.numba.soft import Soft, Sums, hidden_behind
from invrender.render.backends.numba.soft_pixels import reach, room_for, weigh
from invrender.render.backends.numba.textures import look_up_back

OVERHEAD = 16  # pixels that a face costs even if it touches none
AT_ONCE = 1024  # pixels of a face, or a line of them, whose derivatives are found together


class Cotangents(NamedTuple):
    """Of alpha [P], color [P, 3], depth [P] and weight [P]; empty where there is none."""

    alpha: Array
    color: Array
    depth: Array
    weight: Array


@kernel
def any_counts(touched, width, depth, sums, colored, silhouette):
    """Whether any pixel in columns and lines ``touched`` counts, as in `reach`."""
    first, last, top, bottom = touched
    nearest, transparency = sums.nearest, sums.transparency
    for line in range(top, bottom + 1):
        for pixel in range(line * width + first, line * width + last + 1):
            if (colored and depth <= nearest[pixel]) or (silhouette and transparency[pixel] > 0.0):
                return True
    return False


@allocating
def backward_parts(first, last, bounds, frame, surface, soft, bins, sums, cotangents, wanted, corners, shared):
    """Add up the gradients of parts first … last − 1 of the faces."""
    for part in range(first, last):
        begin, end = bounds[part], bounds[part + 1]
        backward_faces(begin, end, part, frame, surface, soft, bins, sums, cotangents, wanted, corners, shared)


@allocating
def backward_faces(begin, end, part, frame, surface, soft, bins, sums, cotangents, wanted, corners, shared):
    """Add up the gradients of faces begin … end − 1."""
    sides, inverse_depth = frame.outline.shape[1], 1.0 / soft.gamma
    f, q, look, own = np.empty(FACE_SIZE), np.empty(SURFACE_SIZE), np.empty(LOOK_SIZE), np.empty(BLOCK, np.int64)
    rows, lit = room_for_block(surface)
    room = max(frame.width, AT_ONCE)
    reached, g_inside = room_for(room, frame.width), np.empty(room)
    outline, vertices = np.empty((4, 4)), np.empty((3, 4))
    interpolated, looks = np.empty(INTERPOLATED), np.empty(DIFFERENTIABLE)
    shaded, geometric = len(cotangents.color) > 0, wanted.outline or wanted.vertices
    colored = shaded or len(cotangents.depth) > 0 or len(cotangents.weight) > 0
    silhouette = len(cotangents.alpha) > 0 and geometric
    light_gradient = np.zeros(surface.lights.shape)
    slope, hidden = frame.unit * frame.unit / soft.sigma, hidden_behind(soft)
    for number in range(begin, end):
        face, picture = frame.face[number], frame.picture[number]
        first, last, top, bottom = bins.box[number]
        shallowest = bins.nearest[number] - hidden
        touched = (first, last, picture * frame.height + top, picture * frame.height + bottom)
        if not any_counts(touched, frame.width, shallowest, sums, colored, silhouette):
            continue
        load_face(frame, number, f)
        obj = 0
        if shaded:
            obj = surface.object[face]
            load_surface(surface, face, q)
            load_look(surface, obj, picture, look)
        outline[:], vertices[:], interpolated[:], looks[:] = 0.0, 0.0, 0.0, 0.0
        lines = max(1, AT_ONCE // (last - first + 1))
        for upper in range(top, bottom + 1, lines):
            count, kept = reach(
                f, sides, frame, soft, sums, picture, (first, last), (upper, min(upper + lines - 1, bottom)),
                shallowest, colored, silhouette, reached,
            )  # fmt: skip
            g_inside[:count] = 0.0
            for start in range(0, kept, BLOCK):
                n = weigh(f, soft, sums, reached, start, min(kept - start, BLOCK), colored, rows, own)
                if n == 0:
                    continue
                flat_back(sums, cotangents, reached, n, rows, own)
                if shaded:
                    interpolate(surface, f, q, rows, 0, n)
                    shade(surface, look, picture, obj, True, rows, lit, n)
                    color_back(sums, cotangents, reached, n, rows, own)
                    shade_back(surface, look, picture, rows, lit, n, looks, light_gradient[picture], wanted)
                    interpolate_back(surface, f, q, rows, 0, n, vertices, interpolated, wanted)
                    if wanted.texels and look[LEVELS] > 0.0:
                        look_up_back(look[LEVELS], rows, n, shared.texels[part])
                for i in range(n):
                    g_inside[own[i]] = rows[D + SHARE, i] * (1.0 - reached.cover[own[i]])
                    rows[D + Z, i] -= rows[D + SHARE, i] * inverse_depth
                if wanted.vertices:
                    barycentric_back(f, rows, 0, n, vertices)
            if geometric:
                for i in range(count):
                    if silhouette:
                        pixel = reached.pixel[i]
                        g_inside[i] += cotangents.alpha[pixel] * sums.transparency[pixel] * reached.cover[i]
                    g_inside[i] *= slope if reached.inside[i] > 0.0 else -slope
                distances_back(
                    f, sides, reached.x, reached.y, reached.side, reached.share, g_inside, count, outline
                )  # fmt: skip
        store_corners(outline, vertices, interpolated, number, wanted, corners)
        store_look(looks, obj, picture, part, wanted, shared)
    if wanted.lights:
        shared.lights[part] += light_gradient


@kernel
def flat_back(sums, cotangents, reached, n, rows, own):
    """Begin a block with the cotangents of depths and of shares' logarithms, as of a picture without colours."""
    for k in range(3):
        fill(rows, D + BARYCENTRIC + k, 0.0, n)
    fill(rows, D + Z, 0.0, n)
    fill(rows, D + SHARE, 0.0, n)
    if len(cotangents.depth) > 0:
        for i in range(n):
            pixel = reached.pixel[own[i]]
            rows[D + Z, i] = rows[SHARE, i] * cotangents.depth[pixel]
            rows[D + SHARE, i] = rows[D + Z, i] * (rows[Z, i] - sums.depth[pixel])
    if len(cotangents.weight) > 0:
        for i in range(n):
            pixel = reached.pixel[own[i]]
            rows[D + SHARE, i] += rows[SHARE, i] * sums.weight[pixel] * cotangents.weight[pixel]


@kernel
def color_back(sums, cotangents, reached, n, rows, own):
    """Fill in the cotangents of the fragments' colours, and add to those of their shares."""
    for i in range(n):
        pixel = reached.pixel[own[i]]
        for c in range(3):
            rows[D + COLOR + c, i] = rows[SHARE, i] * cotangents.color[pixel, c]
            rows[D + SHARE, i] += rows[D + COLOR + c, i] * (rows[COLOR + c, i] - sums.color[pixel, c])


def backward(
    frame: Frame, surface: Surface, soft: Soft, bins: Bins, sums: Sums, cotangents: Cotangents, wanted: Which
) -> list[Array | None]:
    """The gradients of all differentiable arrays, in the order of ``wanted``; None for those not wanted."""

    def work(first: int, last: int, gradients: Gradients) -> None:
        backward_parts(
            first,
            last,
            gradients.bounds,
            frame,
            surface,
            soft,
            bins,
            sums,
            cotangents,
            wanted,
            gradients.corners,
            gradients.shared,
        )

    box = bins.box
    columns, rows = box[:, 1] - box[:, 0] + 1, box[:, 3] - box[:, 2] + 1
    return Gradients.over_faces(work, frame, surface, np.arange(len(bins.box)), columns * rows + OVERHEAD, wanted)
