"""Shapes and colours to paint textures with.

Shapes are signed distances [...] from points (x, y), negative inside. `over` lays a colour where a distance is
negative, with an edge about one texel soft, so that one sample a texel gives smooth outlines. Colours are sRGB in
[0, 1].
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from make.arrays import Array

GOLDEN_ANGLE = np.pi * (3 - 5**0.5)


def rgb(code: str) -> Array:
    """The colour [3] of a code such as ``"ff8800"``."""
    return np.array([int(code[i : i + 2], 16) / 255 for i in (0, 2, 4)])


def scattered(count: int) -> list[tuple[float, float]]:
    """Points that fill the unit square evenly without a grid (the sequence R2 of Roberts, 2018)."""
    return [((0.5 + 0.7548776662 * k) % 1, (0.5 + 0.5698402910 * k) % 1) for k in range(count)]


def over(base: Array, color: Array, distance: Array, soft: float) -> Array:
    """``base`` [..., 3] with ``color`` ([3] or [..., 3]) where ``distance`` [...] is negative.

    soft: the width of the edge, in the distance's unit.
    """
    cover = np.clip(0.5 - distance / soft, 0, 1)[..., None]
    return base + (color - base) * cover


def gradient(x: Array, stops: Sequence[tuple[float, str]]) -> Array:
    """Colours [..., 3] that run from stop to stop (position, code) along x [...]."""
    places = [place for place, _ in stops]
    colors = np.stack([rgb(code) for _, code in stops])
    return np.stack([np.interp(x, places, channel) for channel in colors.T], axis=-1)


def wrapped(angle: Array, period: float = 2 * np.pi) -> Array:
    """Angles brought into [-period / 2, period / 2)."""
    return (angle + period / 2) % period - period / 2


def disk(x: Array, y: Array, radius: float) -> Array:
    """A disk around the origin."""
    return np.hypot(x, y) - radius


def rectangle(x: Array, y: Array, half_width: float, half_height: float) -> Array:
    """An upright rectangle around the origin."""
    return np.maximum(np.abs(x) - half_width, np.abs(y) - half_height)


def stripes(x: Array, period: float) -> Array:
    """Stripes half a period wide, the middle of one of them at x = 0."""
    return np.abs(wrapped(x, period)) - period / 4


def checks(x: Array, y: Array, period: float) -> Array:
    """Squares of half a period, as on a chessboard."""
    a, b = stripes(x, period), stripes(y, period)
    return np.where((a < 0) == (b < 0), -1, 1) * np.minimum(np.abs(a), np.abs(b))


def polyline(x: Array, y: Array, points: Sequence[tuple[float, float]], width: float) -> Array:
    """A line with round ends through the points."""
    nearest = np.full(np.shape(x), np.inf)
    for (ax, ay), (bx, by) in pairwise(points):
        along = np.clip(((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / ((bx - ax) ** 2 + (by - ay) ** 2), 0, 1)
        nearest = np.minimum(nearest, np.hypot(x - ax - along * (bx - ax), y - ay - along * (by - ay)))
    return nearest - width / 2


def polygon(x: Array, y: Array, points: Sequence[tuple[float, float]]) -> Array:
    """A closed polygon, not necessarily convex."""
    inside = np.zeros(np.shape(x), dtype=bool)
    for (ax, ay), (bx, by) in zip(points, [*points[1:], points[0]], strict=True):
        if ay != by:
            inside ^= ((ay > y) != (by > y)) & (x < ax + (bx - ax) * (y - ay) / (by - ay))
    return np.where(inside, -1, 1) * polyline(x, y, [*points, points[0]], 0)


def star(x: Array, y: Array, tips: int, outer: float, inner: float) -> Array:
    """A star around the origin with one tip upwards."""
    # Folded onto half of one tip, the outline is a single line.
    half = np.pi / tips
    turn, radius = np.abs(wrapped(np.arctan2(x, y), 2 * half)), np.hypot(x, y)
    across, up = radius * np.sin(turn), radius * np.cos(turn)
    valley = (inner * float(np.sin(half)), inner * float(np.cos(half)))
    outside = across * (outer - valley[1]) > (outer - up) * valley[0]
    return np.where(outside, 1, -1) * polyline(across, up, [(0.0, outer), valley], 0)


def waves(points: Array, frequency: float, octaves: int) -> Array:
    """A smooth, aimless function [...] of points [..., C ≤ 3], about within [-1, 1]: sines in many directions."""
    total = np.zeros(points.shape[:-1])
    for octave in range(octaves):
        for k in range(5):
            n = 5 * octave + k
            height = 1 - 2 * ((n * 0.618034 + 0.31) % 1)
            flat = (1 - height**2) ** 0.5
            direction = np.array([flat * np.cos(n * GOLDEN_ANGLE), flat * np.sin(n * GOLDEN_ANGLE), height])
            # Neighbouring sines bend one another's arguments, which hides their straight crests.
            total += (
                np.sin(frequency * 2**octave * points @ direction[: points.shape[-1]] + 1.7 * n + total) / 2**octave
            )
    return total / 5
