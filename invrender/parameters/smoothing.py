"""The smoothing preconditioner of maps on a regular grid."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def smoothed(raw: Tensor, length: float) -> Tensor:
    """c (I + length² L)⁻¹ applied to a map [H, W, C]; L is the negative Laplacian of its grid.

    Nothing flows over the border. c makes the mean of the operator's diagonal 1, so that a change of a single entry
    stays as large as it is there while its neighbours within about ``length`` entries follow. Differentiable;
    symmetric and positive.
    """
    return filtered(raw, gains(raw.shape[0], raw.shape[1], length))


def roughened(values: Tensor, length: float) -> Tensor:
    """The inverse of `smoothed`."""
    return filtered(values, 1 / gains(values.shape[0], values.shape[1], length))


def gains(height: int, width: int, length: float) -> Tensor:
    """What `smoothed` multiplies the waves of the mirrored map by, [2 H, W + 1], float64."""
    down, across = (
        2 - 2 * torch.cos(torch.arange(number, dtype=torch.float64) * (math.pi / size))
        for number, size in ((2 * height, height), (width + 1, width))
    )
    damped = 1 / (1 + length**2 * (down[:, None] + across))
    return damped / damped[:height, :width].mean()


def filtered(values: Tensor, gain: Tensor) -> Tensor:
    """A map [H, W, C] whose waves are multiplied by their gain.

    The eigenvectors of L are cosines. These are the waves of the map mirrored at its borders, so the result is exact.
    """
    height, width, _ = values.shape
    rows = torch.cat([values, values.flip(0)], dim=0)
    mirrored = torch.cat([rows, rows.flip(1)], dim=1)
    waves = torch.fft.rfft2(mirrored, dim=(0, 1)) * gain[..., None].to(values)
    found: Tensor = torch.fft.irfft2(waves, s=(2 * height, 2 * width), dim=(0, 1))
    return found[:height, :width]
