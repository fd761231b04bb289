"""Spherical harmonics: orthonormal, and what they say of light is what a plain sum over directions says."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from invrender.geometry.harmonics import BANDS, basis, irradiance, project, reflected


def sphere(height: int = 120) -> tuple[Tensor, Tensor]:
    """Directions [N, 3] all around, and the solid angle [N] of each."""
    up = 1 - 2 * (torch.arange(height).double() + 0.5) / height
    turn = 2 * math.pi * (torch.arange(2 * height).double() + 0.5) / (2 * height)
    y, angle = (each.reshape(-1) for each in torch.meshgrid(up, turn, indexing="ij"))
    radius = (1 - y * y).sqrt()
    directions = torch.stack([radius * angle.cos(), y, radius * angle.sin()], dim=1)
    return directions, torch.full_like(y, 4 * math.pi / len(y))


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_the_basis_is_orthonormal() -> None:
    directions, weights = sphere()
    found = basis(directions)
    torch.testing.assert_close(found.T @ (weights[:, None] * found), torch.eye(9).double(), rtol=0, atol=1e-3)


def test_irradiance_is_the_sum_over_the_hemisphere() -> None:
    directions, weights = sphere()
    coefficients = random(9, 3)
    radiance = basis(directions) @ coefficients
    normals = torch.nn.functional.normalize(random(5, 3, seed=1), dim=1)
    cosines = (normals @ directions.T).clamp(min=0)
    expected = cosines @ (weights[:, None] * radiance) / math.pi
    torch.testing.assert_close(irradiance(coefficients.expand(5, -1, -1), normals), expected, rtol=0, atol=2e-3)


def test_alike_light_is_ambient_light() -> None:
    coefficients = torch.zeros(2, 9, 3).double()
    coefficients[:, 0] = 0.7 * math.sqrt(4 * math.pi)
    normals = torch.nn.functional.normalize(random(2, 3), dim=1)
    flat = torch.full((2, 3), 0.7).double()
    torch.testing.assert_close(irradiance(coefficients, normals), flat)
    torch.testing.assert_close(reflected(coefficients, normals, torch.ones(2, 1).double()), flat)


def test_a_mirror_shows_the_light_itself_and_a_rough_surface_its_mean() -> None:
    coefficients, directions = random(3, 9, 3), torch.nn.functional.normalize(random(3, 3, seed=2), dim=1)
    radiance = torch.einsum("nk,nkc->nc", basis(directions), coefficients)
    torch.testing.assert_close(reflected(coefficients, directions, torch.zeros(3, 1).double()), radiance)
    rough = reflected(coefficients, directions, torch.ones(3, 1).double())
    mean = basis(directions)[:, :1] * coefficients[:, 0]
    assert (rough - mean).norm() < 0.7 * (radiance - mean).norm()


def test_a_picture_of_the_whole_sphere_gives_its_coefficients() -> None:
    height = 64
    latitude = (0.5 - (torch.arange(height).double() + 0.5) / height) * math.pi
    longitude = ((torch.arange(2 * height).double() + 0.5) / (2 * height) - 0.5) * 2 * math.pi
    up, turn = torch.meshgrid(latitude, longitude, indexing="ij")
    directions = torch.stack([turn.sin() * up.cos(), up.sin(), -turn.cos() * up.cos()], dim=-1)
    coefficients = random(9, 3)
    torch.testing.assert_close(project(basis(directions) @ coefficients), coefficients, rtol=0, atol=5e-3)
    # Turned by a quarter towards +x, what was in the middle, at -z, lies at +x.
    lamp = torch.zeros(height, 2 * height, 3).double()
    lamp[height // 2 - 1 : height // 2 + 1, height - 1 : height + 1] = 1
    ahead, turned = (basis_peak(project(lamp, angle)) for angle in (0.0, math.pi / 2))
    torch.testing.assert_close(ahead, torch.tensor([0.0, 0.0, -1.0]).double(), rtol=0, atol=0.02)
    torch.testing.assert_close(turned, torch.tensor([1.0, 0.0, 0.0]).double(), rtol=0, atol=0.02)


def basis_peak(coefficients: Tensor) -> Tensor:
    """The direction [3] of the first band of the first channel."""
    assert BANDS[1:4] == (1, 1, 1)
    y, z, x = coefficients[1:4, 0]
    return torch.nn.functional.normalize(torch.stack([x, y, z]), dim=0)
