"""Antialiasing along edges: `raster.antialias` in scalars, with its derivatives.

Crossings are few beside pixels, so one thread takes them all, in their order.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from invrender.render.backends.numba.compiling import entry_point, kernel
from invrender.render.backends.numba.frame import Array


class Pairs(NamedTuple):
    """The arrays of `Crossings`, and of the edges' ends.

    vertices: [V, 4] and near: as in `Screen`. ends: [N, 2], the vertices of each crossing's edge. pixel: [N, 2].
    sideways: [N]. height, width: of a picture.
    """

    vertices: Array
    ends: Array
    pixel: Array
    sideways: Array
    near: float
    height: int
    width: int


class Shares(NamedTuple):
    """What pixels of pairs take of each other's colours, [N, 2]; and what all pairs would take of them, at least 1."""

    share: Array
    taken: Array


def shares(pairs: Pairs, pixels: int) -> Shares:
    """The shares of pairs in pictures of so many pixels."""
    found = Shares(np.empty((len(pairs.pixel), 2)), np.empty((len(pairs.pixel), 2)))
    cut_pixels(pairs, found.share)
    for beside in (False, True):
        limit(pairs, beside, found.share, found.taken, np.zeros(pixels))
    return found


@kernel
def cut_end(vertices, near, here, other):
    """The end of an edge: x w, y w and w, cut at the near plane, and the share of the way to the other end."""
    z, away = vertices[here, 3] * 1.0, vertices[other, 3] * 1.0
    share = (near - z) / (away - z) if z <= near < away else 0.0
    x, y, w = vertices[here, 0] * 1.0, vertices[here, 1] * 1.0, vertices[here, 2] * 1.0
    return (
        x + share * (vertices[other, 0] - x),
        y + share * (vertices[other, 1] - y),
        w + share * (vertices[other, 2] - w),
        share,
    )


@kernel
def line_of(pairs, n):
    """The line of a crossing's edge, as if it ran from left to right, in the column between whose pixels it passes.

    Its height above their border in the column's middle, its slope, the share of the way to the middle, and how far
    its ends are apart.
    """
    a, b = pairs.ends[n, 0], pairs.ends[n, 1]
    xa, ya, wa, _ = cut_end(pairs.vertices, pairs.near, a, b)
    xb, yb, wb, _ = cut_end(pairs.vertices, pairs.near, b, a)
    if pairs.sideways[n]:
        xa, ya, xb, yb = ya, xa, yb, xb
    xa, ya, xb, yb = xa / wa, ya / wa, xb / wb, yb / wb
    row, column = pairs.pixel[n, 1] // pairs.width % pairs.height, pairs.pixel[n, 1] % pairs.width
    across, border = (row, column) if pairs.sideways[n] else (column, row)
    span = xb - xa
    slope, share = (yb - ya) / span, (across + 0.5 - xa) / span
    return ya + slope * (across + 0.5 - xa) - border, slope, share, span


@kernel
def area_below(height, slope):
    """As `raster.antialias.area_below`, and its derivatives by height and slope."""
    half = 0.5 * abs(slope)
    if abs(height) < half:
        rise = (height + half) / (2.0 * half)
        bend = rise - rise * rise
        return half * rise * rise, rise, 0.5 * bend if slope > 0.0 else -0.5 * bend
    return max(height, 0.0), 1.0 if height >= 0.0 else 0.0, 0.0


@entry_point
def cut_pixels(pairs, share):
    """Fill in how much of each pixel of a pair the edge cuts off."""
    for n in range(len(share)):
        height, slope, _, _ = line_of(pairs, n)
        share[n, 0], share[n, 1] = area_below(-height, slope)[0], area_below(height, slope)[0]


@entry_point
def limit(pairs, beside, share, taken, sums):
    """Scale the shares down where those of all pairs on one side would take more than the whole of a pixel.

    sums: [P], zeros.
    """
    for n in range(len(share)):
        if pairs.sideways[n] == beside:
            for k in range(2):
                sums[pairs.pixel[n, k]] += share[n, k]
    for n in range(len(share)):
        if pairs.sideways[n] == beside:
            for k in range(2):
                taken[n, k] = max(sums[pairs.pixel[n, k]], 1.0)
                share[n, k] /= taken[n, k]


def blend(pairs: Pairs, share: Array, picture: Array, difference: Array) -> None:
    """Let pairs of pixels of a picture [P, C] take shares of each other; difference: [N, C], filled in for later."""
    for beside in (False, True):
        blend_pairs(pairs, beside, share, picture, difference)


@entry_point
def blend_pairs(pairs, beside, share, picture, difference):
    """Let the pairs beside each other, or above each other, take their shares."""
    for n in range(len(share)):
        if pairs.sideways[n] == beside:
            for c in range(picture.shape[1]):
                difference[n, c] = picture[pairs.pixel[n, 1], c] - picture[pairs.pixel[n, 0], c]
    for n in range(len(share)):
        if pairs.sideways[n] == beside:
            for c in range(picture.shape[1]):
                picture[pairs.pixel[n, 0], c] += share[n, 0] * difference[n, c]
                picture[pairs.pixel[n, 1], c] -= share[n, 1] * difference[n, c]


def blend_back(pairs: Pairs, share: Array, difference: Array, cotangent: Array, gradient: Array) -> None:
    """Turn the cotangent [P, C] of a blended picture into the picture's; that of the shares is added to gradient."""
    for beside in (True, False):
        blend_pairs_back(pairs, beside, share, difference, cotangent, gradient, np.empty(difference.shape))


@entry_point
def blend_pairs_back(pairs, beside, share, difference, cotangent, gradient, pull):
    """The gradient of `blend_pairs`; pull: [N, C], scratch."""
    for n in range(len(share)):
        if pairs.sideways[n] == beside:
            first, second = pairs.pixel[n, 0], pairs.pixel[n, 1]
            for c in range(cotangent.shape[1]):
                gradient[n, 0] += cotangent[first, c] * difference[n, c]
                gradient[n, 1] -= cotangent[second, c] * difference[n, c]
                pull[n, c] = share[n, 0] * cotangent[first, c] - share[n, 1] * cotangent[second, c]
    for n in range(len(share)):
        if pairs.sideways[n] == beside:
            for c in range(cotangent.shape[1]):
                cotangent[pairs.pixel[n, 0], c] -= pull[n, c]
                cotangent[pairs.pixel[n, 1], c] += pull[n, c]


def shares_back(pairs: Pairs, found: Shares, gradient: Array, pixels: int) -> Array:
    """The gradient [V, 4] of the vertices from that of the shares [N, 2], which is overwritten."""
    vertices = np.zeros_like(pairs.vertices)
    for beside in (False, True):
        limit_back(pairs, beside, found, gradient, np.zeros(pixels))
    cut_pixels_back(pairs, gradient, vertices)
    return vertices


@entry_point
def limit_back(pairs, beside, found, gradient, sums):
    """Turn the gradient of limited shares into that of the shares themselves; sums: [P], zeros."""
    for n in range(len(gradient)):
        if pairs.sideways[n] == beside:
            for k in range(2):
                gradient[n, k] /= found.taken[n, k]
                if found.taken[n, k] > 1.0:
                    sums[pairs.pixel[n, k]] -= gradient[n, k] * found.share[n, k]
    for n in range(len(gradient)):
        if pairs.sideways[n] == beside:
            for k in range(2):
                gradient[n, k] += sums[pairs.pixel[n, k]]


@kernel
def share_gradient(pairs, n, upper, lower):
    """How the shares of a pair, times ``upper`` and ``lower``, grow with the edge's ends: twice four numbers."""
    height, slope, share, span = line_of(pairs, n)
    _, rise_0, bend_0 = area_below(-height, slope)
    _, rise_1, bend_1 = area_below(height, slope)
    g_height, g_slope = lower * rise_1 - upper * rise_0, lower * bend_1 + upper * bend_0
    start, end = g_height * (1.0 - share) - g_slope / span, g_height * share + g_slope / span
    a, b = pairs.ends[n, 0], pairs.ends[n, 1]
    own_a, other_b = end_gradient(pairs, n, a, b, -slope * start, start)
    own_b, other_a = end_gradient(pairs, n, b, a, -slope * end, end)
    return (
        (own_a[0] + other_a[0], own_a[1] + other_a[1], own_a[2] + other_a[2], own_a[3] + other_a[3]),
        (own_b[0] + other_b[0], own_b[1] + other_b[1], own_b[2] + other_b[2], own_b[3] + other_b[3]),
    )


@kernel
def end_gradient(pairs, n, here, other, g_x, g_y):
    """The gradients of an end of an edge and of its other end, four numbers each, from that of the point (x, y)."""
    vertices = pairs.vertices
    x, y, w, share = cut_end(vertices, pairs.near, here, other)
    if pairs.sideways[n]:
        g_x, g_y = g_y, g_x
    g_x, g_y = g_x / w, g_y / w
    g_w = -(g_x * x + g_y * y) / w
    away_x, away_y = vertices[other, 0] - vertices[here, 0], vertices[other, 1] - vertices[here, 1]
    away_w, away_z = vertices[other, 2] - vertices[here, 2], vertices[other, 3] - vertices[here, 3]
    g_share = (g_x * away_x + g_y * away_y + g_w * away_w) / away_z if share > 0.0 else 0.0
    rest = 1.0 - share
    return (
        (rest * g_x, rest * g_y, rest * g_w, -rest * g_share),
        (share * g_x, share * g_y, share * g_w, -share * g_share),
    )


@entry_point
def cut_pixels_back(pairs, gradient, vertices):
    """Add the gradient of `cut_pixels` to that of the vertices [V, 4]."""
    for n in range(len(gradient)):
        ends = share_gradient(pairs, n, gradient[n, 0], gradient[n, 1])
        for k in range(2):
            for c in range(4):
                vertices[pairs.ends[n, k], c] += ends[k][c]


def share_slopes(pairs: Pairs) -> Array:
    """How much of each pixel of a pair the edge cuts off, by the edge's ends: the derivative, [N, 2, 2, 4]."""
    slopes = np.empty((len(pairs.pixel), 2, 2, 4))
    differentiate_cuts(pairs, slopes)
    return slopes


def shares_tangent(pairs: Pairs, found: Shares, slopes: Array, moving: Array, pixels: int) -> Array:
    """How the shares [N, 2] change as the vertices do, by moving [V, 4]; slopes: see `share_slopes`."""
    change = np.empty(found.share.shape)
    cut_pixels_tangent(pairs, slopes, moving, change)
    for beside in (False, True):
        limit_tangent(pairs, beside, found, change, np.zeros(pixels))
    return change


@entry_point
def differentiate_cuts(pairs, slopes):
    """Fill in the derivative of `cut_pixels`."""
    for n in range(len(slopes)):
        for side in range(2):
            ends = share_gradient(pairs, n, 1.0 - side, side * 1.0)
            for k in range(2):
                for c in range(4):
                    slopes[n, side, k, c] = ends[k][c]


@entry_point
def cut_pixels_tangent(pairs, slopes, moving, change):
    """Fill in how `cut_pixels` changes."""
    for n in range(len(change)):
        for side in range(2):
            change[n, side] = 0.0
            for k in range(2):
                for c in range(4):
                    change[n, side] += slopes[n, side, k, c] * moving[pairs.ends[n, k], c]


@entry_point
def limit_tangent(pairs, beside, found, change, sums):
    """Turn the change of shares into that of limited ones; sums: [P], zeros."""
    for n in range(len(change)):
        if pairs.sideways[n] == beside:
            for k in range(2):
                sums[pairs.pixel[n, k]] += change[n, k]
    for n in range(len(change)):
        if pairs.sideways[n] == beside:
            for k in range(2):
                if found.taken[n, k] > 1.0:
                    change[n, k] -= found.share[n, k] * sums[pairs.pixel[n, k]]
                change[n, k] /= found.taken[n, k]


def blend_tangent(pairs: Pairs, share: Array, difference: Array, change: Array, picture: Array) -> None:
    """Turn the change of a picture [P, C] into that of the blended one, whose shares change by change [N, 2]."""
    for beside in (False, True):
        moved = np.empty(difference.shape)
        blend_pairs_tangent(pairs, beside, share, difference, change, picture, moved)


@entry_point
def blend_pairs_tangent(pairs, beside, share, difference, change, picture, moved):
    """The change of `blend_pairs`; moved: [N, C], scratch."""
    for n in range(len(share)):
        if pairs.sideways[n] == beside:
            for c in range(picture.shape[1]):
                moved[n, c] = picture[pairs.pixel[n, 1], c] - picture[pairs.pixel[n, 0], c]
    for n in range(len(share)):
        if pairs.sideways[n] == beside:
            for c in range(picture.shape[1]):
                picture[pairs.pixel[n, 0], c] += share[n, 0] * moved[n, c] + change[n, 0] * difference[n, c]
                picture[pairs.pixel[n, 1], c] -= share[n, 1] * moved[n, c] + change[n, 1] * difference[n, c]
