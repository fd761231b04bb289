"""Look-ups of textures, bilinear and between two levels of a pyramid, and their derivatives."""

from __future__ import annotations

import math

from invrender.render.backends.numba.blocks import (
    AT_A_LEVEL,
    COLUMNS,
    LEVEL,
    LOOK_UPS,
    MINIFICATION,
    TEXTURE,
    TEXTURE_M,
    TEXTURE_U,
    TEXTURE_V,
    UV,
    D,
    fill,
    whole_lanes,
)
from invrender.render.backends.numba.compiling import kernel

# Of a look-up at one level: its upper left texel, the ways to the right and the lower neighbours, the shares across and
# down, the share of the level, that times how u and v move the place in texels, and how the minification moves it.
TEXEL, RIGHT, BELOW, ACROSS, DOWN, WEIGHT, SPEED_U, SPEED_V, SPEED_M = range(AT_A_LEVEL)
# The colours of the four texels that are mixed, three rows each: where derivatives will be, which are taken later.
TEXELS = D + TEXTURE

LEVELS_PER_E = 0.5 / math.log(2.0)  # by how many levels a look-up moves on where a pixel covers e times as many texels


@kernel
def parts_of(levels):
    """How many of a pyramid's levels a look-up mixes."""
    return 2 if levels > 1 else 1


@kernel
def find_texels(table, levels, rows, n):
    """Fill in which texels look-ups mix; table: [levels, 3] of the object's texture."""
    assert rows.shape[1] == COLUMNS
    fill(rows, LEVEL, 0.0, n)
    if levels > 1:
        for i in range(n):
            if rows[MINIFICATION, i] > 1.0:
                rows[LEVEL, i] = min(0.5 * math.log2(rows[MINIFICATION, i]), levels - 1.0)
    for part in range(parts_of(levels)):
        here = LOOK_UPS + part * AT_A_LEVEL
        if levels > 1:
            for i in range(n):
                level = int(min(math.floor(rows[LEVEL, i]) + part, levels - 1.0))
                for c in range(3):
                    rows[here + c, i] = table[level, c]
        else:
            for c in range(3):
                fill(rows, here + c, table[0, c] * 1.0, n)
        for i in range(whole_lanes(n)):
            first, width, height = rows[here, i], rows[here + 1, i], rows[here + 2, i]
            share = rows[LEVEL, i] - math.floor(rows[LEVEL, i])
            weight = share if part == 1 else 1.0 - share
            x, y = rows[UV, i] * width - 0.5, (1.0 - rows[UV + 1, i]) * height - 0.5
            inside_x, inside_y = min(max(x, 0.0), width - 1.0), min(max(y, 0.0), height - 1.0)
            left, top = min(math.floor(inside_x), width - 2.0), min(math.floor(inside_y), height - 2.0)
            left, top = max(left, 0.0), max(top, 0.0)
            rows[here + TEXEL, i] = first + top * width + left
            rows[here + RIGHT, i] = 1.0 if width > 1.0 else 0.0
            rows[here + BELOW, i] = width if height > 1.0 else 0.0
            rows[here + ACROSS, i], rows[here + DOWN, i] = inside_x - left, inside_y - top
            rows[here + WEIGHT, i] = weight
            # Beyond the outermost centres nothing moves.
            rows[here + SPEED_U, i] = weight * width if x == inside_x else 0.0
            rows[here + SPEED_V, i] = -weight * height if y == inside_y else 0.0
            # Where a texture is magnified the level stays; at the last one both parts are alike and what moves cancels.
            away = LEVELS_PER_E / rows[MINIFICATION, i] if levels > 1 and rows[MINIFICATION, i] > 1.0 else 0.0
            rows[here + SPEED_M, i] = away if part == 1 else -away


@kernel
def found(rows, part, i):
    """The four texels that a look-up mixes at one of its levels: left and right of the upper row, and of the lower."""
    here = LOOK_UPS + part * AT_A_LEVEL
    first, right, below = int(rows[here + TEXEL, i]), int(rows[here + RIGHT, i]), int(rows[here + BELOW, i])
    return first, first + right, first + below, first + below + right


@kernel
def shares(rows, part, i):
    """The shares of the four texels of `found`."""
    here = LOOK_UPS + part * AT_A_LEVEL
    across, down, weight = rows[here + ACROSS, i], rows[here + DOWN, i], rows[here + WEIGHT, i]
    upper, lower = weight * (1.0 - down), weight * down
    return upper * (1.0 - across), upper * across, lower * (1.0 - across), lower * across


@kernel
def look_up(table, levels, texels, slopes, rows, n):
    """Fill in the texture's colours, and if asked for their slopes."""
    assert rows.shape[1] == COLUMNS
    find_texels(table, levels, rows, n)
    for part in range(parts_of(levels)):
        gather_texels(texels, part, rows, n)
        for c in range(3):
            mix_texels(c, part, slopes, rows, n)


@kernel
def gather_texels(texels, part, rows, n):
    """Fill in the colours of the texels that look-ups mix at one of their levels.

    Alone, so that the memory, which is far away in large textures, is asked for many of them at a time.
    """
    for i in range(n):
        mixed = found(rows, part, i)
        for k in range(4):
            for c in range(3):
                rows[TEXELS + 3 * k + c, i] = texels[mixed[k], c]


@kernel
def mix_texels(c, part, slopes, rows, n):
    """Add what one of the levels gives to channel c of the texture, and if asked to its slopes."""
    assert rows.shape[1] == COLUMNS
    here, lanes, kept = LOOK_UPS + part * AT_A_LEVEL, whole_lanes(n), part == 1
    for i in range(lanes):
        upper, lower = mixed_across(rows, here, c, i)
        color = upper + rows[here + DOWN, i] * (lower - upper)
        rows[TEXTURE + c, i] = rows[here + WEIGHT, i] * color + (rows[TEXTURE + c, i] if kept else 0.0)
    if slopes:
        for i in range(lanes):
            upper, lower = mixed_across(rows, here, c, i)
            down = rows[here + DOWN, i]
            above = rows[TEXELS + 3 + c, i] - rows[TEXELS + c, i]
            below = rows[TEXELS + 9 + c, i] - rows[TEXELS + 6 + c, i]
            along_u = rows[here + SPEED_U, i] * (above + down * (below - above))
            along_v = rows[here + SPEED_V, i] * (lower - upper)
            along_m = rows[here + SPEED_M, i] * (upper + down * (lower - upper))
            rows[TEXTURE_U + c, i] = along_u + (rows[TEXTURE_U + c, i] if kept else 0.0)
            rows[TEXTURE_V + c, i] = along_v + (rows[TEXTURE_V + c, i] if kept else 0.0)
            rows[TEXTURE_M + c, i] = along_m + (rows[TEXTURE_M + c, i] if kept else 0.0)


@kernel
def mixed_across(rows, here, c, i):
    """Channel c of the upper and of the lower two texels of `found`, mixed."""
    across = rows[here + ACROSS, i]
    a, b, d, e = rows[TEXELS + c, i], rows[TEXELS + 3 + c, i], rows[TEXELS + 6 + c, i], rows[TEXELS + 9 + c, i]
    return a + across * (b - a), d + across * (e - d)


@kernel
def look_up_back(levels, rows, n, gradient):
    """Add the gradient of look-ups, whose cotangents `shading.shade_back` left, to that of the texels [X, 3]."""
    assert rows.shape[1] == COLUMNS
    for part in range(parts_of(levels)):
        for i in range(n):
            texels, weights = found(rows, part, i), shares(rows, part, i)
            for k in range(4):
                for c in range(3):
                    gradient[texels[k], c] += weights[k] * rows[D + TEXTURE + c, i]


@kernel
def look_up_tangent(levels, rows, n, texels):
    """Fill in how look-ups change as the texels change by texels [X, 3], where they are."""
    assert rows.shape[1] == COLUMNS
    for c in range(3):
        fill(rows, D + TEXTURE + c, 0.0, n)
    for part in range(parts_of(levels)):
        for i in range(n):
            touched, weights = found(rows, part, i), shares(rows, part, i)
            for k in range(4):
                for c in range(3):
                    rows[D + TEXTURE + c, i] += weights[k] * texels[touched[k], c]
