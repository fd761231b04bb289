"""Finer grids: the same heights, and more of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from invrender.errors import UserError, naming, note
from invrender.geometry.grids import Grid, find_grid, make_grid
from invrender.scene import Object, Scene

MOST = 1_000_000


@dataclass(frozen=True)
class RefineGrid:
    """What a stage of a fit may begin with: grids of unknown heights get so many rows and columns.

    Heights, and what a material has by vertex, are bilinear in between.
    """

    rows: int
    columns: int

    def __post_init__(self) -> None:
        if min(self.rows, self.columns) < 2 or self.rows * self.columns > MOST:
            raise UserError(
                f"before: rows and columns are {self.rows} and {self.columns}, expected 2 or more, {MOST:,} together"
            )

    def __call__(self, scene: Scene, names: Sequence[str]) -> Scene:
        """The scene with the grids of the named objects made anew. Raises `UserError` for one that is no grid."""
        objects = dict(scene.objects)
        for name in names:
            with naming(name):
                objects[name] = self.refine(name, scene.objects[name])
        return replace(scene, objects=objects)

    def refine(self, name: str, obj: Object) -> Object:
        """One object with another grid."""
        mesh, values = obj.mesh, obj.material.vertex_values
        if obj.material.textured:
            raise UserError("has a texture, which lies on the grid that it has; give it colours of vertices instead")
        grid = find_grid(mesh)
        low, high = torch.stack([grid.x[0], grid.y[-1]]), torch.stack([grid.x[-1], grid.y[0]])
        fresh = make_grid(mesh.vertices.new_zeros(self.rows, self.columns), low, high)
        fresh = replace(fresh, vertices=fresh.vertices.to(mesh.vertices), faces=fresh.faces.to(mesh.faces))
        x, y = fresh.vertices[:, 0], fresh.vertices[:, 1]
        z = grid.sample(grid.heights(mesh), x, y)
        carried = {key: resample(grid, each, x, y) for key, each in values.items()}
        note(f"{name}: a grid of {self.rows} x {self.columns}, from {grid.rows} x {grid.columns}")
        return obj.with_surface(torch.stack([x, y, z], dim=1), fresh.faces, **carried)


def resample(grid: Grid, values: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Values [V, C] of a grid's vertices at other places, [N, C]."""
    channels = []
    for channel in values.unbind(1):
        flat = channel.new_zeros(grid.rows * grid.columns).index_put((grid.place,), channel)
        channels.append(grid.sample(flat.reshape(grid.rows, grid.columns), x, y))
    return torch.stack(channels, dim=1)
