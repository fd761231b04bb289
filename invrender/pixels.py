"""Operations on pictures: resizing, filtering, blurring."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from invrender.scene import Picture, View

# Shares of pixels below it are rounding errors.
NOTHING = 1e-6


def resize_area(picture: Tensor, height: int, width: int) -> Tensor:
    """A picture [H, W] or [H, W, C] at another size: the mean over each new pixel's area."""
    rows = area_weights(picture.shape[0], height).to(picture)
    columns = area_weights(picture.shape[1], width).to(picture)
    return torch.einsum("ih,hw...,jw->ij...", rows, picture, columns)


def resize_view(view: View, height: int, width: int) -> View:
    """A view of another size, each new pixel the mean of what it covers."""
    channels = {name: resize_area(channel, height, width) for name, channel in view.picture.channels.items()}
    weight = None if view.weight is None else resize_area(view.weight, height, width)
    ceiling = None
    if view.ceiling is not None:
        # A mean that something burnt out has part in is itself at least what it is.
        share = resize_area(view.ceiling.isfinite().to(channels["rgb"]), height, width)
        ceiling = torch.where(share > NOTHING, channels["rgb"], torch.inf)
    return replace(view, picture=Picture(channels), weight=weight, ceiling=ceiling)


def area_weights(old: int, new: int) -> Tensor:
    """[new, old]: the share that each of ``old`` cells has in each of ``new`` cells of the same interval."""
    edges = torch.arange(new + 1, dtype=torch.float64) * (old / new)
    cells = torch.arange(old, dtype=torch.float64)
    overlap = torch.minimum(edges[1:, None], cells + 1) - torch.maximum(edges[:-1, None], cells)
    return overlap.clamp(min=0) * (new / old)


def box_filter(picture: Tensor, factor: int) -> Tensor:
    """A picture [f H, f W] or [f H, f W, C] reduced to [H, W(, C)]: the mean of ``factor`` × ``factor`` pixels."""
    if factor == 1:
        return picture
    # Sums of slices: PyTorch's mean over two short dimensions is several times slower.
    rows = sum_of([picture[start::factor] for start in range(factor)])
    return sum_of([rows[:, start::factor] for start in range(factor)]) / factor**2


def sum_of(terms: Sequence[Tensor]) -> Tensor:
    """The sum of tensors, in their order."""
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total


def background_pixels(background: Tensor, height: int, width: int) -> Tensor:
    """A background, a colour [3] or a picture [H, W, 3], as pixels [height × width, 3]."""
    if background.ndim == 1:
        return background.expand(height * width, 3)
    return resize_area(background, height, width).reshape(-1, 3)


def gaussian_blur(picture: Tensor, deviation: float) -> Tensor:
    """A picture [H, W] or [H, W, C] blurred with standard deviation in pixels; the border's pixels are repeated."""
    if deviation == 0.0:
        return picture
    kernel = gaussian_kernel(deviation).tolist()
    return convolved(convolved(picture, kernel, 0), kernel, 1)


def windowed(weights: Tensor, deviation: float) -> Callable[[Tensor], Tensor]:
    """What takes means of values [H, W] within Gaussian windows, of the pixels that have weights [H, W]."""
    total = gaussian_blur(weights, deviation).clamp(min=1e-6)
    return lambda values: gaussian_blur(weights * values, deviation) / total


def convolved(picture: Tensor, kernel: Sequence[float], dim: int) -> Tensor:
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


def gaussian_kernel(deviation: float) -> Tensor:
    """[2 R + 1], sums to one, cut off at three standard deviations."""
    radius = max(1, math.ceil(3 * deviation))
    offsets = torch.arange(-radius, radius + 1, dtype=torch.float64)
    kernel = torch.exp(-0.5 * (offsets / deviation) ** 2)
    return kernel / kernel.sum()
