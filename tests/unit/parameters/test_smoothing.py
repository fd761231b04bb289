"""The smoothing preconditioner of maps against matrices that are written out."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from invrender.parameters.smoothing import roughen, smooth

SIZES = [(4, 5), (5, 4), (1, 6), (3, 1), (1, 1)]


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def matrix(height: int, width: int, length: float) -> Tensor:
    """I + length² L, entry by entry, times the mean of its inverse's diagonal."""
    system = torch.eye(height * width, dtype=torch.float64)
    for row in range(height):
        for column in range(width):
            for i, j in ((row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)):
                if 0 <= i < height and 0 <= j < width:
                    system[row * width + column, row * width + column] += length**2
                    system[row * width + column, i * width + j] -= length**2
    return system * system.inverse().diagonal().mean()


@pytest.mark.parametrize("length", [0.5, 3.0])
@pytest.mark.parametrize("size", SIZES)
def test_both_directions_are_the_matrix_and_its_inverse(size: tuple[int, int], length: float) -> None:
    values, system = noise(*size, 3), matrix(*size, length)
    flat = values.reshape(-1, 3)
    torch.testing.assert_close(smooth(values, length).reshape(-1, 3), torch.linalg.solve(system, flat))
    torch.testing.assert_close(roughen(values, length).reshape(-1, 3), system @ flat)


@pytest.mark.parametrize("size", SIZES)
def test_gradients_are_those_of_the_matrix(size: tuple[int, int]) -> None:
    values, cotangents = noise(*size, 3).requires_grad_(), noise(*size, 3, seed=1)
    (gradient,) = torch.autograd.grad(smooth(values, 2.0), values, cotangents)
    inverse = matrix(*size, 2.0).inverse()
    torch.testing.assert_close(gradient.reshape(-1, 3), inverse.T @ cotangents.reshape(-1, 3))


def test_one_undoes_the_other_in_single_precision() -> None:
    values = noise(33, 20, 3).float()
    torch.testing.assert_close(smooth(roughen(values, 4.0), 4.0), values, rtol=0, atol=1e-5)


def test_a_lone_change_stays_as_large_and_takes_its_neighbours_along() -> None:
    lone = torch.zeros(31, 31, 1).double()
    lone[15, 15] = 1.0
    followed = smooth(lone, 2.0)[15, 15:, 0]
    assert float(followed[0]) == pytest.approx(1.0, abs=0.1)
    assert (followed.diff() < 0).all()
    # Two lengths away the response of (1 - length² d²/dx²) has fallen to a small share.
    assert 0.02 < float(followed[4]) < 0.2
