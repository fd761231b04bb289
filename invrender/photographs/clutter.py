"""Clutter: a wall and a table, and what lies about on them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from PIL import Image

from invrender.photographs import things
from invrender.photographs.chance import Array, Random, between, muted_color, octaves_of_noise, pick
from invrender.photographs.things import Picture, Thing

STANDING: Sequence[Thing] = (things.carton, things.carton, things.cup, things.ball)
LYING: Sequence[Thing] = (things.sheet, things.plate, things.scrap, things.scrap)
HORIZON = (0.2, 0.6)  # where the table ends, as a share of the picture's height
SIZES = (0.05, 0.3)  # of things, as a share of the picture's width


def draw_clutter(random: Random, width: int, height: int, count: int) -> Picture:
    """A picture, sRGB, of a room with so many things in it; what is nearer lies lower and covers what is further."""
    horizon = between(random, HORIZON) * height
    canvas = draw_room(random, width, height, horizon)
    lows = np.sort(random.uniform(0.9 * horizon, 1.1 * height, count))
    for low in lows:
        nearness = 0.6 + 0.6 * (low - horizon) / max(1.0, height - horizon)
        size = max(things.FEWEST, round(nearness * width * math.exp(between(random, log_of(SIZES)))))
        kinds = STANDING if random.random() < 0.6 else LYING
        tile = pick(random, kinds)(random, size)
        if kinds is STANDING:
            tile = tile.rotate(between(random, (-4, 4)), Image.Resampling.BICUBIC, expand=True)
        place = (round(between(random, (-0.05, 1.05)) * width - tile.width / 2), round(low - tile.height))
        things.lay(canvas, tile, place, shadow=0.06 * size)
    for _ in range(random.integers(0, 3)):
        lay_cable(random, canvas)
    return canvas


def log_of(limits: tuple[float, float]) -> tuple[float, float]:
    """The logarithms of two limits: small things are as many as large ones, each octave alike."""
    return math.log(limits[0]), math.log(limits[1])


def draw_room(random: Random, width: int, height: int, horizon: float) -> Picture:
    """A wall, and a table before it whose edge runs askew."""
    canvas, table = (draw_surface(random, width, height) for _ in range(2))
    askew = between(random, (-0.08, 0.08)) * width
    corners = [(0, horizon - askew), (width, horizon + askew), (width, height), (0, height)]
    canvas.paste(table, (0, 0), things.polygon_mask((width, height), corners))
    return canvas


def draw_surface(random: Random, width: int, height: int) -> Picture:
    """Paint, wood or cloth all over a picture: a colour with a grain, some with stripes or squares."""
    plain = Image.new("RGB", (width, height), muted_color(random))
    stretch = between(random, (8, 20)) if random.random() < 0.5 else 1.0
    grain = octaves_of_noise(random, height, width, width / between(random, (4, 40)), 5, stretch)
    factor = things.slope(random, width, height, 0.3) * (1 + between(random, (0.02, 0.1)) * grain)
    if random.random() < 0.3:
        factor = factor * pattern(random, width, height)
    return things.shade(plain, factor.astype(np.float32))


def pattern(random: Random, width: int, height: int) -> Array:
    """A factor [height, width] of stripes or squares."""
    turn, period = between(random, (0, math.pi)), width / between(random, (6, 30))
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    along, across = (np.sin((x * math.cos(a) + y * math.sin(a)) * 2 * math.pi / period) for a in (turn, turn + 1.5708))
    wave = along if random.random() < 0.5 else along * across
    strength = between(random, (0.05, 0.25))
    return np.where(wave < 0, 1 - strength, 1 + strength)


def lay_cable(random: Random, canvas: Picture) -> None:
    """Lay a cable across a picture."""
    width, height = canvas.size
    starts = random.uniform((-0.2, 0.4), (1.2, 1.1), size=(4, 2)) * (width, height)
    t = np.linspace(0, 1, 60)[:, None]
    curve = sum(math.comb(3, k) * t**k * (1 - t) ** (3 - k) * starts[k] for k in range(4))
    thick = max(1.0, between(random, (0.004, 0.012)) * width)
    mask = things.line_mask(canvas.size, [(float(x), float(y)) for x, y in np.asarray(curve)], thick)
    dark = round(between(random, (10, 70)))
    things.lay(canvas, things.cover(mask, (dark, dark, dark)), (0, 0), shadow=1.5 * thick)
