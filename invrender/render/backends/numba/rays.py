"""Rays that something may lie in the way of: a tree of boxes over faces, and the walk down it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from invrender.render.backends.numba.compiling import divide_work, entry_point, kernel
from invrender.render.backends.numba.frame import Array

LEAF = 4  # faces
DEEPEST = 64  # levels of a tree
BITS = 10  # of a place along each axis, by which faces are sorted
ROUNDING = 1e-9  # boxes of flat things have no thickness


class Tree(NamedTuple):
    """A full binary tree of L leaves of `LEAF` faces each; node n has the nodes 2 n + 1 and 2 n + 2 below it.

    low, high: [2 L − 1, 3], the nodes' boxes, float64. corners: [LEAF L, 3, 3], a corner of a face and the ways to the
    others; face: [LEAF L], its number, −1 where there is none.
    """

    low: Array
    high: Array
    corners: Array
    face: Array

    @classmethod
    def of(cls, vertices: Array, faces: Array, numbers: Array) -> Tree:
        """The tree of those of the faces [F, 3] that have these numbers, along a curve of Morton's (1966)."""
        points = vertices.astype(np.float64)[faces[numbers]]
        order = np.argsort(morton(points.mean(axis=1)), kind="stable")
        leaves = 1
        while LEAF * leaves < len(numbers):
            leaves *= 2
        corners, face = np.zeros((LEAF * leaves, 3, 3)), np.full(LEAF * leaves, -1, np.int64)
        low, high = np.full((LEAF * leaves, 3), np.inf), np.full((LEAF * leaves, 3), -np.inf)
        own = points[order]
        corners[: len(own)], face[: len(own)] = own - own[:, :1] * [[0.0], [1.0], [1.0]], numbers[order]
        low[: len(own)], high[: len(own)] = own.min(axis=1), own.max(axis=1)
        return cls(stack(low, np.minimum), stack(high, np.maximum), corners, face)


def morton(points: Array) -> Array:
    """The places of points [N, 3] along a curve that fills their box."""
    low = points.min(axis=0, initial=np.inf)
    size = np.maximum(points.max(axis=0, initial=-np.inf) - low, 1e-300)
    cells = np.minimum((points - low) / size * (1 << BITS), (1 << BITS) - 1).astype(np.int64)
    found = np.zeros(len(points), np.int64)
    for bit in range(BITS):
        for axis in range(3):
            found |= ((cells[:, axis] >> bit) & 1) << (3 * bit + axis)
    return found


def stack(bounds: Array, join: np.ufunc) -> Array:
    """The bounds [2 L − 1, 3] of all nodes, the root first, from those of faces [LEAF L, 3]."""
    levels = [join.reduce(bounds.reshape(-1, LEAF, 3), axis=1)]
    while len(levels[0]) > 1:
        levels.insert(0, join.reduce(levels[0].reshape(-1, 2, 3), axis=1))
    return np.concatenate(levels)


def occluded(tree: Tree, origins: Array, ways: Array, own: Array, nearest: float, endless: bool) -> Array:
    """Whether anything lies in the way, [N] bool; nearest: the distance from which on it counts."""
    found = np.empty(len(origins), np.bool_)
    known = tree, origins, ways, own, nearest, endless, found
    divide_work(lambda begin, end: walk_rays(begin, end, *known), len(origins))
    return found


@entry_point
def walk_rays(begin, end, tree, origins, ways, own, nearest, endless, found):
    """Fill in rays begin … end − 1."""
    waiting = np.empty(DEEPEST, np.int64)
    for ray in range(begin, end):
        x, y, z = origins[ray, 0] * 1.0, origins[ray, 1] * 1.0, origins[ray, 2] * 1.0
        dx, dy, dz = ways[ray, 0] * 1.0, ways[ray, 1] * 1.0, ways[ray, 2] * 1.0
        start = nearest / np.sqrt(dx * dx + dy * dy + dz * dz)
        stop = np.inf if endless else 1.0 - start
        found[ray] = blocked(tree, (x, y, z), (dx, dy, dz), own[ray], start, stop, waiting)


@kernel
def blocked(tree, origin, way, own, start, stop, waiting):
    """Whether a ray hits a face between two shares of its way; waiting: room for nodes."""
    inverse = reciprocal(way[0]), reciprocal(way[1]), reciprocal(way[2])
    leaves, count = (len(tree.low) + 1) // 2, 1
    waiting[0] = 0
    while count > 0:
        count -= 1
        node = waiting[count]
        if not meets_box(tree.low[node], tree.high[node], origin, inverse, start, stop):
            continue
        if node < leaves - 1:
            waiting[count], waiting[count + 1] = 2 * node + 1, 2 * node + 2
            count += 2
            continue
        first = (node - leaves + 1) * LEAF
        for each in range(first, first + LEAF):
            face = tree.face[each]
            if face >= 0 and face != own and meets_face(tree.corners[each], origin, way, start, stop):
                return True
    return False


@kernel
def reciprocal(number):
    """1 / number, finite for a 0, so that no product with it is undefined."""
    return 1.0 / number if abs(number) > 1e-300 else 1e300


@kernel
def meets_box(low, high, origin, inverse, start, stop):
    """Whether a ray meets a box between two shares of its way; none meets an empty one."""
    if low[0] > high[0]:
        return False
    for axis in range(3):
        one, other = (low[axis] - origin[axis]) * inverse[axis], (high[axis] - origin[axis]) * inverse[axis]
        start, stop = max(start, min(one, other)), min(stop, max(one, other))
    return start <= stop + ROUNDING * abs(stop)


@kernel
def meets_face(corners, origin, way, start, stop):
    """Whether a ray meets a face between two shares of its way (Möller and Trumbore, 1997)."""
    ax, ay, az = corners[1, 0], corners[1, 1], corners[1, 2]
    bx, by, bz = corners[2, 0], corners[2, 1], corners[2, 2]
    nx, ny, nz = way[1] * bz - way[2] * by, way[2] * bx - way[0] * bz, way[0] * by - way[1] * bx
    determinant = ax * nx + ay * ny + az * nz
    if determinant == 0.0:
        return False
    inverse = 1.0 / determinant
    x, y, z = origin[0] - corners[0, 0], origin[1] - corners[0, 1], origin[2] - corners[0, 2]
    sx, sy, sz = y * az - z * ay, z * ax - x * az, x * ay - y * ax
    u, v = (x * nx + y * ny + z * nz) * inverse, (way[0] * sx + way[1] * sy + way[2] * sz) * inverse
    t = (bx * sx + by * sy + bz * sz) * inverse
    return u >= 0.0 and v >= 0.0 and u + v <= 1.0 and start < t < stop
