"""One face and one pixel: distances, barycentrics and depths, and their derivatives.

A face is held in a scratch array of float64, which the constants below index. All arithmetic is in float64 whatever
the tensors' precision: it costs little where memory is what counts, and nothing cancels.
"""

from __future__ import annotations

from invrender.render.backends.numba.blocks import BARYCENTRIC, COLUMNS, TOTAL, D, X, Y, Z, lanes_of, whole_lanes
from invrender.render.backends.numba.compiling import adding, kernel

SIDES = 0  # four outline edges of five numbers: the start x, y, the way to the end x, y, and 1 / its squared length
CORNERS = 20  # three corners of four numbers: x w, y w, w and depth, the first three times the winding's sign, if odd
FOOTPRINT = 32  # 1 / |determinant|: a pixel's area in barycentric coordinates is this times w³
WINDING = 33
FACE_SIZE = 34
TINY = 1e-17


@kernel
def load_face(frame, g, f):
    """Fill the scratch array of face g."""
    load_outline(frame, g, f)
    load_corners(frame, g, f)


@kernel
def load_outline(frame, g, f):
    """Fill in what distances to face g need."""
    sides = frame.outline.shape[1]
    for k in range(sides):
        a, b = frame.outline[g, k], frame.outline[g, (k + 1) % sides]
        x, y = frame.points[a, 0], frame.points[a, 1]
        along_x, along_y = frame.points[b, 0] - x, frame.points[b, 1] - y
        length = along_x * along_x + along_y * along_y
        f[SIDES + 5 * k] = x
        f[SIDES + 5 * k + 1] = y
        f[SIDES + 5 * k + 2] = along_x
        f[SIDES + 5 * k + 3] = along_y
        f[SIDES + 5 * k + 4] = 1.0 / length if length > 0.0 else 0.0


@kernel
def load_corners(frame, g, f):
    """Fill in what barycentrics of face g need."""
    for k in range(3):
        for j in range(4):
            f[CORNERS + 4 * k + j] = frame.vertices[frame.triangles[g, k], j]
    c = f[CORNERS : CORNERS + 12]
    determinant = (
        c[0] * (c[5] * c[10] - c[6] * c[9]) + c[1] * (c[6] * c[8] - c[4] * c[10]) + c[2] * (c[4] * c[9] - c[5] * c[8])
    )
    f[FOOTPRINT] = 1.0 / max(abs(determinant), 1e-300)
    f[WINDING] = frame.winding[g]


@kernel
def to_segment(right, down, along_x, along_y, inverse):
    """The squared distance to a segment whose start is (right, down) away, and the share of the way along it."""
    share = (right * along_x + down * along_y) * inverse
    share = 0.0 if share < 0.0 else share
    share = 1.0 if share > 1.0 else share
    gap_x, gap_y = right - share * along_x, down - share * along_y
    return gap_x * gap_x + gap_y * gap_y, share


@kernel
def edge(f, k):
    """Edge k of the outline: its start, the way to its end, and 1 / its squared length."""
    at = SIDES + 5 * k
    return f[at], f[at + 1], f[at + 2], f[at + 3], f[at + 4]


@kernel
def square_distances(f, sides, x, y, n, squared):
    """Fill in the squared distances, in pixels, of n centres (x, y) to the outline.

    Loops without branches, so that the compiler makes vector instructions of them; arrays have room for whole lanes.
    """
    (x0, y0, r0, d0, i0), (x1, y1, r1, d1, i1), (x2, y2, r2, d2, i2) = edge(f, 0), edge(f, 1), edge(f, 2)
    for i in range(whole_lanes(n)):
        first, _ = to_segment(x[i] - x0, y[i] - y0, r0, d0, i0)
        second, _ = to_segment(x[i] - x1, y[i] - y1, r1, d1, i1)
        third, _ = to_segment(x[i] - x2, y[i] - y2, r2, d2, i2)
        least = second if second < first else first
        squared[i] = third if third < least else least
    if sides == 4:
        x3, y3, r3, d3, i3 = edge(f, 3)
        for i in range(whole_lanes(n)):
            fourth, _ = to_segment(x[i] - x3, y[i] - y3, r3, d3, i3)
            squared[i] = fourth if fourth < squared[i] else squared[i]


@kernel
def find_nearest_edges(f, sides, x, y, n, squared, side, share):
    """As `square_distances`, and which edge of the outline is nearest, and the share of the way along it."""
    (x0, y0, r0, d0, i0), (x1, y1, r1, d1, i1), (x2, y2, r2, d2, i2) = edge(f, 0), edge(f, 1), edge(f, 2)
    for i in range(whole_lanes(n)):
        least, part = to_segment(x[i] - x0, y[i] - y0, r0, d0, i0)
        apart, along = to_segment(x[i] - x1, y[i] - y1, r1, d1, i1)
        nearest = 1.0 if apart < least else 0.0
        part = along if apart < least else part
        least = apart if apart < least else least
        apart, along = to_segment(x[i] - x2, y[i] - y2, r2, d2, i2)
        side[i] = 2.0 if apart < least else nearest
        share[i] = along if apart < least else part
        squared[i] = apart if apart < least else least
    if sides == 4:
        x3, y3, r3, d3, i3 = edge(f, 3)
        for i in range(whole_lanes(n)):
            apart, along = to_segment(x[i] - x3, y[i] - y3, r3, d3, i3)
            side[i] = 3.0 if apart < squared[i] else side[i]
            share[i] = along if apart < squared[i] else share[i]
            squared[i] = apart if apart < squared[i] else squared[i]


@kernel
def sign_distances(f, sides, near, unit, x, y, n, squared):
    """Turn squared distances in pixels into signed ones in NDC, positive inside the face."""
    (left0, left1, left2), (top0, top1, top2), (w0, w1, w2), (z0, z1, z2) = corners_of(f)
    winding, scale = f[WINDING], unit * unit
    # A clipped face has a part that lies nearer than the near plane.
    clipped = sides == 4
    for i in range(whole_lanes(n)):
        x0, x1, x2 = left0 - x[i] * w0, left1 - x[i] * w1, left2 - x[i] * w2
        y0, y1, y2 = top0 - y[i] * w0, top1 - y[i] * w1, top2 - y[i] * w2
        s0, s1, s2 = (x1 * y2 - y1 * x2) * winding, (x2 * y0 - y2 * x0) * winding, (x0 * y1 - y0 * x1) * winding
        beyond = s0 * (z0 - near) + s1 * (z1 - near) + s2 * (z2 - near) if clipped else 1.0
        least = s0 if s0 < s1 else s1
        least = least if least < s2 else s2
        least = least if least < beyond else beyond
        squared[i] = scale * (squared[i] if least > 0.0 else -squared[i])


@kernel
def corners_of(f):
    """The numbers of a face's three corners: x w, y w, w and depth."""
    return (
        (f[CORNERS], f[CORNERS + 4], f[CORNERS + 8]),
        (f[CORNERS + 1], f[CORNERS + 5], f[CORNERS + 9]),
        (f[CORNERS + 2], f[CORNERS + 6], f[CORNERS + 10]),
        (f[CORNERS + 3], f[CORNERS + 7], f[CORNERS + 11]),
    )


@kernel
def barycentric(f, rows, begin, end):
    """Fill in barycentrics (clipped to the face, summing to one), their sum before scaling, and depths.

    Of pixel centres in columns begin … end − 1.
    """
    assert rows.shape[1] == COLUMNS and begin >= 0
    (left0, left1, left2), (top0, top1, top2), (w0, w1, w2), (z0, z1, z2) = corners_of(f)
    winding = f[WINDING]
    for column in range(lanes_of(begin, end)):
        i = begin + column
        x, y = rows[X, i], rows[Y, i]
        x0, x1, x2 = left0 - x * w0, left1 - x * w1, left2 - x * w2
        y0, y1, y2 = top0 - y * w0, top1 - y * w1, top2 - y * w2
        s0 = max((x1 * y2 - y1 * x2) * winding, 0.0)
        s1 = max((x2 * y0 - y2 * x0) * winding, 0.0)
        s2 = max((x0 * y1 - y0 * x1) * winding, 0.0)
        total = max(s0 + s1 + s2, TINY)
        b0, b1, b2 = s0 / total, s1 / total, s2 / total
        rows[BARYCENTRIC, i], rows[BARYCENTRIC + 1, i], rows[BARYCENTRIC + 2, i] = b0, b1, b2
        rows[TOTAL, i] = total
        rows[Z, i] = b0 * z0 + b1 * z1 + b2 * z2


@adding
def barycentric_back(f, rows, begin, end, corners):
    """Add to corners [3, 4] the gradient of barycentrics and depths with the cotangents in columns begin … end − 1."""
    assert rows.shape[1] == COLUMNS and begin >= 0
    (left0, left1, left2), (top0, top1, top2), (w0, w1, w2), (z0, z1, z2) = corners_of(f)
    winding = f[WINDING]
    gx0, gx1, gx2, gy0, gy1, gy2, gw0, gw1, gw2, gz0, gz1, gz2 = (
        0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    )  # fmt: skip
    for column in range(end - begin):
        i = begin + column
        x, y, total, g_z = rows[X, i], rows[Y, i], rows[TOTAL, i], rows[D + Z, i]
        b0, b1, b2 = rows[BARYCENTRIC, i], rows[BARYCENTRIC + 1, i], rows[BARYCENTRIC + 2, i]
        g0, g1, g2 = (
            rows[D + BARYCENTRIC, i] + g_z * z0,
            rows[D + BARYCENTRIC + 1, i] + g_z * z1,
            rows[D + BARYCENTRIC + 2, i] + g_z * z2,
        )
        mean = g0 * b0 + g1 * b1 + g2 * b2 if total > TINY else 0.0
        scale = winding / total
        d0 = (g0 - mean) * scale if b0 > 0.0 else 0.0
        d1 = (g1 - mean) * scale if b1 > 0.0 else 0.0
        d2 = (g2 - mean) * scale if b2 > 0.0 else 0.0
        x0, x1, x2 = left0 - x * w0, left1 - x * w1, left2 - x * w2
        y0, y1, y2 = top0 - y * w0, top1 - y * w1, top2 - y * w2
        right0, right1, right2 = d2 * y1 - d1 * y2, d0 * y2 - d2 * y0, d1 * y0 - d0 * y1
        down0, down1, down2 = d1 * x2 - d2 * x1, d2 * x0 - d0 * x2, d0 * x1 - d1 * x0
        gx0, gx1, gx2 = gx0 + right0, gx1 + right1, gx2 + right2
        gy0, gy1, gy2 = gy0 + down0, gy1 + down1, gy2 + down2
        gw0, gw1, gw2 = (
            gw0 - (x * right0 + y * down0),
            gw1 - (x * right1 + y * down1),
            gw2 - (x * right2 + y * down2),
        )
        gz0, gz1, gz2 = gz0 + g_z * b0, gz1 + g_z * b1, gz2 + g_z * b2
    corners[0, 0] += gx0
    corners[0, 1] += gy0
    corners[0, 2] += gw0
    corners[0, 3] += gz0
    corners[1, 0] += gx1
    corners[1, 1] += gy1
    corners[1, 2] += gw1
    corners[1, 3] += gz1
    corners[2, 0] += gx2
    corners[2, 1] += gy2
    corners[2, 2] += gw2
    corners[2, 3] += gz2


@kernel
def barycentric_tangent(f, moved, rows, begin, end):
    """Fill in how barycentrics and depths in columns begin … end − 1 change as the corners move by moved [3, 4]."""
    assert rows.shape[1] == COLUMNS and begin >= 0
    (left0, left1, left2), (top0, top1, top2), (w0, w1, w2), (z0, z1, z2) = corners_of(f)
    winding = f[WINDING]
    for column in range(lanes_of(begin, end)):
        i = begin + column
        x, y, total = rows[X, i], rows[Y, i], rows[TOTAL, i]
        b0, b1, b2 = rows[BARYCENTRIC, i], rows[BARYCENTRIC + 1, i], rows[BARYCENTRIC + 2, i]
        x0, x1, x2 = left0 - x * w0, left1 - x * w1, left2 - x * w2
        y0, y1, y2 = top0 - y * w0, top1 - y * w1, top2 - y * w2
        dx0, dy0 = moved[0, 0] - x * moved[0, 2], moved[0, 1] - y * moved[0, 2]
        dx1, dy1 = moved[1, 0] - x * moved[1, 2], moved[1, 1] - y * moved[1, 2]
        dx2, dy2 = moved[2, 0] - x * moved[2, 2], moved[2, 1] - y * moved[2, 2]
        scale = winding / total
        d0 = scale * (dx1 * y2 + x1 * dy2 - dy1 * x2 - y1 * dx2) if b0 > 0.0 else 0.0
        d1 = scale * (dx2 * y0 + x2 * dy0 - dy2 * x0 - y2 * dx0) if b1 > 0.0 else 0.0
        d2 = scale * (dx0 * y1 + x0 * dy1 - dy0 * x1 - y0 * dx1) if b2 > 0.0 else 0.0
        mean = d0 + d1 + d2 if total > TINY else 0.0
        d0, d1, d2 = d0 - b0 * mean, d1 - b1 * mean, d2 - b2 * mean
        rows[D + BARYCENTRIC, i], rows[D + BARYCENTRIC + 1, i], rows[D + BARYCENTRIC + 2, i] = d0, d1, d2
        depth = d0 * z0 + d1 * z1 + d2 * z2
        rows[D + Z, i] = depth + b0 * moved[0, 3] + b1 * moved[1, 3] + b2 * moved[2, 3]


@adding
def distances_back(f, sides, x, y, side, share, cotangent, n, outline):
    """Add to outline [4, 4] the gradient of n squared distances in pixels, whose cotangents are given.

    By edge: of the start x, y and the end x, y. The nearest point, a share along its edge, slides along it at right
    angles to the gap, so that only its share matters.
    """
    for k in range(sides):
        at = SIDES + 5 * k
        start_x, start_y, along_x, along_y = f[at], f[at + 1], f[at + 2], f[at + 3]
        all_x, all_y, end_x, end_y = 0.0, 0.0, 0.0, 0.0
        for i in range(n):
            pull = -2.0 * cotangent[i] if side[i] == k else 0.0
            pull_x = pull * (x[i] - start_x - share[i] * along_x)
            pull_y = pull * (y[i] - start_y - share[i] * along_y)
            all_x, all_y = all_x + pull_x, all_y + pull_y
            end_x, end_y = end_x + share[i] * pull_x, end_y + share[i] * pull_y
        outline[k, 0] += all_x - end_x
        outline[k, 1] += all_y - end_y
        outline[k, 2] += end_x
        outline[k, 3] += end_y


@kernel
def gap(f, side, share, x, y):
    """The way from the nearest point, a share along an edge of the outline, to a pixel centre."""
    at = SIDES + 5 * side
    return x - f[at] - share * f[at + 2], y - f[at + 1] - share * f[at + 3]
