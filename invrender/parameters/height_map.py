"""Heights over a regular grid."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from invrender.errors import naming, note
from invrender.geometry.grids import find_grid
from invrender.geometry.laplacian import roughen, smooth, weld
from invrender.parameters.base import only_object
from invrender.parameters.displacement import Displacement
from invrender.scene import Mesh, Scene, Target, Truth


@dataclass(frozen=True)
class HeightMap(Displacement):
    """How high some objects are, each along the z axis of its own frame, over a regular grid in x and y.

    raw: [N, 1], in diagonals of the grid's rectangle; `Displacement` says how heights move. A height is one number
    along a known line, so that one view determines it where it tells shading, outlines, or what is painted there.
    """

    numbers: ClassVar[int] = 1
    views: ClassVar[int] = 1
    smoothness: float = 0.05

    def check(self, scene: Scene, target: Target) -> None:
        """Raise `UserError` for no such object, and for one that is no grid."""
        for name, mesh in self.meshes(scene).items():
            with naming(name):
                find_grid(mesh)
            if mesh.normals is not None:
                note(f"recover.height_map: {name} has normals of its own, which are dropped: heights move them")

    def size(self, mesh: Mesh) -> Tensor:
        """The diagonal of the grid's rectangle, [], as a constant, which does not depend on heights."""
        grid = find_grid(mesh)
        return torch.hypot(grid.x[-1] - grid.x[0], grid.y[0] - grid.y[-1])

    def along(self, moved: Tensor) -> Tensor:
        """Upwards."""
        return torch.cat([torch.zeros_like(moved), torch.zeros_like(moved), moved], dim=1)

    def places(self, scene: Scene) -> Tensor:
        """The row and the column of each height, [N, 2]. Raises `UserError` where there are several objects."""
        mesh = scene.objects[only_object(self.names(scene), "heights")].mesh
        grid = find_grid(mesh)
        return grid.rows_and_columns(weld(mesh).gather(grid.place))

    def entry_changes(self, scene: Scene, raw: Tensor) -> Tensor:
        """What a raw tensor adds to the heights, in diagonals: smooth."""
        return self.by_mesh(scene, raw, smooth)

    def raw_adding(self, scene: Scene, raw: Tensor, more: Tensor) -> Tensor:
        """The raw tensor that adds ``more`` [N, 1] to the heights than ``raw`` does."""
        return raw + self.by_mesh(scene, more, roughen)

    def by_mesh(self, scene: Scene, values: Tensor, function: Callable[[Mesh, Tensor, float], Tensor]) -> Tensor:
        """A function of meshes, of values [N, 1], and of the smoothness, object by object; as they are without one."""
        if not self.smoothness:
            return values
        meshes = self.meshes(scene)
        parts = self.parts(scene, values)
        return torch.cat([function(mesh, parts[name], self.smoothness) for name, mesh in meshes.items()])

    def unit(self, scene: Scene) -> float:
        """The diagonal of the one object's rectangle."""
        (mesh,) = self.meshes(scene).values()
        return float(self.size(mesh))

    def differences(self, scene: Scene, truth: Truth) -> Tensor:
        """The heights minus the true ones, [N, 1], in the objects' units."""
        pairs = [(mesh, truth.scene.objects[name].mesh) for name, mesh in self.meshes(scene).items()]
        return torch.cat([height_differences(*pair) for pair in pairs])[:, None]

    def error(self, scene: Scene, truth: Truth) -> dict[str, float]:
        """How far heights are from the true ones, in the object's unit and as shares of the range of the true heights.

        rms, largest: the root of the mean squared difference and the largest one; rms_relative, largest_relative: as
        shares. Of several objects the largest error.
        """
        count = sum(weld(mesh).count for mesh in self.meshes(scene).values())
        return self.error_of(scene, truth, torch.ones(count, dtype=torch.bool))

    def error_of(self, scene: Scene, truth: Truth, entries: Tensor) -> dict[str, float]:
        """`error` over some of the heights alone, [N] bool."""
        found = []
        for name, chosen in self.parts(scene, entries).items():
            true = truth.scene.objects[name].mesh
            errors = height_differences(scene.objects[name].mesh, true)[chosen.to(true.faces.device)]
            rms, largest = float(errors.square().mean().sqrt()), float(errors.abs().max())
            size = max(float(true.vertices[:, 2].max() - true.vertices[:, 2].min()), 1e-30)
            found.append(
                {"rms": rms, "rms_relative": rms / size, "largest": largest, "largest_relative": largest / size}
            )
        return {key: max(each[key] for each in found) for key in found[0]}


def height_differences(found: Mesh, true: Mesh) -> Tensor:
    """The heights of the places of a mesh minus those of a true grid there, [P], in the meshes' unit."""
    known = find_grid(true)
    x, y, z = weld(found).gather(found.vertices.detach()).unbind(1)
    return z - known.sample(known.heights(true).detach(), x, y)
