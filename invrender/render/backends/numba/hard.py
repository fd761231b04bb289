"""Hard pictures: the nearest face at each pixel's centre, its colour and depth, and their derivatives.

The nearest faces are found tile by tile. Shading and its derivatives go over the pixels in the order of the faces that
they show, a block at a time, so that what a face is shaded with is gathered once and no two threads ever write to the
same number.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from invrender.render.backends.numba.blocks import BARYCENTRIC, BLOCK, COLOR, D, X, Y, Z, fill
from invrender.render.backends.numba.compiling import divide_work, entry_point, kernel
from invrender.render.backends.numba.frame import TILE, Array, Bins, Frame, Surface, covered_box, tiles_of
from invrender.render.backends.numba.geometry import (
    CORNERS,
    FACE_SIZE,
    WINDING,
    barycentric,
    barycentric_back,
    barycentric_tangent,
    load_corners,
)
from invrender.render.backends.numba.gradients import (
    Gradients,
    Which,
    equal_parts,
    store_corners,
    store_lights,
    store_look,
)
from invrender.render.backends.numba.interpolation import (
    INTERPOLATED,
    SURFACE_SIZE,
    interpolate,
    interpolate_back,
    interpolate_tangent,
    load_surface,
    load_surface_tangent,
)
from invrender.render.backends.numba.looks import DIFFERENTIABLE, LEVELS, LOOK_SIZE, load_look
from invrender.render.backends.numba.shading import move_colors, room_for_block, shade, shade_back
from invrender.render.backends.numba.tangent import Tangent, load_corners_tangent
from invrender.render.backends.numba.textures import look_up_back

LOOK_BACK = 32  # faces after which a tile looks how far its pixels' nearest faces are
OVERHEAD = 2  # pixels that a face costs besides those it is shown by


class Shown(NamedTuple):
    """Which pixels show which face.

    faces: [M], the frame's faces that any pixel shows, in their order. first: [M + 1], into pixels: those of each face.
    """

    faces: Array
    first: Array
    pixels: Array

    @classmethod
    def of(cls, winner: Array, faces: int) -> Shown:
        """From the face of ``faces`` that each pixel shows, [P], −1 for none."""
        return cls(*pixels_by_face(winner, np.zeros(faces, dtype=np.int64)))

    @property
    def cost(self) -> Array:
        """About how much work each face is, [M], in pixels."""
        return np.diff(self.first) + OVERHEAD


@entry_point
def pixels_by_face(winner, count):
    """The arrays of `Shown`; count: [G], zeros."""
    for pixel in range(len(winner)):
        if winner[pixel] >= 0:
            count[winner[pixel]] += 1
    shown = 0
    for g in range(len(count)):
        shown += count[g] > 0
    faces, first, number = np.empty(shown, np.int64), np.zeros(shown + 1, np.int64), 0
    for g in range(len(count)):
        if count[g] > 0:
            faces[number] = g
            first[number + 1] = first[number] + count[g]
            count[g] = first[number]
            number += 1
    pixels = np.empty(first[shown], np.int64)
    for pixel in range(len(winner)):
        if winner[pixel] >= 0:
            pixels[count[winner[pixel]]] = pixel
            count[winner[pixel]] += 1
    return faces, first, pixels


def nearest_faces(frame: Frame, bins: Bins, pictures: int) -> Array:
    """The face that each pixel's centre shows, [P] int64; −1 where there is none. Ties go to the lower number."""
    winner = np.full(pictures * frame.height * frame.width, -1, dtype=np.int64)
    across = tiles_of(frame.width)

    def run(first: int, last: int) -> None:
        nearest_in_tiles(first * across, last * across, frame, bins, winner)

    divide_work(run, (len(bins.first) - 1) // across)
    return winner


@entry_point
def nearest_in_tiles(begin, end, frame, bins, winner):
    """Fill in the pixels of tiles begin … end − 1."""
    across, down = (frame.width + TILE - 1) // TILE, (frame.height + TILE - 1) // TILE
    f, nearest, first_face = np.empty(FACE_SIZE), np.empty((TILE, TILE)), np.empty((TILE, TILE), np.int64)
    for tile in range(begin, end):
        if bins.first[tile] == bins.first[tile + 1]:
            continue
        picture, rest = tile // (across * down), tile % (across * down)
        top, left = rest // across * TILE, rest % across * TILE
        nearest[:], first_face[:] = -math.inf, -1
        nearest[: frame.height - top, : frame.width - left] = math.inf
        farthest = math.inf
        for entry in range(bins.first[tile], bins.first[tile + 1]):
            if (entry - bins.first[tile]) % LOOK_BACK == LOOK_BACK - 1:
                farthest = nearest.max()
            g = bins.faces[entry]
            if bins.nearest[g] > farthest:
                continue
            first, last, upper, lower = covered_box(frame, g, 0.0)
            first, last, upper, lower = (
                max(first, left),
                min(last, left + TILE - 1),
                max(upper, top),
                min(lower, top + TILE - 1),
            )
            if last < first or lower < upper:
                continue
            load_corners(frame, g, f)
            for y in range(upper, lower + 1):
                nearest_in_row(
                    f, frame.near, g, first + 0.5, y + 0.5, last - first + 1,
                    nearest[y - top, first - left :], first_face[y - top, first - left :],
                )  # fmt: skip
        for y in range(top, min(top + TILE, frame.height)):
            for x in range(left, min(left + TILE, frame.width)):
                winner[(picture * frame.height + y) * frame.width + x] = first_face[y - top, x - left]


@kernel
def nearest_in_row(f, near, g, x, y, count, nearest, winner):
    """Enter face g where it holds the centres (x, y), (x + 1, y), … and is nearer than what was entered before."""
    w0, w1, w2 = f[CORNERS + 2], f[CORNERS + 6], f[CORNERS + 10]
    z0, z1, z2 = f[CORNERS + 3], f[CORNERS + 7], f[CORNERS + 11]
    x0, x1, x2 = f[CORNERS], f[CORNERS + 4], f[CORNERS + 8]
    y0, y1, y2 = f[CORNERS + 1] - y * w0, f[CORNERS + 5] - y * w1, f[CORNERS + 9] - y * w2
    winding = f[WINDING]
    for i in range(count):
        at0, at1, at2 = x0 - (x + i) * w0, x1 - (x + i) * w1, x2 - (x + i) * w2
        s0, s1, s2 = (at1 * y2 - y1 * at2) * winding, (at2 * y0 - y2 * at0) * winding, (at0 * y1 - y0 * at1) * winding
        if s0 >= 0.0 and s1 >= 0.0 and s2 >= 0.0:
            z = (s0 * z0 + s1 * z1 + s2 * z2) / max(s0 + s1 + s2, 1e-300)
            if z >= near and (z < nearest[i] or (z == nearest[i] and g < winner[i])):
                nearest[i] = z
                winner[i] = g


def forward(frame: Frame, surface: Surface, shown: Shown, color: Array, depth: Array) -> None:
    """Fill in the colours [P, 3] and depths [P] of the pixels that show a face."""
    bounds = equal_parts(shown.cost)

    def run(first: int, last: int) -> None:
        forward_faces(bounds[first], bounds[last], frame, surface, shown, color, depth)

    divide_work(run, len(bounds) - 1)


@kernel
def centre(frame, pixel):
    """The centre (x, y) of a pixel in its picture."""
    row = pixel // frame.width
    return pixel - row * frame.width + 0.5, row % frame.height + 0.5


@kernel
def load_block(begin, end, at, frame, surface, shown, f, q, starts, rows):
    """Fill a block with pixels, from number ``at`` of those shown on, as many as are of one object in one picture.

    They are of faces begin … end − 1 of those shown. Returns how many of the faces are in the block, and how many
    pixels; starts: where each face's columns begin, and at the end their number.
    """
    n, faces = 0, 0
    obj, picture = seen_in(begin, frame, surface, shown)
    for number in range(begin, end):
        if n == BLOCK or seen_in(number, frame, surface, shown) != (obj, picture):
            break
        g = shown.faces[number]
        load_corners(frame, g, f[faces])
        load_surface(surface, frame.face[g], q[faces])
        starts[faces] = n
        for pixel in shown.pixels[at + n : min(shown.first[number + 1], at + BLOCK)]:
            rows[X, n], rows[Y, n] = centre(frame, pixel)
            n += 1
        barycentric(f[faces], rows, starts[faces], n)
        interpolate(surface, f[faces], q[faces], rows, starts[faces], n)
        faces += 1
    starts[faces] = n
    return faces, n


@kernel
def seen_in(number, frame, surface, shown):
    """The object and the picture of a face that is shown."""
    g = shown.faces[number]
    return surface.object[frame.face[g]], frame.picture[g]


@kernel
def after_block(number, faces, at, shown):
    """The face with which the next block begins: one whose pixels did not all fit is continued."""
    return number + faces - (at < shown.first[number + faces])


@entry_point
def forward_faces(begin, end, frame, surface, shown, color, depth):
    """Fill in the pixels that show faces begin … end − 1 of those shown."""
    f, q, look = np.empty((BLOCK, FACE_SIZE)), np.empty((BLOCK, SURFACE_SIZE)), np.empty(LOOK_SIZE)
    rows, lit = room_for_block(surface)
    starts = np.empty(BLOCK + 1, np.int64)
    number, at = begin, shown.first[begin]
    while number < end:
        faces, n = load_block(number, end, at, frame, surface, shown, f, q, starts, rows)
        obj, picture = seen_in(number, frame, surface, shown)
        load_look(surface, obj, picture, look)
        shade(surface, look, picture, obj, False, rows, lit, n)
        for i in range(n):
            pixel = shown.pixels[at + i]
            depth[pixel] = rows[Z, i]
            for c in range(3):
                color[pixel, c] = rows[COLOR + c, i]
        at += n
        number = after_block(number, faces, at, shown)


def backward(
    frame: Frame, surface: Surface, shown: Shown, color: Array, depth: Array, wanted: Which
) -> list[Array | None]:
    """The gradients of all differentiable arrays from cotangents of the colours [P, 3] and depths [P]."""

    def work(first: int, last: int, gradients: Gradients) -> None:
        bounds, corners, shared = gradients.bounds, gradients.corners, gradients.shared
        backward_parts(first, last, bounds, frame, surface, shown, color, depth, wanted, corners, shared)

    return Gradients.over_faces(work, frame, surface, shown.faces, shown.cost, wanted)


@entry_point
def backward_parts(first, last, bounds, frame, surface, shown, color, depth, wanted, corners, shared):
    """Add up the gradients of parts first … last − 1 of the faces that are shown."""
    f, q, look = np.empty((BLOCK, FACE_SIZE)), np.empty((BLOCK, SURFACE_SIZE)), np.empty(LOOK_SIZE)
    rows, lit = room_for_block(surface)
    starts, vertices = np.empty(BLOCK + 1, np.int64), np.empty((3, 4))
    interpolated, looks = np.empty(INTERPOLATED), np.empty(DIFFERENTIABLE)
    light_gradient = np.zeros(surface.lights.shape)
    for part in range(first, last):
        number, end = bounds[part], bounds[part + 1]
        at = shown.first[number]
        while number < end:
            faces, n = load_block(number, end, at, frame, surface, shown, f, q, starts, rows)
            obj, picture = seen_in(number, frame, surface, shown)
            load_look(surface, obj, picture, look)
            looks[:] = 0.0
            for i in range(n):
                rows[D + Z, i] = depth[shown.pixels[at + i]] if len(depth) > 0 else 0.0
            if len(color) > 0:
                shade(surface, look, picture, obj, True, rows, lit, n)
                for i in range(n):
                    for c in range(3):
                        rows[D + COLOR + c, i] = color[shown.pixels[at + i], c]
                shade_back(surface, look, picture, rows, lit, n, looks, light_gradient[picture], wanted)
                if wanted.texels and look[LEVELS] > 0.0:
                    look_up_back(look[LEVELS], rows, n, shared.texels[part])
                store_look(looks, obj, picture, part, wanted, shared)
            else:
                for k in range(3):
                    fill(rows, D + BARYCENTRIC + k, 0.0, n)
            for face in range(faces):
                begin, after = starts[face], starts[face + 1]
                vertices[:], interpolated[:] = 0.0, 0.0
                if len(color) > 0:
                    interpolate_back(
                        surface, f[face], q[face], rows, begin, after, vertices, interpolated, wanted
                    )  # fmt: skip
                if wanted.vertices:
                    barycentric_back(f[face], rows, begin, after, vertices)
                store_corners(vertices, interpolated, number + face, wanted, corners)
            at += n
            number = after_block(number, faces, at, shown)
        store_lights(light_gradient, part, wanted, shared)


def tangents(frame: Frame, surface: Surface, shown: Shown, tangent: Tangent, color: Array, depth: Array) -> None:
    """Fill in how the colours [K, P, 3] and depths [K, P] of the pixels that show a face change in K directions."""
    bounds = equal_parts(shown.cost)

    def run(first: int, last: int) -> None:
        tangent_faces(bounds[first], bounds[last], frame, surface, shown, tangent, color, depth)

    divide_work(run, len(bounds) - 1)


@entry_point
def tangent_faces(begin, end, frame, surface, shown, tangent, color, depth):
    """Fill in the pixels that show faces begin … end − 1 of those shown."""
    f, q, look = np.empty((BLOCK, FACE_SIZE)), np.empty((BLOCK, SURFACE_SIZE)), np.empty(LOOK_SIZE)
    rows, lit = room_for_block(surface)
    starts, moved_corners, moved = np.empty(BLOCK + 1, np.int64), np.zeros((3, 4)), np.empty(INTERPOLATED)
    moved_look, still = np.empty(DIFFERENTIABLE), np.zeros(surface.lights.shape[1:], surface.lights.dtype)
    number, at = begin, shown.first[begin]
    while number < end:
        faces, n = load_block(number, end, at, frame, surface, shown, f, q, starts, rows)
        obj, picture = seen_in(number, frame, surface, shown)
        load_look(surface, obj, picture, look)
        shade(surface, look, picture, obj, True, rows, lit, n)
        for k in range(len(color)):
            for face in range(faces):
                g = shown.faces[number + face]
                load_corners_tangent(frame, tangent, g, k, moved_corners)
                load_surface_tangent(tangent, surface, frame.face[g], k, moved)
                barycentric_tangent(f[face], moved_corners, rows, starts[face], starts[face + 1])
                interpolate_tangent(
                    surface, f[face], q[face], moved_corners, moved, rows, starts[face], starts[face + 1]
                )  # fmt: skip
            move_colors(surface, tangent, look, obj, picture, k, moved_look, still, rows, lit, n)
            for i in range(n):
                pixel = shown.pixels[at + i]
                depth[k, pixel] = rows[D + Z, i]
                for c in range(3):
                    color[k, pixel, c] = rows[D + COLOR + c, i]
        at += n
        number = after_block(number, faces, at, shown)
