"""How many texels of the finest level a pixel covers, and the derivatives: `phong.texel_areas` and its kin in vectors.

It is a w³ / |det|, with a twice the face's area in texels, w the corners' third homogeneous coordinate at the
fragment's barycentrics, and det the determinant of the corners' homogeneous pixels.
"""

from __future__ import annotations

from invrender.render.backends.numba.blocks import BARYCENTRIC, COLUMNS, MINIFICATION, D, lanes_of
from invrender.render.backends.numba.compiling import adding, kernel
from invrender.render.backends.numba.geometry import CORNERS, FOOTPRINT, WINDING, corners_of


@kernel
def chart_area(uv):
    """Twice the signed area of a triangle, from its corners' texture coordinates one after the other, [6]."""
    return (uv[2] - uv[0]) * (uv[5] - uv[1]) - (uv[3] - uv[1]) * (uv[4] - uv[0])


@kernel
def chart_area_gradient(uv):
    """The derivatives of `chart_area`."""
    return uv[3] - uv[5], uv[4] - uv[2], uv[5] - uv[1], uv[0] - uv[4], uv[1] - uv[3], uv[2] - uv[0]


@kernel
def determinant_gradient(f):
    """How fast |det| grows relative to itself with each corner's homogeneous pixel: three of three numbers."""
    (x0, x1, x2), (y0, y1, y2), (w0, w1, w2), _ = corners_of(f)
    scale = f[WINDING] * f[FOOTPRINT]
    return (
        (scale * (y1 * w2 - w1 * y2), scale * (w1 * x2 - x1 * w2), scale * (x1 * y2 - y1 * x2)),
        (scale * (y2 * w0 - w2 * y0), scale * (w2 * x0 - x2 * w0), scale * (x2 * y0 - y2 * x0)),
        (scale * (y0 * w1 - w0 * y1), scale * (w0 * x1 - x0 * w1), scale * (x0 * y1 - y0 * x1)),
    )


@kernel
def minification(f, area, rows, begin, end):
    """Fill in columns begin … end − 1, fragments of one face; area: twice the face's, in texels."""
    assert rows.shape[1] == COLUMNS and begin >= 0
    w0, w1, w2 = f[CORNERS + 2], f[CORNERS + 6], f[CORNERS + 10]
    scale = area * f[FOOTPRINT]
    for column in range(lanes_of(begin, end)):
        i = begin + column
        w = rows[BARYCENTRIC, i] * w0 + rows[BARYCENTRIC + 1, i] * w1 + rows[BARYCENTRIC + 2, i] * w2
        rows[MINIFICATION, i] = scale * (w * w * w)


@adding
def minification_back(f, area, uv, rows, begin, end, corners, uv_gradient):
    """Add to the cotangents of barycentrics in columns begin … end − 1, and to what corners [3, 4] and uv [6] get."""
    assert rows.shape[1] == COLUMNS and begin >= 0
    w0, w1, w2 = f[CORNERS + 2], f[CORNERS + 6], f[CORNERS + 10]
    scale = 3.0 * area * f[FOOTPRINT]
    relative, gw0, gw1, gw2 = 0.0, 0.0, 0.0, 0.0
    for column in range(end - begin):
        i = begin + column
        b0, b1, b2 = rows[BARYCENTRIC, i], rows[BARYCENTRIC + 1, i], rows[BARYCENTRIC + 2, i]
        w, cotangent = b0 * w0 + b1 * w1 + b2 * w2, rows[D + MINIFICATION, i]
        g_w = scale * (w * w) * cotangent
        rows[D + BARYCENTRIC, i] += g_w * w0
        rows[D + BARYCENTRIC + 1, i] += g_w * w1
        rows[D + BARYCENTRIC + 2, i] += g_w * w2
        gw0, gw1, gw2 = gw0 + g_w * b0, gw1 + g_w * b1, gw2 + g_w * b2
        relative += cotangent * rows[MINIFICATION, i]
    if relative == 0.0 and gw0 == 0.0 and gw1 == 0.0 and gw2 == 0.0:
        return  # most likely magnified; or the face has no area in the texture
    corners[0, 2] += gw0
    corners[1, 2] += gw1
    corners[2, 2] += gw2
    slopes = determinant_gradient(f)
    for k in range(3):
        for c in range(3):
            corners[k, c] -= relative * slopes[k][c]
    growth, whole = chart_area_gradient(uv), chart_area(uv)
    for k in range(6):
        uv_gradient[k] += relative * growth[k] / whole


@kernel
def minification_tangent(f, area, uv, corners_change, uv_change, rows, begin, end):
    """Fill in how columns begin … end − 1 change as the corners do, by corners_change [3, 4], and uv, by [6]."""
    assert rows.shape[1] == COLUMNS and begin >= 0
    w0, w1, w2 = f[CORNERS + 2], f[CORNERS + 6], f[CORNERS + 10]
    scale, relative = 3.0 * area * f[FOOTPRINT], 0.0
    if area > 0.0:
        slopes, growth, whole = determinant_gradient(f), chart_area_gradient(uv), chart_area(uv)
        for k in range(3):
            for c in range(3):
                relative -= slopes[k][c] * corners_change[k, c]
        for k in range(6):
            relative += growth[k] * uv_change[k] / whole
    for column in range(lanes_of(begin, end)):
        i = begin + column
        b0, b1, b2 = rows[BARYCENTRIC, i], rows[BARYCENTRIC + 1, i], rows[BARYCENTRIC + 2, i]
        w = b0 * w0 + b1 * w1 + b2 * w2
        change = b0 * corners_change[0, 2] + b1 * corners_change[1, 2] + b2 * corners_change[2, 2]
        change += rows[D + BARYCENTRIC, i] * w0 + rows[D + BARYCENTRIC + 1, i] * w1 + rows[D + BARYCENTRIC + 2, i] * w2
        rows[D + MINIFICATION, i] = rows[MINIFICATION, i] * relative + scale * (w * w) * change
