"""The kernels of remeshing: edges of a manifold are split, collapsed and flipped, and vertices moved along the surface.

A side is numbered 3 × face + corner and runs from that corner of the face to the next; its twin is the side of the
other face at the same edge, −1 at a border. A face that is gone has −1 for its first vertex, a vertex that is gone has
no first side. Vertices of a border stay where they are.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np

Array = Any  # of NumPy

# The cosine of the most that a face may turn by when an edge is collapsed or a vertex moved, and when one is flipped.
TURNED, FLIPPED = 0.5, 0.8
# An edge is split above, and collapsed below, so many times the length that is wanted (Botsch and Kobbelt, 2004).
LONG, SHORT = 4 / 3, 4 / 5
MOST_AROUND = 64
# How far a vertex moves to the middle of those around it.
RELAXED = 0.6

kernel = numba.njit(cache=True, nogil=True, error_model="numpy")


class Surface(NamedTuple):
    """faces: [F, 3]. twin: [3 F]. first: [V], a side that begins at each vertex. border: [V] bool. points: [V, 3].

    values: [V, K], whatever else vertices have. used: [2], how many of the rows for vertices and for faces count.
    """

    faces: Array
    twin: Array
    first: Array
    border: Array
    points: Array
    values: Array
    used: Array


@kernel
def following(side: int) -> int:
    """The next side of the face."""
    return side - 2 if side % 3 == 2 else side + 1


@kernel
def preceding(side: int) -> int:
    """The side before it in the face."""
    return side + 2 if side % 3 == 0 else side - 1


@kernel
def start(surface: Surface, side: int) -> int:
    """The vertex at which a side begins."""
    return surface.faces[side // 3, side % 3]


@kernel
def end(surface: Surface, side: int) -> int:
    """The vertex at which a side ends."""
    return surface.faces[side // 3, (side + 1) % 3]


@kernel
def join(surface: Surface, side: int, other: int) -> None:
    """Make two sides twins; one of them may be −1."""
    if side >= 0:
        surface.twin[side] = other
    if other >= 0:
        surface.twin[other] = side


@kernel
def is_side(surface: Surface, side: int) -> bool:
    """Whether a side's face is there."""
    return surface.faces[side // 3, 0] >= 0


@kernel
def around(surface: Surface, vertex: int, sides: Array) -> int:
    """The sides that begin at a vertex, written to ``sides``; their number, −1 where they are more than there is room.

    At a border they begin anywhere, and the last vertex around has none.
    """
    begin = side = surface.first[vertex]
    count = 0
    while True:
        if count == len(sides):
            return -1
        sides[count] = side
        count += 1
        side = surface.twin[preceding(side)]
        if side == begin:
            return count
        if side < 0:
            break
    side = surface.twin[begin]
    while side >= 0:
        if count == len(sides):
            return -1
        side = following(side)
        sides[count] = side
        count += 1
        side = surface.twin[side]
    return count


@kernel
def are_joined(surface: Surface, one: int, other: int, sides: Array) -> bool:
    """Whether an edge joins two vertices; True where that can't be told."""
    count = around(surface, one, sides)
    if count < 0:
        return True
    for number in range(count):
        side = sides[number]
        if end(surface, side) == other or start(surface, preceding(side)) == other:
            return True
    return False


@kernel
def cross(a: Array, b: Array, c: Array) -> tuple[float, float, float]:
    """Twice the area of a triangle along its normal."""
    x1, y1, z1 = b[0] - a[0], b[1] - a[1], b[2] - a[2]
    x2, y2, z2 = c[0] - a[0], c[1] - a[1], c[2] - a[2]
    return y1 * z2 - z1 * y2, z1 * x2 - x1 * z2, x1 * y2 - y1 * x2


@kernel
def turns(before: tuple[float, float, float], after: tuple[float, float, float], least: float) -> bool:
    """Whether the cosine between two normals of any length is below ``least``, or the second one has no length."""
    dot = before[0] * after[0] + before[1] * after[1] + before[2] * after[2]
    one = before[0] ** 2 + before[1] ** 2 + before[2] ** 2
    other = after[0] ** 2 + after[1] ** 2 + after[2] ** 2
    return not (other > 1e-12 * one and dot >= least * np.sqrt(one * other))


@kernel
def square(a: Array, b: Array) -> float:
    """The squared distance of two points."""
    return (a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2 + (a[2] - b[2]) ** 2


@kernel
def split(surface: Surface, side: int) -> None:
    """Put a vertex on the middle of an edge; there must be room for one, and for two faces."""
    used = surface.used
    other, ends = surface.twin[side], (start(surface, side), end(surface, side))
    middle = used[0]
    used[0] += 1
    for row in (surface.points, surface.values):
        for column in range(row.shape[1]):
            row[middle, column] = (row[ends[0], column] + row[ends[1], column]) / 2
    surface.border[middle] = other < 0
    second = halve(surface, side, middle)
    if other >= 0:
        opposite = halve(surface, other, middle)
        join(surface, side, opposite)
        join(surface, second, other)
    surface.first[middle] = second
    surface.first[ends[0]] = side


@kernel
def halve(surface: Surface, side: int, middle: int) -> int:
    """Cut the face of a side from ``middle`` to the opposite corner; the side of the new face from there to the end."""
    face, corner = side // 3, side % 3
    new = surface.used[1]
    surface.used[1] += 1
    last, apex = surface.faces[face, (corner + 1) % 3], surface.faces[face, (corner + 2) % 3]
    beyond = surface.twin[following(side)]
    surface.faces[new, 0], surface.faces[new, 1], surface.faces[new, 2] = middle, last, apex
    surface.faces[face, (corner + 1) % 3] = middle
    surface.twin[3 * new] = -1
    join(surface, 3 * new + 1, beyond)
    join(surface, 3 * new + 2, following(side))
    # Both may have begun with a side that is another's by now.
    surface.first[last] = 3 * new + 1
    surface.first[apex] = 3 * new + 2
    return 3 * new


@kernel
def collapse(surface: Surface, side: int, longest: float, rings: Array) -> bool:
    """Draw an edge together into its middle, if nothing speaks against it: whether that was done.

    longest: squared, of the edges there afterwards. The surface must stay a manifold (Dey and others, 1999: the two
    ends have just the two opposite corners in common), no face may turn over, and no border may move.
    """
    kept, gone, other = start(surface, side), end(surface, side), surface.twin[side]
    if other < 0 or surface.border[kept] or surface.border[gone]:
        return False
    point = (surface.points[kept] + surface.points[gone]) / 2
    counts = (around(surface, kept, rings[0]), around(surface, gone, rings[1]))
    if counts[0] < 0 or counts[1] < 0 or not has_link(surface, rings, counts):
        return False
    if not has_room(surface, side, other, rings[2]):
        return False
    for ring, count in zip(rings, counts):  # noqa: B905  # Numba knows no strict
        for number in range(count):
            if not may_move(surface, ring[number], point, (side // 3, other // 3), longest):
                return False
    for number in range(counts[1]):
        surface.faces[rings[1, number] // 3, rings[1, number] % 3] = kept
    surface.points[kept] = point
    surface.values[kept] = (surface.values[kept] + surface.values[gone]) / 2
    surface.first[gone] = -1
    for each in (side, other):
        before, after = surface.twin[following(each)], surface.twin[preceding(each)]
        join(surface, before, after)
        surface.first[start(surface, before)] = before
        surface.first[start(surface, after)] = after
        surface.faces[each // 3, 0] = -1
    return True


@kernel
def has_link(surface: Surface, rings: Array, counts: tuple[int, int]) -> bool:
    """Whether the two ends of an edge have just two vertices around them in common."""
    common = 0
    for one in range(counts[0]):
        for another in range(counts[1]):
            common += end(surface, rings[0, one]) == end(surface, rings[1, another])
    return common == 2


@kernel
def has_room(surface: Surface, side: int, other: int, ring: Array) -> bool:
    """Whether the two corners opposite to an edge have more than three faces, or lie on a border with more than one."""
    for each in (side, other):
        apex = start(surface, preceding(each))
        if around(surface, apex, ring) <= (1 if surface.border[apex] else 3):
            return False
    return True


@kernel
def may_move(surface: Surface, side: int, point: Array, leaving: tuple[int, int], longest: float) -> bool:
    """Whether the face of a side, if it stays, keeps its direction and short edges when the side begins at a point."""
    if side // 3 == leaving[0] or side // 3 == leaving[1]:
        return True
    a, b, c = start(surface, side), end(surface, side), start(surface, preceding(side))
    a, b, c = surface.points[a], surface.points[b], surface.points[c]
    if square(point, b) > longest or square(point, c) > longest:
        return False
    return not turns(cross(a, b, c), cross(point, b, c), TURNED)


@kernel
def flip(surface: Surface, side: int, ring: Array) -> bool:
    """Turn an edge to join the two opposite corners, if nothing speaks against it: whether that was done."""
    other = surface.twin[side]
    if other < 0:
        return False
    a, b = start(surface, side), end(surface, side)
    c, d = start(surface, preceding(side)), start(surface, preceding(other))
    for vertex in (a, b):
        if around(surface, vertex, ring) <= (1 if surface.border[vertex] else 3):
            return False
    if are_joined(surface, c, d, ring) or bends(surface, a, b, c, d):
        return False
    faces, twin = surface.faces, surface.twin
    one, another = twin[following(side)], twin[preceding(side)]
    third, fourth = twin[following(other)], twin[preceding(other)]
    first, second = side // 3, other // 3
    faces[first, 0], faces[first, 1], faces[first, 2] = a, d, c
    faces[second, 0], faces[second, 1], faces[second, 2] = d, b, c
    join(surface, 3 * first, third)
    join(surface, 3 * first + 2, another)
    join(surface, 3 * second, fourth)
    join(surface, 3 * second + 1, one)
    join(surface, 3 * first + 1, 3 * second + 2)
    surface.first[a], surface.first[d] = 3 * first, 3 * second
    surface.first[b], surface.first[c] = 3 * second + 1, 3 * first + 2
    return True


@kernel
def bends(surface: Surface, a: int, b: int, c: int, d: int) -> bool:
    """Whether the faces a, b, c and b, a, d differ in direction from a, d, c and d, b, c: the edge is a crease."""
    a, b, c, d = surface.points[a], surface.points[b], surface.points[c], surface.points[d]
    for before in (cross(a, b, c), cross(b, a, d)):
        for after in (cross(a, d, c), cross(d, b, c)):
            if turns(before, after, FLIPPED):
                return True
    return False


@kernel
def split_long(surface: Surface, lengths: Array) -> int:
    """Split the edges that are too long, of those that there are at first; their number. There must be room.

    lengths: [V], those that are wanted at the vertices; those of new ones are written to it.
    """
    done, sides = 0, 3 * surface.used[1]
    for side in range(sides):
        if not is_side(surface, side) or surface.twin[side] > side:
            continue
        a, b = start(surface, side), end(surface, side)
        wanted = (lengths[a] + lengths[b]) / 2
        if square(surface.points[a], surface.points[b]) > (LONG * wanted) ** 2:
            lengths[surface.used[0]] = wanted
            split(surface, side)
            done += 1
    return done


@kernel
def collapse_short(surface: Surface, lengths: Array) -> int:
    """Collapse the edges that are too short, where that may be; their number."""
    rings = np.empty((3, MOST_AROUND), np.int64)
    done = 0
    for side in range(3 * surface.used[1]):
        if not is_side(surface, side):
            continue
        a, b = start(surface, side), end(surface, side)
        wanted = (lengths[a] + lengths[b]) / 2
        if square(surface.points[a], surface.points[b]) < (SHORT * wanted) ** 2:
            done += collapse(surface, side, (LONG * wanted) ** 2, rings)
    return done


@kernel
def flip_uneven(surface: Surface) -> int:
    """Flip the edges where that brings the number of edges at a vertex nearer to six, or to four at a border."""
    ring = np.empty(MOST_AROUND, np.int64)
    done = 0
    for side in range(3 * surface.used[1]):
        other = surface.twin[side]
        if not is_side(surface, side) or other <= side:
            continue
        a, b = start(surface, side), end(surface, side)
        corners = (a, b, end(surface, following(side)), end(surface, following(other)))
        gained = 0
        for number in range(4):
            vertex = corners[number]
            count = around(surface, vertex, ring)
            excess = count - (3 if surface.border[vertex] else 6)
            gained += abs(excess) - abs(excess + (-1 if number < 2 else 1))
        if gained > 0:
            done += flip(surface, side, ring)
    return done


@kernel
def relax(surface: Surface) -> None:
    """Move each vertex to the middle of those around it, along the surface, where no face turns over by that."""
    ring = np.empty(MOST_AROUND, np.int64)
    nowhere = (-1, -1)
    for vertex in range(surface.used[0]):
        if surface.first[vertex] < 0 or surface.border[vertex]:
            continue
        count = around(surface, vertex, ring)
        if count < 3:
            continue
        point = along_surface(surface, vertex, ring[:count])
        free = True
        for number in range(count):
            free = free and may_move(surface, ring[number], point, nowhere, np.inf)
        if free:
            surface.points[vertex] = point


@kernel
def along_surface(surface: Surface, vertex: int, sides: Array) -> Array:
    """The point of a vertex moved to the middle of those around it, but for the part along its normal."""
    here, middle, normal = surface.points[vertex], np.zeros(3), np.zeros(3)
    for side in sides:
        b, c = surface.points[end(surface, side)], surface.points[start(surface, preceding(side))]
        middle += b / len(sides)
        x, y, z = cross(here, b, c)
        normal[0] += x
        normal[1] += y
        normal[2] += z
    offset = RELAXED * (middle - here)
    length = (normal**2).sum()
    if length > 0:
        offset -= (offset * normal).sum() / length * normal
    return here + offset
