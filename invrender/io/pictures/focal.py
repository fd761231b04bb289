"""The focal length that a photograph's EXIF data tell."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from invrender.errors import note
from invrender.io.pictures.pillow import opened

# EXIF 2.32: the tag of the block that cameras write, and tags in it.
BLOCK = 0x8769
FOCAL, FOCAL_35 = 0x920A, 0xA405
WIDTH, HEIGHT, PLANE_X, PLANE_UNIT = 0xA002, 0xA003, 0xA20E, 0xA210
# Millimetres in the units of FocalPlaneResolutionUnit: inch, which is also the default, cm, mm and µm.
UNITS = {1: 25.4, 2: 25.4, 3: 10.0, 4: 1.0, 5: 0.001}
# Millimetres across the diagonal of 24 x 36 mm, which equivalent focal lengths are about (CIPA DCG-001).
DIAGONAL = math.hypot(24, 36)
# How much longer or shorter the longer side may be, of pictures of the same shape.
SAME_SHAPE = 0.02


@dataclass(frozen=True)
class ExifFocal:
    """A focal length. pixels: of the picture. told: what the data say, in words."""

    pixels: float
    told: str


def exif_focal(path: Path, width: int, height: int) -> ExifFocal | None:
    """What the EXIF data of a picture file say of a picture of this size; None where they say nothing.

    The equivalent for 35 mm film counts, else the focal length with the resolution of the sensor. A picture of another
    shape than its data are of was cut, which takes their meaning away; that is said.
    """
    found = exif_block(path)
    if found is None:
        return None
    taken = number(found.get(WIDTH)), number(found.get(HEIGHT))
    equivalent, focal, resolution = (number(found.get(tag)) for tag in (FOCAL_35, FOCAL, PLANE_X))
    if equivalent is None and (focal is None or resolution is None):
        return None
    longer, shorter = max(width, height), min(width, height)
    if taken[0] is not None and taken[1] is not None:
        stored = max(taken[0], taken[1]) / min(taken[0], taken[1])
        if abs(longer / shorter / stored - 1) > SAME_SHAPE:
            cut = f"its EXIF data are of {taken[0]:g}x{taken[1]:g} pixels"
            note(f"{path}: {cut}, so that it was cut; their focal length is not used")
            return None
    if equivalent is not None:
        return ExifFocal(equivalent * math.hypot(width, height) / DIAGONAL, f"{equivalent:g} mm as on 35 mm film")
    assert focal is not None and resolution is not None
    unit = UNITS.get(int(number(found.get(PLANE_UNIT)) or 2), 25.4)
    reduced = 1.0 if taken[0] is None or taken[1] is None else longer / max(taken[0], taken[1])
    return ExifFocal(focal * resolution / unit * reduced, f"{focal:g} mm and {resolution / unit:.4g} pixels for each")


def exif_block(path: Path) -> Mapping[int, Any] | None:
    """The tags that cameras write, None for files without."""
    try:
        with opened(path) as picture:
            return dict(picture.getexif().get_ifd(BLOCK)) or None
    except Exception:  # formats that Pillow has not, and data that are damaged
        return None


def number(value: Any) -> float | None:
    """A value as a number above 0, None for any other."""
    try:
        found = float(value)
    except (TypeError, ValueError, ArithmeticError):
        return None
    return found if math.isfinite(found) and found > 0 else None
