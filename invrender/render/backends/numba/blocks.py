"""Fragments side by side, so that vector instructions take several at once.

A block is a scratch array of float64, ``rows`` [ROWS, COLUMNS]: a row for each quantity below, a column for each
fragment. Loops over columns hold no branches but choices between two numbers, or they would not become vector
instructions; they go on to the next whole vector, over columns that count for nothing. Kernels assert how long a row
is, and that columns are no negative numbers, which would count from the end: so the compiler knows that rows don't
overlap, and that columns follow each other. What a fragment gets from its face, and what is done with it,
are `interpolation` and `shading`.
"""

from __future__ import annotations

import math

import numpy as np

from invrender.render.backends.numba.compiling import adding, kernel

LANES = 8  # numbers that a vector instruction takes at once
BLOCK = 64  # fragments; what a block needs fits the first-level cache
COLUMNS = BLOCK + LANES
FEW = 2  # columns

X, Y, BARYCENTRIC, TOTAL, Z = 0, 1, 2, 5, 6  # the pixel's centre, and what `geometry.barycentric` fills in
MINIFICATION, SHARE = 7, 8  # of the texture; of the pixel's colour
POSITION, NORMAL, UV, PAINT = 9, 12, 15, 17  # interpolated
NORMAL_LENGTH, VIEW, VIEW_LENGTH, FACING = 20, 21, 24, 25
# The texture's colour, how u, v and the minification move it, and the level.
TEXTURE, TEXTURE_U, TEXTURE_V, TEXTURE_M, LEVEL = 26, 29, 32, 35, 38
DIFFUSE, HIGHLIGHT, COLOR = 39, 42, 45
D = 48  # the derivative of row A is in row D + A: its cotangent in reverse, its change in forward mode
LOOK_UPS, AT_A_LEVEL = 2 * D, 9  # what `textures` mixes, at two levels, so many rows each
ROWS = LOOK_UPS + 2 * AT_A_LEVEL

SHORTEST = 1e-6  # lengths below are taken for it

# exp: ln 2 in two parts, the first with so few digits that its multiples are exact; and what rounds to whole numbers.
LN2_HIGH, LN2_LOW, ROUNDING = 6.93147180369123816490e-01, 1.90821492927058770002e-10, 1.5 * 2.0**52
SMALLEST_EXPONENT = -708.0


@kernel
def whole_lanes(count):
    """A number of columns or pixels rounded up: loops over so many are vector instructions to the end."""
    return (count + LANES - 1) // LANES * LANES


@kernel
def lanes_of(begin, end):
    """Over how many columns from ``begin`` on a loop goes: to the end of a vector, unless that gains nothing."""
    return whole_lanes(end - begin) if end - begin > FEW else end - begin


@kernel
def exponential(x):
    """e ** x of x below 700, to about a unit in the last place; 0 from e ** −708 on.

    A call of the mathematical library's would take one number at a time. e ** x = 2 ** k e ** r with whole k, and
    Taylor's polynomial for r between ±ln 2 / 2.
    """
    rounded = x * (1.0 / math.log(2.0)) + ROUNDING
    whole = rounded - ROUNDING
    r = (x - whole * LN2_HIGH) - whole * LN2_LOW
    found = 1.0 / 479001600.0 + r * (1.0 / 6227020800.0)
    found = 1.0 / 3628800.0 + r * (1.0 / 39916800.0 + r * found)
    found = 1.0 / 40320.0 + r * (1.0 / 362880.0 + r * found)
    found = 1.0 / 720.0 + r * (1.0 / 5040.0 + r * found)
    found = 1.0 / 24.0 + r * (1.0 / 120.0 + r * found)
    found = 0.5 + r * (1.0 / 6.0 + r * found)
    found = 1.0 + r * (1.0 + r * found)
    # The last bits of the rounded number are k; a power of two is nothing but an exponent.
    power_of_two = np.int64((np.float64(rounded).view(np.int64) + 1023) << 52).view(np.float64)
    return found * power_of_two if x > SMALLEST_EXPONENT else 0.0


@adding
def total(rows, row, begin, end):
    """The sum of columns begin … end − 1 of a row."""
    assert rows.shape[1] == COLUMNS and begin >= 0
    found = 0.0
    for column in range(end - begin):
        i = begin + column
        found += rows[row, i]
    return found


@adding
def dot(rows, row, other, begin, end):
    """The sum of the products of two rows in columns begin … end − 1."""
    assert rows.shape[1] == COLUMNS and begin >= 0
    found = 0.0
    for column in range(end - begin):
        i = begin + column
        found += rows[row, i] * rows[other, i]
    return found


@kernel
def fill(rows, row, value, n):
    """Set a row to one value."""
    assert rows.shape[1] == COLUMNS
    for i in range(whole_lanes(n)):
        rows[row, i] = value


@kernel
def normalize(rows, row, length, n):
    """Scale the vectors in three rows to length one; their lengths go to another."""
    assert rows.shape[1] == COLUMNS
    for i in range(whole_lanes(n)):
        x, y, z = rows[row, i], rows[row + 1, i], rows[row + 2, i]
        size = max(math.sqrt(x * x + y * y + z * z), SHORTEST)
        inverse = 1.0 / size
        rows[row, i], rows[row + 1, i], rows[row + 2, i] = x * inverse, y * inverse, z * inverse
        rows[length, i] = size


@kernel
def normalize_derivative(rows, row, length, n):
    """Turn derivatives of unit vectors into those before `normalize`, or the other way: the formula is the same."""
    assert rows.shape[1] == COLUMNS
    for i in range(whole_lanes(n)):
        x, y, z, size = rows[row, i], rows[row + 1, i], rows[row + 2, i], rows[length, i]
        dx, dy, dz = rows[D + row, i], rows[D + row + 1, i], rows[D + row + 2, i]
        along = dx * x + dy * y + dz * z if size > SHORTEST else 0.0
        inverse = 1.0 / size
        rows[D + row, i] = (dx - along * x) * inverse
        rows[D + row + 1, i] = (dy - along * y) * inverse
        rows[D + row + 2, i] = (dz - along * z) * inverse
