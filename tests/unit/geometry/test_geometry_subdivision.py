"""Faces cut at chosen sides: nothing is lost, and no gaps open."""

from __future__ import annotations

import shapes
import torch

from invrender.geometry.subdivision import Pieces, agree, cut
from invrender.geometry.topology import sort_sides


def areas(corners: torch.Tensor) -> torch.Tensor:
    first, second, third = corners.unbind(1)
    return torch.linalg.cross(second - first, third - first)


def test_any_cut_keeps_the_surface_and_its_windings() -> None:
    box = shapes.box()
    normals = box.normal_faces
    pieces = Pieces.whole(box.vertices[box.faces], [box.faces, normals])
    whole = areas(pieces.corners)
    random = torch.Generator().manual_seed(0)
    for _ in range(4):
        sides = agree(pieces.indices[0], torch.rand(pieces.indices[0].shape, generator=random) < 0.3)
        pieces = cut(pieces, sides)
        assert sort_sides(pieces.indices[0]).closed
        assert bool((pieces.parent.diff() >= 0).all())
        found = torch.zeros_like(whole).index_add(0, pieces.parent, areas(pieces.corners))
        torch.testing.assert_close(found, whole)
        assert bool(((areas(pieces.corners) * whole[pieces.parent]).sum(dim=1) > 0).all())
    assert len(pieces.parent) > 200
    torch.testing.assert_close(pieces.weights @ box.vertices[box.faces][pieces.parent], pieces.corners)
    # Corners of one number are one point, and flat faces keep their one normal.
    place = torch.zeros(int(pieces.indices[0].max()) + 1, 3).double()
    place[pieces.indices[0]] = pieces.corners
    torch.testing.assert_close(place[pieces.indices[0]], pieces.corners, rtol=0, atol=0)
    assert torch.equal(pieces.indices[1], normals[pieces.parent])


def test_what_is_not_cut_is_not_fresh() -> None:
    sheet = shapes.facing(1.0, 1.0, cells=2)
    pieces = Pieces.whole(sheet.vertices[sheet.faces], [sheet.faces])
    sides = torch.zeros(8, 3, dtype=torch.bool)
    sides[0, 0] = True
    after = cut(pieces, agree(sheet.faces, sides))
    assert len(after.parent) == 9  # an outer side belongs to one face alone
    assert after.fresh.tolist() == [True, True] + [False] * 7
