"""All objects of a scene as one list of faces."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from invrender.geometry.meshes import corner_normals, world_vertices
from invrender.scene import Object, Scene


@dataclass(frozen=True)
class Assembly:
    """The faces of all objects, object after object.

    vertices: [V, 3], world frame. faces: [F, 3]. objects and first_face: one entry an object.
    """

    vertices: Tensor
    faces: Tensor
    objects: tuple[Object, ...]
    first_face: tuple[int, ...]

    @classmethod
    def of(cls, scene: Scene) -> Assembly:
        """Gather the objects of a scene."""
        objects = tuple(scene.objects.values())
        vertices, faces, first_face = [], [], []
        vertex_count = face_count = 0
        for thing in objects:
            vertices.append(world_vertices(thing))
            faces.append(thing.mesh.faces + vertex_count)
            first_face.append(face_count)
            vertex_count += thing.mesh.vertices.shape[0]
            face_count += thing.mesh.faces.shape[0]
        return cls(torch.cat(vertices), torch.cat(faces), objects, tuple(first_face))

    @cached_property
    def corners(self) -> Tensor:
        """The world position of each corner of each face, [F, 3, 3]."""
        return self.vertices.index_select(0, self.faces.reshape(-1)).reshape(-1, 3, 3)

    @cached_property
    def normals(self) -> Tensor:
        """The unit normal at each corner of each face, world frame, [F, 3, 3]."""
        return torch.cat([corner_normals(world_vertices(thing), thing.mesh) for thing in self.objects])

    def split(self, face: Tensor) -> Iterator[tuple[Object, Tensor, Tensor]]:
        """For fragments of faces [N]: each object seen, the fragments [M] that show it, and their faces [M] in it."""
        if len(self.objects) == 1:
            yield self.objects[0], torch.arange(face.shape[0], device=face.device), face
            return
        for thing, first in zip(self.objects, self.first_face, strict=True):
            fragments = ((face >= first) & (face < first + thing.mesh.faces.shape[0])).nonzero()[:, 0]
            if fragments.numel():
                yield thing, fragments, face.index_select(0, fragments) - first
