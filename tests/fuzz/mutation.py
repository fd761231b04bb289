"""Inputs that are a little wrong: bytes, texts and trees with random faults."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from random import Random
from typing import Any

NUMBERS = (
    "0",
    "-1",
    "1",
    "-0.0",
    "nan",
    "inf",
    "1e999",
    "1e-320",
    "0x10",
    "99999999999",
    "1_0",
    "3.5",
    "1/2/3",
    "",
    "٣",
)
TOKEN = re.compile(rb"[^\s,/:\[\]{}\"]+")
VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2, 3.5, 1e-30, 1e30, 10**20, 10**400, float("nan"), float("inf"), -float("inf")),
    *(
        "",
        " ",
        "a",
        "auto",
        "null",
        "0",
        "cube.obj",
        "a.png",
        "..",
        "/",
        "/dev/null",
        "~",
        "${camera}",
        "${x",
        "\0",
        "é☃",
    ),
    *("[1, 2]", "a=b", "a,b", "-", "???", "\ud800", "x" * 5000),
    *(
        [],
        {},
        [None],
        [0, 0, 0],
        [1, 2],
        [1, 2, 3],
        [[1]],
        [[1, 0, 0, 0]] * 4,
        [1e300] * 3,
        {"a": 1},
        {"_target_": "os.system"},
    ),
    *({1: 2}, {"": ""}, [[[[[]]]]], ["a"] * 40),
)
INTEGERS = (0, 1, -1, 255, 256, 65535, 65536, 2**31 - 1, -(2**31), 2**24)
FLOATS = (0.0, -1.0, 1e-38, 3e38, float("nan"), float("inf"))


def mutated(data: bytes, random: Random, others: tuple[bytes, ...] = ()) -> bytes:
    """``data`` with a few faults. others: of its kind, which it may be spliced with."""
    binary, textual = (flip, patch, cut, repeat, insert, truncate), (replace_token, drop_line, repeat_line, swap_lines)
    faults = binary if b"\0" in data else (*binary[2:], *textual * 3)
    while random.random() < 0.75:
        data = random.choice(faults)(data, random) or data
    if others and random.random() < 0.03:
        other = random.choice(others)
        data = data[: random.randrange(len(data) + 1)] + other[random.randrange(len(other)) :]
    return data


def stretch(data: bytes, random: Random) -> slice:
    """A short stretch of bytes, now and then a long one."""
    first = random.randrange(len(data) + 1)
    return slice(first, first + random.choice((1, 2, 4, 8, 40, len(data))))


def flip(data: bytes, random: Random) -> bytes:
    """One bit is another. The beginning, where headers are, is hit more often."""
    place = random.randrange(min(len(data), random.choice((40, 400, 1 << 30))) or 1)
    return (
        data[:place] + bytes(each ^ (1 << random.randrange(8)) for each in data[place : place + 1]) + data[place + 1 :]
    )


def patch(data: bytes, random: Random) -> bytes:
    """A number in place of four bytes."""
    order = random.choice("<>")
    number = struct.pack(f"{order}f", random.choice(FLOATS)) if random.random() < 0.5 else integer(order, random)
    place = random.randrange(min(len(data), random.choice((100, 1 << 30))) or 1)
    return data[:place] + number + data[place + len(number) :]


def integer(order: str, random: Random) -> bytes:
    """One of the numbers that are often forgotten, in one, two or four bytes."""
    size = random.choice((1, 2, 4))
    return (random.choice(INTEGERS) % 256**size).to_bytes(size, "little" if order == "<" else "big")


def cut(data: bytes, random: Random) -> bytes:
    """A stretch is missing."""
    gone = stretch(data, random)
    return data[: gone.start] + data[gone.stop :]


def repeat(data: bytes, random: Random) -> bytes:
    """A stretch is there several times."""
    part = stretch(data, random)
    return data[: part.start] + data[part] * random.choice((2, 3, 20)) + data[part.stop :]


def insert(data: bytes, random: Random) -> bytes:
    """There are some bytes more."""
    place = random.randrange(len(data) + 1)
    return data[:place] + random.randbytes(random.choice((1, 2, 9))) + data[place:]


def truncate(data: bytes, random: Random) -> bytes:
    """The end is missing."""
    return data[: random.randrange(len(data) + 1)]


def replace_token(data: bytes, random: Random) -> bytes:
    """A word or a number is another one."""
    found = list(TOKEN.finditer(data))
    if not found:
        return data
    match = random.choice(found)
    other = random.choice(NUMBERS).encode() if random.random() < 0.7 else random.choice(found)[0]
    return data[: match.start()] + other + data[match.end() :]


def on_lines(change: Callable[[list[bytes], Random], None]) -> Callable[[bytes, Random], bytes]:
    """A fault of whole lines."""

    def changed(data: bytes, random: Random) -> bytes:
        lines = data.splitlines(keepends=True)
        if lines:
            change(lines, random)
        return b"".join(lines)

    return changed


def place_of(lines: list[bytes], random: Random) -> int:
    return random.randrange(len(lines))


drop_line = on_lines(lambda lines, random: lines.__delitem__(place_of(lines, random)))
repeat_line = on_lines(lambda lines, random: lines.insert(place_of(lines, random), random.choice(lines)))
swap_lines = on_lines(lambda lines, random: lines.insert(place_of(lines, random), lines.pop(place_of(lines, random))))


def changed(tree: Any, random: Random) -> Any:
    """A tree of mappings and lists with another value somewhere, a value less or one more. The tree itself stays."""
    if not isinstance(tree, (dict, list)) or not tree or random.random() < 0.08:
        return random.choice(VALUES)
    places = list(tree) if isinstance(tree, dict) else list(range(len(tree)))
    place, copied = random.choice(places), tree.copy()
    kind = random.random()
    if kind < 0.08:
        del copied[place]
    elif kind < 0.14 and isinstance(copied, dict):
        copied[random.choice((f"{place}s", *places, "", 1, "_target_", "a b"))] = random.choice(
            (copied[place], *VALUES)
        )
    elif kind < 0.14:
        copied.append(copied[place])
    else:
        copied[place] = changed(copied[place], random)
    return copied
