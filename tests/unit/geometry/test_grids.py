"""Grids of heights: made as meshes, found in meshes again, and sampled between their places."""

from __future__ import annotations

from dataclasses import replace

import pytest
import shapes
import torch

from invrender.errors import UserError
from invrender.geometry.grids import find_grid, make_grid
from invrender.geometry.meshes import vector_areas

LOW, HIGH = torch.tensor([-1.0, 2.0]).double(), torch.tensor([3.0, 5.0]).double()


def heights(rows: int, columns: int) -> torch.Tensor:
    return torch.rand(rows, columns, generator=torch.Generator().manual_seed(0)).double()


def test_heights_are_found_again_whatever_the_order_of_the_vertices() -> None:
    true = heights(4, 6)
    mesh = make_grid(true, LOW, HIGH)
    order = torch.randperm(24, generator=torch.Generator().manual_seed(1))
    back = torch.empty(24, dtype=torch.int64)
    back[order] = torch.arange(24)
    for found in (mesh, shapes.mesh(mesh.vertices[order], back[mesh.faces])):
        grid = find_grid(found)
        assert (grid.rows, grid.columns) == (4, 6)
        assert torch.equal(grid.heights(found), true)
    assert mesh.vertices[:, :2].amin(dim=0).tolist() == LOW.tolist()
    # The first row is that of the largest y, as in a picture, and texture coordinates lie over it alike.
    assert float(mesh.vertices[0, 1]) == float(HIGH[1])
    assert mesh.uv is not None
    assert mesh.uv[0].tolist() == [0.0, 1.0]


def test_all_faces_look_up_and_cover_the_rectangle_once() -> None:
    flat = make_grid(torch.zeros(5, 4).double(), LOW, HIGH)
    areas = vector_areas(flat.vertices, flat.faces)[:, 2] / 2
    assert len(areas) == 24
    assert bool((areas > 0).all())
    assert float(areas.sum()) == pytest.approx(12.0)


def test_between_its_places_heights_are_bilinear_and_beyond_the_border_those_at_it() -> None:
    mesh = make_grid(torch.zeros(3, 3).double(), LOW, HIGH)
    grid = find_grid(mesh)
    y, x = torch.meshgrid(grid.y, grid.x, indexing="ij")
    surface = 2 + 3 * x - y + 0.5 * x * y  # bilinear all over
    one, other = torch.rand(2, 50, generator=torch.Generator().manual_seed(2)).double()
    across, down = -1 + 4 * one, 2 + 3 * other
    torch.testing.assert_close(grid.sample(surface, across, down), 2 + 3 * across - down + 0.5 * across * down)
    corner = grid.sample(surface, torch.tensor([9.0]).double(), torch.tensor([9.0]).double())
    assert float(corner) == pytest.approx(float(surface[0, 2]))


def test_what_is_no_regular_grid_is_refused() -> None:
    mesh = make_grid(heights(4, 4), LOW, HIGH)
    uneven = mesh.vertices.clone()
    uneven[uneven[:, 0] == uneven[1, 0], 0] += 0.1
    for vertices in (uneven, mesh.vertices[:, [2, 1, 0]]):
        with pytest.raises(UserError, match="not those of a regular grid in x and y"):
            find_grid(replace(mesh, vertices=vertices, faces=mesh.faces.clone()))
