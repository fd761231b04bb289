"""PNG, JPEG, TIFF of whole numbers, BMP, WebP, GIF and PPM, by Pillow itself.

Through imageio, colours of 16 bits come out in 8, and CMYK as RGBA.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from invrender.io.pictures.orientation import TAG, upright_size, valid
from invrender.io.pictures.source import Array, Source, with_channels

# PostScript, which Pillow would run a program for, is not among them.
FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "WEBP", "GIF", "PPM", "JPEG2000", "TGA")
# MPO is what some telephones write as JPEG.
LOSSY = ("JPEG", "MPO", "WEBP", "JPEG2000")
# Pillow turns these upright by itself; what turns them back, by their orientation.
UPRIGHT = ("TIFF",)
TURNED_BACK = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
SWAPPED = {";16B": ";16L", ";16L": ";16B"}


def open_with_pillow(path: Path) -> Source:
    """A picture of 1, 8 or 16 bits, in any colour model; palettes are looked up."""
    with opened(path) as picture:
        mark = valid(picture.getexif().get(TAG))
        height, width = picture.height, picture.width
        if picture.format in UPRIGHT:
            height, width = upright_size(height, width, mark)
        rows = Decoder(path, mark if picture.format in UPRIGHT else 1).rows
        return Source(height, width, rows, mark, lossy=picture.format in LOSSY)


@dataclass(frozen=True)
class Decoder:
    """What decodes a picture when the first rows of it are needed.

    turned: the orientation by which Pillow has turned it already.
    """

    path: Path
    turned: int

    @cached_property
    def decoded(self) -> tuple[Image.Image, Image.Image | None]:
        """The picture as stored, and the low bytes of a colour picture of 16 bits, whose high ones are the picture."""
        with opened(self.path) as picture, opened(self.path) as other:
            swap_bytes = swapped(other)
            picture.load()
            return self.stored(picture), self.stored(other) if swap_bytes and loads(other) else None

    def stored(self, picture: Image.Image) -> Image.Image:
        """The picture as it lies in its file."""
        return picture.transpose(TURNED_BACK[self.turned]) if self.turned in TURNED_BACK else picture

    def rows(self, first: int, last: int) -> Array:
        """The rows from ``first`` to before ``last``, [n, W, C], as uint8 or uint16."""
        picture, low = self.decoded
        box = (0, first, picture.width, last)
        array = with_channels(numbers_of(picture.crop(box)))
        return array if low is None else array.astype(np.uint16) << 8 | np.asarray(low.crop(box))


def swapped(picture: Image.Image) -> bool:
    """Make a colour picture of 16 bits return its low bytes, by the other byte order; False for any other picture."""
    tiles: list[Any] = list(getattr(picture, "tile", ()))
    if picture.mode not in ("RGB", "RGBA") or not tiles or str(tiles[0][3])[-4:] not in SWAPPED:
        return False
    turned: Any = [(*tile[:3], tile[3][:-4] + SWAPPED[tile[3][-4:]]) for tile in tiles]
    setattr(picture, "tile", turned)  # noqa: B010  only pictures of files have tiles
    return True


def loads(picture: Image.Image) -> bool:
    """Whether Pillow can decode the picture."""
    try:
        picture.load()
    except (ValueError, OSError):
        return False
    return True


@contextmanager
def opened(path: Path) -> Iterator[Image.Image]:
    """The picture, of which the header is read; without Pillow's warnings, and without its own limit of pixels."""
    limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path, formats=FORMATS) as picture:
                yield picture
    finally:
        Image.MAX_IMAGE_PIXELS = limit


def numbers_of(picture: Image.Image) -> Array:
    """A picture's channels, [H, W] or [H, W, C]: palettes looked up, colour models other than RGB turned into it."""
    if picture.mode in ("P", "PA"):
        picture = picture.convert("RGBA" if picture.has_transparency_data else "RGB")
    elif picture.mode == "1":
        picture = picture.convert("L")
    elif picture.mode not in ("L", "LA", "RGB", "RGBA") and not picture.mode.startswith("I"):
        picture = picture.convert("RGB")
    array = np.asarray(picture)
    # Pillow keeps some greys of 16 bits in 32, and some in the other byte order.
    return array.clip(0, 65535).astype(np.uint16) if picture.mode.startswith("I") else array
