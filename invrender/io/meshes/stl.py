"""STL files, read."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from invrender.errors import UserError
from invrender.io.meshes.content import Array, Content, file_bytes

HEADER = 84
FACET = np.dtype([("normal", "<f4", 3), ("points", "<f4", (3, 3)), ("attribute", "<u2")])
NUMBER = rb"([-+.\w]+)"
VERTEX = re.compile(rb"(?i)\bvertex\s+" + NUMBER + rb"\s+" + NUMBER + rb"\s+" + NUMBER)


def read_stl(path: Path) -> Content:
    """The triangles of an STL file, binary or ASCII. Raises `UserError` where it is cut off."""
    data = file_bytes(path)
    count = int.from_bytes(data[80:HEADER], "little") if len(data) >= HEADER else -1
    is_text = data[:512].lstrip()[:5].lower() == b"solid" and b"facet" in data[:4096].lower()
    if count >= 0 and len(data) == HEADER + FACET.itemsize * count:
        is_text = False
    if is_text:
        return soup(ascii_points(path, data))
    if count < 0 or len(data) < HEADER + FACET.itemsize * count:
        promised = f"it promises {count} facets" if count >= 0 else "it has no header"
        raise UserError(f"{path}: is cut off or no STL file; {promised}, and has {len(data)} bytes")
    facets = np.frombuffer(data, FACET, count, HEADER)
    undrawn = ("colours of faces",) if (facets["attribute"] & 0x8000).any() else ()
    return soup(facets["points"].astype(np.float64), undrawn)


def ascii_points(path: Path, data: bytes) -> Array:
    """The corners [F, 3, 3] of an ASCII file."""
    found = VERTEX.findall(data)
    text = data.lower()
    if len(found) != 3 * text.count(b"endfacet") or b"endsolid" not in text:
        raise UserError(f"{path}: is cut off or damaged; its last facet or solid has no end, or one without 3 vertices")
    try:
        return np.array(found, dtype=np.float64).reshape(-1, 3, 3)
    except ValueError as error:
        raise UserError(f"{path}: is damaged ({error})") from None


def soup(points: Array, undrawn: tuple[str, ...] = ()) -> Content:
    """Triangles [F, 3, 3] that share no vertices yet."""
    return Content(points.reshape(-1, 3), np.arange(3 * len(points)).reshape(-1, 3), undrawn=undrawn)
