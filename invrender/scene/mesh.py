"""Triangle meshes."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Mesh:
    """A triangle mesh whose positions, texture coordinates and normals are indexed separately.

    vertices: [V, 3], object frame.
    faces: [F, 3] int64 into ``vertices``, counter-clockwise seen from outside.
    normal_faces: [F, 3] int64; corners with the same number share one smooth normal.
    normals: [N, 3], object frame, those that ``normal_faces`` indexes, of any length; None where they are the
        area-weighted means of the faces' normals.
    uv: [T, 2] or None; (0, 0) is the lower left corner of the texture, v runs up.
    uv_faces: [F, 3] int64 into ``uv``, or None.
    """

    vertices: Tensor
    faces: Tensor
    normal_faces: Tensor
    uv: Tensor | None = None
    uv_faces: Tensor | None = None
    normals: Tensor | None = None
