"""The fragments that soft pixels show enough of, as a list, for shaders that are no kernels."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from invrender.render.backends.numba.blocks import BLOCK, COLUMNS, ROWS, Z
from invrender.render.backends.numba.compiling import allocating, divide_work, entry_point
from invrender.render.backends.numba.frame import Array, Bins, Frame
from invrender.render.backends.numba.geometry import FACE_SIZE, load_face
from invrender.render.backends.numba.gradients import equal_parts
from invrender.render.backends.numba.soft import Soft, Sums, any_counts, hidden_behind
from invrender.render.backends.numba.soft_gradients import AT_ONCE, OVERHEAD
from invrender.render.backends.numba.soft_pixels import reach, room_for, weigh

ROOM = 1 << 12


class Found(NamedTuple):
    """Pairs as in `reference.Pairs`: numbers [N, 3] are face, pixel and edge; distances [N, 2] are inside and depth."""

    numbers: Array
    distances: Array


def list_shown(frame: Frame, soft: Soft, bins: Bins, sums: Sums) -> Found:
    """The pairs whose share of their pixel's colour counts, in the order of the faces."""
    box = bins.box
    bounds = equal_parts((box[:, 1] - box[:, 0] + 1) * (box[:, 3] - box[:, 2] + 1) + OVERHEAD)
    found: list[Found] = [Found(np.empty((0, 3), np.int64), np.empty((0, 2)))] * (len(bounds) - 1)

    def run(first: int, last: int) -> None:
        for part in range(first, last):
            found[part] = Found(*list_faces(bounds[part], bounds[part + 1], frame, soft, bins, sums))

    divide_work(run, len(found))
    return Found(*(np.concatenate(each) for each in zip(*found, strict=True)))


@allocating
def enlarge(numbers, distances, count):
    """Twice the room for ``count`` pairs."""
    more_numbers, more_distances = np.empty((2 * len(numbers), 3), np.int64), np.empty((2 * len(numbers), 2))
    more_numbers[:count], more_distances[:count] = numbers[:count], distances[:count]
    return more_numbers, more_distances


@entry_point
def list_faces(begin, end, frame, soft, bins, sums):
    """The pairs of faces begin … end − 1."""
    f, rows, own, reached = np.empty(FACE_SIZE), np.zeros((ROWS, COLUMNS)), np.empty(BLOCK, np.int64), room_for(AT_ONCE)
    numbers, distances, count = np.empty((ROOM, 3), np.int64), np.empty((ROOM, 2)), 0
    hidden, sides = hidden_behind(soft), frame.outline.shape[1]
    for g in range(begin, end):
        first, last, top, bottom = bins.box[g]
        shallowest, picture = bins.nearest[g] - hidden, frame.picture[g]
        lines = picture * frame.height + top, picture * frame.height + bottom
        if last < first or not any_counts((first, last), lines, frame.width, shallowest, sums, True, False):
            continue
        load_face(frame, g, f)
        across = min(last - first + 1, AT_ONCE)
        down = AT_ONCE // across
        for upper in range(top, bottom + 1, down):
            for left in range(first, last + 1, across):
                columns, rectangle = (left, min(left + across - 1, last)), (upper, min(upper + down - 1, bottom))
                _, kept = reach(
                    f, sides, frame, soft, sums, picture, columns, rectangle, shallowest, True, False, reached, 0, 0
                )  # fmt: skip
                if count + kept > len(numbers):
                    numbers, distances = enlarge(numbers, distances, count)
                for start in range(0, kept, BLOCK):
                    n = weigh(f, soft, sums, reached, start, min(kept - start, BLOCK), True, 0, rows, own)
                    for i in range(n):
                        at = own[i]
                        numbers[count, 0], numbers[count, 1], numbers[count, 2] = g, reached.pixel[at], reached.side[at]
                        distances[count, 0], distances[count, 1] = reached.inside[at], rows[Z, i]
                        count += 1
    return numbers[:count], distances[:count]
