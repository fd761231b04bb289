"""OpenEXR: linear floats, with windows, layers and colours multiplied by alpha."""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from invrender.errors import UserError
from invrender.io.pictures.source import Array, Source, of_floats, with_channels

MAGIC = b"\x76\x2f\x31\x01"
COLORS = (("R", "G", "B"), ("Y",))
DEPTHS = ("Z", "Y", "R")
# Pixels may be stored beyond the picture's border, but not so many times as many.
MOST_OVERSCAN = 4


def open_exr(path: Path, depth: bool = False) -> Source:
    """The first part of an OpenEXR file; where its pixels do not fill the display window the rest is 0.

    Colours are multiplied by alpha, as the format has it. depth: the one channel of depths, whatever it holds.
    """
    import OpenEXR

    with silence(), OpenEXR.File(str(path), header_only=True) as file:
        header = file.header()
        stored = {channel.name: (channel.xSampling, channel.ySampling) for channel in header["channels"]}
        left, top, width, height = box(header["displayWindow"])
        first_column, first_row, columns, rows = box(header["dataWindow"])
    names = [depth_channel(list(stored), path)] if depth else chosen_channels(list(stored), path)
    if columns * rows > MOST_OVERSCAN * width * height:
        raise UserError(f"{path}: its data window is {columns}x{rows}, much more than its picture of {width}x{height}")
    if any(stored[name] != (1, 1) for name in names):
        raise UserError(f"{path}: its channels have fewer pixels than the picture; write them at full resolution")

    def decode() -> Array:
        with silence(), OpenEXR.File(str(path), separate_channels=True) as opened:
            channels = opened.channels()
            pixels = np.stack([channels[name].pixels for name in names], axis=-1).astype(np.float32)
        return placed(pixels, first_row - top, first_column - left, height, width)

    return Source(height, width, of_floats(decode, path, finite=not depth), linear=True, associated=True)


@contextmanager
def silence() -> Iterator[None]:
    """Have nothing printed: besides raising an error, OpenEXR says in its own words what is wrong with a file."""
    sys.stderr.flush()
    kept = os.dup(2)
    with redirect_stdout(io.StringIO()), open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def box(window: Sequence[Any]) -> tuple[int, int, int, int]:
    """The first column and row, and the width and height, of a window that is given by its corners."""
    (left, top), (right, bottom) = (corner.tolist() for corner in window)
    return left, top, right - left + 1, bottom - top + 1


def chosen_channels(names: Sequence[str], path: Path) -> list[str]:
    """R, G, B and A, or Y and A, where they are there; raises `UserError` where a picture is in layers alone."""
    for colors in COLORS:
        if set(colors) <= set(names):
            return [*colors, *(["A"] if "A" in names else [])]
    raise UserError(f"{path} has the channels {', '.join(sorted(names))}, expected R, G, B or Y; write one layer alone")


def depth_channel(names: Sequence[str], path: Path) -> str:
    """The channel of depths: Z, Y or R, or the only one. Raises `UserError` where it is none of them."""
    if len(names) == 1:
        return names[0]
    for name in DEPTHS:
        if name in names:
            return name
    raise UserError(f"{path} has the channels {', '.join(sorted(names))}, expected one named Z; write it alone")


def placed(stored: Array, row: int, column: int, height: int, width: int) -> Array:
    """Pixels [h, w, C] in a picture [height, width, C] of zeros, whose top left corner is at ``row``, ``column``."""
    if (row, column) == (0, 0) and stored.shape[:2] == (height, width):
        return stored
    picture = np.zeros((height, width, stored.shape[2]), stored.dtype)
    rows = slice(max(0, row), max(0, min(height, row + stored.shape[0])))
    columns = slice(max(0, column), max(0, min(width, column + stored.shape[1])))
    picture[rows, columns] = stored[rows.start - row : rows.stop - row, columns.start - column : columns.stop - column]
    return picture


def write_exr(path: Path, rgb: Tensor) -> None:
    """Write linear RGB [H, W, 3] as floats of 32 bits. Raises `OSError` where not all of it could be written."""
    import OpenEXR

    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    pixels = np.ascontiguousarray(with_channels(rgb.numpy()))
    # OpenEXR says nothing where the disk is full.
    try:
        with silence():
            OpenEXR.File(header, {"RGB": pixels}).write(str(path))
            with OpenEXR.File(str(path)) as written:
                whole = np.array_equal(written.channels()["RGB"].pixels, pixels, equal_nan=True)
    except Exception:
        whole = False
    if not whole:
        raise OSError(errno.EIO, "it can't be written whole; the disk may be full", str(path))
