"""Equal rows made one."""

from __future__ import annotations

import numpy as np

from invrender.io.meshes.content import Array

# Odd constants of 64 bits, by which the columns are mixed; that two rows fall together by chance is checked.
MIX = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x27D4EB2F165667C5)


Surface = tuple[Array, Array, Array]
"""See `welded`."""


def welded(points: Array, corners: Array) -> Surface:
    """Rows of ``points`` [N, C] that are equal in float32 made one, numbered as ``corners`` [F, 3] names them first.

    Returns the rows [V, C] float32, the faces [F, 3] into them, and for each row where it was in ``points`` [V].
    """
    rows = points.astype(np.float32) + np.float32(0)  # −0 becomes 0
    number = same(rows.view(np.uint32))[corners.reshape(-1)]
    compact, original = by_first_use(number)
    return rows[original], compact.reshape(corners.shape), original


def same(rows: Array) -> Array:
    """For each row [N, C] of unsigned integers, the place of the first that is equal to it."""
    if not len(rows):
        return np.zeros(0, np.int64)
    key = mixed(rows)
    order = np.argsort(key)
    differ = changes(key[order])
    rows_differ = np.any([changes(column[order]) for column in rows.T], axis=0)
    if (differ != rows_differ).any():
        order = np.lexsort(rows.T)
        differ = np.any([changes(column[order]) for column in rows.T], axis=0)
    start = np.flatnonzero(np.r_[True, differ])
    first = np.minimum.reduceat(order, start)
    found = np.empty(len(rows), np.int64)
    found[order] = np.repeat(first, np.diff(np.r_[start, len(rows)]))
    return found


def all_differ(rows: Array) -> bool:
    """Whether no two rows [N, C] of unsigned integers are equal; False, too, where they fall together by chance."""
    return bool(changes(np.sort(mixed(rows))).all())


def mixed(rows: Array) -> Array:
    """A number of 64 bits for each row [N, C] of unsigned integers, the same for equal ones."""
    key = np.zeros(len(rows), np.uint64)
    for column, factor in zip(rows.T, MIX, strict=False):
        key ^= column
        key *= np.uint64(factor)
        key ^= key >> np.uint64(29)
    return key


def changes(values: Array) -> Array:
    """Whether each of the values [N] but the first is another than the one before it [N − 1]."""
    found: Array = values[1:] != values[:-1]
    return found


def by_first_use(numbers: Array) -> tuple[Array, Array]:
    """Numbers [K] from 0 on in the order in which they appear, and which number each of them was."""
    size = int(numbers.max()) + 1 if len(numbers) else 0
    first = np.full(size, -1, np.int64)
    first[numbers[::-1]] = np.arange(len(numbers) - 1, -1, -1)
    used = np.flatnonzero(first >= 0)
    original = used[np.argsort(first[used])]
    rank = np.empty(size, np.int64)
    rank[original] = np.arange(len(original))
    return rank[numbers], original
