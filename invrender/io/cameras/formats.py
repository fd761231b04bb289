"""The formats of camera files, and which of them a file is in."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from invrender.errors import UserError
from invrender.io.cameras.base import CameraFormat, Photograph
from invrender.io.cameras.native import Views
from invrender.io.cameras.transforms import Transforms

FORMATS: Sequence[CameraFormat] = (Transforms(), Views())
"""In the order in which they are asked. The last one need not be: it says what is wrong with what none recognizes."""


def read_photographs(path: Path, given: CameraFormat | None = None) -> list[Photograph]:
    """The photographs of a camera file, in the given format or in the one that recognizes it.

    Raises `UserError` where there is no such file, or it can't be read whole.
    """
    if not path.is_file():
        raise UserError(f"target.path is {path}: no such camera file")
    chosen = given or next((each for each in FORMATS[:-1] if each.recognizes(path)), FORMATS[-1])
    return chosen.read(path)
