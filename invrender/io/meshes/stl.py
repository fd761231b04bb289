"""STL files, read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from invrender.errors import UserError
from invrender.io.meshes.content import Array, Content, file_bytes
from invrender.io.meshes.numbers import NEWLINE, SPACE, table

HEADER = 84
FACET = np.dtype([("normal", "<f4", 3), ("points", "<f4", (3, 3)), ("attribute", "<u2")])
NUMBER = rb"([-+.\w]+)"
BLOCK = 1 << 24
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
    text = data.lower()
    found: Any
    try:
        found = np.concatenate([points_of_lines(block) for block in blocks(text)])
    except ValueError:
        found = VERTEX.findall(data)
    if len(found) != 3 * text.count(b"endfacet") or b"endsolid" not in text:
        raise UserError(f"{path}: is cut off or damaged; its last facet or solid has no end, or one without 3 vertices")
    try:
        return np.asarray(found, np.float64).reshape(-1, 3, 3)
    except ValueError as error:
        raise UserError(f"{path}: is damaged ({error})") from None


def blocks(text: bytes) -> Iterator[bytes]:
    """A text in whole lines of `BLOCK` bytes and more."""
    start = 0
    while start < len(text):
        end = text.find(b"\n", start + BLOCK) + 1 or len(text)
        yield text[start:end] if text[end - 1 : end] == b"\n" else text[start:end] + b"\n"
        start = end


def points_of_lines(text: bytes) -> Array:
    """The points [K, 3] of whole lines, in small letters, of which each that has a vertex begins with that word.

    Raises `ValueError` for a text that is none of these; `VERTEX` finds more.
    """
    values = np.frombuffer(text, np.uint8)
    at = np.array([], np.int64) if b"vertex" not in text else np.flatnonzero(values[:-6] == ord("v"))
    at = at[(values[at[:, None] + np.arange(6)] == np.frombuffer(b"vertex", np.uint8)).all(axis=1)]
    ends = np.flatnonzero(values == NEWLINE)
    end = ends[np.searchsorted(ends, at)] + 1
    if (np.diff(end) <= 0).any() or (values[at - 1] > SPACE).any() or (values[at + 6] > SPACE).any():
        raise ValueError("a vertex has no line of its own")
    # Of each such line what is behind the word is kept.
    step = np.zeros(len(values) + 1, np.int8)
    step[at + 6], step[end] = 1, -1
    kept = np.cumsum(step[:-1], dtype=np.int8).view(bool)
    found, sizes = table(b" " + values[kept].tobytes(), np.float64)
    if (sizes != 3).any():
        raise ValueError("a vertex has other than three numbers")
    return found.reshape(-1, 3)


def soup(points: Array, undrawn: tuple[str, ...] = ()) -> Content:
    """Triangles [F, 3, 3] that share no vertices yet."""
    return Content(points.reshape(-1, 3), np.arange(3 * len(points)).reshape(-1, 3), undrawn=undrawn)
