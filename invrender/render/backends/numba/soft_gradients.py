"""The gradients of soft pictures.

Each thread takes whole faces and visits their pixels again, with nothing kept but a few sums a pixel: no two threads
ever add to the same number, so that results do not depend on how many there are.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from invrender.render.backends.numba.blocks import BARYCENTRIC, BLOCK, COLOR, SHARE, D, Z, fill
from invrender.render.backends.numba.compiling import allocating, entry_point, kernel
from invrender.render.backends.numba.frame import Array, Bins, Frame, Surface
from invrender.render.backends.numba.geometry import FACE_SIZE, barycentric_back, distances_back, load_face
from invrender.render.backends.numba.gradients import (
    Gradients,
    Which,
    store_corners,
    store_lights,
    store_look,
    store_outline,
)
from invrender.render.backends.numba.interpolation import (
    INTERPOLATED,
    SURFACE_SIZE,
    interpolate,
    interpolate_back,
    load_surface,
)
from invrender.render.backends.numba.looks import DIFFERENTIABLE, LEVELS, LOOK_SIZE, load_look
from invrender.render.backends.numba.shading import room_for_block, shade, shade_back
from invrender.render.backends.numba.soft import Soft, Sums, any_counts, hidden_behind
from invrender.render.backends.numba.soft_pixels import Reached, reach, room_for, weigh
from invrender.render.backends.numba.textures import look_up_back

OVERHEAD = 16  # pixels that a face costs even if it touches none
AT_ONCE = 256  # pixels of a face that are found together
ROOM = 4 * AT_ONCE  # pixels of a group
MOST = 64  # faces of a group


class Cotangents(NamedTuple):
    """Of alpha [P], color [P, 3], depth [P] and weight [P]; empty where there is none."""

    alpha: Array
    color: Array
    depth: Array
    weight: Array


class Group(NamedTuple):
    """Faces, or parts of them, of one object in one picture, whose derivatives are found together.

    number: of the frame. f, q: their scratch arrays. pixels, seen: where each one's pixels begin in ``reached``, and
    those of them that may show it, and at the end their number.
    """

    number: Array
    f: Array
    q: Array
    pixels: Array
    seen: Array
    reached: Reached


@allocating
def room_for_group():
    """The arrays of a group."""
    return Group(
        np.empty(MOST, np.int64), np.empty((MOST, FACE_SIZE)), np.empty((MOST, SURFACE_SIZE)),
        np.zeros(MOST + 1, np.int64), np.zeros(MOST + 1, np.int64), room_for(ROOM),
    )  # fmt: skip


@kernel
def gather_group(number, place, end, frame, surface, soft, bins, sums, colored, shaded, silhouette, group):
    """Fill a group with faces from ``number`` to ``end`` − 1, the first from its part ``place`` on.

    Returns how many there are in it, and with which face and part of it the next group begins. Parts of a face are
    rectangles of at most `AT_ONCE` pixels.
    """
    sides, hidden, faces, obj, picture = frame.outline.shape[1], hidden_behind(soft), 0, -1, -1
    while number < end and faces < MOST and group.pixels[faces] + AT_ONCE <= ROOM:
        first, last, top, bottom = bins.box[number]
        shallowest, face = bins.nearest[number] - hidden, frame.face[number]
        above = frame.picture[number] * frame.height
        columns, lines = (first, last), (above + top, above + bottom)
        if place == 0 and not any_counts(columns, lines, frame.width, shallowest, sums, colored, silhouette):
            number += 1
            continue
        own = surface.object[face] if shaded else 0
        if faces == 0:
            obj, picture = own, frame.picture[number]
        elif own != obj or frame.picture[number] != picture:
            break
        across = min(last - first + 1, AT_ONCE)
        down, wide = AT_ONCE // across, (last - first + across) // across
        left, upper = first + place % wide * across, top + place // wide * down
        load_face(frame, number, group.f[faces])
        group.pixels[faces + 1], group.seen[faces + 1] = reach(
            group.f[faces], sides, frame, soft, sums, picture, (left, min(left + across - 1, last)),
            (upper, min(upper + down - 1, bottom)), shallowest, colored, silhouette, group.reached,
            group.pixels[faces], group.seen[faces],
        )  # fmt: skip
        if shaded and group.seen[faces + 1] > group.seen[faces]:
            load_surface(surface, face, group.q[faces])
        group.number[faces] = number
        faces += group.pixels[faces + 1] > group.pixels[faces]
        place += 1
        if place == wide * ((bottom - top + down) // down):
            number, place = number + 1, 0
    return faces, number, place


@kernel
def load_block(face, at, faces, soft, surface, sums, colored, shaded, group, starts, rows, own):
    """Fill a block with what shows faces of a group, from ``face`` on and from number ``at`` of those seen on.

    Returns with which face and pixel the next block begins, and how many columns are filled. starts: where the columns
    of each face begin, and at the end their number.
    """
    n, first = 0, face
    starts[0] = 0
    while face < faces and n < BLOCK:
        if n > 0 and group.seen[face + 1] - at > BLOCK - n:
            break  # what begins with a block lies at the beginning of vectors
        count = min(group.seen[face + 1] - at, BLOCK - n)
        end = weigh(group.f[face], soft, sums, group.reached, at, count, colored, n, rows, own) if count > 0 else n
        if shaded and end > n:
            interpolate(surface, group.f[face], group.q[face], rows, n, end)
        n, at = end, at + count
        starts[face - first + 1] = n
        face += at == group.seen[face + 1]
    if face < faces:
        starts[face - first + 1] = n
    return face, at, n


@entry_point
def backward_parts(first, last, bounds, frame, surface, soft, bins, sums, cotangents, wanted, corners, shared):
    """Add up the gradients of parts first … last − 1 of the faces."""
    sides, inverse_depth, slope = frame.outline.shape[1], 1.0 / soft.gamma, frame.unit * frame.unit / soft.sigma
    group, look, own, starts = (
        room_for_group(),
        np.empty(LOOK_SIZE),
        np.empty(BLOCK, np.int64),
        np.empty(MOST + 1, np.int64),
    )
    rows, lit = room_for_block(surface)
    reached, g_inside = group.reached, np.empty(ROOM)
    outline, vertices = np.empty((4, 4)), np.empty((3, 4))
    interpolated, looks = np.empty(INTERPOLATED), np.empty(DIFFERENTIABLE)
    shaded, geometric = len(cotangents.color) > 0, wanted.outline or wanted.vertices
    colored = shaded or len(cotangents.depth) > 0 or len(cotangents.weight) > 0
    silhouette = len(cotangents.alpha) > 0 and geometric
    light_gradient = np.zeros(surface.lights.shape)
    for part in range(first, last):
        number, place = bounds[part], 0
        while number < bounds[part + 1]:
            faces, number, place = gather_group(
                number, place, bounds[part + 1], frame, surface, soft, bins, sums, colored, shaded, silhouette, group
            )  # fmt: skip
            if faces == 0:
                continue
            picture, obj, count = frame.picture[group.number[0]], 0, group.pixels[faces]
            if shaded:
                obj = surface.object[frame.face[group.number[0]]]
                load_look(surface, obj, picture, look)
            looks[:], g_inside[:count] = 0.0, 0.0
            face, at = 0, 0
            while face < faces:
                begin = face
                face, at, n = load_block(
                    face, at, faces, soft, surface, sums, colored, shaded, group, starts, rows, own
                )  # fmt: skip
                if n == 0:
                    continue
                flat_back(sums, cotangents, reached, n, rows, own)
                if shaded:
                    shade(surface, look, picture, obj, True, rows, lit, n)
                    color_back(sums, cotangents, reached, n, rows, own)
                    shade_back(surface, look, picture, rows, lit, n, looks, light_gradient[picture], wanted)
                    if wanted.texels and look[LEVELS] > 0.0:
                        look_up_back(look[LEVELS], rows, n, shared.texels[part])
                for i in range(n):
                    g_inside[own[i]] = rows[D + SHARE, i] * (1.0 - reached.cover[own[i]])
                    rows[D + Z, i] -= rows[D + SHARE, i] * inverse_depth
                for each in range(begin, min(face + 1, faces)):
                    start, stop = starts[each - begin], starts[each - begin + 1]
                    if start == stop:
                        continue
                    vertices[:], interpolated[:] = 0.0, 0.0
                    f, q = group.f[each], group.q[each]
                    if shaded:
                        interpolate_back(surface, f, q, rows, start, stop, vertices, interpolated, wanted)
                    if wanted.vertices:
                        barycentric_back(f, rows, start, stop, vertices)
                    store_corners(vertices, interpolated, group.number[each], wanted, corners)
            if geometric:
                for i in range(count):
                    if silhouette:
                        pixel = reached.pixel[i]
                        g_inside[i] += cotangents.alpha[pixel] * sums.transparency[pixel] * reached.cover[i]
                    g_inside[i] *= slope if reached.inside[i] > 0.0 else -slope
                for each in range(faces):
                    start, stop = group.pixels[each], group.pixels[each + 1]
                    outline[:] = 0.0
                    distances_back(
                        group.f[each], sides, reached.x[start:], reached.y[start:], reached.side[start:],
                        reached.share[start:], g_inside[start:], stop - start, outline,
                    )  # fmt: skip
                    store_outline(outline, group.number[each], wanted, corners)
            store_look(looks, obj, picture, part, wanted, shared)
        store_lights(light_gradient, part, wanted, shared)


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
