"""Directions in which what the kernels read moves, for forward mode."""

from __future__ import annotations

from typing import NamedTuple

from invrender.render.backends.numba.compiling import kernel
from invrender.render.backends.numba.frame import Array


class Tangent(NamedTuple):
    """The tangents of the arrays of `Frame` and `Surface`, K directions first; without directions: no change."""

    points: Array
    vertices: Array
    positions: Array
    normals: Array
    uv: Array
    paint: Array
    texels: Array
    materials: Array
    ambient: Array
    lights: Array
    eyes: Array


@kernel
def load_outline_tangent(frame, tangent, g, direction, outline):
    """How the outline [4, 2] of face g changes; left as it is, zero, where nothing does."""
    if len(tangent.points) > 0:
        for k in range(frame.outline.shape[1]):
            for c in range(2):
                outline[k, c] = tangent.points[direction, frame.outline[g, k], c]


@kernel
def load_corners_tangent(frame, tangent, g, direction, corners):
    """How the corners [3, 4] of face g change; left as they are, zero, where nothing does."""
    if len(tangent.vertices) > 0:
        for k in range(3):
            for c in range(4):
                corners[k, c] = tangent.vertices[direction, frame.triangles[g, k], c]
