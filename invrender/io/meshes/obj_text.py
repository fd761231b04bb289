"""The lines of a Wavefront OBJ file as arrays, without a loop over them."""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from invrender.errors import UserError
from invrender.io.meshes.content import MISSING, Array

SPACE, NEWLINE, HASH = 32, 10, 35
ABSENT = 2**62


@dataclass(frozen=True)
class Lines:
    """A text and its lines.

    data: without comments behind values, continuations, tabs, returns, and spaces before the first word.
    begin: [L + 1], where each line begins. kind: [L], its first two characters as one number.
    """

    path: Path
    data: bytes
    begin: Array
    kind: Array

    def of(self, word: bytes) -> Array:
        """The numbers of the lines that begin with ``word`` of one or two letters, followed by a space."""
        found = np.flatnonzero(self.kind == code(word))
        third = np.frombuffer(self.data, np.uint8)[self.begin[found] + 2]
        return found if len(word) == 1 else found[third == SPACE]

    def text(self, numbers: Array) -> bytes:
        """These lines, one after the other."""
        if not len(numbers):
            return b""
        cuts = np.flatnonzero(np.diff(numbers) != 1) + 1
        first, last = numbers[np.r_[0, cuts]], numbers[np.r_[cuts - 1, len(numbers) - 1]]
        pairs = zip(self.begin[first].tolist(), self.begin[last + 1].tolist(), strict=True)
        return b"".join([self.data[start:end] for start, end in pairs])

    def words(self, number: int) -> str:
        """What stands behind the first word of a line."""
        line = self.data[self.begin[number] : self.begin[number + 1]]
        return decode(line.partition(b" ")[2]).strip()


def code(word: bytes) -> int:
    """The first two characters of a line that begins with this word."""
    pair = word.ljust(2)[:2]
    return pair[0] << 8 | pair[1]


def decode(text: bytes) -> str:
    """A name, whose encoding no OBJ tells."""
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError:
        return text.decode("latin-1")


def lines_of(path: Path, data: bytes) -> Lines:
    """The lines of an OBJ file. Raises `UserError` for what is no text."""
    if b"\0" in data:
        raise UserError(f"{path}: its text is not in UTF-8; save it again as plain OBJ, PLY or GLB")
    data = data.removeprefix(b"\xef\xbb\xbf")
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    if b"\t" in data:
        data = data.replace(b"\t", b" ")
    if b"\\\n" in data:
        data = data.replace(b"\\\n", b" ")
    if data.startswith(b" ") or b"\n " in data:
        data = re.sub(rb"(?m)^ +", b"", data)
    lines = split(path, data + b"\n\n\n\n")  # the last line has an end, and what is looked at behind it is there
    if comments_behind(lines):
        lines = split(path, re.sub(rb"(?m)(?:^| )#[^\n]*", b" ", lines.data))
    return lines


def split(path: Path, data: bytes) -> Lines:
    """Find where lines begin, and how."""
    values = np.frombuffer(data, np.uint8)
    begin = np.r_[0, np.flatnonzero(values == NEWLINE) + 1]
    begin = begin[begin <= len(values) - 3]
    kind = values[begin].astype(np.int64) << 8 | values[begin + 1]
    return Lines(path, data, begin, kind[:-1])


def comments_behind(lines: Lines) -> bool:
    """Whether a comment follows something on its line."""
    values = np.frombuffer(lines.data, np.uint8)
    found = np.flatnonzero(values == HASH)
    line = np.searchsorted(lines.begin, found, side="right") - 1
    return bool((values[lines.begin[line]] != HASH).any())


def rows(lines: Lines, word: bytes) -> tuple[Array, Array]:
    """The numbers of lines ``v``, ``vt`` or ``vn`` as [N, C] float64, and which lines they are.

    C is what the shortest of them has.
    """
    numbers = lines.of(word)
    text = lines.text(numbers).replace(word + b" ", b" ")
    sizes = sizes_of_lines(text, word_starts(text))
    values = parse(lines, numbers, text, np.dtype(np.float64))
    width = int(sizes.min()) if len(sizes) else 0
    first = np.cumsum(sizes) - sizes
    return values[first[:, None] + np.arange(width)], numbers


def word_starts(text: bytes) -> Array:
    """Where the words of a text begin, which itself begins with a space."""
    blank = np.frombuffer(text, np.uint8) <= SPACE
    return np.flatnonzero(blank[:-1] & ~blank[1:]) + 1


def sizes_of_lines(text: bytes, starts: Array) -> Array:
    """How many words each line has. starts: where the words begin."""
    ends = np.flatnonzero(np.frombuffer(text, np.uint8) == NEWLINE)
    return np.diff(np.searchsorted(starts, ends), prepend=0)


def parse(lines: Lines, numbers: Array, text: bytes, kind: np.dtype[Any]) -> Array:
    """All numbers of a text. Raises `UserError` that names the line where one is none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return np.fromstring(text, dtype=kind, sep=" ") if text.strip() else np.zeros(0, kind)
    except (ValueError, DeprecationWarning):
        wrong = next((each for each in numbers if not is_numeric(lines, each, kind)), numbers[0])
        line = decode(lines.data[lines.begin[wrong] : lines.begin[wrong + 1]]).strip()
        raise UserError(f"{lines.path}: {line[:60]!r} is not a line of numbers; is the file cut off?") from None


def is_numeric(lines: Lines, number: int, kind: np.dtype[Any]) -> bool:
    """Whether all words of a line behind its first are numbers."""
    try:
        words = lines.words(int(number)).replace("/", " ").split()
        return len(words) > 0 and all(kind.type(each) is not None for each in words)
    except (ValueError, OverflowError):
        return False


@dataclass(frozen=True)
class Corners:
    """The corners of all faces, one after the other.

    indices: [K, 3] int64, of position, texture coordinate and normal, from 0 on, `MISSING` where there is none.
    sizes: [F], the corners of each face. lines: [F], where it stands.
    """

    indices: Array
    sizes: Array
    lines: Array


def faces(lines: Lines, counts: tuple[tuple[Array, int], ...]) -> Corners:
    """The faces' corners.

    counts: of positions, texture coordinates and normals, the lines in which they stand, and how many there are.

    Raises `UserError` for an index that is 0, or of nothing.
    """
    numbers = lines.of(b"f")
    text = lines.text(numbers).replace(b"f ", b" ")
    starts = word_starts(text)
    sizes = sizes_of_lines(text, starts)
    given = fields(lines, numbers, text, starts)
    line = np.repeat(numbers, sizes)
    found = np.full_like(given, MISSING)
    for column, (name, (places, count)) in enumerate(zip(NAMES, counts, strict=True)):
        values = given[:, column]
        if not (values != ABSENT).any():
            continue
        before = np.searchsorted(places, line) if (values < 0).any() else 0
        index = np.where(values < 0, before + values, values - 1)
        wrong = (values != ABSENT) & ((values == 0) | (index < 0) | (index >= count))
        if wrong.any():
            number = int(values[wrong.argmax()])
            raise UserError(
                f"{lines.path}: a face names {name} {number}, but there are {count}, of which the first is 1"
            )
        found[:, column] = np.where(values == ABSENT, MISSING, index)
    if (found[:, 0] == MISSING).any():
        raise UserError(f"{lines.path}: a face has a corner without a vertex")
    return Corners(found, sizes, numbers)


NAMES = ("vertex", "texture coordinate", "normal")


def fields(lines: Lines, numbers: Array, text: bytes, starts: Array) -> Array:
    """The three numbers [K, 3] of each corner as they are written, `ABSENT` for one that is left out."""
    count = len(starts)
    slashes, doubled = text.count(b"/"), text.count(b"//")
    shape: tuple[int, ...]
    if slashes == 0:
        shape = (0,)
    elif doubled == 0 and slashes == count and not irregular(text, starts):
        shape = (0, 1)
    elif doubled == count and slashes == 2 * count:
        shape = (0, 2)
    elif doubled == 0 and slashes == 2 * count and not irregular(text, starts):
        shape = (0, 1, 2)
    else:
        text, shape = completed(text), (0, 1, 2)
    values = parse(lines, numbers, text.replace(b"/", b" "), np.dtype(np.int64))
    if len(values) != count * len(shape):
        raise UserError(f"{lines.path}: a face has a corner that is not v, v/t, v//n or v/t/n")
    found = np.full((count, 3), ABSENT)
    found[:, shape] = values.reshape(count, len(shape))
    return found


def irregular(text: bytes, starts: Array) -> bool:
    """Whether some corner has another number of fields than the others, though the sum is right, or ends in "/"."""
    values = np.frombuffer(text, np.uint8)
    slashes = np.flatnonzero(values == ord("/"))
    if (values[slashes + 1] <= SPACE).any() or len(slashes) % len(starts):
        return True
    each = len(slashes) // len(starts)
    last = np.r_[starts[1:], len(values)]
    places = slashes.reshape(-1, each)
    return bool((places[:, 0] < starts).any() or (places[:, -1] >= last).any())


def completed(text: bytes) -> bytes:
    """Corners of mixed forms, all as v/t/n."""
    empty = str(ABSENT).encode()

    def complete(word: re.Match[bytes]) -> bytes:
        given = word[0].split(b"/")
        return b"/".join(each or empty for each in [*given, b"", b""][: max(3, len(given))])

    return re.sub(rb"[^ \n]+", complete, text)
