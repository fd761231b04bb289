"""What one light does to a block of fragments, and the derivatives: `phong.incoming` and the highlight in vectors.

It is kept in an array ``lit`` [LIT_ROWS, COLUMNS] of float64, which the derivatives read.
"""

from __future__ import annotations

import math

from invrender.render.backends.numba.blocks import (
    COLUMNS,
    DIFFUSE,
    FACING,
    HIGHLIGHT,
    NORMAL,
    POSITION,
    SHORTEST,
    VIEW,
    D,
    whole_lanes,
)
from invrender.render.backends.numba.compiling import kernel
from invrender.render.backends.numba.looks import SHININESS
from invrender.render.shading.lights import DIRECTIONAL, INVERSE_SQUARE

TOWARDS, ATTENUATION, NEARNESS, COSINE, MIRRORED, LOBE = 0, 3, 4, 5, 6, 7  # nearness: 1 / the distance
DL = 8  # the derivative of row A is in row DL + A
LIT_ROWS = 2 * DL

LARGEST_WHOLE = 1 << 12


@kernel
def light_up(light, kind, surface, shininess, rows, lit, n):
    """Fill in what a light [6] does to the fragments."""
    assert rows.shape[1] == COLUMNS and lit.shape[-1] == COLUMNS
    lanes = whole_lanes(n)
    l0, l1, l2 = light[3] * 1.0, light[4] * 1.0, light[5] * 1.0
    near, fading = kind != DIRECTIONAL, kind == INVERSE_SQUARE
    for i in range(lanes):
        t0 = l0 - rows[POSITION, i] if near else l0
        t1 = l1 - rows[POSITION + 1, i] if near else l1
        t2 = l2 - rows[POSITION + 2, i] if near else l2
        squared = t0 * t0 + t1 * t1 + t2 * t2
        inverse = 1.0 / max(math.sqrt(squared), SHORTEST) if near else 1.0
        t0, t1, t2 = t0 * inverse, t1 * inverse, t2 * inverse
        cosine = rows[NORMAL, i] * t0 + rows[NORMAL + 1, i] * t1 + rows[NORMAL + 2, i] * t2
        lit[TOWARDS, i], lit[TOWARDS + 1, i], lit[TOWARDS + 2, i] = t0, t1, t2
        lit[ATTENUATION, i] = 1.0 / squared if fading else 1.0
        lit[NEARNESS, i] = inverse
        lit[COSINE, i] = cosine if cosine > 0.0 else 0.0
    if surface.shiny:
        for i in range(lanes):
            t0, t1, t2 = lit[TOWARDS, i], lit[TOWARDS + 1, i], lit[TOWARDS + 2, i]
            seen = t0 * rows[VIEW, i] + t1 * rows[VIEW + 1, i] + t2 * rows[VIEW + 2, i]
            mirrored = 2.0 * lit[COSINE, i] * rows[FACING, i] - seen
            mirrored = mirrored if mirrored > 0.0 else 0.0
            lit[MIRRORED, i] = mirrored if lit[COSINE, i] > 0.0 else 0.0
        raise_to_power(lit, shininess, n)


@kernel
def raise_to_power(lit, exponent, n):
    """Fill in the lobes: mirrored ** exponent, 0 where that is 0; whole exponents, which most are, in few products."""
    assert lit.shape[-1] == COLUMNS
    lanes = whole_lanes(n)
    whole = int(exponent)
    if whole != exponent or not 0 <= whole <= LARGEST_WHOLE:
        for i in range(n):
            lit[LOBE, i] = lit[MIRRORED, i] ** exponent if lit[MIRRORED, i] > 0.0 else 0.0
        return
    squares = DL + MIRRORED
    for i in range(lanes):
        lit[LOBE, i] = 1.0 if lit[MIRRORED, i] > 0.0 else 0.0
        lit[squares, i] = lit[MIRRORED, i]
    while whole > 0:
        if whole & 1:
            for i in range(lanes):
                lit[LOBE, i] *= lit[squares, i]
        for i in range(lanes):
            lit[squares, i] *= lit[squares, i]
        whole >>= 1


@kernel
def light_up_back(light, kind, surface, shininess, rows, lit, n, gradient, wanted):
    """Add one light's share to the cotangents of positions, normals, views and facing; that of where it is: lit."""
    assert rows.shape[1] == COLUMNS and lit.shape[-1] == COLUMNS
    lanes = whole_lanes(n)
    r, g, b = light[0] * 1.0, light[1] * 1.0, light[2] * 1.0
    for i in range(lanes):
        diffuse = r * rows[D + DIFFUSE, i] + g * rows[D + DIFFUSE + 1, i] + b * rows[D + DIFFUSE + 2, i]
        lit[DL + COSINE, i] = diffuse * lit[ATTENUATION, i] if lit[COSINE, i] > 0.0 else 0.0
        lit[DL + ATTENUATION, i] = diffuse * lit[COSINE, i]
        lit[DL + TOWARDS, i], lit[DL + TOWARDS + 1, i], lit[DL + TOWARDS + 2, i] = 0.0, 0.0, 0.0
    if surface.shiny:
        for i in range(lanes):
            highlight = r * rows[D + HIGHLIGHT, i] + g * rows[D + HIGHLIGHT + 1, i] + b * rows[D + HIGHLIGHT + 2, i]
            highlight *= lit[LOBE, i]
            lit[DL + ATTENUATION, i] += highlight
            lit[DL + LOBE, i] = highlight * lit[ATTENUATION, i]  # of the lobe's logarithm
        if wanted.materials:
            for i in range(n):
                if lit[MIRRORED, i] > 0.0:
                    gradient[SHININESS] += lit[DL + LOBE, i] * math.log(lit[MIRRORED, i])
        for i in range(lanes):
            mirrored = shininess * lit[DL + LOBE, i] / lit[MIRRORED, i] if lit[MIRRORED, i] > 0.0 else 0.0
            lit[DL + COSINE, i] += 2.0 * mirrored * rows[FACING, i]
            rows[D + FACING, i] += 2.0 * mirrored * lit[COSINE, i]
            for c in range(3):
                rows[D + VIEW + c, i] -= mirrored * lit[TOWARDS + c, i]
                lit[DL + TOWARDS + c, i] = -mirrored * rows[VIEW + c, i]
    for i in range(lanes):
        cosine = lit[DL + COSINE, i]
        for c in range(3):
            rows[D + NORMAL + c, i] += cosine * lit[TOWARDS + c, i]
            lit[DL + TOWARDS + c, i] += cosine * rows[NORMAL + c, i]
    if kind != DIRECTIONAL:
        fading = 2.0 if kind == INVERSE_SQUARE else 0.0
        for i in range(lanes):
            along = fading * lit[DL + ATTENUATION, i] * lit[ATTENUATION, i]
            for c in range(3):
                along += lit[DL + TOWARDS + c, i] * lit[TOWARDS + c, i]
            for c in range(3):
                moved = (lit[DL + TOWARDS + c, i] - along * lit[TOWARDS + c, i]) * lit[NEARNESS, i]
                lit[DL + TOWARDS + c, i] = moved
                rows[D + POSITION + c, i] -= moved


@kernel
def light_up_tangent(change, kind, surface, shininess, more_shininess, rows, lit, n):
    """Fill in how what a light does to the fragments changes as the light does, by change [6]."""
    assert rows.shape[1] == COLUMNS and lit.shape[-1] == COLUMNS
    lanes = whole_lanes(n)
    l0, l1, l2 = change[3] * 1.0, change[4] * 1.0, change[5] * 1.0
    near, fading = kind != DIRECTIONAL, 2.0 if kind == INVERSE_SQUARE else 0.0
    for i in range(lanes):
        t0, t1, t2 = lit[TOWARDS, i], lit[TOWARDS + 1, i], lit[TOWARDS + 2, i]
        d0 = (l0 - rows[D + POSITION, i]) * lit[NEARNESS, i] if near else l0
        d1 = (l1 - rows[D + POSITION + 1, i]) * lit[NEARNESS, i] if near else l1
        d2 = (l2 - rows[D + POSITION + 2, i]) * lit[NEARNESS, i] if near else l2
        along = d0 * t0 + d1 * t1 + d2 * t2 if near else 0.0
        d0, d1, d2 = d0 - along * t0, d1 - along * t1, d2 - along * t2
        lit[DL + TOWARDS, i], lit[DL + TOWARDS + 1, i], lit[DL + TOWARDS + 2, i] = d0, d1, d2
        lit[DL + ATTENUATION, i] = -fading * lit[ATTENUATION, i] * along
        cosine = rows[D + NORMAL, i] * t0 + rows[D + NORMAL + 1, i] * t1 + rows[D + NORMAL + 2, i] * t2
        cosine += rows[NORMAL, i] * d0 + rows[NORMAL + 1, i] * d1 + rows[NORMAL + 2, i] * d2
        lit[DL + COSINE, i] = cosine if lit[COSINE, i] > 0.0 else 0.0
    if surface.shiny:
        for i in range(lanes):
            mirrored = 2.0 * (lit[DL + COSINE, i] * rows[FACING, i] + lit[COSINE, i] * rows[D + FACING, i])
            for c in range(3):
                mirrored -= lit[DL + TOWARDS + c, i] * rows[VIEW + c, i]
                mirrored -= lit[TOWARDS + c, i] * rows[D + VIEW + c, i]
            relative = shininess * mirrored / lit[MIRRORED, i] if lit[MIRRORED, i] > 0.0 else 0.0
            lit[DL + LOBE, i] = lit[LOBE, i] * relative
        if more_shininess != 0.0:
            for i in range(n):
                if lit[MIRRORED, i] > 0.0:
                    lit[DL + LOBE, i] += lit[LOBE, i] * more_shininess * math.log(lit[MIRRORED, i])
