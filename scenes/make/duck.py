"""A rubber duck: a closed surface without holes, of rounded bodies that flow into each other, for recovering shape."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from invrender.geometry.remeshing import face_length, remesh
from invrender.geometry.spheres import icosphere
from invrender.scene import Mesh
from make.arrays import Array

FACES = 4000
# Middles and half axes of ellipsoids, x to the right, y up, z ahead; how far each flows into those before it.
BODIES = (
    ((0.0, -0.38, -0.08), (0.52, 0.38, 0.74), 0.0),  # the body
    ((0.0, 0.34, 0.3), (0.36, 0.36, 0.37), 0.16),  # the head
    ((0.0, 0.27, 0.71), (0.17, 0.07, 0.16), 0.05),  # the bill
    ((0.0, -0.08, -0.8), (0.17, 0.22, 0.2), 0.12),  # the tail
    ((0.5, -0.3, -0.18), (0.1, 0.17, 0.36), 0.05),  # the wings
    ((-0.5, -0.3, -0.18), (0.1, 0.17, 0.36), 0.05),
)
ROUNDS, STEPS = 14, 5


def write(folder: Path) -> None:
    """Write duck.obj, about 2 units from corner to corner."""
    mesh = wrap()
    points = np.round(mesh.vertices.numpy(), 5) + 0.0
    lines = ["v " + " ".join(f"{number:.5f}" for number in row) for row in points]
    lines += ["f " + " ".join(str(number) for number in face) for face in (mesh.faces + 1).tolist()]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "duck.obj").write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")


def wrap() -> Mesh:
    """The surface: a sphere around it is drawn in, and remeshed as it goes."""
    one = torch.ones(3, dtype=torch.float64)
    mesh = icosphere(4, -1.3 * one, 1.3 * one)
    for number in range(ROUNDS):
        points = mesh.vertices.numpy()
        for _ in range(STEPS):
            points = draw_in(points, 0.5 if number < ROUNDS - 2 else 1.0)
        mesh = Mesh(torch.from_numpy(points), mesh.faces, mesh.faces)
        if number < ROUNDS - 1:
            vertices, faces, _ = remesh(mesh, face_length(mesh, FACES), rounds=2)
            mesh = Mesh(vertices, faces, faces)
    return mesh


def draw_in(points: Array, share: float) -> Array:
    """Points [N, 3] moved towards the surface by a share of what Newton's step says, a tenth of a unit at most."""
    value, step = measure(points), 1e-4
    units = step * np.eye(3)
    slopes = np.stack([(measure(points + unit) - measure(points - unit)) / (2 * step) for unit in units], axis=1)
    square = np.maximum(slopes[:, 0] ** 2 + slopes[:, 1] ** 2 + slopes[:, 2] ** 2, 1e-6)
    along = np.clip(share * value / np.sqrt(square), -0.1, 0.1) / np.sqrt(square)
    return points - along[:, None] * slopes


def measure(points: Array) -> Array:
    """About how far points [N, 3] are outside the surface, [N]."""
    found = np.full(len(points), 10.0)
    for middle, axes, soft in BODIES:
        found = unite(found, ellipsoid(points - np.array(middle), np.array(axes)), soft)
    return found


def ellipsoid(points: Array, axes: Array) -> Array:
    """About how far points [N, 3] are outside an ellipsoid about the origin."""
    once, twice = points / axes, points / axes**2
    radius = np.sqrt(once[:, 0] ** 2 + once[:, 1] ** 2 + once[:, 2] ** 2)
    slope = np.sqrt(twice[:, 0] ** 2 + twice[:, 1] ** 2 + twice[:, 2] ** 2)
    return radius * (radius - 1) / np.maximum(slope, 1e-9)


def unite(one: Array, other: Array, soft: float) -> Array:
    """The smaller of two distances, rounded off where they differ by less than ``soft`` (Quílez's polynomial)."""
    if soft == 0:
        return np.minimum(one, other)
    blend = np.maximum(soft - np.abs(one - other), 0) / soft
    return np.minimum(one, other) - blend**2 * (soft / 4)
