"""The shapes that were found, coloured by how many views show each vertex."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
import trimesh
from torch import Tensor

from invrender.fitting.step import Step
from invrender.geometry.laplacian import weld
from invrender.geometry.meshes import world_vertices
from invrender.io.atomic import atomic_write
from invrender.parameters.base import Parameters, Shape
from invrender.scene import Scene

# sRGB, of vertices that are seen in no view, in one, in two, and in more.
COLORS = ((200, 40, 40), (240, 150, 40), (150, 200, 80), (30, 150, 90))


def count_by_vertex(parameters: Parameters, last: Step) -> dict[str, Tensor]:
    """By object whose shape was judged, in how many views each of its vertices is seen, [V]."""
    found: dict[str, Tensor] = {}
    coverage = {} if last.verdict is None else last.verdict.coverage
    for name, each in coverage.items():
        shape = parameters[name]
        if each.counted and isinstance(shape, Shape):
            places = {key: weld(mesh) for key, mesh in shape.meshes(last.scene).items()}
            parts = torch.split(each.weights, [welded.count for welded in places.values()])
            found |= {key: part[places[key].place] for key, part in zip(places, parts, strict=True)}
    return found


def write_seen(path: Path, scene: Scene, counts: Mapping[str, Tensor]) -> None:
    """Write the objects of which views are counted as glTF, in the world, in `COLORS`."""
    drawn = trimesh.Scene()
    for name, count in counts.items():
        obj = scene.objects[name]
        colors = torch.tensor(COLORS)[count.long().clamp(max=len(COLORS) - 1).cpu()].numpy()
        vertices, faces = (each.detach().cpu().numpy() for each in (world_vertices(obj), obj.mesh.faces))
        drawn.add_geometry(trimesh.Trimesh(vertices, faces, vertex_colors=colors, process=False), node_name=name)
    with atomic_write(path) as partial:
        partial.write_bytes(drawn.export(file_type="glb"))
