"""A cube each of whose sides has another plain colour, so that no turn leaves its look as it was."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from make.arrays import Array
from make.objects import Paint, Patch, Shelf, write_object
from make.paint import rgb
from make.surfaces import box_sides

SIZE = 64
SIDE = 1.2
COLORS = {
    "front": "e6372e",
    "right": "3cb44b",
    "back": "2f6fe0",
    "left": "f5d327",
    "top": "f4efe6",
    "bottom": "b14bd8",
}


def write(folder: Path) -> None:
    """Write cube.obj, .mtl and .png: a cube around the origin, about 2 units from corner to corner."""
    patches = [Patch(side, plain(COLORS[name]), 1, 1) for name, side in box_sides(SIDE, SIDE, SIDE).items()]
    write_object(folder, "cube", [Shelf(SIZE // 2, patches[:3]), Shelf(SIZE // 2, patches[3:])], size=SIZE)


def plain(code: str) -> Paint:
    """The same colour everywhere."""

    def paint(s: Array, t: Array, positions: Array) -> Array:
        return np.broadcast_to(rgb(code), (*s.shape, 3))

    return paint
