"""Letters and digits as strokes, so that no font has to be installed."""

from __future__ import annotations

from functools import reduce
from math import cos, radians, sin

import numpy as np

from make.arrays import Array
from make.paint import polyline

Stroke = list[tuple[float, float]]


def arc(x: float, y: float, radius_x: float, radius_y: float, start: int, end: int) -> Stroke:
    """Points on an ellipse, from angle ``start`` to ``end`` in degrees; 0 is to the right and 90 up."""
    steps = 8
    angles = [radians(start + (end - start) * i / steps) for i in range(steps + 1)]
    return [(x + radius_x * cos(angle), y + radius_y * sin(angle)) for angle in angles]


# Each fits ±0.35 across and ±0.5 up.
GLYPHS: dict[str, list[Stroke]] = {
    "1": [[(-0.22, 0.3), (0.05, 0.5), (0.05, -0.5)], [(-0.2, -0.5), (0.3, -0.5)]],
    "2": [[*arc(0, 0.2, 0.32, 0.3, 170, -40), (-0.34, -0.5), (0.34, -0.5)]],
    "3": [[*arc(0, 0.25, 0.28, 0.25, 150, -90), *arc(0, -0.25, 0.33, 0.25, 90, -150)]],
    "4": [[(0.12, -0.5), (0.12, 0.5), (-0.34, -0.2), (0.34, -0.2)]],
    "A": [[(-0.35, -0.5), (0, 0.5), (0.35, -0.5)], [(-0.23, -0.15), (0.23, -0.15)]],
    "B": [
        [(-0.3, 0.5), *arc(0.02, 0.26, 0.25, 0.24, 90, -90), (-0.3, 0.02)],
        [(-0.3, 0.5), (-0.3, -0.5), *arc(0.05, -0.24, 0.28, 0.26, -90, 90)],
    ],
    "C": [arc(0.05, 0, 0.36, 0.5, 50, 310)],
    "D": [[(-0.3, 0.5), (-0.3, -0.5), *arc(-0.05, 0, 0.38, 0.5, -90, 90), (-0.3, 0.5)]],
    "E": [[(0.3, 0.5), (-0.3, 0.5), (-0.3, -0.5), (0.3, -0.5)], [(-0.3, 0.02), (0.2, 0.02)]],
    "F": [[(0.3, 0.5), (-0.3, 0.5), (-0.3, -0.5)], [(-0.3, 0.02), (0.2, 0.02)]],
    "R": [
        [(-0.3, -0.5), (-0.3, 0.5), *arc(0.02, 0.24, 0.26, 0.26, 90, -90), (-0.3, -0.02)],
        [(0, -0.02), (0.34, -0.5)],
    ],
    "S": [[*arc(0, 0.25, 0.28, 0.25, 40, 270), *arc(0, -0.25, 0.3, 0.25, 90, -140)]],
}


def glyph(x: Array, y: Array, name: str, size: float, width: float) -> Array:
    """The signed distance [...] from a glyph ``size`` high around the origin, in strokes of ``width``."""
    strokes = [[(size * a, size * b) for a, b in stroke] for stroke in GLYPHS[name]]
    return reduce(np.minimum, [polyline(x, y, stroke, width) for stroke in strokes])
