"""The smoothing preconditioner of maps on a regular grid."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def smooth(raw: Tensor, length: float) -> Tensor:
    """c (I + length² L)⁻¹ applied to a map [H, W, C]; L is the negative Laplacian of its grid.

    Nothing flows over the border. c makes the mean of the operator's diagonal 1, so that a change of a single entry
    stays about as large as it is there while its neighbours within about ``length`` entries follow. Differentiable;
    symmetric and positive. The eigenvectors of L are products of cosines, so the result is exact.
    """
    damped = damping(raw.shape[0], raw.shape[1], length)
    gain = (damped / damped.mean()).to(raw)
    waves = cosine_transform(cosine_transform(raw.permute(2, 0, 1)).transpose(1, 2)).transpose(1, 2)
    return inverse_transform(inverse_transform(waves * gain).transpose(1, 2)).permute(2, 1, 0)


def roughen(values: Tensor, length: float) -> Tensor:
    """The inverse of `smooth`."""
    damped = damping(values.shape[0], values.shape[1], length)
    return float(damped.mean()) * (values - length**2 * (curvature(values, 0) + curvature(values, 1)))


def damping(height: int, width: int, length: float) -> Tensor:
    """The eigenvalues of (I + length² L)⁻¹, [H, W], float64."""
    down, across = (
        2 - 2 * torch.cos(torch.arange(size, dtype=torch.float64) * (math.pi / size)) for size in (height, width)
    )
    return 1 / (1 + length**2 * (down[:, None] + across))


def curvature(values: Tensor, dim: int) -> Tensor:
    """The sum of the differences to both neighbours along a dimension; beyond the border there are none."""
    border = torch.zeros_like(values.narrow(dim, 0, 1))
    return values.diff(dim=dim).diff(dim=dim, prepend=border, append=border)


def cosine_transform(values: Tensor) -> Tensor:
    """Twice the DCT-II along the last dimension, as the Fourier transform of the mirrored values."""
    size = values.shape[-1]
    waves = torch.fft.rfft(torch.cat([values, values.flip(-1)], dim=-1))[..., :size]
    return torch.real(waves * half_step(waves))


def inverse_transform(waves: Tensor) -> Tensor:
    """The inverse of `cosine_transform`."""
    size = waves.shape[-1]
    shifted = torch.nn.functional.pad(waves * half_step(waves).conj(), (0, 1))
    mirrored: Tensor = torch.fft.irfft(shifted, n=2 * size)
    return mirrored[..., :size]


def half_step(waves: Tensor) -> Tensor:
    """[N], what moves N waves by half an entry, from the first entry's centre to its border."""
    size = waves.shape[-1]
    angles = torch.arange(size, dtype=torch.float64, device=waves.device) * (-0.5 * math.pi / size)
    return torch.polar(torch.ones_like(angles), angles).to(torch.promote_types(waves.dtype, torch.complex32))
