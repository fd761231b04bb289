"""Look-ups of textures, bilinear and between two levels of a pyramid, with their adjoint and their tangent."""

from __future__ import annotations

import math

import triton
import triton.language as tl

from invrender.render.backends.triton.frame import LEVELS
from invrender.render.backends.triton.vectors import add, load3, load_color, ones3, scale, some, subtract, zeros3

LEVELS_PER_E = tl.constexpr(0.5 / math.log(2.0))  # of a look-up where a pixel covers e times as many texels


@triton.jit
def corner_texel(surface, obj, level, uv):
    """Where a look-up takes its four texels.

    Returns the upper left one, the ways to its right and lower neighbours, the shares across and down, and how fast
    these grow with u and v.
    """
    table = surface.textures + (obj * tl.load(surface.counts + LEVELS) + level) * 3
    first, width, height = load3(table)
    wide, high = width.to(uv[0].dtype), height.to(uv[0].dtype)
    x, y = uv[0] * wide - 0.5, (1.0 - uv[1]) * high - 0.5
    rise_x = tl.where((x > 0) & (x < wide - 1), wide, 0.0)
    rise_y = tl.where((y > 0) & (y < high - 1), -high, 0.0)
    x, y = tl.minimum(tl.maximum(x, 0.0), wide - 1), tl.minimum(tl.maximum(y, 0.0), high - 1)
    left = tl.minimum(x.to(tl.int64), tl.maximum(width - 2, 0))
    top = tl.minimum(y.to(tl.int64), tl.maximum(height - 2, 0))
    right, below = tl.where(width > 1, 1, 0), tl.where(height > 1, width, 0)
    return first + top * width + left, right, below, x - left.to(x.dtype), y - top.to(y.dtype), rise_x, rise_y


@triton.jit
def bilinear(surface, texels, obj, level, uv, shown):
    """The colour of one level of a texture with texels [X, 3], and its slopes along u and v."""
    first, right, below, across, down, rise_x, rise_y = corner_texel(surface, obj, level, uv)
    a, b = load_color(texels, first, shown), load_color(texels, first + right, shown)
    first += below
    c, d = load_color(texels, first, shown), load_color(texels, first + right, shown)
    above, beneath = subtract(b, a), subtract(d, c)
    upper, lower = add(a, scale(above, across)), add(c, scale(beneath, across))
    gap = subtract(lower, upper)
    slope = add(scale(above, 1.0 - down), scale(beneath, down))
    return add(upper, scale(gap, down)), scale(slope, rise_x), scale(gap, rise_y)


@triton.jit
def level_of(surface, obj, texels_covered):
    """The finer level of a look-up, the share of the coarser one after it, the coarser level, and whether both differ.

    Nothing is mixed where textures are magnified, or smaller than a pixel.
    """
    coarsest = tl.load(surface.coarsest + obj)
    level = 0.5 * tl.log2(tl.maximum(texels_covered, 1.0))
    level = tl.minimum(level, coarsest.to(level.dtype))
    finer = level.to(tl.int64)
    coarser = tl.minimum(finer + 1, coarsest)
    return finer, level - finer.to(level.dtype), coarser, (texels_covered > 1) & (coarser > finer)


@triton.jit
def look_up(surface, obj, uv, texels_covered, shown):
    """The colour of a texture, and its slopes along u, v and the texels covered; white where there is none."""
    color, slope_u, slope_v, slope_m = ones3(uv[0]), zeros3(uv[0]), zeros3(uv[0]), zeros3(uv[0])
    if tl.load(surface.coarsest + obj) >= 0:
        finer, share, coarser, between = level_of(surface, obj, texels_covered)
        color, slope_u, slope_v = bilinear(surface, surface.texels, obj, finer, uv, shown)
        between = shown & between
        if some(between):
            other, other_u, other_v = bilinear(surface, surface.texels, obj, coarser, uv, between)
            share = tl.where(between, share, 0.0)
            gap = subtract(other, color)
            color = add(color, scale(gap, share))
            slope_u = add(slope_u, scale(subtract(other_u, slope_u), share))
            slope_v = add(slope_v, scale(subtract(other_v, slope_v), share))
            slope_m = scale(gap, tl.where(between, LEVELS_PER_E / tl.maximum(texels_covered, 1.0), 0.0))
    return color, slope_u, slope_v, slope_m


@triton.jit
def spread(texels, number, color, shown):
    """Add colours to texels."""
    first = texels + number * 3
    tl.atomic_add(first, color[0], shown, sem="relaxed")
    tl.atomic_add(first + 1, color[1], shown, sem="relaxed")
    tl.atomic_add(first + 2, color[2], shown, sem="relaxed")


@triton.jit
def bilinear_back(surface, texels, obj, level, uv, cotangents, shown):
    """Add the gradient of `bilinear` to that of the texels [X, 3]."""
    first, right, below, across, down, _, _ = corner_texel(surface, obj, level, uv)
    left, up = 1.0 - across, 1.0 - down
    spread(texels, first, scale(cotangents, up * left), shown)
    spread(texels, first + right, scale(cotangents, up * across), shown)
    spread(texels, first + below, scale(cotangents, down * left), shown)
    spread(texels, first + below + right, scale(cotangents, down * across), shown)


@triton.jit
def look_up_back(surface, texels, obj, uv, texels_covered, cotangents, shown):
    """Add the gradient of `look_up` to that of the texels [X, 3]."""
    if tl.load(surface.coarsest + obj) >= 0:
        finer, share, coarser, between = level_of(surface, obj, texels_covered)
        bilinear_back(surface, texels, obj, finer, uv, scale(cotangents, 1.0 - share), shown)
        between = shown & between
        if some(between):
            bilinear_back(surface, texels, obj, coarser, uv, scale(cotangents, share), between)


@triton.jit
def look_up_tangent(surface, tangent, obj, uv, texels_covered, shown):
    """The tangent of `look_up` from that of the texels [X, 3], in one place and at one level."""
    change = zeros3(uv[0])
    if tl.load(surface.coarsest + obj) >= 0:
        finer, share, coarser, between = level_of(surface, obj, texels_covered)
        fine, _, _ = bilinear(surface, tangent, obj, finer, uv, shown)
        change = scale(fine, 1.0 - share)
        between = shown & between
        if some(between):
            coarse, _, _ = bilinear(surface, tangent, obj, coarser, uv, between)
            change = add(change, scale(coarse, share))
    return change
