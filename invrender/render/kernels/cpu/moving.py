"""Directions in which what the kernels read moves, for forward mode."""

from __future__ import annotations

from typing import NamedTuple

from invrender.render.kernels.cpu.compiling import kernel
from invrender.render.kernels.cpu.frame import Array


class Moving(NamedTuple):
    """The tangents of the arrays of `Frame` and `Shading`, K directions first; without directions: no change."""

    points: Array
    frame: Array
    vertices: Array
    normals: Array
    uv: Array
    colors: Array
    texels: Array
    materials: Array
    ambient: Array
    lights: Array
    eyes: Array


@kernel
def load_moving_face(frame, moving, g, outline, corners):
    """How the outline [K, 4, 2] and the corners [K, 3, 4] of face g change; arrays that do not change are left zero."""
    for direction in range(len(moving.points)):
        for k in range(frame.outline.shape[1]):
            for c in range(2):
                outline[direction, k, c] = moving.points[direction, frame.outline[g, k], c]
    for direction in range(len(moving.frame)):
        for k in range(3):
            for c in range(4):
                corners[direction, k, c] = moving.frame[direction, frame.triangles[g, k], c]
