"""Regular grids of heights as meshes: made, and found in meshes that have one."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from invrender.constants import Constants
from invrender.errors import UserError
from invrender.scene import Mesh

# By which share of a cell the places of a regular grid may differ from even ones.
EVEN = 0.01


@dataclass(frozen=True)
class Grid:
    """The regular grid in x and y over which a mesh lies, in its object's frame.

    rows, columns: from the top, the largest y, and from the left, the smallest x, as in pictures.
    x: [columns], ascending. y: [rows], descending. place: [V] int64, row × columns + column of each vertex.
    """

    rows: int
    columns: int
    x: Tensor
    y: Tensor
    place: Tensor

    def heights(self, mesh: Mesh) -> Tensor:
        """The heights [rows, columns] of a mesh that lies over this grid."""
        flat = mesh.vertices.new_zeros(self.rows * self.columns)
        return flat.index_put((self.place,), mesh.vertices[:, 2]).reshape(self.rows, self.columns)

    def sample(self, heights: Tensor, x: Tensor, y: Tensor) -> Tensor:
        """Heights [rows, columns] between the places of the grid, bilinear: [N] at x [N] and y [N].

        Beyond the border they are those at the border.
        """
        column = find_between(self.x, x)
        row = find_between(-self.y, -y)
        left, top = (each.floor().long() for each in (column, row))
        right, bottom = (left + 1).clamp(max=self.columns - 1), (top + 1).clamp(max=self.rows - 1)
        upper = torch.lerp(heights[top, left], heights[top, right], column - left)
        lower = torch.lerp(heights[bottom, left], heights[bottom, right], column - left)
        return torch.lerp(upper, lower, row - top)

    def rows_and_columns(self, place: Tensor) -> Tensor:
        """The row and the column of places [N], [N, 2]."""
        return torch.stack([place // self.columns, place % self.columns], dim=1)


def find_between(ends: Tensor, values: Tensor) -> Tensor:
    """Where values [N] lie among ascending ``ends`` [M], from 0 to M − 1, with their shares of the way between."""
    index = torch.searchsorted(ends, values.contiguous(), right=True).clamp(1, len(ends) - 1)
    share = (values - ends[index - 1]) / (ends[index] - ends[index - 1])
    return (index - 1 + share).clamp(0, len(ends) - 1)


def make_grid(heights: Tensor, low: Tensor, high: Tensor) -> Mesh:
    """Heights [rows, columns] along z as a mesh over a rectangle.

    low, high: [2], its corners in x and y. Each cell is two triangles, whose diagonals alternate, so that no direction
    is another than its mirror image. Texture coordinates are those of a picture that lies over the grid.
    """
    rows, columns = heights.shape
    across, down = (torch.linspace(0, 1, size, dtype=heights.dtype) for size in (columns, rows))
    v, u = torch.meshgrid(1 - down, across, indexing="ij")
    flat = torch.stack([u, v], dim=-1).reshape(-1, 2)
    vertices = torch.cat([low + (high - low) * flat, heights.reshape(-1, 1)], dim=1)
    faces = grid_faces(rows, columns)
    return Mesh(vertices, faces, faces, flat, faces)


def grid_faces(rows: int, columns: int) -> Tensor:
    """The faces [F, 3] of a grid whose vertices are numbered row by row from the top, seen from +z."""
    number = torch.arange(rows * columns).reshape(rows, columns)
    a, b, c, d = (each.reshape(-1) for each in (number[:-1, :-1], number[1:, :-1], number[1:, 1:], number[:-1, 1:]))
    falling = torch.stack([a, b, c, a, c, d], dim=1)
    rising = torch.stack([a, b, d, b, c, d], dim=1)
    odd = (torch.arange(rows - 1)[:, None] + torch.arange(columns - 1)).reshape(-1, 1) % 2 == 1
    return torch.where(odd, rising, falling).reshape(-1, 3)


grids: Constants[Grid] = Constants()


def find_grid(mesh: Mesh) -> Grid:
    """The grid over which a mesh lies; of one whose faces are the very same tensor it is found once.

    Raises `UserError` for a mesh whose vertices are not those of a regular grid in x and y.
    """
    return grids.get(lambda: find_places(mesh.vertices.detach()), mesh.faces, setting=len(mesh.vertices))


def find_places(vertices: Tensor) -> Grid:
    """The grid of vertices [V, 3]."""
    x, column = torch.unique(vertices[:, 0], return_inverse=True)
    rising, row = torch.unique(vertices[:, 1], return_inverse=True)
    place = (len(rising) - 1 - row) * len(x) + column
    if (
        min(len(x), len(rising)) < 2
        or not is_even(x)
        or not is_even(rising)
        or len(place.unique()) < len(x) * len(rising)
    ):
        raise UserError(
            "its vertices are not those of a regular grid in x and y, which heights along z need; begin with "
            "scene=terrain, or with mesh=grid"
        )
    return Grid(len(rising), len(x), x, rising.flip(0), place)


def is_even(ends: Tensor) -> bool:
    """Whether ascending numbers are about equally far apart."""
    steps = ends.diff()
    return bool(((steps - steps.mean()).abs() <= EVEN * steps.mean()).all())
