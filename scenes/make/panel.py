"""A square picture on a plane: a poster with broad colours, fine lines and letters."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from make.arrays import Array
from make.glyphs import glyph
from make.objects import Patch, Shelf, write_object
from make.paint import checks, disk, gradient, over, polygon, polyline, rectangle, rgb, scattered, star, stripes, waves
from make.surfaces import flat

SIZE = 256
SOFT = 2 / SIZE  # one texel
CREAM, INK = rgb("f8ecd2"), rgb("1d1b2e")


def write(folder: Path) -> None:
    """Write panel.obj, .mtl and .png: 2 × 2 units at z = 0, facing +z."""
    plane = flat(np.zeros(3), np.array([1.0, 0, 0]), np.array([0, 1.0, 0]))
    # The texture's edge is the panel's, so there is no margin to fill.
    write_object(folder, "panel", [Shelf(SIZE, [Patch(plane, poster, 8, 8)])], size=SIZE, margin=0)


def poster(s: Array, t: Array, positions: Array) -> Array:
    """A bay at sunset, in a frame."""
    x, y = positions[..., 0], positions[..., 1]
    color = mountains(sky(x, y), x, y)
    return caption(beach(sea(color, x, y), x, y), x, y)


def sky(x: Array, y: Array) -> Array:
    """A large sun with rays, small stars and birds."""
    colors = [(-0.2, "ffd27a"), (0.1, "fba05a"), (0.4, "ec5f67"), (0.7, "8f3f97"), (1, "2b2a6c")]
    color = gradient(y - 0.08 * x, colors)
    rays = np.abs(((np.arctan2(x - 0.3, y - 0.12) / (2 * np.pi) * 22) % 1) - 0.5) - 0.25
    away = np.hypot(x - 0.3, y - 0.12)
    color = over(color, 0.86 * color + 0.14, rays * away, 2 * SOFT)
    for radius, code in ((0.44, "f7705a"), (0.36, "fb9a50"), (0.28, "fdc55c"), (0.2, "ffe9a0")):
        color = over(color, rgb(code), disk(x - 0.3, y - 0.12, radius), SOFT)
    for k, (a, b) in enumerate(scattered(40)):
        twinkle = star(x + 0.9 - 1.8 * a, y - 0.58 - 0.34 * b, 4, 0.02 + 0.022 * (k % 5 == 0), 0.009)
        color = over(color, rgb("fff3c4"), twinkle, SOFT)
    for k in range(5):
        wing = [(-0.06, 0.035), (-0.025, 0.03), (0, 0), (0.025, 0.03), (0.06, 0.035)]
        bird = polyline(x + 0.62 - 0.15 * k, y - 0.34 - 0.06 * np.sin(2 * k), wing, 0.016)
        color = over(color, INK, bird, SOFT)
    return color


def mountains(color: Array, x: Array, y: Array) -> Array:
    """A range with snow, and the far shore."""
    peaks = [(-1, 0.12), (-0.78, 0.36), (-0.6, 0.16), (-0.42, 0.27), (-0.2, 0.02), (0.1, -0.1), (1, -0.1)]
    slopes = polygon(x, y, [*peaks, (1, -1), (-1, -1)])
    color = over(color, gradient(y, [(-0.1, "b65a8c"), (0.36, "57357f")]), slopes, SOFT)
    snow = np.maximum(slopes, 0.25 - y + 0.03 * np.sin(40 * x))
    color = over(color, rgb("fbe3dc"), snow, SOFT)
    shore = -0.08 + 0.06 * np.sin(3.1 * x + 2) + 0.018 * np.sin(17 * x)
    return over(color, rgb("3a2a66"), y - shore, SOFT)


def sea(color: Array, x: Array, y: Array) -> Array:
    """Water with the sun's glade, and a boat under sail."""
    water = gradient(y, [(-0.7, "122b55"), (-0.35, "1f5f8b"), (-0.14, "e98a6b")])
    color = over(color, water, y + 0.14, SOFT)
    ripple = stripes(y + 0.008 * np.sin(19 * x), 0.05) + 0.005
    reach = 0.3 + 0.5 * (y + 0.14) + 0.05 * np.sin(70 * y)
    glade = np.maximum(np.maximum(np.abs(x - 0.3) - reach, y + 0.16), ripple)
    color = over(color, rgb("ffdf8f"), glade, SOFT)
    fine = np.maximum(stripes(y + 0.02 * np.sin(9 * x), 0.04) + 0.006, y + 0.22)
    color = over(color, 0.9 * color + 0.1 * rgb("9fe0e8"), fine, SOFT)
    hull = polygon(x + 0.3, y + 0.3, [(-0.24, 0.06), (0.24, 0.06), (0.16, -0.05), (-0.17, -0.05)])
    color = over(color, rgb("7c2f2a"), hull, SOFT)
    color = over(color, CREAM, np.maximum(hull, np.abs(y + 0.262) - 0.01), SOFT)
    color = over(color, rgb("fff6e0"), polygon(x + 0.3, y + 0.3, [(0.01, 0.09), (0.01, 0.56), (0.23, 0.09)]), SOFT)
    return over(color, rgb("e2574c"), polygon(x + 0.3, y + 0.3, [(-0.02, 0.09), (-0.02, 0.5), (-0.19, 0.09)]), SOFT)


def beach(color: Array, x: Array, y: Array) -> Array:
    """Sand with pebbles, and palms."""
    dune = -0.5 + 0.1 * np.sin(2.2 * x - 0.6) + 0.02 * np.sin(11 * x)
    grain = waves(np.stack([x, y], axis=-1), 45, 2)
    sand = gradient(y, [(-1, "a8643c"), (-0.5, "e7b877")]) * (1 + 0.06 * grain)[..., None]
    color = over(color, sand, y - dune, SOFT)
    for k, (a, b) in enumerate(scattered(60)):
        pebble = np.maximum(disk(x + 0.9 - 1.8 * a, y + 0.72 - 0.3 * b, 0.012 + 0.004 * (k % 3)), y - dune + 0.03)
        color = over(color, rgb(("fdf0d5", "e2574c", "2a9d8f", "3d5a98")[k % 4]), pebble, SOFT)
    for lean in (-0.16, 0.02, 0.2):
        trunk = [(0.72 + lean * h * h, -0.72 + (1.0 + 0.3 * lean) * h) for h in np.linspace(0, 1, 7)]
        color = over(color, rgb("3a2036"), polyline(x, y, trunk, 0.035), SOFT)
        top_x, top_y = trunk[-1]
        for turn in np.deg2rad([-15, 20, 60, 120, 160, 195]):
            reach = np.linspace(0, 0.3, 6)
            frond_x, frond_y = top_x + reach * np.cos(turn), top_y + reach * np.sin(turn) - 1.6 * reach**2
            frond = list(zip(frond_x.tolist(), frond_y.tolist(), strict=True))
            color = over(color, rgb("23483f"), polyline(x, y, frond, 0.03), SOFT)
    return color


def caption(color: Array, x: Array, y: Array) -> Array:
    """Letters, a chequered corner and the frame."""
    color = over(color, CREAM, y + 0.74, SOFT)
    for k, name in enumerate("DEAR SEA"):
        if name != " ":
            code = ("d1495b", "edae49", "00798c", "30638e", "", "6a4c93", "2e933c", "c8553d")[k]
            color = over(color, rgb(code), glyph(x + 0.7 - 0.165 * k, y + 0.84, name, 0.125, 0.034), SOFT)
    chequers = np.maximum(checks(x - 0.765, y + 0.84, 0.07), rectangle(x - 0.765, y + 0.84, 0.105, 0.07))
    color = over(color, INK, chequers, SOFT)
    frame = -rectangle(x, y, 0.93, 0.93)
    color = over(color, CREAM, frame, SOFT)
    return over(color, INK, np.abs(frame + 0.012) - 0.008, SOFT)
