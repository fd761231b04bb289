"""Distances between surfaces, in units that people know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from invrender.constants import Constants, constant
from invrender.geometry.meshes import world_vertices
from invrender.geometry.sequences import r2_sequence
from invrender.scene import Object

Array = np.ndarray[Any, Any]

# So many points of each surface are compared, and each with the faces of so many of the nearest points of the other.
POINTS, NEAREST = 2000, 3
# So many points stand for a surface, and more where it has more faces.
DENSE = 10000
# Points count as found within this share of the diagonal.
CLOSE = 0.01


@dataclass(frozen=True)
class Sampled:
    """A surface with many points on it.

    corners: [F, 3, 3], of the faces. normals: [F, 3], unit. points: [N, 3]. face: [N], on which each of them lies.
    tree: of the points. diagonal: of the box around the surface.
    """

    corners: Array
    normals: Array
    points: Array
    face: Array
    tree: Any
    diagonal: float


sampled: Constants[Sampled] = Constants()


def compare_surfaces(found: Object, true: Object) -> dict[str, float]:
    """How far a surface is from the true one, in the world, measured both ways between points of both.

    mean, largest: distances, in the world's unit; mean_relative, largest_relative: as shares of the diagonal of the box
    around the true one. normals_deg: the mean angle between the normals there. f_score: the harmonic mean of the share
    of the found surface that is within 1% of the diagonal of the true one, and of the share of that which is so near.
    """
    one, other = sample(found), sample(true)
    distances, angles = zip(measure(one, other), measure(other, one), strict=True)
    both = np.concatenate(distances)
    near = [float((each <= CLOSE * other.diagonal).mean()) for each in distances]
    mean, largest = float(both.mean()), float(both.max())
    return {
        "mean": mean,
        "mean_relative": mean / other.diagonal,
        "largest": largest,
        "largest_relative": largest / other.diagonal,
        "normals_deg": float(np.rad2deg(np.concatenate(angles)).mean()),
        "f_score": 2 * near[0] * near[1] / max(sum(near), 1e-12),
    }


def sample(obj: Object) -> Sampled:
    """The sampled surface of an object in the world; that of one that does not move is found once."""
    pose, vertices, faces = obj.world_from_object, obj.mesh.vertices, obj.mesh.faces
    if not constant(pose, vertices):
        return sample_faces(world_vertices(obj), faces)
    return sampled.get(lambda: sample_faces(world_vertices(obj), faces), faces, vertices, pose)


def sample_faces(vertices: Tensor, faces: Tensor) -> Sampled:
    """The sampled surface of faces [F, 3] into vertices [V, 3]: points spread evenly by area, the same each time."""
    from scipy.spatial import cKDTree

    world = vertices.detach().double().cpu().numpy()
    corners = world[faces.cpu().numpy()]
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    areas = np.linalg.norm(across, axis=1)
    count = max(DENSE, 3 * len(faces))
    ends = np.cumsum(areas)
    face = np.searchsorted(ends, (np.arange(count) + 0.5) / count * ends[-1])
    points = np.einsum("nk,nki->ni", spread_barycentrics(count), corners[face])
    size = float(np.linalg.norm(world.max(axis=0) - world.min(axis=0)))
    return Sampled(
        corners, across / np.maximum(areas, 1e-300)[:, None], points, face, cKDTree(points, balanced_tree=False), size
    )


def spread_barycentrics(count: int) -> Array:
    """Barycentrics [N, 3] of points spread evenly over a triangle: the R₂ sequence, folded."""
    pairs = r2_sequence(1, count)
    pairs = np.where(pairs.sum(axis=1, keepdims=True) > 1, 1 - pairs, pairs)
    return np.column_stack([1 - pairs.sum(axis=1), pairs])


def measure(one: Sampled, other: Sampled) -> tuple[Array, Array]:
    """Of points of one surface the distances [N] to another, and the angles [N] between both normals, in radians.

    The faces of the nearest few points are measured exactly.
    """
    chosen = np.linspace(0, len(one.points) - 1, POINTS).astype(int)
    points = one.points[chosen]
    _, nearest = other.tree.query(points, k=NEAREST)
    faces = other.face[nearest]
    squares = squared_distances(points[:, None], other.corners[faces])
    best = squares.argmin(axis=1)[:, None]
    face = np.take_along_axis(faces, best, axis=1)[:, 0]
    cosine = (one.normals[one.face[chosen]] * other.normals[face]).sum(axis=1)
    distance = np.sqrt(np.take_along_axis(squares, best, axis=1)[:, 0])
    return distance, np.arccos(np.clip(cosine, -1, 1))


def squared_distances(points: Array, corners: Array) -> Array:
    """The squared distances [...] of points [..., 3] from triangles [..., 3, 3]: from the plane or the nearest side."""
    a, b, c = (corners[..., number, :] for number in range(3))
    sides = [from_segment(points, start, end) for start, end in ((a, b), (b, c), (c, a))]
    normal = np.cross(b - a, c - a)
    square = np.maximum(dot(normal, normal), 1e-300)
    inside = np.ones(square.shape, dtype=bool)
    for start, end in ((a, b), (b, c), (c, a)):
        inside = inside & (dot(np.cross(end - start, points - start), normal) >= 0)
    plane = dot(points - a, normal) ** 2 / square
    found: Array = np.where(inside, plane, np.minimum.reduce(sides))
    return found


def from_segment(points: Array, start: Array, end: Array) -> Array:
    """The squared distances of points from segments."""
    along, offset = end - start, points - start
    share = dot(offset, along) / np.maximum(dot(along, along), 1e-300)
    beside = offset - np.clip(share, 0, 1)[..., None] * along
    return dot(beside, beside)


def dot(one: Array, other: Array) -> Array:
    """The inner products of vectors [..., 3]."""
    found: Array = np.einsum("...i,...i->...", one, other)
    return found
