"""The Utah teapot (Martin Newell, 1975): 32 bicubic Bézier patches, with the bottom that Frank Crow added in 1987."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from make.arrays import Array
from make.objects import Paint, Patch, Shelf, write_object
from make.paint import (
    GOLDEN_ANGLE,
    disk,
    gradient,
    over,
    polygon,
    polyline,
    rectangle,
    rgb,
    scattered,
    star,
    stripes,
    wrapped,
)
from make.surfaces import bezier_patch

Profile = list[tuple[float, float, float]]
Sections = list[tuple[float, float, float, float, float]]

# Bodies of revolution, upwards along the outside: radius, reach of the quarter circle's inner control points, height.
BOTTOM: Profile = [(0, 0, 0), (1.425, 0.798, 0), (1.5, 0.84, 0.075), (1.5, 0.84, 0.15)]
LOWER_BODY: Profile = [(1.5, 0.84, 0.15), (1.5, 0.84, 0.225), (2, 1.12, 0.45), (2, 1.12, 0.9)]
UPPER_BODY: Profile = [(2, 1.12, 0.9), (2, 1.12, 1.35), (1.75, 0.98, 1.875), (1.5, 0.84, 2.4)]
RIM: Profile = [(1.5, 0.84, 2.4), (1.4375, 0.805, 2.53125), (1.3375, 0.749, 2.53125), (1.4, 0.784, 2.4)]
LID: Profile = [(1.3, 0.728, 2.4), (1.3, 0.728, 2.55), (0.4, 0.224, 2.55), (0.2, 0.112, 2.7)]
KNOB: Profile = [(0.2, 0.112, 2.7), (0, 0, 2.85), (0.8, 0.45, 3.15), (0, 0, 3.15)]

# Tubes, outwards from the body: x and height of the section's one end, those of its other end, half its width in z.
UPPER_HANDLE: Sections = [
    (-1.6, 2.025, -1.5, 2.25, 0.3),
    (-2.3, 2.025, -2.5, 2.25, 0.3),
    (-2.7, 2.025, -3, 2.25, 0.3),
    (-2.7, 1.8, -3, 1.8, 0.3),
]
LOWER_HANDLE: Sections = [
    (-2.7, 1.8, -3, 1.8, 0.3),
    (-2.7, 1.575, -3, 1.35, 0.3),
    (-2.5, 1.125, -2.65, 0.9375, 0.3),
    (-2, 0.9, -1.9, 0.6, 0.3),
]
SPOUT: Sections = [
    (1.7, 1.425, 1.7, 0.6, 0.66),
    (2.6, 1.425, 3.1, 0.825, 0.66),
    (2.3, 2.1, 2.4, 2.025, 0.25),
    (2.7, 2.4, 3.3, 2.4, 0.25),
]
SPOUT_LIP: Sections = [
    (2.7, 2.4, 3.3, 2.4, 0.25),
    (2.8, 2.475, 3.525, 2.49375, 0.25),
    (2.9, 2.475, 3.45, 2.5125, 0.15),
    (2.8, 2.4, 3.2, 2.4, 0.15),
]

COLUMNS = 8  # of a quarter turn
BODY_RADIUS = 2.0
SOFT = 0.025  # about one texel of the body
GOLD, TERRACOTTA, CREAM, COBALT = rgb("d9a441"), rgb("b5482f"), rgb("fbf1dc"), rgb("1f3f96")


def write(folder: Path) -> None:
    """Write teapot.obj, .mtl and .png, 2 units wide with the spout towards +x."""
    shelves = [
        Shelf(112, quarters(UPPER_BODY, 6, landscape)),
        Shelf(100, quarters(LOWER_BODY, 6, landscape)),
        Shelf(24, quarters(RIM, 4, rim)),
        Shelf(84, quarters(LID, 6, lid)),
        Shelf(56, quarters(KNOB, 8, knob)),
        Shelf(48, quarters(BOTTOM, 4, bottom)),
        Shelf(
            88,
            [
                *halves(UPPER_HANDLE, 8, partial(handle, start=0)),
                *halves(LOWER_HANDLE, 8, partial(handle, start=1)),
                *halves(SPOUT, 8, spout),
                *halves(SPOUT_LIP, 4, spout_lip),
            ],
        ),
    ]
    write_object(folder, "teapot", shelves, size=512, width=2)


def quarters(profile: Profile, rows: int, paint: Paint) -> list[Patch]:
    """A body of revolution as four patches."""
    patches = []
    for sin, cos in ((0, 1), (1, 0), (0, -1), (-1, 0)):
        control = np.array(
            [
                [(a * cos + b * sin, height, b * cos - a * sin) for a, b in ((0, r), (reach, r), (r, reach), (r, 0))]
                for r, reach, height in profile
            ]
        )
        patches.append(Patch(bezier_patch(control), paint, COLUMNS, rows))
    return patches


def halves(sections: Sections, rows: int, paint: Paint) -> list[Patch]:
    """A tube as two patches, mirror images at z = 0."""
    front = np.array([[(a, b, 0), (a, b, z), (c, d, z), (c, d, 0)] for a, b, c, d, z in sections])
    back = front[:, ::-1] * [1, 1, -1]
    return [Patch(bezier_patch(control), paint, 6, rows) for control in (front, back)]


def azimuths(positions: Array) -> Array:
    """Degrees [...] in [-180, 180]: 0 in front, 90 at the spout."""
    return np.rad2deg(np.arctan2(positions[..., 0], positions[..., 2]))


def landscape(s: Array, t: Array, positions: Array) -> Array:
    """A country around the body: day in front, dawn at the spout, night at the back, dusk at the handle."""
    azimuth, y = azimuths(positions), positions[..., 1]
    return bands(land(sky(azimuth, y), azimuth, y), azimuth, y)


def along(azimuth: Array, degrees: float) -> Array:
    """Lengths [...] around the body from the azimuth ``degrees``."""
    return wrapped(np.deg2rad(azimuth - degrees)) * BODY_RADIUS


def sky(azimuth: Array, y: Array) -> Array:
    """Sun and clouds, birds, stars and the moon."""
    colors = [(-180, "10163f"), (-130, "3a2470"), (-95, "d9533f"), (-60, "f8c25c"), (-20, "bfe3ef")]
    colors += [(30, "8fcbe8"), (65, "fbdcc0"), (95, "ee8fa6"), (135, "4a3f96"), (180, "10163f")]
    color = gradient(azimuth, colors)
    color += 0.12 * np.clip(1.6 - y, -1, 1)[..., None]

    x = along(azimuth, 22)
    color = over(color, rgb("fff0a8"), star(x, y - 1.68, 14, 0.44, 0.29), SOFT)
    color = over(color, rgb("f7a823"), disk(x, y - 1.68, 0.25), SOFT)
    color = over(color, rgb("fbd04a"), disk(x + 0.03, y - 1.71, 0.18), SOFT)
    for degrees, height, size in ((-30, 1.72, 1.0), (-4, 2.0, 0.6), (58, 1.9, 0.75)):
        x, up = along(azimuth, degrees) / size, (y - height) / size
        cloud = np.minimum(disk(x, up - 0.07, 0.17), np.minimum(disk(x - 0.2, up, 0.12), disk(x + 0.2, up, 0.13)))
        color = over(color, rgb("ffffff"), np.maximum(cloud, -0.08 - up) * size, SOFT)
    for k in range(7):
        x, up = along(azimuth, -72 - 5.5 * k), y - 1.75 - 0.16 * np.sin(2.4 * k)
        wings = [(-0.11, 0.06), (-0.04, 0.05), (0.0, 0.0), (0.04, 0.05), (0.11, 0.06)]
        color = over(color, rgb("3b1630"), polyline(x, up, wings, 0.035), SOFT)
    for k, (a, b) in enumerate(scattered(60)):
        twinkle = star(along(azimuth, 120 + 115 * a), y - 1.1 - 1.05 * b, 4, 0.05 + 0.05 * (k % 4 == 0), 0.02)
        color = over(color, rgb("fff6cf"), twinkle, SOFT)
    x = along(azimuth, -160)
    moon = np.maximum(disk(x, y - 1.62, 0.3), -disk(x - 0.14, y - 1.7, 0.25))
    return over(color, rgb("fdf3c3"), moon, SOFT)


def land(color: Array, azimuth: Array, y: Array) -> Array:
    """Mountains, a hill with fields, trees, houses, a boat and flowers, over the sky's ``color``."""
    ridge = 1.02 + 0.13 * np.sin(np.deg2rad(3 * azimuth + 40)) + 0.1 * np.sin(np.deg2rad(7 * azimuth))
    ridge += 0.05 * np.abs(wrapped(np.deg2rad(13 * azimuth)))
    far = [(-180, "232a66"), (-100, "7b3a63"), (-50, "8fb37a"), (40, "6fae8f"), (100, "a9668f"), (180, "232a66")]
    color = over(color, gradient(azimuth, far), y - ridge, SOFT)
    hill = 0.78 + 0.14 * np.sin(np.deg2rad(2 * azimuth - 60)) + 0.05 * np.sin(np.deg2rad(9 * azimuth))
    near = [(-180, "122a3f"), (-100, "4e3a3a"), (-50, "6d9c3b"), (40, "4f9a45"), (100, "4d6b55"), (180, "122a3f")]
    color = over(color, gradient(azimuth, near), y - hill, SOFT)
    furrows = np.maximum(stripes(y - hill + 0.05 * np.sin(np.deg2rad(5 * azimuth)), 0.12), y - hill + 0.07)
    color = over(color, 0.88 * color, furrows, SOFT)

    for degrees, size, leaf in ((-18, 1.0, "2f7d3a"), (-44, 0.8, "d1742b"), (-56, 0.65, "a83a2c"), (72, 0.8, "d6809a")):
        x, up = along(azimuth, degrees) / size, (y - 0.78) / size
        color = over(color, rgb("5a3a22"), rectangle(x, up, 0.035, 0.2) * size, SOFT)
        crown = np.minimum(disk(x, up - 0.42, 0.2), disk(np.abs(x) - 0.14, up - 0.28, 0.15))
        color = over(color, rgb(leaf), crown * size, SOFT)
        color = over(color, rgb(leaf) * 0.6 + 0.4, disk(x + 0.06, up - 0.46, 0.08) * size, SOFT)
    houses = [(42, "f6efe0", "c4392b", "4b79b8"), (146, "48507f", "2a2f58", "ffd75e")]
    houses += [(163, "3d4678", "332a58", "ffc74a"), (-140, "57457c", "2d2350", "ffd75e")]
    for degrees, wall, roof, window in houses:
        x, up = along(azimuth, degrees), y - 0.86
        color = over(color, rgb(wall), rectangle(x, up, 0.2, 0.17), SOFT)
        color = over(color, rgb(roof), polygon(x, up, [(-0.28, 0.15), (0.28, 0.15), (0.0, 0.42)]), SOFT)
        color = over(color, rgb(window), rectangle(np.abs(x) - 0.09, up - 0.03, 0.045, 0.055), SOFT)
    sail = along(azimuth, -101)
    color = over(color, rgb("5a2a1f"), polygon(sail, y - 0.72, [(-0.2, 0.1), (0.2, 0.1), (0.12, 0), (-0.12, 0)]), SOFT)
    color = over(color, CREAM, polygon(sail, y - 0.72, [(-0.02, 0.13), (-0.02, 0.55), (0.2, 0.13)]), SOFT)
    for k, (a, b) in enumerate(scattered(45)):
        flower = disk(along(azimuth, -48 + 118 * a), y - 0.48 - 0.17 * b, 0.036)
        color = over(color, rgb(("f4f0e6", "e8503a", "f2c53d")[k % 3]), flower, SOFT)
    return color


def bands(color: Array, azimuth: Array, y: Array) -> Array:
    """The ornaments below and above the picture."""
    color = over(color, TERRACOTTA, y - 0.37, SOFT)
    zigzag = np.abs(wrapped(np.deg2rad(azimuth), 2 * np.pi / 28)) * 28 / np.pi
    color = over(color, CREAM, np.abs(y - 0.22 - 0.08 * zigzag) - 0.02, SOFT)
    color = over(color, GOLD, np.abs(y - 0.39) - 0.028, SOFT)
    color = over(color, COBALT, 2.18 - y, SOFT)
    x = wrapped(np.deg2rad(azimuth), 2 * np.pi / 30) * 1.6
    dots = (CREAM, rgb("f2c53d"), CREAM, rgb("f08a5d"), CREAM)
    which = np.floor((azimuth + 186) / 12).astype(int) % len(dots)
    color = over(color, np.stack(dots)[which], disk(x, y - 2.29, 0.06), SOFT)
    return over(color, GOLD, np.abs(y - 2.18) - 0.025, SOFT)


def rim(s: Array, t: Array, positions: Array) -> Array:
    """Gold leaf that pales and darkens around."""
    shine = 0.5 + 0.5 * np.cos(np.deg2rad(3 * azimuths(positions) + 20))
    return gradient(shine, [(0, "b67c22"), (1, "f4cf73")])


def lid(s: Array, t: Array, positions: Array) -> Array:
    """Petals in the colours of the day below them."""
    azimuth = azimuths(positions)
    radius = np.hypot(positions[..., 0], positions[..., 2])
    petals = [(-180, "2b3a8f"), (-110, "8c3b8a"), (-60, "f0703f"), (0, "f7c843"), (60, "58b368"), (110, "2f9fb3")]
    color = gradient(azimuth, [*petals, (180, "2b3a8f")])
    x = wrapped(np.deg2rad(azimuth), 2 * np.pi / 11) * 0.85
    outline = np.hypot(x / 0.19, (radius - 0.75) / 0.4) - 1
    color = over(color, color * 0.35 + 0.65, outline * 0.2, SOFT)
    color = over(color, color * 0.6, np.abs(outline * 0.2 + 0.06) - 0.012, SOFT)
    color = over(color, COBALT, 1.19 - radius, SOFT)
    color = over(color, GOLD, np.abs(radius - 1.2) - 0.02, SOFT)
    return over(color, GOLD, radius - 0.3, SOFT)


def knob(s: Array, t: Array, positions: Array) -> Array:
    """Red with pale dots, a spiral of them from the top."""
    x, y, z = np.moveaxis(positions, -1, 0)
    color = gradient(y, [(2.7, "8f2118"), (3.0, "d8402c"), (3.15, "ef6a45")])
    for k in range(9):
        angle = k * GOLDEN_ANGLE
        spread = 0.08 + 0.036 * k
        color = over(color, CREAM, disk(x - spread * np.sin(angle), z - spread * np.cos(angle), 0.045), SOFT)
    return over(color, GOLD, y - 2.76, SOFT)


def bottom(s: Array, t: Array, positions: Array) -> Array:
    """Bare clay with rings from the wheel and the potter's star."""
    x, z = positions[..., 0], positions[..., 2]
    color = gradient(np.hypot(x, z), [(0, "c98b62"), (1.5, "a8603d")])
    color = over(color, color * 0.86, stripes(np.hypot(x, z) + 0.05 * np.sin(np.arctan2(x, z)), 0.2), 2 * SOFT)
    return over(color, COBALT, star(x - 0.3, -z, 5, 0.45, 0.19), 2 * SOFT)


def handle(s: Array, t: Array, positions: Array, start: int) -> Array:
    """Stripes across that turn from plum into gold on the way down; ``start`` counts the patches above."""
    way = start + t
    color = gradient(way, [(0, "7a2d5e"), (0.7, "c9503c"), (1.4, "e69a3a"), (2, "f3cf6b")])
    color = over(color, CREAM, stripes(way + 0.1 * np.sign(positions[..., 2]) * np.sin(np.pi * s), 0.25) + 0.02, SOFT)
    return over(color, COBALT, np.abs(way - 1) - 0.09, SOFT)


def spout(s: Array, t: Array, positions: Array) -> Array:
    """Scales in blue on one side and in green on the other, with a golden line above."""
    scale = np.hypot(wrapped(s + 0.125 * (np.floor(8 * t) % 2), 0.25) / 0.15, (8 * t) % 1 - 0.1)
    front = positions[..., 2:3] > 0
    dark, pale = np.where(front, COBALT, rgb("14614f")), np.where(front, rgb("6fb1e4"), rgb("8fd3a0"))
    color = dark + (pale - dark) * np.clip(scale, 0, 1)[..., None] ** 2
    upper = np.where(positions[..., 2] > 0, s, 1 - s)
    color = over(color, GOLD, upper - 0.12, SOFT)
    return over(color, TERRACOTTA, 0.86 - t, SOFT)


def spout_lip(s: Array, t: Array, positions: Array) -> Array:
    """Gold outside, clay inside."""
    return gradient(t, [(0, "e3b34f"), (0.55, "f4cf73"), (0.7, "8f4a30"), (1, "5d2f20")])
