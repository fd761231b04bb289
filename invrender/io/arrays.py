"""Arrays in ``.npy`` files, of which nothing is unpickled."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from invrender.errors import UserError, first_line

# Floats, and integers of both kinds.
NUMBERS = "fiu"


def read_array(path: Path) -> NDArray[Any]:
    """The numbers in a file, mapped into memory. Raises `UserError` where it holds none, or fewer than it says."""
    try:
        array: NDArray[Any] = np.lib.format.open_memmap(path, mode="r")
    except (ValueError, OSError, EOFError, OverflowError) as error:
        raise UserError(f"{path}: not a readable array ({first_line(error)}); write it by numpy.save") from error
    if array.dtype.kind not in NUMBERS:
        raise UserError(f"{path} is an array of {array.dtype}, expected numbers; write it by numpy.save")
    return array
