"""The gradients of soft pictures.

Each thread takes whole faces and visits their pixels again, with nothing kept but a few sums a pixel: no two threads
ever add to the same number, so that results do not depend on how many there are.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from invrender.render.backends.numba.blocks import BARYCENTRIC, BLOCK, COLOR, SHARE, D, Z, fill
from invrender.render.backends.numba.compiling import allocating, calling, kernel
from invrender.render.backends.numba.frame import Array, Bins, Frame, Surface
from invrender.render.backends.numba.geometry import FACE_SIZE, barycentric_back, distances_back, load_face
from invrender.render.backends.numba.gradients import Gradients, Which, store_corners, store_look, store_outline
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
    room = max(frame.width, AT_ONCE)
    reached, waiting = room_for(room), room_for_waiting(surface, room)  # once: room costs more than a part of few faces
    for part in range(first, last):
        begin, end = bounds[part], bounds[part + 1]
        waiting.lights[:] = 0.0
        backward_faces(
            begin, end, part, frame, surface, soft, bins, sums, cotangents, wanted, corners, shared, reached, waiting
        )  # fmt: skip
        if wanted.lights:
            shared.lights[part] += waiting.lights


class Waiting(NamedTuple):
    """Faces whose pixels wait for a block to be full, and those of their pixels that are in it.

    f, q: scratch arrays of the faces. number: their numbers. pixels: into `Reached`, where the pixels of each begin,
    and at the end their number. inside: the cotangents of these pixels' distances. run: of each face that has columns
    in the block, which it is; starts: where they begin, and at the end their number. own: the pixel of each column.
    """

    f: Array
    q: Array
    number: Array
    pixels: Array
    inside: Array
    run: Array
    starts: Array
    own: Array
    rows: Array
    lit: Array
    look: Array
    looks: Array
    lights: Array
    outline: Array
    vertices: Array
    interpolated: Array


@allocating
def room_for_waiting(surface, pixels):
    """Arrays for as many faces as a block may be of, and so many pixels."""
    rows, lit = room_for_block(surface)
    return Waiting(
        np.empty((BLOCK, FACE_SIZE)), np.empty((BLOCK, SURFACE_SIZE)), np.empty(BLOCK, np.int64),
        np.zeros(BLOCK + 1, np.int64), np.empty(pixels), np.empty(BLOCK, np.int64), np.zeros(BLOCK + 1, np.int64),
        np.empty(BLOCK, np.int64), rows, lit, np.empty(LOOK_SIZE), np.zeros(DIFFERENTIABLE),
        np.zeros(surface.lights.shape), np.empty((4, 4)), np.empty((3, 4)), np.empty(INTERPOLATED),
    )  # fmt: skip


@kernel
def backward_faces(
    begin, end, part, frame, surface, soft, bins, sums, cotangents, wanted, corners, shared, reached, waiting
):  # fmt: skip
    """Add up the gradients of faces begin … end − 1."""
    sides, room = frame.outline.shape[1], max(frame.width, AT_ONCE)
    shaded, geometric = len(cotangents.color) > 0, wanted.outline or wanted.vertices
    colored = shaded or len(cotangents.depth) > 0 or len(cotangents.weight) > 0
    silhouette = len(cotangents.alpha) > 0 and geometric
    hidden, pixels, rows, own = hidden_behind(soft), waiting.pixels, waiting.rows, waiting.own
    faces, runs, obj, picture = 0, 0, -1, -1  # so many wait, of this object in this picture
    for number in range(begin, end):
        face = frame.face[number]
        first, last, top, bottom = bins.box[number]
        shallowest = bins.nearest[number] - hidden
        line = frame.picture[number] * frame.height
        if not any_counts(
            (first, last, line + top, line + bottom), frame.width, shallowest, sums, colored, silhouette
        ):  # fmt: skip
            continue
        its_obj = surface.object[face] if shaded else 0
        if its_obj != obj or frame.picture[number] != picture:
            finish(
                surface,
                soft,
                sums,
                cotangents,
                wanted,
                corners,
                shared,
                frame,
                obj,
                picture,
                part,
                faces,
                runs,
                reached,
                waiting,
            )
            faces, runs, obj, picture = 0, 0, its_obj, frame.picture[number]
            if shaded:
                load_look(surface, obj, picture, waiting.look)
        lines = max(1, AT_ONCE // (last - first + 1))
        for upper in range(top, bottom + 1, lines):
            lower = min(upper + lines - 1, bottom)
            if faces == BLOCK or pixels[faces] + (last - first + 1) * (lower - upper + 1) > room:
                finish(
                    surface,
                    soft,
                    sums,
                    cotangents,
                    wanted,
                    corners,
                    shared,
                    frame,
                    obj,
                    picture,
                    part,
                    faces,
                    runs,
                    reached,
                    waiting,
                )
                faces, runs = 0, 0
            f = waiting.f[faces]
            load_face(frame, number, f)
            waiting.number[faces] = number
            pixels[faces + 1], kept = reach(
                f, sides, frame, soft, sums, picture, (first, last), (upper, lower), shallowest, colored, silhouette,
                pixels[faces], reached,
            )  # fmt: skip
            waiting.inside[pixels[faces] : pixels[faces + 1]] = 0.0
            if kept > 0 and shaded:
                load_surface(surface, face, waiting.q[faces])
            start = 0
            while start < kept:
                if waiting.starts[runs] == BLOCK:
                    block_back(
                        surface,
                        soft,
                        sums,
                        cotangents,
                        wanted,
                        corners,
                        shared,
                        obj,
                        picture,
                        part,
                        runs,
                        reached,
                        waiting,
                    )
                    runs = 0
                at = waiting.starts[runs]
                n = min(kept - start, BLOCK - at)
                after = weigh(f, soft, sums, reached, start, n, colored, at, rows, own)
                start += n
                if after > at:
                    if shaded:
                        interpolate(surface, f, waiting.q[faces], rows, at, after)
                    waiting.run[runs], waiting.starts[runs + 1] = faces, after
                    runs += 1
            faces += 1
    finish(
        surface,
        soft,
        sums,
        cotangents,
        wanted,
        corners,
        shared,
        frame,
        obj,
        picture,
        part,
        faces,
        runs,
        reached,
        waiting,
    )


@calling
def block_back(
    surface, soft, sums, cotangents, wanted, corners, shared, obj, picture, part, runs, reached, waiting
):  # fmt: skip
    """Add the gradients of a block, and leave the cotangents of distances that come from it with the faces' pixels."""
    rows, own, look, n, inverse_depth = waiting.rows, waiting.own, waiting.look, waiting.starts[runs], 1.0 / soft.gamma
    shaded, vertices, interpolated = len(cotangents.color) > 0, waiting.vertices, waiting.interpolated
    flat_back(sums, cotangents, reached, n, rows, own)
    if shaded:
        waiting.looks[:] = 0.0
        shade(surface, look, picture, obj, True, rows, waiting.lit, n)
        color_back(sums, cotangents, reached, n, rows, own)
        shade_back(surface, look, picture, rows, waiting.lit, n, waiting.looks, waiting.lights[picture], wanted)
        if wanted.texels and look[LEVELS] > 0.0:
            look_up_back(look[LEVELS], rows, n, shared.texels[part])
        store_look(waiting.looks, obj, picture, part, wanted, shared)
    for i in range(n):
        waiting.inside[own[i]] = rows[D + SHARE, i] * (1.0 - reached.cover[own[i]])
        rows[D + Z, i] -= rows[D + SHARE, i] * inverse_depth
    for run in range(runs):
        face, begin, end = waiting.run[run], waiting.starts[run], waiting.starts[run + 1]
        vertices[:], interpolated[:] = 0.0, 0.0
        if shaded:
            interpolate_back(
                surface, waiting.f[face], waiting.q[face], rows, begin, end, vertices, interpolated, wanted
            )
        if wanted.vertices:
            barycentric_back(waiting.f[face], rows, begin, end, vertices)
        store_corners(vertices, interpolated, waiting.number[face], wanted, corners)


@calling
def finish(
    surface, soft, sums, cotangents, wanted, corners, shared, frame, obj, picture, part, faces, runs, reached, waiting
):  # fmt: skip
    """Add the gradients of all faces that wait."""
    if runs > 0:
        block_back(surface, soft, sums, cotangents, wanted, corners, shared, obj, picture, part, runs, reached, waiting)
    slope, outline, inside = frame.unit * frame.unit / soft.sigma, waiting.outline, waiting.inside
    for face in range(faces if wanted.outline else 0):
        begin, end = waiting.pixels[face], waiting.pixels[face + 1]
        if begin == end:
            continue
        for i in range(begin, end):
            if len(cotangents.alpha) > 0:
                pixel = reached.pixel[i]
                inside[i] += cotangents.alpha[pixel] * sums.transparency[pixel] * reached.cover[i]
            inside[i] *= slope if reached.inside[i] > 0.0 else -slope
        outline[:] = 0.0
        distances_back(
            waiting.f[face], frame.outline.shape[1], reached.x[begin:], reached.y[begin:], reached.side[begin:],
            reached.share[begin:], inside[begin:], end - begin, outline,
        )  # fmt: skip
        store_outline(outline, waiting.number[face], corners)


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
