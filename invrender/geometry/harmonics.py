"""Spherical harmonics up to the second band: light from everywhere, as diffuse surfaces and wide highlights see it."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from invrender.constants import numbers

COUNT = 9
BANDS = (0, 1, 1, 1, 2, 2, 2, 2, 2)
# What Lambert's cosine leaves of each band, over π (Ramamoorthi and Hanrahan, "An Efficient Representation for
# Irradiance Environment Maps", 2001, equation 8).
COSINE = (1.0, 2 / 3, 1 / 4)


def basis(directions: Tensor) -> Tensor:
    """The orthonormal real harmonics [N, 9] at unit directions [N, 3].

    In the order (0, 0), (1, −1), (1, 0), (1, 1), (2, −2), …, (2, 2).
    """
    x, y, z = directions.unbind(-1)
    one = math.sqrt(3 / (4 * math.pi))
    two = math.sqrt(15 / (4 * math.pi))
    return torch.stack(
        [
            torch.full_like(x, math.sqrt(1 / (4 * math.pi))),
            one * y,
            one * z,
            one * x,
            two * x * y,
            two * y * z,
            two / math.sqrt(12) * (3 * z * z - 1),
            two * x * z,
            two / 2 * (x * x - y * y),
        ],
        dim=-1,
    )


def irradiance(coefficients: Tensor, normals: Tensor) -> Tensor:
    """Irradiance [N, 3] in units of π at unit normals [N, 3], of light with coefficients [N, 9, 3]."""
    left = numbers(tuple(COSINE[band] for band in BANDS), normals)
    return ((basis(normals) * left)[..., None] * coefficients).sum(dim=-2)


def reflected(coefficients: Tensor, directions: Tensor, alpha: Tensor) -> Tensor:
    """The mean radiance [N, 3] about unit directions [N, 3] over highlights of GGX's width ``alpha`` [N, 1].

    A microfacet highlight is about a Gaussian over directions, of which band l leaves exp(−(σ l)²) with Beckmann's
    α = √2 σ (Ramamoorthi and Hanrahan, "A Signal-Processing Framework for Inverse Rendering", 2001, section 5.2).
    """
    bands = numbers(tuple(BANDS), directions)
    left = torch.exp(-0.5 * (alpha * bands) ** 2)
    return ((basis(directions) * left)[..., None] * coefficients).sum(dim=-2)


def project(radiance: Tensor, rotation: float = 0.0) -> Tensor:
    """The coefficients [9, C] of a picture of the whole sphere [H, W, C], linear.

    Its middle is towards −z and its right half towards +x, after a turn by ``rotation``, radians, about y towards +x.
    """
    height, width = radiance.shape[:2]
    borders = torch.linspace(0.5, -0.5, height + 1, dtype=torch.float64) * math.pi
    latitude = ((borders[1:] + borders[:-1]) / 2)[:, None]
    longitude = ((torch.arange(width, dtype=torch.float64) + 0.5) / width - 0.5) * 2 * math.pi + rotation
    across = longitude.sin() * latitude.cos(), latitude.sin().expand(-1, width), -longitude.cos() * latitude.cos()
    directions = torch.stack(across, dim=-1)
    solid_angle = (borders[:-1].sin() - borders[1:].sin()) * (2 * math.pi / width)
    weighted = basis(directions) * solid_angle[:, None, None]
    return torch.einsum("hwk,hwc->kc", weighted, radiance.double()).to(radiance)
