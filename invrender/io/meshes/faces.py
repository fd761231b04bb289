"""Polygons with colours of their own, as parts."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from invrender.errors import UserError
from invrender.io.meshes.content import Array, Part, linear

MOST_COLORS = 4096


def check_indices(path: Path, corners: Array, count: int) -> None:
    """Raise `UserError` for a face that names a vertex that is not there; the first is 0."""
    if len(corners) and (corners.min() < 0 or corners.max() >= count):
        wrong = int(corners[(corners < 0) | (corners >= count)][0])
        raise UserError(f"{path}: a face names vertex {wrong}, but there are {count}, of which the first is 0")


def colored_parts(path: Path, colors: Array) -> tuple[tuple[Part, ...], Array]:
    """A part for each of the sRGB colours [F, 3] of faces, and the part of each face [F]."""
    found, part = np.unique(colors, axis=0, return_inverse=True)
    if len(found) > MOST_COLORS:
        raise UserError(
            f"{path}: has {len(found)} colours of faces, of which {MOST_COLORS} are supported; "
            "give vertex colours or a texture"
        )
    rows = linear(found).tolist()
    return tuple(Part(f"color{number}", (row[0], row[1], row[2])) for number, row in enumerate(rows)), part.reshape(-1)


def unit(colors: Array) -> Array:
    """Colours in [0, 1] from whole numbers of their type's range, or from numbers as they are."""
    if np.issubdtype(colors.dtype, np.integer):
        scaled: Array = colors / float(np.iinfo(colors.dtype).max)
        return scaled
    return np.asarray(colors, np.float64)
