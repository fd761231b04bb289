"""An opened picture file: what its header says, and its rows when they are asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from invrender.errors import UserError

Array = np.ndarray[Any, Any]
Rows = Callable[[int, int], Array]


@dataclass(frozen=True)
class Source:
    """A picture file whose header is read, and whose pixels are not decoded yet.

    height, width: in pixels, as stored. orientation: EXIF's, 1 to 8, of which 1 is upright.
    linear: whether its values are linear whatever anybody says, as those of floating-point formats are.
    lossy: whether its compression changes values a little, as JPEG's does.
    associated: whether its colours are multiplied by alpha already.
    rows: the rows from a first to before a last one, [n, W, C] with C from 1 to 4: unsigned integers of 8 or 16 bits,
        or floats. Decodes the file when it is called first.
    """

    height: int
    width: int
    rows: Rows
    orientation: int = 1
    linear: bool = False
    lossy: bool = False
    associated: bool = False


def of_floats(decode: Callable[[], Array], path: Path, finite: bool = True) -> Rows:
    """The rows of a picture of floats. decode: the whole of it, [H, W] or [H, W, C].

    finite: raise `UserError` where there are infinite ones in it, or such that are no numbers.
    """

    @cache
    def decoded() -> Array:
        array = with_channels(decode())
        wrong = int((~np.isfinite(array)).any(axis=-1).sum()) if finite else 0
        if wrong:
            raise UserError(f"{path}: {wrong} of its pixels are infinite or no numbers; repair them")
        return array

    return lambda first, last: decoded()[first:last]


def with_channels(array: Array) -> Array:
    """[H, W, C], of channels or of grey [H, W]."""
    return array if array.ndim == 3 else array[..., None]


def scaled(array: Array) -> Tensor:
    """Values of any depth as float32: unsigned integers as shares of the largest one, floats as they are."""
    if np.issubdtype(array.dtype, np.unsignedinteger):
        return torch.from_numpy(array.astype(np.float32) / np.float32(np.iinfo(array.dtype).max))
    return torch.from_numpy(array.astype(np.float32))
