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
def load_moving_outline(frame, moving, g, direction, outline):
    """How the outline [4, 2] of face g changes; left as it is, zero, where nothing does."""
    if len(moving.points) > 0:
        for k in range(frame.outline.shape[1]):
            for c in range(2):
                outline[k, c] = moving.points[direction, frame.outline[g, k], c]


@kernel
def load_moving_corners(frame, moving, g, direction, corners):
    """How the corners [3, 4] of face g change; left as they are, zero, where nothing does."""
    if len(moving.frame) > 0:
        for k in range(3):
            for c in range(4):
                corners[k, c] = moving.frame[direction, frame.triangles[g, k], c]
