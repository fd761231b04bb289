"""Pictures at other sizes."""

from __future__ import annotations

from collections.abc import Sequence
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
