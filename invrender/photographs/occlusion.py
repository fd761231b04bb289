"""Occlusion: something that comes before the object and covers a share of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from invrender.photographs import things
from invrender.photographs.chance import Array, Random, between, pick
from invrender.photographs.things import Picture, Thing

KINDS: Sequence[Thing] = (things.scrap, things.carton, things.cup, things.ball)
HANDS = 0.5  # the share of hands
UNSTEADY = 0.5  # radians
HALVINGS = 12
ATTEMPTS, GROWTH = 12, 1.15  # at a thing that covers enough


@dataclass(frozen=True)
class Entry:
    """A thing that comes in along a line towards ``center``, in the direction ``inwards``, to ``nearest`` pixels."""

    tile: Picture
    center: Array
    inwards: Array
    nearest: float

    def place(self, distance: float) -> tuple[int, int]:
        """The thing's upper left corner where its middle is so many pixels before the center."""
        x, y = (self.center - distance * self.inwards).tolist()
        return round(x - self.tile.width / 2), round(y - self.tile.height / 2)


@dataclass(frozen=True)
class Occluder:
    """A picture of a thing, and where its upper left corner is."""

    tile: Picture
    place: tuple[int, int]


def draw_occluder(random: Random, alpha: Array, share: float) -> Occluder:
    """A thing that covers about a share of the object.

    alpha: [H, W], the object's opacity. The thing comes in along a line, as far as it must. One that can't cover so
    much is put away, and the next one is larger.
    """
    rows, columns = np.nonzero(alpha > 0.5)
    center = np.array([columns.mean(), rows.mean()])
    size = math.sqrt(len(rows)) * between(random, (0.6, 1.1))
    for attempt in range(ATTEMPTS):
        entry = draw_entry(random, max(things.FEWEST, round(size * GROWTH**attempt)), center, alpha.shape)
        near = entry.nearest
        if covered_share(entry.tile, entry.place(near), alpha) >= share:
            break
    far = near + 2.0 * (math.hypot(*entry.tile.size) + float(np.ptp(columns) + np.ptp(rows)))
    for _ in range(HALVINGS):
        middle = (near + far) / 2
        covered = covered_share(entry.tile, entry.place(middle), alpha)
        near, far = (middle, far) if covered > share else (near, middle)
    return Occluder(entry.tile, entry.place(far))


def draw_entry(random: Random, size: int, center: Array, shape: tuple[int, ...]) -> Entry:
    """A hand, or another thing, of about a size, on its way to the object's middle in a picture of a shape."""
    if random.random() < HANDS:
        tile, turn = things.hand(random, size), arm_turn(random, center, shape)
        nearest = tile.height / 2 - things.PALM * size
        tile = tile.rotate(-math.degrees(turn), Image.Resampling.BICUBIC, expand=True)
    else:
        tile, turn, nearest = pick(random, KINDS)(random, size), between(random, (-1.2, 1.2)), 0.0
    return Entry(tile, center, np.array([math.sin(turn), -math.cos(turn)]), nearest)


def arm_turn(random: Random, place: Array, size: tuple[int, ...]) -> float:
    """The turn, clockwise in radians, of an arm that comes from the border nearest to a place, not from above."""
    height, width = size
    x, y = place
    turns = {height - y: 0.0, x: math.pi / 2, width - x: -math.pi / 2}
    return turns[min(turns)] + between(random, (-UNSTEADY, UNSTEADY))


def covered_share(tile: Picture, place: tuple[int, int], alpha: Array) -> float:
    """The share of the object's opacity [H, W] that a thing covers."""
    height, width = alpha.shape
    left, top = max(0, place[0]), max(0, place[1])
    right, bottom = min(width, place[0] + tile.width), min(height, place[1] + tile.height)
    if right <= left or bottom <= top:
        return 0.0
    window = (left - place[0], top - place[1], right - place[0], bottom - place[1])
    cover = np.asarray(tile.getchannel("A").crop(window)).astype(np.float32) / 255
    return float((cover * alpha[top:bottom, left:right]).sum() / alpha.sum())
