"""The alternatives of a sweep as they are typed, of which some are files whose names may have commas."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from fnmatch import fnmatch
from pathlib import Path

from hydra.core.override_parser.types import Quote, QuotedString

from invrender.errors import UserError
from invrender.io.schema import literal

FUNCTION = re.compile(
    r"(?P<name>choice|range|interval|glob|shuffle|sort|tag|int|float|str|bool)\((?P<inside>.*)\)", re.S
)
OPENING, CLOSING, QUOTES = "([{", ")]}", "'\""


def alternatives(value: str, options: Collection[str] = ()) -> list[str]:
    """What ``A,B``, ``choice(A,B)`` or ``glob(*.png)`` stands for, without quotes; other functions are Hydra's.

    options: of the value's group. Commas separate, but not inside of quotes and brackets, nor in the name of a file
    that is there. ``glob`` is of the group's options where it fits any, else of files in the working folder.

    Raises `UserError` for a glob that fits nothing.
    """
    if value and Path(value).exists():
        return [value]
    match = FUNCTION.fullmatch(value)
    if match is None or len(pieces(value)) > 1:
        return [unquoted(each) for each in joined(pieces(value), options)]
    if match["name"] == "choice":
        return alternatives(match["inside"], options)
    if match["name"] == "glob" and not any(fnmatch(each, match["inside"]) for each in options):
        return globbed(unquoted(match["inside"]))
    return [value]


def globbed(pattern: str) -> list[str]:
    """The files in the working folder that a pattern fits. Raises `UserError` where there is none."""
    path = Path(pattern)
    folder = Path(path.anchor) if path.is_absolute() else Path()
    try:
        found = sorted(str(each) for each in folder.glob(str(path.relative_to(folder))) if each.is_file())
    except (ValueError, NotImplementedError):
        found = []
    if not found:
        raise UserError(f"glob({pattern}) fits no file in {Path.cwd()}")
    return found


def pieces(text: str) -> list[str]:
    """A text split at its commas but those inside of quotes and brackets; at all of them where these don't close."""
    found, start, depth, quote = [], 0, 0, ""
    for place, sign in enumerate(text):
        if quote:
            quote = "" if sign == quote else quote
        elif sign in QUOTES:
            quote = sign
        elif sign in OPENING + CLOSING:
            depth += 1 if sign in OPENING else -1
        elif sign == "," and depth == 0:
            found.append(text[start:place])
            start = place + 1
    return text.split(",") if quote or depth else [each.strip() for each in (*found, text[start:])]


def joined(parts: Sequence[str], options: Collection[str]) -> Iterator[str]:
    """The parts, those put together again that only together name a file."""
    start = 0
    while start < len(parts):
        ends = range(start + 1, len(parts) + 1)
        names = {end: ",".join(parts[start:end]) for end in ends}
        known = (end for end in ends if names[end] in options or (names[end] and Path(unquoted(names[end])).exists()))
        end = next(known, start + 1)
        yield names[end]
        start = end


def unquoted(value: str) -> str:
    """``value`` without a pair of quotes around it."""
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in QUOTES else value


def quoted(text: str) -> str:
    """``text`` in Hydra's quotes, with nothing in it that OmegaConf would resolve."""
    return QuotedString(text=literal(text), quote=Quote.single).with_quotes()
