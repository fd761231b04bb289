"""Remeshing: the same surface in triangles of another size, about equal."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from invrender.errors import UserError, note
from invrender.geometry.laplacian import weld
from invrender.geometry.meshes import vector_areas
from invrender.geometry.topology import sort_sides
from invrender.scene import Mesh, Object, Scene

Array = np.ndarray[Any, Any]

FEWEST, MOST = 4, 1_000_000
# Edges that are split may be too long still: so often at most.
SWEEPS = 8


@dataclass(frozen=True)
class Remesh:
    """What a stage of a fit may begin with: the objects whose shape is unknown get about so many faces, about equal.

    Edges are split, collapsed and flipped, and vertices moved along the surface (Botsch and Kobbelt, "A Remeshing
    Approach to Multiresolution Modeling", 2004). Closed surfaces stay closed, borders stay where they are.

    faces: of each object. rounds: of all four operations.
    """

    faces: int
    rounds: int = 5

    def __post_init__(self) -> None:
        for name, least, most in (("faces", FEWEST, MOST), ("rounds", 1, 100)):
            if not least <= getattr(self, name) <= most:
                raise UserError(f"before: {name} is {getattr(self, name)}, expected {least} to {most}")

    def __call__(self, scene: Scene, names: Sequence[str]) -> Scene:
        """The scene with the meshes of the named objects made anew.

        Raises `UserError` for one with a texture, which lies on the old faces, and for one that is not manifold.
        """
        objects = {name: self.remesh(name, scene.objects[name]) for name in names}
        return replace(scene, objects={**scene.objects, **objects})

    def remesh(self, name: str, obj: Object) -> Object:
        """One object with another mesh; what its material has by vertex comes along."""
        mesh, values = obj.mesh, obj.material.vertex_values
        if obj.material.textured:
            raise UserError(
                f"{name} has a texture, which lies on the faces that it has; leave remeshing (before) out of "
                "optimizer.stages, or begin with a mesh that has none"
            )
        if mesh.uv is not None or not torch.equal(mesh.normal_faces, mesh.faces):
            note(f"{name}: remeshing drops its texture coordinates, and creases: normals are smooth all over")
        together = torch.cat(list(values.values()), dim=1) if values else None
        vertices, faces, carried = remesh(mesh, face_length(mesh, self.faces), together, self.rounds, name)
        if carried is None:
            return obj.with_surface(vertices, faces)
        parts = torch.split(carried, [each.shape[1] for each in values.values()], dim=1)
        return obj.with_surface(vertices, faces, **dict(zip(values, parts, strict=True)))


def face_length(mesh: Mesh, faces: int) -> float:
    """The length of the edges of so many equal triangles on the surface of a mesh."""
    areas = vector_areas(mesh.vertices.detach().double(), mesh.faces).norm(dim=1)
    return math.sqrt(2 / math.sqrt(3) * float(areas.sum()) / faces)


def remesh(
    mesh: Mesh, length: float | Tensor, values: Tensor | None = None, rounds: int = 5, name: str = "the mesh"
) -> tuple[Tensor, Tensor, Tensor | None]:
    """A mesh's surface in triangles whose sides are about as long as ``length``: vertices, faces, values of vertices.

    length: a number, or [P] for the mesh's welded vertices. values: [V, C], of vertices. name: for messages.

    Raises `UserError` for a mesh that is not manifold.
    """
    from invrender.geometry import remesh_kernels as kernels

    welded = weld(mesh)
    places = welded.gather(mesh.vertices.detach())
    carried = places[:, :0] if values is None else welded.gather(values.detach())
    surface = build_surface(to_array(places), to_array(welded.place[mesh.faces]), to_array(carried), name)
    given = length if isinstance(length, Tensor) else torch.full((welded.count,), length)
    lengths = to_array(given.double())
    for _ in range(rounds):
        for _ in range(SWEEPS):
            surface, lengths = make_room(surface, lengths)
            if not kernels.split_long(surface, lengths):
                break
        for _ in range(SWEEPS):
            if not kernels.collapse_short(surface, lengths):
                break
        kernels.flip_uneven(surface)
        kernels.relax(surface)
    points, faces, carried_on = compact(surface)
    like = mesh.vertices
    found = torch.from_numpy(carried_on).to(like) if values is not None else None
    return torch.from_numpy(points).to(like), torch.from_numpy(faces).to(mesh.faces), found


def to_array(tensor: Tensor) -> Array:
    """A tensor as NumPy's array, numbers with a point in float64."""
    array: Array = (tensor.double() if tensor.is_floating_point() else tensor).detach().cpu().contiguous().numpy()
    return array.copy()


def build_surface(points: Array, faces: Array, values: Array, name: str) -> Any:
    """The `Surface` that kernels work on. Raises `UserError` for one that is not manifold."""
    from invrender.geometry.remesh_kernels import Surface

    first = np.full(len(points), -1, np.int64)
    first[faces.reshape(-1)] = np.arange(faces.size)
    twin = find_twins(faces, name)
    border = np.zeros(len(points), dtype=bool)
    border[faces.reshape(-1)[twin < 0]] = True
    border[np.roll(faces, -1, axis=1).reshape(-1)[twin < 0]] = True
    surface = Surface(faces, twin, first, border, points, values, np.array([len(points), len(faces)]))
    check_fans(surface, name)
    return surface


def find_twins(faces: Array, name: str) -> Array:
    """For each side [3 F] the other one of its edge, −1 at a border. Raises `UserError` where there are several."""
    sides = sort_sides(torch.from_numpy(faces))
    if int(sides.count.max()) > 2 or bool((faces == np.roll(faces, 1, axis=1)).any()):
        raise UserError(f"{name} is not manifold: more than two faces meet at an edge; it can't be remeshed, mend it")
    one, other = (each.numpy() for each in sides.pairs)
    turned = sides.turned.numpy()
    if (turned[one] == turned[other]).any():
        raise UserError(f"{name} is not manifold: neighbouring faces are wound differently; it can't be remeshed")
    twin = np.full(faces.size, -1, np.int64)
    twin[one], twin[other] = other, one
    return twin


def check_fans(surface: Any, name: str) -> None:
    """Raise `UserError` where faces that meet at a vertex are not all neighbours of each other, one after the other."""
    from invrender.geometry.remesh_kernels import MOST_AROUND, around

    ring = np.empty(max(MOST_AROUND, len(surface.faces)), np.int64)
    counts = np.bincount(surface.faces.reshape(-1), minlength=len(surface.points))
    for vertex in np.flatnonzero(counts).tolist():
        if around(surface, vertex, ring) != counts[vertex]:
            raise UserError(f"{name} is not manifold: two parts of it touch in a vertex; it can't be remeshed, mend it")


def make_room(surface: Any, lengths: Array) -> tuple[Any, Array]:
    """The surface without what is gone, with room for every edge to be split; lengths [V] of vertices alike."""
    vertices, count = surface.used
    kept = np.flatnonzero(surface.faces[:count, 0] >= 0)
    edges = (3 * len(kept) + int((surface.twin[: 3 * count] < 0).sum())) // 2 + 1
    number = np.full(count, -1, np.int64)
    number[kept] = np.arange(len(kept))
    faces = np.full((len(kept) + 2 * edges, 3), -1, np.int64)
    faces[: len(kept)] = surface.faces[kept]
    twin = np.full(faces.size, -1, np.int64)
    before = surface.twin.reshape(-1, 3)[kept]
    twin[: 3 * len(kept)] = renumber(before, number).reshape(-1)
    first = renumber(surface.first[:vertices], number)
    grown = [grow(each[:vertices], edges) for each in (first, surface.border, surface.points, surface.values, lengths)]
    used = np.array([vertices, len(kept)])
    return surface._replace(
        faces=faces, twin=twin, first=grown[0], border=grown[1], points=grown[2], values=grown[3], used=used
    ), grown[4]


def renumber(sides: Array, number: Array) -> Array:
    """Sides of faces that have other numbers; −1 stays."""
    return np.where(sides < 0, -1, 3 * number[sides // 3] + sides % 3)


def grow(rows: Array, more: int) -> Array:
    """The rows, and room for more."""
    return np.concatenate([rows, np.zeros((more, *rows.shape[1:]), rows.dtype)])


def compact(surface: Any) -> tuple[Array, Array, Array]:
    """The points, faces and values that are left."""
    count = surface.used[1]
    faces = surface.faces[:count][surface.faces[:count, 0] >= 0]
    kept, numbered = np.unique(faces, return_inverse=True)
    return surface.points[kept], numbered.reshape(faces.shape), surface.values[kept]
