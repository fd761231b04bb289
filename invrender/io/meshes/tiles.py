"""Texture coordinates beyond a picture's borders."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from invrender.io.meshes.content import Array, Wrap


@dataclass(frozen=True)
class Tiles:
    """Which texels of an endless plane of copies of a picture faces show.

    shift: [F, 2] whole numbers, to be added to the texture coordinates of each face, which changes nothing of what it
    shows. first, last: [2], the texels from the lower left corner of the picture on, along u and v, ``last`` beyond.
    picture: [2], the picture's own width and height.
    """

    shift: Array
    first: Array
    last: Array
    picture: Array

    @property
    def size(self) -> Array:
        """The width and the height of what is shown [2]."""
        return self.last - self.first

    @property
    def unchanged(self) -> bool:
        """Whether the picture as it is has all that is shown."""
        return not self.shift.any() and not self.first.any() and bool((self.last == self.picture).all())

    @property
    def repeats(self) -> bool:
        """Whether more than one copy of the picture is shown."""
        return bool((self.size > self.picture).any())

    @property
    def counts(self) -> str:
        """How many copies there are along u and v, in words."""
        across, down = -(-self.size // self.picture)
        return f"{across} x {down}"

    def places(self, corners: Array) -> Array:
        """Where texture coordinates [F, 3, 2] are, in texels from the lower left corner of what is shown."""
        places: Array = (corners + self.shift[:, None]) * self.picture - self.first
        return places

    def texels(self, wrap: tuple[Wrap, Wrap]) -> tuple[Array, Array]:
        """The rows from the top and the columns of the picture that are shown."""
        column = wrapped(np.arange(self.first[0], self.last[0]), int(self.picture[0]), wrap[0])
        row = wrapped(np.arange(self.first[1], self.last[1]), int(self.picture[1]), wrap[1])
        return int(self.picture[1]) - 1 - row[::-1], column


def tile(corners: Array, height: int, width: int, wrap: tuple[Wrap, Wrap]) -> Tiles:
    """The tiles that texture coordinates [F, 3, 2] of faces show of a picture.

    Less than half a texel beyond a border is not beyond it.
    """
    axes = [along(corners[..., axis], size, wrap[axis]) for axis, size in enumerate((width, height))]
    shifts, firsts, lasts = zip(*axes, strict=True)
    return Tiles(np.stack(shifts, axis=1), np.array(firsts), np.array(lasts), np.array([width, height]))


def along(coordinates: Array, size: int, wrap: Wrap) -> tuple[Array, int, int]:
    """Each face's shift [F] along one axis, and the first texel and the one beyond the last that are shown."""
    half = 0.5 / size
    low, high = coordinates.min(axis=1, initial=np.inf), coordinates.max(axis=1, initial=-np.inf)
    if wrap == "clamp" or not len(low):
        first = min(0.0, float(np.floor((low.min(initial=0) + half) * size)))
        last = max(float(size), float(np.ceil((high.max(initial=0) - half) * size)))
        return np.zeros(len(low)), int(first), int(last)
    period = 2 if wrap == "mirror" else 1
    # A face at a whole number may belong to either side of it; what spans none stays where it is.
    shift = -period * np.floor((low + half) / period)
    shift = np.where((low >= -half) & (high <= 1 + half), 0.0, shift)
    copies = max(1, int(np.ceil((high + shift - half).max())))
    return shift, 0, copies * size


def wrapped(texel: Array, size: int, wrap: Wrap) -> Array:
    """The texels of a picture of ``size`` that are shown at places of the endless plane."""
    if wrap == "clamp":
        return texel.clip(0, size - 1)
    if wrap == "repeat":
        repeated: Array = texel % size
        return repeated
    folded = texel % (2 * size)
    mirrored: Array = np.minimum(folded, 2 * size - 1 - folded)
    return mirrored
