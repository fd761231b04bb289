"""The common parts of unknowns that move the vertices of meshes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor

from invrender import checks
from invrender.errors import UserError
from invrender.geometry.laplacian import smooth, weld
from invrender.geometry.meshes import diagonal
from invrender.parameters.base import Value
from invrender.parameters.choice import choose
from invrender.scene import Mesh, Object, Scene


@dataclass(frozen=True)
class Displacement:
    """How far the vertices of some objects are from where they started, each in its object's own frame.

    raw: [N, C], of the places of vertices, object after object. What is added is (I + λ L)⁻¹ of the raw tensor, times
    the diagonal of the box around the mesh: descent on the raw tensor has a preconditioner that favours what is smooth
    (Nicolet, Jacobson and Jakob, "Large Steps in Inverse Rendering of Geometry", 2021), and every shape can still be
    reached. Vertices at the same place, such as those along seams of a texture, move together. Normals are computed
    from the faces that have moved.

    objects: their names, None for all. lr: of the diagonal. smoothness: how far a vertex takes others along at first,
    as a share of the square root of the surface's area (`invrender.geometry.laplacian.smooth`); 0 for each on its own.
    """

    linear: ClassVar[bool] = False
    entries: ClassVar[str] = "vertices"
    numbers: ClassVar[int] = 3
    views: ClassVar[int] = 2
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

    def initial(self, scene: Scene) -> Tensor:
        """[N, C]."""
        count = sum(weld(mesh).count for mesh in self.meshes(scene).values())
        return scene.background.new_zeros(count, self.numbers)

    def parts(self, scene: Scene, raw: Tensor) -> Mapping[str, Tensor]:
        """The raw tensor by object."""
        meshes = self.meshes(scene)
        parts = torch.split(raw, [weld(mesh).count for mesh in meshes.values()])
        return dict(zip(meshes, parts, strict=True))

    def apply(self, scene: Scene, raw: Tensor) -> Scene:
        """Move the vertices."""
        return self.move(scene, raw, self.smoothness)

    def add(self, scene: Scene, added: Tensor) -> Scene:
        """Move the vertices by ``added`` [N, C] itself, in diagonals."""
        return self.move(scene, added, 0.0)

    def move(self, scene: Scene, raw: Tensor, smoothness: float) -> Scene:
        """Move the vertices by a raw tensor that is made smooth."""
        objects = dict(scene.objects)
        for name, part in self.parts(scene, raw).items():
            mesh = objects[name].mesh
            moved = self.along(smooth(mesh, part, smoothness) if smoothness else part)
            objects[name] = move_vertices(objects[name], self.size(mesh) * moved)
        return replace(scene, objects=objects)

    def size(self, mesh: Mesh) -> Tensor:
        """What displacements are measured by, [], as a constant: the diagonal of the box around the mesh."""
        return diagonal(mesh)

    def along(self, moved: Tensor) -> Tensor:
        """The vectors [P, 3] by which places move, of their numbers [P, C]."""
        return moved

    def retract(self, scene: Scene, raw: Tensor, change: Tensor) -> Tensor:
        """Add the change, in diagonals of the start."""
        moved = self.meshes(self.apply(scene, raw))
        sizes = {name: self.size(moved[name]) / self.size(mesh) for name, mesh in self.meshes(scene).items()}
        return raw + torch.cat([sizes[name] * part for name, part in self.parts(scene, change).items()])

    def project(self, scene: Scene, raw: Tensor) -> Tensor:
        """Vertices may be anywhere."""
        return raw

    def value(self, scene: Scene) -> dict[str, Value]:
        """The diagonal of the box around each mesh, in its own frame; a truth may have other objects."""
        named = [name for name in scene.objects if self.objects is None or name in self.objects]
        return {f"{name}_diagonal": float(diagonal(scene.objects[name].mesh)) for name in named}


def move_vertices(obj: Object, moved: Tensor) -> Object:
    """An object whose places of vertices are moved by vectors [P, 3] in its own frame."""
    mesh = obj.mesh
    vertices = mesh.vertices + moved.index_select(0, weld(mesh).place)
    return replace(obj, mesh=replace(mesh, vertices=vertices, normals=None))
