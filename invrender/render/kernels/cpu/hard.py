"""Hard pictures: the nearest face at each pixel's centre, its colour and depth, and their derivatives.

The nearest faces are found tile by tile. Shading and its derivatives go face by face over the pixels that show it, so
that what a face is shaded with is gathered once and no two threads ever write to the same number.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from invrender.render.kernels.cpu.compiling import divided, kernel
from invrender.render.kernels.cpu.frame import TILE, Array, Bins, Frame, Shading, covered_box, tiles_of
from invrender.render.kernels.cpu.geometry import (
    CORNERS,
    FACE_SIZE,
    WINDING,
    barycentric,
    barycentric_along,
    barycentric_back,
    footprint,
    load_corners,
)
from invrender.render.kernels.cpu.gradients import Gradients, equal_parts, store
from invrender.render.kernels.cpu.moving import Moving, load_moving_face
from invrender.render.kernels.cpu.shading import (
    GRADIENTS,
    LEVELS,
    SHADING_SIZE,
    SURFACE_SIZE,
    TEXEL_AREA,
    TEXTURE,
    load_moving_surface,
    load_surface,
    look_up_along,
    look_up_back,
    shade,
    shade_along,
    shade_back,
)

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


@kernel
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

    divided(run, (len(bins.first) - 1) // across)
    return winner


@kernel
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


def forward(frame: Frame, shading: Shading, shown: Shown, color: Array, depth: Array) -> None:
    """Fill in the colours [P, 3] and depths [P] of the pixels that show a face."""
    bounds = equal_parts(shown.cost)

    def run(first: int, last: int) -> None:
        forward_faces(bounds[first], bounds[last], frame, shading, shown, color, depth)

    divided(run, len(bounds) - 1)


@kernel
def load_shown(frame, shading, g, f, q):
    """Fill the scratch arrays of face g; its picture and the table of its object's texture."""
    face, picture = frame.face[g], frame.picture[g]
    load_corners(frame, g, f)
    load_surface(shading, face, picture, q)
    return picture, shading.textures[shading.object[face]]


@kernel
def centre(frame, pixel):
    """The centre (x, y) of a pixel in its picture."""
    row = pixel // frame.width
    return pixel - row * frame.width + 0.5, row % frame.height + 0.5


@kernel
def forward_faces(begin, end, frame, shading, shown, color, depth):
    """Fill in the pixels that show faces begin … end − 1 of those shown."""
    f, q, s = np.empty(FACE_SIZE), np.empty(SURFACE_SIZE), np.empty(SHADING_SIZE)
    for number in range(begin, end):
        picture, table = load_shown(frame, shading, shown.faces[number], f, q)
        lights = shading.lights[picture]
        for pixel in shown.pixels[shown.first[number] : shown.first[number + 1]]:
            x, y = centre(frame, pixel)
            b0, b1, b2, _, depth[pixel] = barycentric(f, x, y)
            minification = q[TEXEL_AREA] * footprint(f, b0, b1, b2)
            color[pixel] = shade(q, lights, shading.kinds, table, shading.texels, b0, b1, b2, minification, False, s)


def backward(
    frame: Frame, shading: Shading, shown: Shown, color: Array, depth: Array, wanted: Array
) -> list[Array | None]:
    """The gradients of all differentiable arrays from cotangents of the colours [P, 3] and depths [P]."""

    def work(first: int, last: int, gradients: Gradients) -> None:
        bounds, corners, shared = gradients.bounds, gradients.corners, gradients.shared
        backward_parts(first, last, bounds, frame, shading, shown, color, depth, wanted, corners, shared)

    return Gradients.over_faces(work, frame, shading, shown.faces, shown.cost, wanted)


@kernel
def backward_parts(first, last, bounds, frame, shading, shown, color, depth, wanted, corners, shared):
    """Add up the gradients of parts first … last − 1 of the faces."""
    for part in range(first, last):
        begin, end = bounds[part], bounds[part + 1]
        backward_faces(begin, end, part, frame, shading, shown, color, depth, wanted, corners, shared)


@kernel
def backward_faces(begin, end, part, frame, shading, shown, color, depth, wanted, corners, shared):
    """Add up the gradients of faces begin … end − 1 of those shown."""
    f, q, s = np.empty(FACE_SIZE), np.empty(SURFACE_SIZE), np.empty(SHADING_SIZE)
    outline, vertices, gradient = np.zeros((4, 4)), np.empty((3, 4)), np.empty(GRADIENTS)
    light_gradient = np.zeros(shading.lights.shape)
    for number in range(begin, end):
        g = shown.faces[number]
        picture, table = load_shown(frame, shading, g, f, q)
        lights, own_lights = shading.lights[picture], light_gradient[picture]
        vertices[:], gradient[:] = 0.0, 0.0
        for pixel in shown.pixels[shown.first[number] : shown.first[number + 1]]:
            x, y = centre(frame, pixel)
            b0, b1, b2, total, _ = barycentric(f, x, y)
            g0, g1, g2 = 0.0, 0.0, 0.0
            if len(color) > 0:
                minification = q[TEXEL_AREA] * footprint(f, b0, b1, b2)
                shade(q, lights, shading.kinds, table, shading.texels, b0, b1, b2, minification, True, s)
                g0, g1, g2 = shade_back(
                    q, lights, shading.kinds, b0, b1, b2, s,
                    color[pixel, 0], color[pixel, 1], color[pixel, 2], gradient, own_lights,
                )  # fmt: skip
                if wanted[6] and q[LEVELS] > 0.0:
                    look_up_back(table, s, s[TEXTURE], s[TEXTURE + 1], s[TEXTURE + 2], shared.texels[part])
            if wanted[1]:
                g_z = depth[pixel] * 1.0 if len(depth) > 0 else 0.0
                vertices[0, 3] += g_z * b0
                vertices[1, 3] += g_z * b1
                vertices[2, 3] += g_z * b2
                g0, g1, g2 = g0 + g_z * f[CORNERS + 3], g1 + g_z * f[CORNERS + 7], g2 + g_z * f[CORNERS + 11]
                barycentric_back(f, x, y, b0, b1, b2, total, g0, g1, g2, vertices)
        thing = shading.object[frame.face[g]]
        store(outline, vertices, gradient, number, thing, picture, part, wanted, corners, shared)
    if wanted[9]:
        shared.lights[part] += light_gradient


def tangents(frame: Frame, shading: Shading, shown: Shown, moving: Moving, color: Array, depth: Array) -> None:
    """Fill in how the colours [K, P, 3] and depths [K, P] of the pixels that show a face change in K directions."""
    bounds = equal_parts(shown.cost)

    def run(first: int, last: int) -> None:
        tangent_faces(bounds[first], bounds[last], frame, shading, shown, moving, color, depth)

    divided(run, len(bounds) - 1)


@kernel
def tangent_faces(begin, end, frame, shading, shown, moving, color, depth):
    """Fill in the pixels that show faces begin … end − 1 of those shown."""
    directions = len(color)
    f, q, s = np.empty(FACE_SIZE), np.empty(SURFACE_SIZE), np.empty(SHADING_SIZE)
    outline, corners = np.zeros((directions, 4, 2)), np.zeros((directions, 3, 4))
    moved, change = np.zeros((directions, GRADIENTS)), np.zeros(shading.lights.shape[1:])
    for number in range(begin, end):
        g = shown.faces[number]
        picture, table = load_shown(frame, shading, g, f, q)
        lights = shading.lights[picture]
        load_moving_face(frame, moving, g, outline, corners)
        for k in range(directions):
            load_moving_surface(moving, shading, frame.face[g], picture, k, moved[k])
        for pixel in shown.pixels[shown.first[number] : shown.first[number + 1]]:
            x, y = centre(frame, pixel)
            b0, b1, b2, total, _ = barycentric(f, x, y)
            minification = q[TEXEL_AREA] * footprint(f, b0, b1, b2)
            shade(q, lights, shading.kinds, table, shading.texels, b0, b1, b2, minification, True, s)
            for k in range(directions):
                m0, m1, m2, depth[k, pixel] = barycentric_along(f, corners[k], x, y, b0, b1, b2, total)
                t0, t1, t2 = 0.0, 0.0, 0.0
                if len(moving.texels) > 0 and q[LEVELS] > 0.0:
                    t0, t1, t2 = look_up_along(table, s, moving.texels[k])
                if len(moving.lights) > 0:
                    change[:] = moving.lights[k, picture]
                color[k, pixel] = shade_along(
                    q, moved[k], lights, change, shading.kinds, b0, b1, b2, m0, m1, m2, s, t0, t1, t2
                )
