"""TIFF of floating-point numbers, which Pillow reads in grey alone, and PFM."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
from torch import Tensor

from invrender.errors import UserError
from invrender.io.pictures.orientation import TAG, valid
from invrender.io.pictures.source import Array, Source, of_floats

TIFF_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
PFM_MAGIC = {b"PF": 3, b"Pf": 1}
# Of TIFF's further samples: alpha that the colours are multiplied by.
ASSOCIATED = 1
LONGEST_LINE = 256


def open_float_tiff(path: Path, finite: bool = True) -> Source | None:
    """The first page of a TIFF of floating-point numbers; None for one of whole numbers. finite: as in `of_floats`."""
    import tifffile

    logging.getLogger("tifffile").setLevel(logging.CRITICAL)
    with tifffile.TiffFile(path) as file:
        page = file.pages.first
        if page.dtype is None or page.dtype.kind != "f":
            return None
        axes, shape = page.axes, dict(zip(page.axes, page.shape, strict=True))
        if sorted(axes) not in (["X", "Y"], ["S", "X", "Y"]) or shape.get("S", 1) > 4:
            raise UserError(
                f"{path}: it has the axes {axes} of {page.shape}, expected rows, columns and 1 to 4 channels"
            )
        mark = valid(getattr(page.tags.get(TAG), "value", 1))
        associated = ASSOCIATED in page.extrasamples

    def decode() -> Array:
        with tifffile.TiffFile(path) as opened:
            try:
                stored = opened.pages.first.asarray()
            except ValueError as error:
                if "imagecodecs" not in str(error):
                    raise
                kind = str(error).split(">")[0].strip("<").split(":")[0]
                raise UserError(f"{path}: floats packed by {kind} are not read; save it unpacked, or as EXR") from error
        return np.moveaxis(stored, axes.index("S"), -1) if "S" in axes else stored

    rows = of_floats(decode, path, finite)
    return Source(shape["Y"], shape["X"], rows, mark, linear=True, associated=associated)


def write_float_tiff(path: Path, rgb: Tensor) -> None:
    """Write linear RGB [H, W, 3] as floats of 32 bits."""
    import tifffile

    tifffile.imwrite(path, rgb.numpy(), photometric="rgb")


def open_pfm(path: Path, finite: bool = True) -> Source:
    """A portable float map, whose rows go from the bottom to the top. finite: as in `of_floats`."""
    with path.open("rb") as file:
        channels = PFM_MAGIC[file.readline(LONGEST_LINE).strip()]
        width, height = (int(word) for word in file.readline(LONGEST_LINE).split())
        # The sign of the scale tells the order of bytes, and nobody agrees on its size.
        order = "<f4" if float(file.readline(LONGEST_LINE)) < 0 else ">f4"
        begin = file.tell()

    def decode() -> Array:
        count = height * width * channels
        stored = np.fromfile(path, order, count, offset=begin)
        if len(stored) < count:
            raise ValueError("it ends too early")
        return stored.reshape(height, width, channels)[::-1]

    return Source(height, width, of_floats(decode, path, finite), linear=True)


def write_pfm(path: Path, rgb: Tensor) -> None:
    """Write linear RGB [H, W, 3] as a portable float map."""
    height, width = rgb.shape[:2]
    path.write_bytes(f"PF\n{width} {height}\n-1.0\n".encode() + rgb.flip(0).numpy().astype("<f4").tobytes())
