"""A table with a toy block, a globe and a doughnut, each around its own origin; the scene's config places them."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from make.arrays import Array
from make.glyphs import glyph
from make.objects import Paint, Patch, Shelf, write_object
from make.paint import (
    GOLDEN_ANGLE,
    disk,
    gradient,
    over,
    polyline,
    rectangle,
    rgb,
    scattered,
    star,
    stripes,
    waves,
    wrapped,
)
from make.surfaces import box_sides, sphere_sides, torus

SIZE = 256


def write(folder: Path) -> None:
    """Write the four objects' .obj, .mtl and .png."""
    table(folder)
    block(folder)
    globe(folder)
    doughnut(folder)


def table(folder: Path) -> None:
    """A slab 2.2 × 0.14 × 1.7 of planks, with a chequered cloth on it."""
    sides = box_sides(2.2, 0.14, 1.7)
    top = Patch(sides.pop("top"), tabletop, 12, 8)
    bottom = Patch(sides.pop("bottom"), planks, 12, 8)
    edges = [Patch(side, planks, 12 if name in ("front", "back") else 8, 1) for name, side in sides.items()]
    write_object(folder, "table", [Shelf(360, [top]), Shelf(128, [bottom]), Shelf(24, edges)], size=512)


def tabletop(s: Array, t: Array, positions: Array) -> Array:
    """Planks, and a cloth laid across them at an angle."""
    soft = 0.006
    x, z = positions[..., 0], positions[..., 2]
    color = planks(s, t, positions)
    a, b = 0.94 * x + 0.34 * z, 0.94 * z - 0.34 * x
    cloth = rectangle(a, b, 0.78, 0.62)
    color = over(color, 0.72 * color, rectangle(a - 0.02, b - 0.02, 0.79, 0.63), 8 * soft)
    weave = np.broadcast_to(rgb("f7f1e3"), color.shape)
    weave = over(weave, rgb("e58f88"), stripes(a, 0.26), soft)
    across = np.clip(0.5 - stripes(b, 0.26) / soft, 0, 1)[..., None]
    weave = weave * (1 - across * (1 - rgb("dd6b66")))
    weave = over(weave, rgb("b8322f"), np.abs(cloth + 0.045) - 0.016, soft)
    return over(color, weave, cloth, soft)


def planks(s: Array, t: Array, positions: Array) -> Array:
    """Wood, the grain along x, in boards of different browns."""
    x, y, z = np.moveaxis(positions, -1, 0)
    board = np.clip(np.floor((z + 0.85) / 0.34), 0, 4)
    shift = np.stack([0.35 * x + 1.3 * board, 4 * z + board, 4 * y], axis=-1)
    rings = np.sin(46 * (z + 0.02 * board) + 6 * waves(shift, 1.6, 3))
    fibre = waves(np.stack([3 * x, 60 * z, 60 * y], axis=-1), 1.0, 2)
    tone = 0.5 + 0.22 * rings + 0.12 * fibre + 0.16 * np.sin(2.4 * board + 1)
    color = gradient(tone, [(0, "6e4023"), (0.5, "a5693b"), (1, "d09a5f")])
    joint = np.abs((z + 0.85 + 0.17) % 0.34 - 0.17) - 0.007
    return over(color, rgb("3b2213"), np.where(np.abs(z) > 0.84, 1, joint), 0.008)


def block(folder: Path) -> None:
    """A child's block, 0.6 along each edge, with a letter on each side."""
    paints: dict[str, Paint] = {
        "front": partial(letter, name="A", ink="d7362f", ground="fbe7b2"),
        "right": partial(letter, name="B", ink="2463b0", ground="d9ecf6"),
        "back": partial(letter, name="C", ink="2f8f46", ground="f9f3d4"),
        "left": partial(letter, name="D", ink="8a3f9e", ground="fbdce4"),
        "top": partial(letter, name="E", ink="e9812a", ground="dff3df"),
        "bottom": partial(letter, name="F", ink="1f7f86", ground="f6dfc4"),
    }
    patches = [Patch(side, paints[name], 4, 4) for name, side in box_sides(0.6, 0.6, 0.6).items()]
    write_object(folder, "block", [Shelf(128, patches[:3]), Shelf(128, patches[3:])], size=SIZE)


def letter(s: Array, t: Array, positions: Array, name: str, ink: str, ground: str) -> Array:
    """A letter in a frame with dots in its corners."""
    soft = 0.014
    x, y = s - 0.5, t - 0.5
    color = rgb(ground) * (1 + 0.03 * waves(np.stack([4 * s, 40 * t], axis=-1), 1.0, 2))[..., None]
    color = over(color, rgb(ink), 0.42 - np.maximum(np.abs(x), np.abs(y)), soft)
    color = over(color, rgb(ground), np.abs(0.455 - np.maximum(np.abs(x), np.abs(y))) - 0.008, soft)
    color = over(color, rgb("f4c542"), disk(np.abs(x) - 0.335, np.abs(y) - 0.335, 0.04), soft)
    color = over(color, 0.72 * rgb(ground), glyph(x - 0.02, y + 0.02, name, 0.5, 0.12), soft)
    return over(color, rgb(ink), glyph(x, y, name, 0.5, 0.12), soft)


def globe(folder: Path) -> None:
    """A ball of radius 0.36, painted as an imaginary planet."""
    patches = [Patch(side, planet, 8, 8) for side in sphere_sides(0.36).values()]
    write_object(folder, "globe", [Shelf(128, patches[:3]), Shelf(128, patches[3:])], size=SIZE)


def planet(s: Array, t: Array, positions: Array) -> Array:
    """Seas, coasts, forests, deserts, ice and one storm."""
    soft = 0.006
    unit = positions / 0.36
    land = waves(unit, 1.9, 5) - 0.12
    color = gradient(land, [(-0.9, "0d2f6b"), (-0.25, "1c5fa8"), (0, "4fb3cf")])
    ground = gradient(land, [(0, "e6d49a"), (0.08, "6fae4a"), (0.3, "2f7d3c"), (0.5, "a97f4a"), (0.8, "f2ede4")])
    dry = np.clip(1.4 - 4 * np.abs(unit[..., 1] - 0.15), 0, 1)[..., None]
    ground = ground + 0.7 * dry * (rgb("dca95a") - ground)
    color = over(color, ground, -0.2 * land, soft)
    ice = np.abs(unit[..., 1]) + 0.05 * waves(unit, 6, 2)
    color = over(color, rgb("f3f8fb"), 0.36 * (0.9 - ice), soft)
    cloud = np.clip(1.6 * waves(unit * [1, 2.2, 1] + 3, 2.6, 4) - 0.7, 0, 0.8)[..., None]
    color = color + cloud * (1 - color)
    # The grid of meridians and parallels that globes have.
    meridian = np.abs(np.sin(6 * np.arctan2(unit[..., 0], unit[..., 2]))) * np.hypot(unit[..., 0], unit[..., 2]) * 0.06
    parallel = np.abs(np.sin(6 * np.arcsin(np.clip(unit[..., 1], -1, 1)))) * 0.06
    lines = np.where(np.abs(unit[..., 1]) > 0.97, 1, np.minimum(meridian, parallel)) - 0.0012
    color = over(color, 0.78 * color, lines, soft)
    storm = np.linalg.norm(unit - np.array([0.62, -0.3, 0.72]) / 0.9965, axis=-1)
    return over(color, rgb("e8503a"), 0.36 * (storm - 0.09), soft)


def doughnut(folder: Path) -> None:
    """A ring of major radius 0.27 and minor radius 0.13, iced above."""
    write_object(folder, "doughnut", [Shelf(SIZE, [Patch(torus(0.27, 0.13), icing, 36, 16)])], size=SIZE)


def icing(s: Array, t: Array, positions: Array) -> Array:
    """Pink icing with sprinkles over dough."""
    soft = 0.007
    turn, around = 2 * np.pi * (t - 0.5), 2 * np.pi * s
    color = gradient(np.abs(turn), [(1.2, "e6b268"), (1.75, "f3d49a"), (2.1, "d99a4e"), (3.1, "a8682c")])
    color = color * (1 + 0.05 * waves(positions, 50, 2))[..., None]
    drip = 1.35 + 0.14 * np.sin(7 * around) + 0.1 * np.sin(11 * around + 1) + 0.06 * np.sign(turn) * np.sin(4 * around)
    edge = (np.abs(turn) - drip) * 0.13
    color = over(color, 0.85 * color, edge - 0.008, 2 * soft)
    color = over(color, gradient(around, [(0, "f286b4"), (3.1, "d95f9f"), (6.3, "f286b4")]), edge, soft)
    codes = ("fff7e0", "ffd23f", "3bceac", "4a6fe3", "f25f3a", "8b5cf6")
    length = 0.27 + 0.13 * np.sin(np.pi + turn)
    for k, (a, b) in enumerate(scattered(90)):
        x, y = wrapped(around - 2 * np.pi * a) * length, (turn + 1.15 - 2.3 * b) * 0.13
        lean = k * GOLDEN_ANGLE
        dx, dy = 0.02 * np.cos(lean), 0.02 * np.sin(lean)
        sprinkle = polyline(x, y, [(-dx, -dy), (dx, dy)], 0.013)
        color = over(color, rgb(codes[k % len(codes)]), sprinkle, soft)
    return over(color, rgb("fff7e0"), star(wrapped(around) * length, turn * 0.13, 5, 0.06, 0.026), soft)
