"""Texts and JSON as camera files have them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from invrender.errors import UserError, first_line, note, shortened, shown
from invrender.io.cameras.base import Photograph
from invrender.typed import HALVES


def read_text(path: Path) -> str:
    """What is in a file. Raises `UserError` where that is no text."""
    try:
        return path.read_text(encoding="utf-8")
    except (ValueError, OSError) as error:
        raise UserError(f"{path}: not readable as text ({first_line(error)})") from error


def read_json(path: Path) -> Any:
    """The document in a file. Raises `UserError` where it is not readable as JSON, or says something twice."""
    try:
        text = path.read_text(encoding="utf-8")
        document = json.loads(text, object_pairs_hook=lambda pairs: unique(pairs, path))
        if "\\u" in text and HALVES.search(json.dumps(document, ensure_ascii=False)):
            raise ValueError("it has halves of characters")
        return document
    except (ValueError, OSError, RecursionError) as error:
        raise UserError(f"{path}: not readable as JSON ({error})") from error


def unique(pairs: Iterable[tuple[str, Any]], path: Path) -> dict[str, Any]:
    """Keys and values as a dictionary. Raises `UserError` for a key that stands there twice."""
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise UserError(f"{path}: {shortened(key)} stands there twice; take one of them out")
        found[key] = value
    return found


def holds_key(path: Path, key: str) -> bool:
    """Whether a file is JSON that has ``key`` at its top."""
    if not path.is_file():
        return False
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError, RecursionError):
        return False
    return isinstance(document, Mapping) and key in document


def row_by_row(document: Mapping[str, Any], rows: str) -> bytes:
    """A document as JSON with a line for each entry of its list ``rows``, and one for all else together."""
    head = json.dumps({key: value for key, value in document.items() if key != rows}, ensure_ascii=False)[1:-1]
    lines = ",\n    ".join(json.dumps(each, ensure_ascii=False) for each in document[rows])
    first = f"  {head},\n" if head else ""
    return f'{{\n{first}  "{rows}": [\n    {lines}\n  ]\n}}\n'.encode()


def say(path: Path, told: str, photographs: Sequence[Photograph]) -> None:
    """Say in one line what a file was taken for: its format, units and axes."""
    count = sum(each.picture is not None for each in photographs)
    cameras = len(photographs)
    what = f"{count} picture{'s'[: count != 1]}" if count else f"{cameras} camera{'s'[: cameras != 1]}, no picture"
    note(f"{shown(path)}: {told}, {what}")
