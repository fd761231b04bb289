"""Filters of pictures: Gaussian blur, and means within Gaussian windows."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache

import torch
from torch import Tensor

# Kernels of more taps are multiplied as matrices.
LONG = 15


def gaussian_blur(picture: Tensor, deviation: float) -> Tensor:
    """A picture [H, W] or [H, W, C] blurred with standard deviation in pixels; the border's pixels are repeated."""
    if deviation == 0.0:
        return picture
    kernel = gaussian_kernel(deviation)
    if len(kernel) > LONG:
        return filter_rows(filter_rows(picture, deviation).transpose(0, 1), deviation).transpose(0, 1)
    taps = kernel.tolist()
    return convolve(convolve(picture, taps, 0), taps, 1)


def window_mean(weights: Tensor, deviation: float) -> Callable[[Tensor], Tensor]:
    """What takes means of values [H, W] or [H, W, C] in Gaussian windows, of the pixels that have weights [H, W]."""
    total = gaussian_blur(weights, deviation).clamp(min=1e-12)

    def mean(values: Tensor) -> Tensor:
        own, all_ = (each if values.ndim == 2 else each[..., None] for each in (weights, total))
        return gaussian_blur(own * values, deviation) / all_

    return mean


def local_contrast(values: Tensor, weights: Tensor, deviation: float, floor: float) -> Tensor:
    """Values [H, W] or [H, W, C] less their mean in Gaussian windows of the pixels that have weights [H, W].

    By the root of their variance there and of ``floor``² together; the variance of all channels counts as one. Where
    pixels have no weights it may be 0.
    """
    rows, columns = box_with_weights(weights)
    weights, inner = weights[rows, columns], values[rows, columns]
    mean = window_mean(weights, deviation)
    difference = inner - mean(inner)
    squares = difference.square()
    deviations = torch.sqrt(mean(squares if values.ndim == 2 else squares.sum(-1, keepdim=True)) + floor**2)
    height, width = values.shape[:2]
    around = (columns.start, width - columns.stop, rows.start, height - rows.stop)
    return torch.nn.functional.pad(difference / deviations, (0, 0) * (values.ndim - 2) + around)


def box_with_weights(weights: Tensor) -> tuple[slice, slice]:
    """The rows and the columns of the pixels that have weights [H, W]."""
    return span(weights.any(dim=1).tolist()), span(weights.any(dim=0).tolist())


def span(there: Sequence[bool]) -> slice:
    """From the first to the last that is there, with one more around, which filters repeat beyond the border.

    In eights, for filters are kept by size.
    """
    if True not in there:
        return slice(0, 1)
    first = max(there.index(True) - 1, 0)
    last = len(there) - there[::-1].index(True) + 1
    return slice(first, min(first + -(-(last - first) // 8) * 8, len(there)))


def convolve(picture: Tensor, kernel: Sequence[float], dim: int) -> Tensor:
    """A picture filtered along a dimension by a kernel of odd length; the border's pixels are repeated.

    As a sum of shifted pictures: for short kernels several times faster than PyTorch's convolution.
    """
    radius, size = len(kernel) // 2, picture.shape[dim]
    first, last = picture.narrow(dim, 0, 1), picture.narrow(dim, size - 1, 1)
    padded = torch.cat([first] * radius + [picture] + [last] * radius, dim)
    filtered = padded.narrow(dim, 0, size) * kernel[0]
    for shift, weight in enumerate(kernel[1:], start=1):
        filtered = filtered.add(padded.narrow(dim, shift, size), alpha=weight)
    return filtered


def filter_rows(picture: Tensor, deviation: float) -> Tensor:
    """A picture [H, W] or [H, W, C] blurred down its columns, as `convolve` does; for long kernels this is faster."""
    matrix = filter_matrix(picture.shape[0], deviation).to(picture)
    return (matrix @ picture.reshape(picture.shape[0], -1)).reshape(picture.shape)


@lru_cache(maxsize=64)
def filter_matrix(size: int, deviation: float) -> Tensor:
    """[size, size]: what each of ``size`` pixels in a row has of each of them; those at the ends are repeated.

    Kept, since a fit blurs by the same deviations at the same few sizes again and again.
    """
    kernel = gaussian_kernel(deviation)
    radius = len(kernel) // 2
    pixels = torch.arange(size)[:, None]
    taken = (pixels + torch.arange(-radius, radius + 1)).clamp(0, size - 1)
    return kernel.new_zeros(size, size).scatter_add(1, taken, kernel.expand(size, -1))


@lru_cache(maxsize=64)
def gaussian_kernel(deviation: float) -> Tensor:
    """[2 R + 1], float64, sums to one, cut off at three standard deviations."""
    radius = max(1, math.ceil(3 * deviation))
    offsets = torch.arange(-radius, radius + 1, dtype=torch.float64)
    kernel = torch.exp(-0.5 * (offsets / deviation) ** 2)
    return kernel / kernel.sum()
