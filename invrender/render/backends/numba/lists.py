"""Long lists of fragments: where they are on their faces, and the derivatives."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from invrender.render.backends.numba.blocks import (
    BARYCENTRIC,
    BLOCK,
    COLUMNS,
    MINIFICATION,
    ROWS,
    D,
    X,
    Y,
    Z,
)
from invrender.render.backends.numba.compiling import divide_work, entry_point, kernel
from invrender.render.backends.numba.frame import Array, Frame
from invrender.render.backends.numba.geometry import (
    FACE_SIZE,
    barycentric,
    barycentric_back,
    barycentric_tangent,
    distances_back,
    edge,
    gap,
    load_face,
    to_segment,
)
from invrender.render.backends.numba.gradients import equal_parts, scattered
from invrender.render.backends.numba.hard import centre, pixels_by_face
from invrender.render.backends.numba.minification import minification, minification_back, minification_tangent
from invrender.render.backends.numba.tangent import Tangent, load_corners_tangent, load_outline_tangent


class Listed(NamedTuple):
    """The arrays of `reference.Pairs` that fragments follow from, and the pairs of each face.

    faces: [M], the frame's faces that there are any of. first: [M + 1], into order: [N], the pairs face by face.
    """

    face: Array
    pixel: Array
    edge: Array
    within: Array
    faces: Array
    first: Array
    order: Array

    @classmethod
    def of(cls, frame: Frame, face: Array, pixel: Array, edge: Array, within: Array) -> Listed:
        """Pairs, sorted by face."""
        return cls(face, pixel, edge, within, *pixels_by_face(face, np.zeros(len(frame.triangles), np.int64)))


class Places(NamedTuple):
    """The differentiable arrays of `Fragments`, or their derivatives."""

    inside: Array
    barycentric: Array
    depth: Array
    footprint: Array

    @classmethod
    def empty(cls, dtype: np.dtype, *shape: int) -> Places:
        """Of lists of fragments, to be filled in."""
        return cls(np.empty(shape, dtype), np.empty((*shape, 3), dtype), np.empty(shape, dtype), np.empty(shape, dtype))


def place(frame: Frame, listed: Listed) -> Places:
    """Where the fragments are."""
    places = Places.empty(frame.vertices.dtype, len(listed.face))
    divide_by_face(listed, lambda begin, end: place_faces(begin, end, frame, listed, places))
    return places


def place_back(frame: Frame, listed: Listed, cotangents: Places) -> tuple[Array, Array]:
    """The gradients of the frame's points and vertices."""
    count, sides, dtype = len(listed.faces), frame.outline.shape[1], frame.vertices.dtype
    outline, corners = np.zeros((count, sides, 2), dtype), np.zeros((count, 3, 4), dtype)
    divide_by_face(listed, lambda begin, end: pull_faces(begin, end, frame, listed, cotangents, outline, corners))
    points = scattered(outline, frame.outline, listed.faces, np.zeros_like(frame.points))
    return points, scattered(corners, frame.triangles, listed.faces, np.zeros_like(frame.vertices))


def place_tangents(frame: Frame, listed: Listed, tangent: Tangent, directions: int) -> Places:
    """How the fragments' places change in K directions, K first."""
    changes = Places.empty(frame.vertices.dtype, directions, len(listed.face))
    divide_by_face(listed, lambda begin, end: move_faces(begin, end, frame, listed, tangent, changes))
    return changes


def divide_by_face(listed: Listed, work: Callable[[int, int], None]) -> None:
    """Call ``work`` for stretches of the faces, begin … end − 1, that have about as many fragments each."""
    bounds = equal_parts(np.diff(listed.first))
    divide_work(lambda first, last: work(bounds[first], bounds[last]), len(bounds) - 1)


@kernel
def load_pairs(frame, listed, f, start, stop, rows):
    """Fill a block with pairs of a face, at positions start … stop − 1 of the order; how many there are."""
    n = min(BLOCK, stop - start)
    for i in range(n):
        rows[X, i], rows[Y, i] = centre(frame, listed.pixel[listed.order[start + i]])
    barycentric(f, rows, 0, n)
    minification(f, 1.0, rows, 0, n)
    return n


@kernel
def to_edge(f, side, x, y):
    """The squared distance in pixels to an edge of a face's outline, and the share of the way along it."""
    start_x, start_y, along_x, along_y, inverse = edge(f, side)
    return to_segment(x - start_x, y - start_y, along_x, along_y, inverse)


@entry_point
def place_faces(begin, end, frame, listed, places):
    """Fill in the fragments of faces begin … end − 1 of those listed."""
    f, rows, area = np.empty(FACE_SIZE), np.zeros((ROWS, COLUMNS)), frame.unit * frame.unit
    for number in range(begin, end):
        load_face(frame, listed.faces[number], f)
        for start in range(listed.first[number], listed.first[number + 1], BLOCK):
            n = load_pairs(frame, listed, f, start, listed.first[number + 1], rows)
            for i in range(n):
                at = listed.order[start + i]
                squared, _ = to_edge(f, listed.edge[at], rows[X, i], rows[Y, i])
                places.inside[at] = area * (squared if listed.within[at] else -squared)
                places.depth[at], places.footprint[at] = rows[Z, i], rows[MINIFICATION, i]
                for k in range(3):
                    places.barycentric[at, k] = rows[BARYCENTRIC + k, i]


@entry_point
def pull_faces(begin, end, frame, listed, cotangents, outline, corners):
    """Fill in the gradients of the outlines and corners of faces begin … end − 1 of those listed."""
    f, rows, sides, area = np.empty(FACE_SIZE), np.zeros((ROWS, COLUMNS)), frame.outline.shape[1], frame.unit**2
    side, share, pull = np.empty(BLOCK), np.empty(BLOCK), np.empty(BLOCK)
    ends, vertices, unused = np.empty((4, 4)), np.empty((3, 4)), np.zeros(6)
    uv = np.array([0.0, 0.0, 1.0, 0.0, 0.0, 1.0])  # a chart of area 1
    for number in range(begin, end):
        load_face(frame, listed.faces[number], f)
        ends[:], vertices[:] = 0.0, 0.0
        for start in range(listed.first[number], listed.first[number + 1], BLOCK):
            n = load_pairs(frame, listed, f, start, listed.first[number + 1], rows)
            for i in range(n):
                at = listed.order[start + i]
                side[i] = listed.edge[at]
                _, share[i] = to_edge(f, listed.edge[at], rows[X, i], rows[Y, i])
                pull[i] = area * (cotangents.inside[at] if listed.within[at] else -cotangents.inside[at])
                rows[D + Z, i], rows[D + MINIFICATION, i] = cotangents.depth[at], cotangents.footprint[at]
                for k in range(3):
                    rows[D + BARYCENTRIC + k, i] = cotangents.barycentric[at, k]
            distances_back(f, sides, rows[X], rows[Y], side, share, pull, n, ends)
            minification_back(f, 1.0, uv, rows, 0, n, vertices, unused)
            barycentric_back(f, rows, 0, n, vertices)
        corners[number] = vertices
        for k in range(sides):
            for c in range(2):
                outline[number, k, c] += ends[k, c]
                outline[number, (k + 1) % sides, c] += ends[k, 2 + c]


@entry_point
def move_faces(begin, end, frame, listed, tangent, changes):
    """Fill in how the fragments of faces begin … end − 1 of those listed change."""
    f, rows, area = np.empty(FACE_SIZE), np.zeros((ROWS, COLUMNS)), frame.unit * frame.unit
    outline, corners, sides = np.zeros((4, 2)), np.zeros((3, 4)), frame.outline.shape[1]
    uv, unused = np.array([0.0, 0.0, 1.0, 0.0, 0.0, 1.0]), np.zeros(6)
    for number in range(begin, end):
        g = listed.faces[number]
        load_face(frame, g, f)
        for start in range(listed.first[number], listed.first[number + 1], BLOCK):
            n = load_pairs(frame, listed, f, start, listed.first[number + 1], rows)
            for k in range(len(changes.inside)):
                load_outline_tangent(frame, tangent, g, k, outline)
                load_corners_tangent(frame, tangent, g, k, corners)
                barycentric_tangent(f, corners, rows, 0, n)
                minification_tangent(f, 1.0, uv, corners, unused, rows, 0, n)
                for i in range(n):
                    at = listed.order[start + i]
                    here = listed.edge[at]
                    ahead = here + 1 if here + 1 < sides else 0
                    _, share = to_edge(f, here, rows[X, i], rows[Y, i])
                    x, y = gap(f, here, share, rows[X, i], rows[Y, i])
                    change = (1.0 - share) * (x * outline[here, 0] + y * outline[here, 1])
                    change += share * (x * outline[ahead, 0] + y * outline[ahead, 1])
                    changes.inside[k, at] = 2.0 * area * (-change if listed.within[at] else change)
                    changes.depth[k, at], changes.footprint[k, at] = rows[D + Z, i], rows[D + MINIFICATION, i]
                    for c in range(3):
                        changes.barycentric[k, at, c] = rows[D + BARYCENTRIC + c, i]
