"""Polygons as triangles."""

from __future__ import annotations

import numpy as np

from invrender.errors import UserError
from invrender.io.meshes.content import Array

MOST_CORNERS = 2000


def triangulate(points: Array, corners: Array, sizes: Array) -> tuple[Array, Array]:
    """The triangles of polygons, in their order.

    points: [P, 3]. corners: the polygons' vertices one after the other. sizes: [F], how many each has; those of
    fewer than 3 have no triangles.

    Returns for each triangle its three places in ``corners`` [T, 3], and its polygon [T].
    """
    first = np.cumsum(sizes) - sizes
    if (sizes == 3).all():
        return first[:, None] + np.arange(3), np.arange(len(sizes))
    places, polygons = [np.zeros((0, 3), np.int64)], [np.zeros(0, np.int64)]
    for size in np.unique(sizes[sizes >= 3]):
        chosen = np.flatnonzero(sizes == size)
        local = local_triangles(points[corners[first[chosen][:, None] + np.arange(size)]])
        places.append((first[chosen][:, None, None] + local).reshape(-1, 3))
        polygons.append(np.repeat(chosen, size - 2))
    polygon = np.concatenate(polygons)
    order = np.argsort(polygon, kind="stable")
    return np.concatenate(places)[order], polygon[order]


def local_triangles(polygons: Array) -> Array:
    """The triangles [K, N − 2, 3] of polygons [K, N, 3] of as many corners each, as places from 0 to N − 1.

    A fan from the first corner where it covers the polygon, seen along its normal, without turning over; else ears.
    Raises `UserError` for too many corners.
    """
    count, size, _ = polygons.shape
    fan = np.stack([np.zeros(size - 2, np.int64), np.arange(1, size - 1), np.arange(2, size)], axis=1)
    if size == 4:
        fan = np.array([[0, 1, 2], [2, 3, 0]])
    found = np.tile(fan, (count, 1, 1))
    if size == 3:
        return found
    flat = in_plane(polygons)
    areas = signed_areas(flat[:, fan])
    turned = (areas < -1e-12 * np.abs(areas).sum(axis=1, keepdims=True)).any(axis=1)
    if size > MOST_CORNERS and turned.any():
        raise UserError(
            f"a face has {size} corners and is not convex, of which {MOST_CORNERS} are supported; have a modelling "
            "program cut it into triangles"
        )
    for number in np.flatnonzero(turned):
        found[number] = ears(flat[number])
    return found


def in_plane(polygons: Array) -> Array:
    """Polygons [K, N, 3] as seen along their normals (Newell's), on the plane of two axes [K, N, 2]."""
    centred = polygons - polygons[:, :1]
    normal = np.cross(centred, np.roll(centred, -1, axis=1)).sum(axis=1)
    # Dropping the axis along which the normal is longest keeps the order of corners; the sign keeps the turn.
    axis = np.abs(normal).argmax(axis=1)
    index = np.arange(len(polygons))
    sign = np.where(normal[index, axis] < 0, -1.0, 1.0)
    first = centred[index, :, (axis + 1) % 3] * sign[:, None]
    return np.stack([first, centred[index, :, (axis + 2) % 3]], axis=-1)


def signed_areas(triangles: Array) -> Array:
    """Twice the areas [...] of triangles [..., 3, 2], positive counter-clockwise."""
    along, across = triangles[..., 1, :] - triangles[..., 0, :], triangles[..., 2, :] - triangles[..., 0, :]
    area: Array = along[..., 0] * across[..., 1] - along[..., 1] * across[..., 0]
    return area


def ears(polygon: Array) -> Array:
    """The triangles [N − 2, 3] of a polygon [N, 2], concave or not, by cutting ears (Meisters, 1975)."""
    left = list(range(len(polygon)))
    found = []
    place: int | None = 0
    while len(left) > 3:
        # Going on beside the last ear, most polygons are cut in few rounds.
        around = [(each + (place or 0)) % len(left) for each in range(len(left))]
        place = next((each for each in around if is_ear(polygon, left, each)), None)
        if place is None:  # it crosses itself; the flattest corner does least harm
            place = int(np.argmin([abs(signed_areas(polygon[corner(left, each)])) for each in range(len(left))]))
        found.append(corner(left, place))
        del left[place]
    return np.array([*found, left])


def corner(left: list[int], place: int) -> list[int]:
    """A corner with the one before and the one after it."""
    return [left[place - 1], left[place], left[(place + 1) % len(left)]]


def is_ear(polygon: Array, left: list[int], place: int) -> bool:
    """Whether a corner is convex and its triangle holds no other corner."""
    ends = corner(left, place)
    triangle = polygon[ends]
    if signed_areas(triangle) <= 0:
        return False
    others = polygon[[each for each in left if each not in ends]]
    others = others[~(others[:, None] == triangle).all(axis=2).any(axis=1)]
    sides = [
        signed_areas(np.stack(np.broadcast_arrays(triangle[k], triangle[(k + 1) % 3], others), axis=1))
        for k in range(3)
    ]
    return not bool((np.min(sides, axis=0) >= 0).any())
