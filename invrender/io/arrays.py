"""Arrays in ``.npy`` files, of which nothing is unpickled."""

from __future__ import annotations

from pathlib import Path
from tokenize import TokenError
from typing import Any

import numpy as np
from numpy.typing import NDArray

from invrender.errors import UserError, first_line

# Booleans, integers of both kinds, and floats.
NUMBERS = "biuf"


def read_array(path: Path) -> NDArray[Any]:
    """The numbers in a file, mapped into memory. Raises `UserError` where it holds none, or fewer than it says."""
    try:
        return map_array(path)
    except (ValueError, OSError) as error:
        raise UserError(f"{path}: not a readable array ({first_line(error)}); write it by numpy.save") from error


def map_array(path: Path) -> NDArray[Any]:
    """As `read_array`. Raises `ValueError` or `OSError`."""
    try:
        array: NDArray[Any] = np.lib.format.open_memmap(path, mode="r")
    # The file's head is a piece of Python, which is parsed.
    except (SyntaxError, TokenError, TypeError, OverflowError, EOFError, MemoryError, RecursionError) as error:
        raise ValueError(f"its head is damaged: {first_line(error, type(error).__name__)}") from error
    if array.dtype.kind not in NUMBERS:
        raise ValueError(f"it holds {array.dtype}, and no numbers")
    return array
