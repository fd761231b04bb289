"""Depth maps read: whole numbers of 16 bits in a given unit, or floats."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from invrender.errors import UserError
from invrender.io.arrays import read_array
from invrender.io.pictures.orientation import upright, upright_size
from invrender.io.pictures.reading import Decoding, check_pixels, opened, readable
from invrender.io.pictures.source import Array, Source

NPY_MAGIC = b"\x93NUMPY"
# Renderers write numbers beyond it where nothing is.
FARTHEST = 1e9


def read_depth(path: Path, unit: float | None, decoding: Decoding) -> Tensor:
    """The camera z of what each pixel shows, [H, W] float32, upright, in the scene's unit; 0 where none was measured.

    unit: what a 1 in the file is in the scene's unit; None for floats in that unit. Numbers of 0 or less, infinite
    ones and such that are none were not measured.

    Raises `UserError` for files that are no depth map, for whole numbers without a unit, and where nothing is measured.
    """
    with readable(path):
        source = open_depth(path, decoding)
        stored = source.rows(0, source.height)
    check_kind(stored, path, unit)
    values = torch.from_numpy(stored[..., 0].astype(np.float64))
    measured = values.isfinite() & (values > 0) & (values < FARTHEST)
    if not bool(measured.any()):
        raise UserError(f"{path}: there is no number above 0 in it, expected depths along the camera's axis")
    depth = torch.where(measured, (1.0 if unit is None else unit) * values, 0).float()
    return upright(depth, source.orientation)


def depth_size(path: Path, decoding: Decoding) -> tuple[int, int]:
    """Height and width of a depth map as it is turned."""
    with readable(path):
        source = open_depth(path, decoding)
    return upright_size(source.height, source.width, source.orientation)


def check_kind(stored: Array, path: Path, unit: float | None) -> None:
    """Raise `UserError` for more channels than one, for 8 bits, and for whole numbers without a unit."""
    if stored.shape[-1] != 1:
        raise UserError(f"{path} has {stored.shape[-1]} channels, expected one: depths alone")
    if stored.dtype.itemsize == 1:
        raise UserError(
            f"{path} has 8 bits for each pixel, too few for depths: give a PNG of 16 bits with target.depth_unit, "
            "or floats as NPY or EXR"
        )
    if stored.dtype.kind != "f" and unit is None:
        raise UserError(
            f"target.depth_unit is missing, and {path} holds whole numbers: say what a 1 in it is in the scene's unit, "
            "for example target.depth_unit=0.001 for millimetres in a scene in metres"
        )


def open_depth(path: Path, decoding: Decoding) -> Source:
    """The file's header. Raises `UserError` where there is no such file, or it has more pixels than the limit."""
    if not path.is_file():
        raise UserError(f"{path}: no such depth map")
    with path.open("rb") as file:
        head = file.read(len(NPY_MAGIC))
    if head != NPY_MAGIC:
        return opened(path, decoding, depth=True)
    source = open_npy(path)
    check_pixels(source, path, decoding)
    return source


def open_npy(path: Path) -> Source:
    """An array [H, W] or [H, W, 1] of NumPy's."""
    array = read_array(path)
    if array.shape[2:] not in ((), (1,)) or array.ndim < 2:
        raise UserError(f"{path} is an array of {array.dtype} {list(array.shape)}, expected depths [H, W]")
    height, width = array.shape[:2]
    return Source(height, width, partial(rows_of, array.reshape(height, width, 1)), linear=True)


def rows_of(array: Array, first: int, last: int) -> Array:
    """Some rows of an array."""
    return np.asarray(array[first:last])
