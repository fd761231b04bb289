"""A vase with an inside: a closed surface of revolution with a number on each of its four sides."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from make.arrays import Array
from make.glyphs import glyph
from make.objects import Patch, Shelf, write_object
from make.paint import checks, disk, gradient, over, polygon, rectangle, rgb, star, stripes, wrapped
from make.surfaces import disc, lathe

COLUMNS = 32
# Control points of Bézier curves, radius and height; the inside begins on the lip, where the outside ends.
OUTSIDE = np.array([(0.4, -1), (0.62, -1), (1.02, -0.55), (0.98, 0.42), (0.2, 0.45), (0.3, 0.85), (0.52, 1)])
INSIDE = np.array([(0.52, 1), (0.5, 1.03), (0.2, 0.8), (0.2, 0.35), (0.9, 0.3), (0.8, -0.7), (0.36, -0.9)])

SOFT = 0.009  # about one texel of the outside
GIRTH = 0.72  # the radius at which the outside's drawings have their true proportions
CREAM, NAVY, GOLD = rgb("faf0da"), rgb("17203f"), rgb("e0aa3e")


def write(folder: Path) -> None:
    """Write vase.obj, .mtl and .png, about 2 units high."""
    shelves = [
        Shelf(340, [Patch(lathe(OUTSIDE), outside, COLUMNS, 22)]),
        Shelf(
            172,
            [
                Patch(lathe(INSIDE), inside, COLUMNS, 8),
                Patch(disc(0.4, -1, facing=-1), underside, COLUMNS // 4, COLUMNS // 4),
                Patch(disc(0.36, -0.9, facing=1), floor, COLUMNS // 4, COLUMNS // 4),
            ],
        ),
    ]
    write_object(folder, "vase", shelves, size=512)


def outside(s: Array, t: Array, positions: Array) -> Array:
    """Four coloured fields, each with its number and its shape, between bands of ornament."""
    y = positions[..., 1]
    turn = 2 * np.pi * s
    field = np.floor(4 * s + 0.5).astype(int) % 4
    ground = np.stack([rgb(code) for code in ("e8b23a", "1f8a8a", "e4604c", "6a4c9c")])[field]
    color = ground * (1 + 0.18 * np.clip(y, -1, 1))[..., None]
    marks = [rgb(code) for code in ("b3372c", "f4d35e", "23395b", "9be0c8")]
    for side, name in enumerate("1234"):
        x, up = wrapped(turn - side * np.pi / 2) * GIRTH, y + 0.2
        shape = (
            disk(x, up, 0.4),
            polygon(x, up, [(-0.44, -0.32), (0.44, -0.32), (0.0, 0.44)]),
            rectangle((x + up) * 0.7071, (x - up) * 0.7071, 0.33, 0.33),
            star(x, up, 5, 0.48, 0.25),
        )[side]
        color = over(color, marks[side], shape, SOFT)
        color = over(color, CREAM, np.abs(shape + 0.03) - 0.012, SOFT)
        lower = up + (0.07 if name == "2" else 0)
        color = over(color, NAVY if side in (1, 3) else CREAM, glyph(x, lower, name, 0.34, 0.075), SOFT)
    for k in range(4):
        x = wrapped(turn - (k + 0.5) * np.pi / 2) * GIRTH + 0.03 * np.sin(13 * y + k)
        color = over(color, CREAM, np.abs(x) - 0.016, SOFT)
        for hand in (-1, 1):
            along, across = wrapped(y + 0.06 * hand + 0.05 * k, 0.24), x - 0.075 * hand
            leaf = np.hypot(0.8 * along + 0.6 * hand * across, 2 * (0.8 * across - 0.6 * hand * along)) - 0.075
            color = over(color, marks[(k + hand) % 4], leaf, SOFT)
    arc = turn * GIRTH
    color = over(color, NAVY, y + 0.69, SOFT)
    teeth = np.abs(wrapped(arc, 2 * np.pi * GIRTH / 20)) / (2 * np.pi * GIRTH / 40)
    color = over(
        color, np.stack([GOLD, CREAM])[np.floor(20 * s + 0.5).astype(int) % 2], y + 0.92 - 0.2 * (1 - teeth), SOFT
    )
    color = over(color, GOLD, np.abs(y + 0.68) - 0.018, SOFT)
    color = over(color, NAVY, 0.28 - y, SOFT)
    color = over(
        color, CREAM, np.maximum(checks(arc, y - 0.02, 2 * np.pi * GIRTH / 30), np.abs(y - 0.41) - 0.075), SOFT
    )
    color = over(color, GOLD, np.abs(y - 0.29) - 0.018, SOFT)
    color = over(color, GOLD, np.abs(y - 0.54) - 0.018, SOFT)
    neck = gradient(s, [(0, "b3372c"), (0.25, "f4a261"), (0.5, "2a9d8f"), (0.75, "5b8bd0"), (1, "b3372c")])
    color = over(color, neck, 0.58 - y, SOFT)
    color = over(color, CREAM, np.maximum(stripes(arc + 0.9 * y, 2 * np.pi * GIRTH / 18) + 0.03, 0.58 - y), SOFT)
    return over(color, GOLD, 0.93 - y, SOFT)


def inside(s: Array, t: Array, positions: Array) -> Array:
    """A blue glaze that runs down from the golden lip."""
    edge = 0.72 + 0.05 * np.sin(2 * np.pi * 5 * s) + 0.04 * np.sin(2 * np.pi * 11 * s + 1)
    color = gradient(positions[..., 1], [(-0.9, "16324f"), (0.2, "2c6e91"), (0.8, "7fc3cf")])
    return over(color, GOLD, edge + 0.18 - positions[..., 1], 0.03)


def underside(s: Array, t: Array, positions: Array) -> Array:
    """Bare clay with a potter's mark."""
    x, z = positions[..., 0], positions[..., 2]
    color = gradient(np.hypot(x, z), [(0, "cf9268"), (0.4, "a8603d")])
    color = over(color, color * 0.88, stripes(np.hypot(x, z), 0.1), SOFT)
    return over(color, NAVY, glyph(x, z, "R", 0.3, 0.05), SOFT)


def floor(s: Array, t: Array, positions: Array) -> Array:
    """A flower where the glaze has gathered."""
    x, z = positions[..., 0], positions[..., 2]
    color = gradient(np.hypot(x, z), [(0, "2c6e91"), (0.36, "16324f")])
    color = over(color, rgb("f2c14e"), star(x, -z, 7, 0.28, 0.13), SOFT)
    return over(color, rgb("e4604c"), disk(x, z, 0.09), SOFT)
