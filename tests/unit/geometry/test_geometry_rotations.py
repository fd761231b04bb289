"""Rotations and directions cover all there are, and what is found are the symmetries of shapes."""

from __future__ import annotations

import pytest
import roma
import shapes
import torch
from torch import Tensor

from invrender.geometry.rotations import sample_directions, sample_rotations, symmetries

TO_THE_SHAPE = torch.tensor([0.4, -0.3, 4.0], dtype=torch.float64)
A_WAY = torch.tensor([0.7, -0.4, 1.1], dtype=torch.float64)


def uniform_rotations(count: int) -> Tensor:
    random = torch.Generator().manual_seed(0)
    quaternions = torch.randn(count, 4, generator=random, dtype=torch.float64)
    found: Tensor = roma.unitquat_to_rotmat(torch.nn.functional.normalize(quaternions, dim=1))
    return found


# An even grid of cells would leave about 21 and 14 degrees to the farthest rotation; 26 and 16 were measured.
@pytest.mark.parametrize(("count", "farthest", "mean"), [(576, 29.0, 15.5), (2000, 19.0, 10.5)])
def test_no_rotation_is_far_from_all_of_these(count: int, farthest: float, mean: float) -> None:
    given = sample_rotations(count)
    assert given.shape == (count, 3)
    traces = torch.einsum("aij,bij->ab", roma.rotvec_to_rotmat(given), uniform_rotations(3000))
    nearest = torch.rad2deg(torch.arccos(((traces - 1) / 2).clamp(-1, 1))).amin(dim=0)
    assert nearest.max() < farthest
    assert nearest.mean() < mean


@pytest.mark.parametrize(("count", "farthest"), [(100, 16.5), (576, 7.0)])
def test_no_direction_is_far_from_all_of_these(count: int, farthest: float) -> None:
    given = sample_directions(count)
    torch.testing.assert_close(given.norm(dim=1), torch.ones(count, dtype=torch.float64))
    every = uniform_rotations(3000)[:, 0]
    nearest = torch.rad2deg(torch.arccos((every @ given.T).clamp(-1, 1))).amin(dim=1)
    assert nearest.max() < farthest


@pytest.mark.parametrize("centre", [[0.0, 0.0, 4.0], [1.0, -0.5, 4.0]])
def test_the_reversal_of_a_plane_mirrors_its_depths(centre: list[float]) -> None:
    random = torch.Generator().manual_seed(0)
    across = torch.randn(40, 2, generator=random, dtype=torch.float64)
    points = torch.cat([across, (0.3 * across[:, 0] - 0.7 * across[:, 1])[:, None]], dim=1)
    points = points - points.mean(dim=0)
    sight = torch.nn.functional.normalize(torch.tensor(centre, dtype=torch.float64), dim=0)
    reversal = roma.rotvec_to_rotmat(symmetries(points + torch.tensor(centre, dtype=torch.float64))[0])
    # So a camera that is far away sees each point where it was.
    torch.testing.assert_close(points @ reversal.T, points - 2 * (points @ sight)[:, None] * sight)


def count_symmetries(points: Tensor) -> int:
    """How many of a shape's symmetries take its points [V, 3] to each other."""
    centre = points.mean(dim=0)
    turned = (points - centre) @ roma.rotvec_to_rotmat(symmetries(points)).transpose(1, 2) + centre
    apart = torch.cdist(turned, points[None]).amin(dim=2).amax(dim=1)
    return int((apart < 1e-6).sum())


def placed(points: Tensor, rotation: Tensor) -> Tensor:
    return points @ roma.rotvec_to_rotmat(rotation).T + TO_THE_SHAPE


CUBE = shapes.box().vertices.unique(dim=0)


@pytest.mark.parametrize("rotation", [0 * A_WAY, A_WAY, 1e-9 * A_WAY, -2 * A_WAY])
@pytest.mark.parametrize("points", [CUBE, shapes.subdivided(shapes.box(), 2).vertices.unique(dim=0)])
def test_a_cube_is_turned_into_itself(points: Tensor, rotation: Tensor) -> None:
    # Quarter turns about each axis, and half turns about the axes and the diagonals of each side, some of them twice.
    assert count_symmetries(placed(points, rotation)) == 3 * 3 + 3 * 4


def test_a_box_of_three_lengths_is_turned_into_itself_by_half_turns_alone() -> None:
    # The three of them, each also from where the shape is upside down.
    assert count_symmetries(placed(CUBE * torch.tensor([1.0, 1.5, 2.2], dtype=torch.float64), A_WAY)) == 3 + 3 * 2


def test_a_square_prism_has_quarter_turns_about_its_axis() -> None:
    assert count_symmetries(placed(CUBE * torch.tensor([1.0, 2.0, 1.0], dtype=torch.float64), A_WAY)) >= 3
