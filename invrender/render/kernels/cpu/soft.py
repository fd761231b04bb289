"""Soft pictures, fused: rasterization, shading and blending of a tile at a time, and their derivatives.

Forward, each thread takes whole tiles and sums over the faces that touch them, the nearest first, with a running
least depth as the reference of the softmax. Backward, each thread takes whole faces and visits their pixels again,
with nothing kept but a few sums a pixel: no two threads ever add to the same number, so that results do not depend on
how many there are.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from invrender.render import blend
from invrender.render.kernels.cpu.compiling import divided, kernel
from invrender.render.kernels.cpu.frame import TILE, Array, Bins, Frame, Shading, tiles_of
from invrender.render.kernels.cpu.geometry import (
    CORNERS,
    FACE_SIZE,
    LANES,
    barycentric,
    barycentric_back,
    distance_back,
    footprint,
    load_face,
    nearest_row,
    signed_row,
    squared_row,
)
from invrender.render.kernels.cpu.gradients import Gradients, store
from invrender.render.kernels.cpu.shading import (
    GRADIENTS,
    LEVELS,
    SHADING_SIZE,
    SURFACE_SIZE,
    TEXEL_AREA,
    TEXTURE,
    load_surface,
    look_up_back,
    shade,
    shade_back,
)

ALPHA, DEPTH, SHADED = range(3)  # what is asked for; each includes those before it
OVERHEAD = 16  # pixels that a face costs even if it touches none
# A fragment that contributes at most this share of its pixel's colour is not shaded, by the precision of the tensors.
NEGLIGIBLE = {4: 1e-7, 8: blend.NEGLIGIBLE}


class Soft(NamedTuple):
    """Numbers of `Softness`; depth: the depth that makes a factor of e. asked: `ALPHA`, `DEPTH` or `SHADED`.

    negligible: the share of a pixel's colour that does not count.
    """

    sigma: float
    depth: float
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


def forward(frame: Frame, shading: Shading, soft: Soft, bins: Bins, pictures: int) -> Sums:
    """The sums of all pixels."""
    pixels = pictures * frame.height * frame.width
    sums = Sums.empty(pixels, soft.asked, frame.vertices.dtype)
    rows = pictures * tiles_of(frame.height)
    across = tiles_of(frame.width)

    def run(first: int, last: int) -> None:
        forward_tiles(first * across, last * across, frame, shading, soft, bins, sums)

    divided(run, rows if len(bins.first) > 1 else 0)
    return sums


@kernel
def hidden_behind(soft):
    """How much deeper than the nearest fragment of a pixel a face is of which the pixel shows nothing that counts."""
    return soft.depth * (-math.log(soft.negligible) + soft.reach / soft.sigma)


@kernel
def forward_tiles(begin, end, frame, shading, soft, bins, sums):
    """Fill in the pixels of tiles begin … end − 1."""
    across, down = (frame.width + TILE - 1) // TILE, (frame.height + TILE - 1) // TILE
    sides, asked, inverse_depth, inverse_sigma = frame.outline.shape[1], soft.asked, 1.0 / soft.depth, 1.0 / soft.sigma
    f, q, s, row = np.empty(FACE_SIZE), np.empty(SURFACE_SIZE), np.empty(SHADING_SIZE), np.empty(TILE)
    transparency, nearest, weight = np.empty((TILE, TILE)), np.empty((TILE, TILE)), np.empty((TILE, TILE))
    depth, color = np.empty((TILE, TILE)), np.empty((TILE, TILE, 3))
    hidden = hidden_behind(soft)
    for tile in range(begin, end):
        if bins.first[tile] == bins.first[tile + 1]:
            continue
        picture, rest = tile // (across * down), tile % (across * down)
        top, left = rest // across * TILE, rest % across * TILE
        transparency[:], nearest[:], weight[:], depth[:], color[:] = 1.0, math.inf, 0.0, 0.0, 0.0
        lights = shading.lights[picture]
        for entry in range(bins.first[tile], bins.first[tile + 1]):
            g = bins.faces[entry]
            load_face(frame, g, f)
            table = shading.textures[0]
            if asked == SHADED:
                load_surface(shading, frame.face[g], picture, q)
                table = shading.textures[shading.object[frame.face[g]]]
            front = min(f[CORNERS + 3], f[CORNERS + 7], f[CORNERS + 11])
            first, last = max(bins.box[g, 0], left), min(bins.box[g, 1], left + TILE - 1)
            for y in range(max(bins.box[g, 2], top), min(bins.box[g, 3], top + TILE - 1) + 1):
                squared_row(f, sides, first + 0.5, y + 0.5, last - first + 1, row)
                signed_row(f, sides, frame.near, frame.unit, first + 0.5, y + 0.5, last - first + 1, row)
                i = y - top
                for x in range(first, last + 1):
                    inside = row[x - first]
                    if not inside > -soft.reach:
                        continue
                    j = x - left
                    odds = math.exp(-inside * inverse_sigma)
                    cover = 1.0 / (1.0 + odds)
                    if sides == 3 and (asked == ALPHA or front - nearest[i, j] > hidden):
                        transparency[i, j] *= odds * cover
                        continue
                    b0, b1, b2, _, z = barycentric(f, x + 0.5, y + 0.5)
                    if not z > 0.0:
                        continue
                    transparency[i, j] *= odds * cover
                    if asked == ALPHA:
                        continue
                    if z < nearest[i, j]:
                        if weight[i, j] > 0.0:
                            faded = math.exp((z - nearest[i, j]) * inverse_depth)
                            weight[i, j] *= faded
                            depth[i, j] *= faded
                            for c in range(3):
                                color[i, j, c] *= faded
                        nearest[i, j] = z
                        share = cover
                    else:
                        share = cover * math.exp((nearest[i, j] - z) * inverse_depth)
                        if share <= soft.negligible * weight[i, j]:
                            continue
                    weight[i, j] += share
                    depth[i, j] += share * z
                    if asked == SHADED:
                        minification = q[TEXEL_AREA] * footprint(f, b0, b1, b2)
                        red, green, blue = shade(
                            q, lights, shading.kinds, table, shading.texels, b0, b1, b2, minification, False, s
                        )
                        color[i, j, 0] += share * red
                        color[i, j, 1] += share * green
                        color[i, j, 2] += share * blue
        for y in range(top, min(top + TILE, frame.height)):
            for x in range(left, min(left + TILE, frame.width)):
                pixel = (picture * frame.height + y) * frame.width + x
                i, j = y - top, x - left
                sums.transparency[pixel] = transparency[i, j]
                if soft.asked >= DEPTH:
                    total = weight[i, j] if weight[i, j] > 0.0 else 1.0
                    sums.weight[pixel] = weight[i, j]
                    sums.nearest[pixel] = nearest[i, j]
                    sums.depth[pixel] = depth[i, j] / total
                    if soft.asked == SHADED:
                        for c in range(3):
                            sums.color[pixel, c] = color[i, j, c] / total


class Cotangents(NamedTuple):
    """Of alpha [P], color [P, 3], depth [P] and weight [P]; empty where there is none."""

    alpha: Array
    color: Array
    depth: Array
    weight: Array


@kernel
def backward_parts(first, last, bounds, frame, shading, soft, box, sums, cotangents, wanted, corners, shared):
    """Add up the gradients of parts first … last − 1 of the faces."""
    for part in range(first, last):
        begin, end = bounds[part], bounds[part + 1]
        backward_faces(begin, end, part, frame, shading, soft, box, sums, cotangents, wanted, corners, shared)


@kernel
def backward_faces(begin, end, part, frame, shading, soft, box, sums, cotangents, wanted, corners, shared):
    """Add up the gradients of faces begin … end − 1; wanted: [11] bool, in the order of `tensors_of`."""
    sides, inverse_depth, inverse_sigma = frame.outline.shape[1], 1.0 / soft.depth, 1.0 / soft.sigma
    f, q, s, row = np.empty(FACE_SIZE), np.empty(SURFACE_SIZE), np.empty(SHADING_SIZE), np.empty(frame.width + LANES)
    side, along = np.empty(frame.width + LANES), np.empty(frame.width + LANES)
    outline, vertices, gradient = np.empty((4, 4)), np.empty((3, 4)), np.empty(GRADIENTS)
    shaded, geometric = len(cotangents.color) > 0, wanted[0] or wanted[1]
    colored = shaded or len(cotangents.depth) > 0 or len(cotangents.weight) > 0
    silhouette = len(cotangents.alpha) > 0 and geometric
    light_gradient = np.zeros(shading.lights.shape)
    hidden = hidden_behind(soft)
    scale = frame.unit * frame.unit * inverse_sigma
    for number in range(begin, end):
        if box[number, 1] < box[number, 0]:
            continue
        load_face(frame, number, f)
        face, picture = frame.face[number], frame.picture[number]
        table, lights, own_lights = shading.textures[0], shading.lights[picture], light_gradient[picture]
        if shaded:
            load_surface(shading, face, picture, q)
            table = shading.textures[shading.object[face]]
        front = min(f[CORNERS + 3], f[CORNERS + 7], f[CORNERS + 11])
        outline[:], vertices[:], gradient[:] = 0.0, 0.0, 0.0
        first, count = box[number, 0], box[number, 1] - box[number, 0] + 1
        for y in range(box[number, 2], box[number, 3] + 1):
            nearest_row(f, sides, first + 0.5, y + 0.5, count, row, side, along)
            signed_row(f, sides, frame.near, frame.unit, first + 0.5, y + 0.5, count, row)
            for x in range(first, first + count):
                inside = row[x - first]
                if not inside > -soft.reach:
                    continue
                pixel = (picture * frame.height + y) * frame.width + x
                seen = colored and front - sums.nearest[pixel] <= hidden
                open_pixel = silhouette and sums.transparency[pixel] > 0.0
                if not (seen or open_pixel):
                    continue
                cover = 1.0 / (1.0 + math.exp(-inside * inverse_sigma))
                g_inside = 0.0
                b0, b1, b2, total, z = 0.0, 0.0, 0.0, 0.0, 0.0
                if seen or sides == 4:
                    b0, b1, b2, total, z = barycentric(f, x + 0.5, y + 0.5)
                    if not z > 0.0:
                        continue
                if open_pixel:
                    g_inside = cotangents.alpha[pixel] * sums.transparency[pixel] * cover
                if seen:
                    weight = cover * math.exp((sums.nearest[pixel] - z) * inverse_depth)
                    share = weight / sums.weight[pixel]
                    if share > soft.negligible:
                        g_logit, g_z, g0, g1, g2 = 0.0, 0.0, 0.0, 0.0, 0.0
                        if len(cotangents.depth) > 0:
                            g_z = share * cotangents.depth[pixel]
                            g_logit = g_z * (z - sums.depth[pixel])
                        if len(cotangents.weight) > 0:
                            g_logit += weight * cotangents.weight[pixel]
                        if shaded:
                            minification = q[TEXEL_AREA] * footprint(f, b0, b1, b2)
                            red, green, blue = shade(
                                q, lights, shading.kinds, table, shading.texels, b0, b1, b2, minification, True, s
                            )
                            g_red = share * cotangents.color[pixel, 0]
                            g_green = share * cotangents.color[pixel, 1]
                            g_blue = share * cotangents.color[pixel, 2]
                            g_logit += g_red * (red - sums.color[pixel, 0])
                            g_logit += g_green * (green - sums.color[pixel, 1])
                            g_logit += g_blue * (blue - sums.color[pixel, 2])
                            g0, g1, g2 = shade_back(
                                q, lights, shading.kinds, b0, b1, b2, s, g_red, g_green, g_blue, gradient, own_lights
                            )
                            if wanted[6] and q[LEVELS] > 0.0:
                                look_up_back(table, s, s[TEXTURE], s[TEXTURE + 1], s[TEXTURE + 2], shared.texels[part])
                        g_inside += g_logit * (1.0 - cover)
                        g_z -= g_logit * inverse_depth
                        if wanted[1]:
                            vertices[0, 3] += g_z * b0
                            vertices[1, 3] += g_z * b1
                            vertices[2, 3] += g_z * b2
                            g0, g1 = g0 + g_z * f[CORNERS + 3], g1 + g_z * f[CORNERS + 7]
                            g2 += g_z * f[CORNERS + 11]
                            barycentric_back(f, x + 0.5, y + 0.5, b0, b1, b2, total, g0, g1, g2, vertices)
                if geometric and g_inside != 0.0:
                    cotangent = g_inside * scale if inside > 0.0 else -g_inside * scale
                    distance_back(f, int(side[x - first]), along[x - first], x + 0.5, y + 0.5, cotangent, outline)
        thing = shading.object[face] if shaded else 0
        store(outline, vertices, gradient, number, thing, picture, part, wanted, corners, shared)
    if wanted[9]:
        shared.lights[part] += light_gradient


def backward(
    frame: Frame, shading: Shading, soft: Soft, box: Array, sums: Sums, cotangents: Cotangents, wanted: Array
) -> list[Array | None]:
    """The gradients of all differentiable arrays, in the order of ``wanted``; None for those not wanted."""

    def work(first: int, last: int, gradients: Gradients) -> None:
        backward_parts(
            first,
            last,
            gradients.bounds,
            frame,
            shading,
            soft,
            box,
            sums,
            cotangents,
            wanted,
            gradients.corners,
            gradients.shared,
        )

    columns, rows = box[:, 1] - box[:, 0] + 1, box[:, 3] - box[:, 2] + 1
    return Gradients.over_faces(work, frame, shading, np.arange(len(box)), columns * rows + OVERHEAD, wanted)
