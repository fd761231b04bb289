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
# A thing that covers too little grows, at most to so many times the object's size.
GROWTH, LARGEST = 1.3, 30


@dataclass(frozen=True)
class Occluder:
    """A picture of a thing, and where its upper left corner is."""

    tile: Picture
    place: tuple[int, int]


def draw_occluder(random: Random, alpha: Array, share: float) -> Occluder:
    """A thing that covers about a share of the object.

    alpha: [H, W], the object's opacity. The thing comes in along a line, as far as it must.
    """
    rows, columns = np.nonzero(alpha > 0.5)
    center = np.array([columns.mean(), rows.mean()])
    size = max(things.FEWEST, round(math.sqrt(len(rows)) * between(random, (0.6, 1.1))))
    if random.random() < HANDS:
        tile, turn = things.hand(random, size), arm_turn(random, center, alpha.shape)
        near = tile.height / 2 - things.PALM * size
        tile = tile.rotate(-math.degrees(turn), Image.Resampling.BICUBIC, expand=True)
    else:
        tile, turn = pick(random, KINDS)(random, size), between(random, (-1.2, 1.2))
        near = 0.0
    inwards = np.array([math.sin(turn), -math.cos(turn)])
    while covered_share(tile, corner_of(tile, center - near * inwards), alpha) < share and tile.width < LARGEST * size:
        tile, near = tile.resize((round(GROWTH * tile.width), round(GROWTH * tile.height))), GROWTH * near
    far = near + 2.0 * (math.hypot(*tile.size) + np.ptp(columns) + np.ptp(rows))
    for _ in range(HALVINGS):
        middle = (near + far) / 2
        covered = covered_share(tile, corner_of(tile, center - middle * inwards), alpha)
        near, far = (middle, far) if covered > share else (near, middle)
    return Occluder(tile, corner_of(tile, center - far * inwards))


def arm_turn(random: Random, place: Array, size: tuple[int, ...]) -> float:
    """The turn, clockwise in radians, of an arm that comes from the border nearest to a place, not from above."""
    height, width = size
    x, y = place
    turns = {height - y: 0.0, x: math.pi / 2, width - x: -math.pi / 2}
    return turns[min(turns)] + between(random, (-UNSTEADY, UNSTEADY))


def corner_of(tile: Picture, middle: Array) -> tuple[int, int]:
    """The upper left corner of a thing whose middle is there."""
    return round(float(middle[0]) - tile.width / 2), round(float(middle[1]) - tile.height / 2)


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
