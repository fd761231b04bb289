"""The lines of a Wavefront OBJ file as arrays, without a loop over them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from invrender.errors import UserError
from invrender.io.meshes.content import MISSING, Array
from invrender.io.meshes.numbers import NEWLINE, SPACE, first_of_lines, numbers, sizes_of_lines, word_starts

HASH = 35
ABSENT = 2**62
SLASHES_AS_SPACES = bytes.maketrans(b"/", b" ")


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
    if b"\\" in data:
        data = data.replace(b"\\\n", b" ")
    lines = split(path, data + b"\n\n\n\n")  # the last line has an end, and what is looked at behind it is there
    if (lines.kind >> 8 == SPACE).any():
        lines = split(path, re.sub(rb"(?m)^ +", b"", lines.data))
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
    chosen = lines.of(word)
    text = without_words(lines.text(chosen), word, len(chosen))
    sizes = sizes_of_lines(text, word_starts(text))
    return first_of_lines(parse(lines, chosen, text, np.float64), sizes), chosen


def without_words(text: bytes, word: bytes, count: int) -> bytes:
    """The text of ``count`` lines without the word that each of them begins with."""
    if all(text.count(letter) == count for letter in word):
        return text.translate(None, word)
    return text.replace(word + b" ", b" ")


def parse(lines: Lines, chosen: Array, text: bytes, kind: type[np.generic]) -> Array:
    """All numbers of a text, of the lines ``chosen``. Raises `UserError` that names the line where one is none."""
    try:
        return numbers(text, kind)
    except ValueError:
        wrong = next((each for each in chosen if not is_numeric(lines, each, kind)), chosen[0])
        line = decode(lines.data[lines.begin[wrong] : lines.begin[wrong + 1]]).strip()
        raise UserError(f"{lines.path}: {line[:60]!r} is not a line of numbers; is the file cut off?") from None


def is_numeric(lines: Lines, number: int, kind: type[np.generic]) -> bool:
    """Whether all words of a line behind its first are numbers."""
    try:
        words = lines.words(int(number)).replace("/", " ").split()
        return len(words) > 0 and all(kind(each) is not None for each in words)
    except (ValueError, OverflowError):
        return False


@dataclass(frozen=True)
class Corners:
    """The corners of all faces, one after the other.

    vertex, uv, normal: [K] int64, from 0 on, `MISSING` where there is none. sizes: [F], the corners of each face.
    lines: [F], where it stands.
    """

    vertex: Array
    uv: Array
    normal: Array
    sizes: Array
    lines: Array


def faces(lines: Lines, counts: tuple[tuple[Array, int], ...]) -> Corners:
    """The faces' corners.

    counts: of positions, texture coordinates and normals, the lines in which they stand, and how many there are.

    Raises `UserError` for an index that is 0, or of nothing.
    """
    chosen = lines.of(b"f")
    text = without_words(lines.text(chosen), b"f", len(chosen))
    starts = word_starts(text)
    sizes = sizes_of_lines(text, starts)
    given = fields(lines, chosen, text, starts)
    vertex, uv, normal = (
        indices(lines.path, name, values, count, places, chosen, sizes)
        for name, values, (places, count) in zip(NAMES, given, counts, strict=True)
    )
    if (vertex == MISSING).any():
        raise UserError(f"{lines.path}: a face has a corner without a vertex")
    return Corners(vertex, uv, normal, sizes, chosen)


NAMES = ("vertex", "texture coordinate", "normal")


def indices(
    path: Path, name: str, values: Array | None, count: int, places: Array, lines: Array, sizes: Array
) -> Array:
    """The indices [K] of corners from 0 on, `MISSING` where there is none.

    values: [K], as they are written; None where there are none. count: of what they name, which stands in the lines
    ``places``. lines: [F], of the faces. sizes: [F].
    """
    if values is None:
        return np.full(sizes.sum(), MISSING)
    if len(values) and values.min() > 0 and values.max() <= count:
        return values - 1
    before = np.searchsorted(places, np.repeat(lines, sizes)) if (values < 0).any() else 0
    index = np.where(values < 0, before + values, values - 1)
    wrong = (values != ABSENT) & ((values == 0) | (index < 0) | (index >= count))
    if wrong.any():
        number = int(values[wrong.argmax()])
        raise UserError(f"{path}: a face names {name} {number}, but there are {count}, of which the first is 1")
    return np.where(values == ABSENT, MISSING, index)


def fields(lines: Lines, chosen: Array, text: bytes, starts: Array) -> list[Array | None]:
    """The three numbers of each corner as they are written, each [K], `ABSENT` for one that is left out; or None."""
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
    values = parse(lines, chosen, text.translate(SLASHES_AS_SPACES) if slashes else text, np.int64)
    if len(values) != count * len(shape):
        raise UserError(f"{lines.path}: a face has a corner that is not v, v/t, v//n or v/t/n")
    columns = np.ascontiguousarray(values.reshape(count, len(shape)).T)
    return [columns[shape.index(number)] if number in shape else None for number in range(3)]


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
