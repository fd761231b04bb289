"""One face and one pixel: distances, barycentrics and depths, and their derivatives.

A face is held in a scratch array of float64, which the constants below index. All arithmetic is in float64 whatever
the tensors' precision: it costs little where memory is what counts, and nothing cancels.
"""

from __future__ import annotations

from invrender.render.kernels.cpu.compiling import kernel

SIDES = 0  # four outline edges of five numbers: the start x, y, the way to the end x, y, and 1 / its squared length
CORNERS = 20  # three corners of four numbers: x w, y w, w and depth, the first three times the winding's sign, if odd
FOOTPRINT = 32  # 1 / |determinant|: a pixel's area in barycentric coordinates is this times w³
WINDING = 33
FACE_SIZE = 34
TINY = 1e-17
LANES = 8  # pixels that vector instructions take at once; a tile is so many times as wide


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
def seen_edge(f, k, x, y):
    """Edge k of the outline as `to_segment` takes it, for the pixel centre (x, y)."""
    at = SIDES + 5 * k
    return x - f[at], y - f[at + 1], f[at + 2], f[at + 3], f[at + 4]


@kernel
def whole_lanes(count):
    """A number of pixels rounded up: loops over so many are vector instructions to the end."""
    return (count + LANES - 1) // LANES * LANES


@kernel
def squared_row(f, sides, x, y, count, row):
    """Fill row[: count] with the squared distances, in pixels, of the centres (x, y), (x + 1, y), … to the outline.

    Loops without branches, so that the compiler makes vector instructions of them; rows have room for whole lanes.
    """
    right0, down0, x0, y0, inverse0 = seen_edge(f, 0, x, y)
    right1, down1, x1, y1, inverse1 = seen_edge(f, 1, x, y)
    right2, down2, x2, y2, inverse2 = seen_edge(f, 2, x, y)
    for i in range(whole_lanes(count)):
        first, _ = to_segment(right0 + i, down0, x0, y0, inverse0)
        second, _ = to_segment(right1 + i, down1, x1, y1, inverse1)
        third, _ = to_segment(right2 + i, down2, x2, y2, inverse2)
        least = second if second < first else first
        row[i] = third if third < least else least
    if sides == 4:
        right3, down3, x3, y3, inverse3 = seen_edge(f, 3, x, y)
        for i in range(whole_lanes(count)):
            squared, _ = to_segment(right3 + i, down3, x3, y3, inverse3)
            row[i] = squared if squared < row[i] else row[i]


@kernel
def nearest_row(f, sides, x, y, count, row, side, part):
    """As `squared_row`, and which edge of the outline is nearest, and the share of the way along it."""
    right0, down0, x0, y0, inverse0 = seen_edge(f, 0, x, y)
    right1, down1, x1, y1, inverse1 = seen_edge(f, 1, x, y)
    right2, down2, x2, y2, inverse2 = seen_edge(f, 2, x, y)
    for i in range(whole_lanes(count)):
        least, share = to_segment(right0 + i, down0, x0, y0, inverse0)
        squared, along = to_segment(right1 + i, down1, x1, y1, inverse1)
        nearest = 1.0 if squared < least else 0.0
        share = along if squared < least else share
        least = squared if squared < least else least
        squared, along = to_segment(right2 + i, down2, x2, y2, inverse2)
        side[i] = 2.0 if squared < least else nearest
        part[i] = along if squared < least else share
        row[i] = squared if squared < least else least
    if sides == 4:
        right3, down3, x3, y3, inverse3 = seen_edge(f, 3, x, y)
        for i in range(whole_lanes(count)):
            squared, along = to_segment(right3 + i, down3, x3, y3, inverse3)
            side[i] = 3.0 if squared < row[i] else side[i]
            part[i] = along if squared < row[i] else part[i]
            row[i] = squared if squared < row[i] else row[i]


@kernel
def signed_row(f, sides, near, unit, x, y, count, row):
    """Turn squared distances in pixels into signed ones in NDC, positive inside the face."""
    scale = unit * unit
    w0, w1, w2 = f[CORNERS + 2], f[CORNERS + 6], f[CORNERS + 10]
    y0, y1, y2 = f[CORNERS + 1] - y * w0, f[CORNERS + 5] - y * w1, f[CORNERS + 9] - y * w2
    x0, x1, x2 = f[CORNERS], f[CORNERS + 4], f[CORNERS + 8]
    winding = f[WINDING]
    if sides == 3:
        for i in range(whole_lanes(count)):
            at0, at1, at2 = x0 - (x + i) * w0, x1 - (x + i) * w1, x2 - (x + i) * w2
            s0, s1, s2 = (
                (at1 * y2 - y1 * at2) * winding,
                (at2 * y0 - y2 * at0) * winding,
                (at0 * y1 - y0 * at1) * winding,
            )
            least = s0 if s0 < s1 else s1
            least = least if least < s2 else s2
            row[i] = scale * (row[i] if least > 0.0 else -row[i])
        return
    z0, z1, z2 = f[CORNERS + 3], f[CORNERS + 7], f[CORNERS + 11]
    for i in range(whole_lanes(count)):
        at0, at1, at2 = x0 - (x + i) * w0, x1 - (x + i) * w1, x2 - (x + i) * w2
        s0, s1, s2 = (at1 * y2 - y1 * at2) * winding, (at2 * y0 - y2 * at0) * winding, (at0 * y1 - y0 * at1) * winding
        # A clipped face has a part that lies nearer than the near plane.
        beyond = s0 * (z0 - near) + s1 * (z1 - near) + s2 * (z2 - near)
        within = s0 > 0.0 and s1 > 0.0 and s2 > 0.0 and beyond > 0.0
        row[i] = scale * (row[i] if within else -row[i])


@kernel
def barycentric(f, x, y):
    """Barycentrics (clipped to the face, summing to one), their sum before scaling, and the depth at a pixel centre."""
    w0, w1, w2 = f[CORNERS + 2], f[CORNERS + 6], f[CORNERS + 10]
    x0, x1, x2 = f[CORNERS] - x * w0, f[CORNERS + 4] - x * w1, f[CORNERS + 8] - x * w2
    y0, y1, y2 = f[CORNERS + 1] - y * w0, f[CORNERS + 5] - y * w1, f[CORNERS + 9] - y * w2
    winding = f[WINDING]
    s0 = max((x1 * y2 - y1 * x2) * winding, 0.0)
    s1 = max((x2 * y0 - y2 * x0) * winding, 0.0)
    s2 = max((x0 * y1 - y0 * x1) * winding, 0.0)
    total = max(s0 + s1 + s2, TINY)
    b0, b1, b2 = s0 / total, s1 / total, s2 / total
    depth = b0 * f[CORNERS + 3] + b1 * f[CORNERS + 7] + b2 * f[CORNERS + 11]
    return b0, b1, b2, total, depth


@kernel
def footprint(f, b0, b1, b2):
    """The area that a pixel covers in barycentric coordinates."""
    w = b0 * f[CORNERS + 2] + b1 * f[CORNERS + 6] + b2 * f[CORNERS + 10]
    return w * w * w * f[FOOTPRINT]


@kernel
def barycentric_back(f, x, y, b0, b1, b2, total, g0, g1, g2, corners):
    """Add to corners [3, 4] the gradient of barycentrics whose cotangents are g0, g1, g2."""
    mean = (g0 * b0 + g1 * b1 + g2 * b2) if total > TINY else 0.0
    scale = f[WINDING] / total
    d0 = (g0 - mean) * scale if b0 > 0.0 else 0.0
    d1 = (g1 - mean) * scale if b1 > 0.0 else 0.0
    d2 = (g2 - mean) * scale if b2 > 0.0 else 0.0
    w0, w1, w2 = f[CORNERS + 2], f[CORNERS + 6], f[CORNERS + 10]
    x0, x1, x2 = f[CORNERS] - x * w0, f[CORNERS + 4] - x * w1, f[CORNERS + 8] - x * w2
    y0, y1, y2 = f[CORNERS + 1] - y * w0, f[CORNERS + 5] - y * w1, f[CORNERS + 9] - y * w2
    gx0, gx1, gx2 = d2 * y1 - d1 * y2, d0 * y2 - d2 * y0, d1 * y0 - d0 * y1
    gy0, gy1, gy2 = d1 * x2 - d2 * x1, d2 * x0 - d0 * x2, d0 * x1 - d1 * x0
    corners[0, 0] += gx0
    corners[0, 1] += gy0
    corners[0, 2] -= x * gx0 + y * gy0
    corners[1, 0] += gx1
    corners[1, 1] += gy1
    corners[1, 2] -= x * gx1 + y * gy1
    corners[2, 0] += gx2
    corners[2, 1] += gy2
    corners[2, 2] -= x * gx2 + y * gy2


@kernel
def gap(f, side, share, x, y):
    """The way from the nearest point, a share along an edge of the outline, to a pixel centre."""
    at = SIDES + 5 * side
    return x - f[at] - share * f[at + 2], y - f[at + 1] - share * f[at + 3]


@kernel
def distance_back(f, side, share, x, y, cotangent, outline):
    """Add to outline [4, 4] the gradient of the squared distance in pixels, whose cotangent is given.

    By edge: of the start x, y and the end x, y. The nearest point slides along its edge at right angles to the gap, so
    that only its share matters.
    """
    gap_x, gap_y = gap(f, side, share, x, y)
    pull_x, pull_y = -2.0 * cotangent * gap_x, -2.0 * cotangent * gap_y
    outline[side, 0] += (1.0 - share) * pull_x
    outline[side, 1] += (1.0 - share) * pull_y
    outline[side, 2] += share * pull_x
    outline[side, 3] += share * pull_y


@kernel
def barycentric_along(f, moved, x, y, b0, b1, b2, total):
    """How barycentrics and depth change as the corners move by moved [3, 4]."""
    w0, w1, w2 = f[CORNERS + 2], f[CORNERS + 6], f[CORNERS + 10]
    x0, x1, x2 = f[CORNERS] - x * w0, f[CORNERS + 4] - x * w1, f[CORNERS + 8] - x * w2
    y0, y1, y2 = f[CORNERS + 1] - y * w0, f[CORNERS + 5] - y * w1, f[CORNERS + 9] - y * w2
    dx0, dx1, dx2 = moved[0, 0] - x * moved[0, 2], moved[1, 0] - x * moved[1, 2], moved[2, 0] - x * moved[2, 2]
    dy0, dy1, dy2 = moved[0, 1] - y * moved[0, 2], moved[1, 1] - y * moved[1, 2], moved[2, 1] - y * moved[2, 2]
    scale = f[WINDING] / total
    d0 = scale * (dx1 * y2 + x1 * dy2 - dy1 * x2 - y1 * dx2) if b0 > 0.0 else 0.0
    d1 = scale * (dx2 * y0 + x2 * dy0 - dy2 * x0 - y2 * dx0) if b1 > 0.0 else 0.0
    d2 = scale * (dx0 * y1 + x0 * dy1 - dy0 * x1 - y0 * dx1) if b2 > 0.0 else 0.0
    sum_ = d0 + d1 + d2 if total > TINY else 0.0
    d0, d1, d2 = d0 - b0 * sum_, d1 - b1 * sum_, d2 - b2 * sum_
    depth = d0 * f[CORNERS + 3] + d1 * f[CORNERS + 7] + d2 * f[CORNERS + 11]
    return d0, d1, d2, depth + b0 * moved[0, 3] + b1 * moved[1, 3] + b2 * moved[2, 3]
