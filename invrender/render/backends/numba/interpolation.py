"""What fragments get from the corners of their face, and the derivatives.

The numbers of a face's corners are gathered once, in a scratch array q of float64 that the constants below index.
Their gradients, and their changes in forward mode, are laid out as it is.
"""

from __future__ import annotations

from invrender.render.backends.numba.blocks import (
    BARYCENTRIC,
    COLUMNS,
    NORMAL,
    PAINT,
    POSITION,
    UV,
    D,
    dot,
    lanes_of,
)
from invrender.render.backends.numba.compiling import kernel
from invrender.render.backends.numba.minification import (
    chart_area,
    minification,
    minification_back,
    minification_tangent,
)

POSITIONS, NORMALS, UVS, PAINTS = 0, 9, 18, 24  # of three corners, one after the other
INTERPOLATED = 33  # so many numbers
TEXEL_AREA = 33  # twice the face's, in texels of the finest level
SURFACE_SIZE = 34


@kernel
def load_surface(surface, face, q):
    """Fill the scratch array of a face."""
    for k in range(3):
        vertex, normal = surface.faces[face, k], surface.normal_faces[face, k]
        for c in range(3):
            q[POSITIONS + 3 * k + c] = surface.positions[vertex, c]
            q[NORMALS + 3 * k + c] = surface.normals[normal, c]
            if len(surface.paint) > 0:
                q[PAINTS + 3 * k + c] = surface.paint[vertex, c]
    q[TEXEL_AREA] = 0.0
    if len(surface.texels) > 0:
        for k in range(3):
            corner = surface.uv_faces[face, k]
            q[UVS + 2 * k], q[UVS + 2 * k + 1] = surface.uv[corner, 0], surface.uv[corner, 1]
        table = surface.textures[surface.object[face]]
        q[TEXEL_AREA] = abs(chart_area(q[UVS:PAINTS])) * table[0, 1] * table[0, 2]


@kernel
def load_surface_tangent(tangent, surface, face, direction, q):
    """Fill q with how a face's numbers change in one direction; arrays of ``tangent`` without directions do not."""
    q[:INTERPOLATED] = 0.0
    for k in range(3):
        vertex, normal, corner = surface.faces[face, k], surface.normal_faces[face, k], surface.uv_faces[face, k]
        for c in range(3):
            if len(tangent.positions) > 0:
                q[POSITIONS + 3 * k + c] = tangent.positions[direction, vertex, c]
            if len(tangent.normals) > 0:
                q[NORMALS + 3 * k + c] = tangent.normals[direction, normal, c]
            if len(tangent.paint) > 0:
                q[PAINTS + 3 * k + c] = tangent.paint[direction, vertex, c]
        if len(tangent.uv) > 0:
            q[UVS + 2 * k] = tangent.uv[direction, corner, 0]
            q[UVS + 2 * k + 1] = tangent.uv[direction, corner, 1]


@kernel
def minified(surface):
    """Whether textures have more than one level, so that it counts how small they are."""
    return surface.textures.shape[1] > 1


@kernel
def mixed(q, at, step, b0, b1, b2):
    """Interpolate one number of three corners."""
    return b0 * q[at] + b1 * q[at + step] + b2 * q[at + 2 * step]


@kernel
def interpolate(surface, f, q, rows, begin, end):
    """Fill in columns begin … end − 1, fragments of one face, from their barycentrics."""
    assert rows.shape[1] == COLUMNS and begin >= 0
    for column in range(lanes_of(begin, end)):
        i = begin + column
        b0, b1, b2 = rows[BARYCENTRIC, i], rows[BARYCENTRIC + 1, i], rows[BARYCENTRIC + 2, i]
        for c in range(3):
            rows[POSITION + c, i] = mixed(q, POSITIONS + c, 3, b0, b1, b2)
            rows[NORMAL + c, i] = mixed(q, NORMALS + c, 3, b0, b1, b2)
    if len(surface.texels) > 0:
        for column in range(lanes_of(begin, end)):
            i = begin + column
            b0, b1, b2 = rows[BARYCENTRIC, i], rows[BARYCENTRIC + 1, i], rows[BARYCENTRIC + 2, i]
            rows[UV, i] = mixed(q, UVS, 2, b0, b1, b2)
            rows[UV + 1, i] = mixed(q, UVS + 1, 2, b0, b1, b2)
        if minified(surface):
            minification(f, q[TEXEL_AREA], rows, begin, end)
    if len(surface.paint) > 0:
        for column in range(lanes_of(begin, end)):
            i = begin + column
            b0, b1, b2 = rows[BARYCENTRIC, i], rows[BARYCENTRIC + 1, i], rows[BARYCENTRIC + 2, i]
            for c in range(3):
                rows[PAINT + c, i] = mixed(q, PAINTS + c, 3, b0, b1, b2)


@kernel
def interpolate_back(surface, f, q, rows, begin, end, vertices, gradient, wanted):
    """The cotangents of barycentrics in columns begin … end − 1.

    The corners' are added to ``gradient``, and to ``vertices`` [3, 4] where it counts how small textures are.
    """
    assert rows.shape[1] == COLUMNS and begin >= 0
    for column in range(lanes_of(begin, end)):
        i = begin + column
        for k in range(3):
            found = 0.0
            for c in range(3):
                found += rows[D + POSITION + c, i] * q[POSITIONS + 3 * k + c]
                found += rows[D + NORMAL + c, i] * q[NORMALS + 3 * k + c]
            rows[D + BARYCENTRIC + k, i] = found
    if len(surface.texels) > 0:
        for column in range(lanes_of(begin, end)):
            i = begin + column
            for k in range(3):
                found = rows[D + UV, i] * q[UVS + 2 * k] + rows[D + UV + 1, i] * q[UVS + 2 * k + 1]
                rows[D + BARYCENTRIC + k, i] += found
        if minified(surface):
            minification_back(f, q[TEXEL_AREA], q[UVS:PAINTS], rows, begin, end, vertices, gradient[UVS:PAINTS])
    if len(surface.paint) > 0:
        for column in range(lanes_of(begin, end)):
            i = begin + column
            for k in range(3):
                found = 0.0
                for c in range(3):
                    found += rows[D + PAINT + c, i] * q[PAINTS + 3 * k + c]
                rows[D + BARYCENTRIC + k, i] += found
    if wanted.positions:
        interpolated_back(rows, POSITION, 3, begin, end, POSITIONS, gradient)
    if wanted.normals:
        interpolated_back(rows, NORMAL, 3, begin, end, NORMALS, gradient)
    if wanted.uv and len(surface.texels) > 0:
        interpolated_back(rows, UV, 2, begin, end, UVS, gradient)
    if wanted.paint:
        interpolated_back(rows, PAINT, 3, begin, end, PAINTS, gradient)


@kernel
def interpolated_back(rows, row, count, begin, end, at, gradient):
    """Add the gradients of ``count`` numbers of three corners, from the cotangents of what was interpolated."""
    assert rows.shape[1] == COLUMNS and begin >= 0
    for k in range(3):
        for c in range(count):
            gradient[at + count * k + c] += dot(rows, BARYCENTRIC + k, D + row + c, begin, end)


@kernel
def mixed_tangent(q, moved, at, step, b0, b1, b2, m0, m1, m2):
    """How `mixed` changes with the barycentrics and the corners."""
    return mixed(q, at, step, m0, m1, m2) + mixed(moved, at, step, b0, b1, b2)


@kernel
def interpolate_tangent(surface, f, q, corners, moved, rows, begin, end):
    """How columns begin … end − 1 change; corners: by how much the corners on the screen move, moved: by how much q."""
    assert rows.shape[1] == COLUMNS and begin >= 0
    textured, painted = len(surface.texels) > 0, len(surface.paint) > 0
    for column in range(lanes_of(begin, end)):
        i = begin + column
        b0, b1, b2 = rows[BARYCENTRIC, i], rows[BARYCENTRIC + 1, i], rows[BARYCENTRIC + 2, i]
        m0, m1, m2 = rows[D + BARYCENTRIC, i], rows[D + BARYCENTRIC + 1, i], rows[D + BARYCENTRIC + 2, i]
        for c in range(3):
            rows[D + POSITION + c, i] = mixed_tangent(q, moved, POSITIONS + c, 3, b0, b1, b2, m0, m1, m2)
            rows[D + NORMAL + c, i] = mixed_tangent(q, moved, NORMALS + c, 3, b0, b1, b2, m0, m1, m2)
            if painted:
                rows[D + PAINT + c, i] = mixed_tangent(q, moved, PAINTS + c, 3, b0, b1, b2, m0, m1, m2)
        if textured:
            rows[D + UV, i] = mixed_tangent(q, moved, UVS, 2, b0, b1, b2, m0, m1, m2)
            rows[D + UV + 1, i] = mixed_tangent(q, moved, UVS + 1, 2, b0, b1, b2, m0, m1, m2)
    if minified(surface):
        minification_tangent(f, q[TEXEL_AREA], q[UVS:PAINTS], corners, moved[UVS:PAINTS], rows, begin, end)
