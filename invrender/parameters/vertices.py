"""The vertices of meshes: shape."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor

from invrender import checks
from invrender.errors import UserError, note
from invrender.geometry.laplacian import smooth, weld
from invrender.geometry.meshes import diagonal
from invrender.geometry.surfaces import compare_surfaces
from invrender.geometry.topology import sort_sides
from invrender.parameters.base import Value
from invrender.parameters.choice import choose
from invrender.scene import Mesh, Object, Scene, Target, Truth


@dataclass(frozen=True)
class Vertices:
    """Where the vertices of some objects are, each in its object's own frame.

    raw: [N, 3], of the places of vertices, object after object. What is added to a place is (I + λ L)⁻¹ of the raw
    tensor, times the diagonal of the box around the mesh: descent on the raw tensor has a preconditioner that favours
    what is smooth (Nicolet, Jacobson and Jakob, "Large Steps in Inverse Rendering of Geometry", 2021), and every shape
    can still be reached. Vertices at the same place, such as those along seams of a texture, move together. Normals are
    computed from the faces that have moved.

    objects: their names, None for all. lr: of the diagonal. smoothness: how far a vertex takes others along at first,
    as a share of the square root of the surface's area (`invrender.geometry.laplacian.smooth`); 0 for each on its own.
    """

    linear: ClassVar[bool] = False
    entries: ClassVar[str] = "vertices"
    objects: Sequence[str] | None = None
    lr: float = 0.002
    smoothness: float = 0.08

    def __post_init__(self) -> None:
        checks.above_zero(lr=self.lr)
        if not 0 <= self.smoothness < math.inf:
            raise UserError(f"smoothness is {self.smoothness}, expected a share of 0 or more")

    def names(self, scene: Scene) -> list[str]:
        """The objects whose vertices move."""
        return choose(scene.objects, self.objects, "object")

    def meshes(self, scene: Scene) -> dict[str, Mesh]:
        """The meshes whose vertices move, by object."""
        return {name: scene.objects[name].mesh for name in self.names(scene)}

    def gather(self, scene: Scene, values: Mapping[str, Tensor]) -> Tensor:
        """The largest number of each place, object after object."""
        found = []
        for name, mesh in self.meshes(scene).items():
            welded = weld(mesh)
            largest = values[name].new_zeros(welded.count)
            found.append(largest.scatter_reduce(0, welded.place, values[name], "amax", include_self=False))
        return torch.cat(found)

    def check(self, scene: Scene, target: Target) -> None:
        """Raise `UserError` for no such object or a mask without one; say what is dropped and what can't be known."""
        for name, mesh in self.meshes(scene).items():
            for text in remarks(mesh):
                note(f"recover.vertices: {name} {text}")
        check_masks(target)
        if len(target.views) < 2:
            note(
                "recover.vertices: there is one view, which does not determine depths; "
                "give several, as target=views or target.views=[{azimuth: 0}, {azimuth: 90}]"
            )

    def initial(self, scene: Scene) -> Tensor:
        """[N, 3]."""
        return scene.background.new_zeros(sum(weld(mesh).count for mesh in self.meshes(scene).values()), 3)

    def parts(self, scene: Scene, raw: Tensor) -> Mapping[str, Tensor]:
        """The raw tensor by object."""
        meshes = self.meshes(scene)
        parts = torch.split(raw, [weld(mesh).count for mesh in meshes.values()])
        return dict(zip(meshes, parts, strict=True))

    def apply(self, scene: Scene, raw: Tensor) -> Scene:
        """Move the vertices."""
        return self.move(scene, raw, self.smoothness)

    def add(self, scene: Scene, added: Tensor) -> Scene:
        """Move the vertices by ``added`` [N, 3] itself, in diagonals."""
        return self.move(scene, added, 0.0)

    def move(self, scene: Scene, raw: Tensor, smoothness: float) -> Scene:
        """Move the vertices by a raw tensor that is made smooth."""
        objects = dict(scene.objects)
        for name, part in self.parts(scene, raw).items():
            objects[name] = move_vertices(objects[name], part, smoothness)
        return replace(scene, objects=objects)

    def retract(self, scene: Scene, raw: Tensor, change: Tensor) -> Tensor:
        """Add the change, in diagonals of the start."""
        moved = self.meshes(self.apply(scene, raw))
        sizes = {name: diagonal(moved[name]) / diagonal(mesh) for name, mesh in self.meshes(scene).items()}
        return raw + torch.cat([sizes[name] * part for name, part in self.parts(scene, change).items()])

    def project(self, scene: Scene, raw: Tensor) -> Tensor:
        """Vertices may be anywhere."""
        return raw

    def value(self, scene: Scene) -> dict[str, Value]:
        """The diagonal of the box around each mesh, in its own frame; a truth may have other objects."""
        named = [name for name in scene.objects if self.objects is None or name in self.objects]
        return {f"{name}_diagonal": float(diagonal(scene.objects[name].mesh)) for name in named}

    def error(self, scene: Scene, truth: Truth) -> dict[str, float]:
        """Distances between the surfaces, as `compare_surfaces` has them; of several objects the largest error."""
        found = [compare_surfaces(scene.objects[n], truth.scene.objects[n]) for n in self.names(scene)]
        worst = {key: max(each[key] for each in found) for key in found[0]}
        return worst | {"f_score": min(each["f_score"] for each in found)}


def check_masks(target: Target) -> None:
    """Raise `UserError` for a mask without an object, by which shapes would vanish; say where one has no outline."""
    for view in target.views:
        if view.mask is not None and not bool((view.mask > 0.5).any()):
            raise UserError(
                f"the mask of {view.camera} is black all over, so that no object is seen there; leave the view out, or "
                "give a mask that is white where the object is"
            )
        if view.mask is not None and bool((view.mask > 0.5).all()):
            note(f"recover.vertices: the mask of {view.camera} is white all over: it has no outline, and tells little")


def move_vertices(obj: Object, part: Tensor, smoothness: float) -> Object:
    """An object whose places of vertices are moved by ``part`` [P, 3], in diagonals, made smooth before."""
    mesh = obj.mesh
    moved = diagonal(mesh) * (smooth(mesh, part, smoothness) if smoothness else part)
    vertices = mesh.vertices + moved.index_select(0, weld(mesh).place)
    return replace(obj, mesh=replace(mesh, vertices=vertices, normals=None))


def remarks(mesh: Mesh) -> list[str]:
    """What a person should know of a mesh whose vertices move, in words that follow the object's name."""
    welded, found = weld(mesh), []
    counts = sort_sides(welded.place[mesh.faces].cpu()).count
    if mesh.normals is not None:
        found.append("has normals of its own, which are dropped: they are computed from the faces as these move")
    if open_edges := int((counts == 1).sum()):
        found.append(f"is open: {open_edges} edges have one face, and what lies within the border is not determined")
    if crowded := int((counts > 2).sum()):
        found.append(f"is not manifold: {crowded} edges have more than two faces; it moves, but can't be remeshed")
    if alone := int((welded.degrees == 0).sum()):
        found.append(f"has {alone} vertices without a face, which stay where they are")
    return found
