"""Where backward passes leave their gradients: each face its own, each part of the work what many faces share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from invrender.render.backends.numba.compiling import divide_work, entry_point, kernel
from invrender.render.backends.numba.frame import FEW, Array, Frame, Surface
from invrender.render.backends.numba.interpolation import NORMALS, PAINTS, POSITIONS, UVS
from invrender.render.backends.numba.looks import ALBEDO, AMBIENT, EYE

MOST_PARTS = 64  # of the work; fixed, so that sums don't depend on the number of threads
SHARED_BYTES = 1 << 26  # for all parts' gradients of a texture


class Which(NamedTuple):
    """Which differentiable arrays want their gradients, in the order of `tensors_of`."""

    outline: bool
    vertices: bool
    positions: bool
    normals: bool
    uv: bool
    paint: bool
    texels: bool
    materials: bool
    ambient: bool
    lights: bool
    eyes: bool


class CornerGradients(NamedTuple):
    """By face: of the outline [M, K, 2], of the vertices [M, 3, 4], and of what is interpolated [M, 3, C]."""

    outline: Array
    vertices: Array
    positions: Array
    normals: Array
    uv: Array
    paint: Array


class SharedGradients(NamedTuple):
    """For each part of the work: of texels [parts, X, 3], materials, ambient, lights and eyes."""

    texels: Array
    materials: Array
    ambient: Array
    lights: Array
    eyes: Array


Work = Callable[[int, int, "Gradients"], None]  # parts first … last − 1, added to the gradients


@dataclass(frozen=True)
class Gradients:
    """Gradients under way; faces: [M], the frame's faces that have any; bounds: [parts + 1], into them, by part."""

    faces: Array
    bounds: Array
    corners: CornerGradients
    shared: SharedGradients

    @property
    def parts(self) -> int:
        """How many parts the work has."""
        return len(self.bounds) - 1

    @classmethod
    def empty(cls, frame: Frame, surface: Surface, faces: Array, cost: Array, wanted: Which) -> Gradients:
        """Zeros for what is wanted, and arrays without entries for the rest."""
        count, dtype = len(faces), frame.vertices.dtype
        bounds = equal_parts(cost, parts_for(surface) if wanted.texels else MOST_PARTS)
        shapes = ((frame.outline.shape[1], 2), (3, 4), (3, 3), (3, 3), (3, 2), (3, 3))
        corners = (np.zeros((count * bool(want), *shape), dtype) for want, shape in zip(wanted, shapes, strict=False))
        shared = (getattr(surface, name).shape for name in SharedGradients._fields)
        return cls(
            faces,
            bounds,
            CornerGradients(*corners),
            SharedGradients(
                *(
                    np.zeros((len(bounds) - 1, *(side if want else 0 for side in shape)), dtype)
                    for want, shape in zip(wanted[len(shapes) :], shared, strict=True)
                )
            ),
        )

    @classmethod
    def over_faces(
        cls, work: Work, frame: Frame, surface: Surface, faces: Array, cost: Array, wanted: Which
    ) -> list[Array | None]:
        """The gradients of the arrays that are wanted, by ``work`` on all parts; None for the others.

        faces: [M], the frame's faces that have any. cost: [M], about how much work each is.
        """
        gradients = cls.empty(frame, surface, faces, cost, wanted)
        divide_work(lambda first, last: work(first, last, gradients), gradients.parts)
        return gradients.gathered(frame, surface, wanted)

    def gathered(self, frame: Frame, surface: Surface, wanted: Which) -> list[Array | None]:
        """The gradients of the arrays themselves; None for those not wanted."""
        found: list[Array | None] = [None] * len(wanted)
        targets = (
            (frame.outline, frame.points),
            (frame.triangles, frame.vertices),
            (surface.faces, surface.positions),
            (surface.normal_faces, surface.normals),
            (surface.uv_faces, surface.uv),
            (surface.faces, surface.paint),
        )

        def gather(first: int, last: int) -> None:
            for number in range(first, last):
                if wanted[number]:
                    indices, target = targets[number]
                    # The first two are told by the frame's faces, the rest by the meshes'.
                    faces = self.faces if number < 2 else frame.face[self.faces]
                    found[number] = scattered(self.corners[number], indices, faces, np.zeros_like(target))

        divide_work(gather, len(targets), len(self.faces) < FEW)
        for number, each in enumerate(self.shared):
            if wanted[len(targets) + number]:
                found[len(targets) + number] = each.sum(axis=0)
        return found


def parts_for(surface: Surface) -> int:
    """Into how many parts to divide where each has a texture's gradient of its own."""
    return max(1, min(MOST_PARTS, SHARED_BYTES // max(int(surface.texels.nbytes), 1)))


def equal_parts(cost: Array, parts: int = MOST_PARTS) -> Array:
    """Bounds [parts + 1] of stretches of faces that cost [M] about equally much."""
    ends = np.cumsum(cost)
    inner = np.arange(1, parts) * (ends[-1] / parts if len(ends) else 0.0)
    return np.concatenate([[0], np.searchsorted(ends, inner), [len(cost)]])


@entry_point
def scattered(corners, indices, faces, out):
    """Add corners [M, K, C] to out [V, C] at indices[faces[m], k], in the order of the faces."""
    for m in range(len(corners)):
        for k in range(corners.shape[1]):
            vertex = indices[faces[m], k]
            for c in range(corners.shape[2]):
                out[vertex, c] += corners[m, k, c]
    return out


@kernel
def store_outline(outline, number, wanted, corners):
    """Add what a face's edges [4, 4] gathered."""
    if wanted.outline:
        sides = corners.outline.shape[1]
        for k in range(sides):
            for c in range(2):
                corners.outline[number, k, c] += outline[k, c]
                corners.outline[number, (k + 1) % sides, c] += outline[k, 2 + c]


@kernel
def store_corners(vertices, gradient, number, wanted, corners):
    """Add what a face gathered: of its vertices [3, 4], and of what is interpolated."""
    for k in range(3):
        for c in range(4):
            if wanted.vertices:
                corners.vertices[number, k, c] += vertices[k, c]
        for c in range(3):
            if wanted.positions:
                corners.positions[number, k, c] += gradient[POSITIONS + 3 * k + c]
            if wanted.normals:
                corners.normals[number, k, c] += gradient[NORMALS + 3 * k + c]
            if wanted.paint:
                corners.paint[number, k, c] += gradient[PAINTS + 3 * k + c]
        if wanted.uv:
            corners.uv[number, k, 0] += gradient[UVS + 2 * k]
            corners.uv[number, k, 1] += gradient[UVS + 2 * k + 1]


@kernel
def store_look(gradient, obj, picture, part, wanted, shared):
    """Add what an object in a picture gathered."""
    if wanted.materials:
        for c in range(7):
            shared.materials[part, obj, c] += gradient[ALBEDO + c]
    for c in range(3):
        if wanted.ambient:
            shared.ambient[part, picture, c] += gradient[AMBIENT + c]
        if wanted.eyes:
            shared.eyes[part, picture, c] += gradient[EYE + c]


@kernel
def store_lights(gradient, part, wanted, shared):
    """Add what the lights [B, L, 6] gathered in a part of the work, and begin anew."""
    if wanted.lights:
        for picture in range(len(gradient)):
            for number in range(gradient.shape[1]):
                for c in range(gradient.shape[2]):
                    shared.lights[part, picture, number, c] = gradient[picture, number, c]
                    gradient[picture, number, c] = 0.0
