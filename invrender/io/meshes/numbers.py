"""Numbers in texts, read without a loop over lines or words."""

from __future__ import annotations

import warnings

import numpy as np

from invrender.io.meshes.content import Array

SPACE, NEWLINE = 32, 10


def numbers(text: bytes, kind: type[np.generic]) -> Array:
    """All numbers of a text [N], which spaces and ends of lines part. Raises `ValueError` where a word is none."""
    if not text or text.isspace():
        return np.zeros(0, kind)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            return np.fromstring(text, dtype=kind, sep=" ")
        except DeprecationWarning as warning:
            raise ValueError(f"{warning}") from None


def table(text: bytes, kind: type[np.generic]) -> tuple[Array, Array]:
    """All numbers of a text's lines [N], and how many each line has [L]. Raises `ValueError` where a word is none.

    text: begins with a space and ends with an end of a line.
    """
    starts = word_starts(text)
    found = numbers(text, kind)
    if len(found) != len(starts):
        raise ValueError("a word is no number")
    return found, sizes_of_lines(text, starts)


def word_starts(text: bytes) -> Array:
    """Where the words of a text begin, which itself begins with a space."""
    blank = np.frombuffer(text, np.uint8) <= SPACE
    return np.flatnonzero(blank[:-1] & ~blank[1:]) + 1


def sizes_of_lines(text: bytes, starts: Array) -> Array:
    """How many words each line has. starts: where the words begin."""
    ends = np.flatnonzero(np.frombuffer(text, np.uint8) == NEWLINE)
    return np.diff(np.searchsorted(starts, ends), prepend=0)


def first_of_lines(values: Array, sizes: Array) -> Array:
    """The numbers [L, C] of lines that have ``sizes`` [L] of the ``values``, as many of each as the shortest has."""
    width = int(sizes.min()) if len(sizes) else 0
    first = np.cumsum(sizes) - sizes
    found: Array = values[first[:, None] + np.arange(width)]
    return found
