"""Pictures at other sizes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from invrender.scene import Picture, View

# Shares of pixels below it are rounding errors.
NOTHING = 1e-6
# Depths that differ by more than this share of them are of two surfaces.
STEP = 0.02
# Depths that are gathered at a time.
AT_ONCE = 1 << 22


def resize_area(picture: Tensor, height: int, width: int) -> Tensor:
    """A picture [H, W] or [H, W, C] at another size: the mean over each new pixel's area."""
    rows = area_weights(picture.shape[0], height).to(picture)
    columns = area_weights(picture.shape[1], width).to(picture)
    return torch.einsum("ih,hw...,jw->ij...", rows, picture, columns)


def resize_view(view: View, height: int, width: int) -> View:
    """A view of another size, each new pixel the mean of what it covers; of depths, as `resize_depth` says."""
    channels = {
        name: (resize_depth if name == "depth" else resize_area)(channel, height, width)
        for name, channel in view.picture.channels.items()
    }
    weight = None if view.weight is None else resize_area(view.weight, height, width)
    ceiling = None
    if view.ceiling is not None:
        # A mean that something burnt out has part in is itself at least what it is.
        share = resize_area(view.ceiling.isfinite().to(channels["rgb"]), height, width)
        ceiling = torch.where(share > NOTHING, channels["rgb"], torch.inf)
    return replace(view, picture=Picture(channels), weight=weight, ceiling=ceiling)


def resize_depth(depth: Tensor, height: int, width: int) -> Tensor:
    """Depths [H, W], 0 where nothing was measured, at another size: the mean of one surface over each new pixel's area.

    It is the surface that is measured nearest to the pixel's centre. What is a step in front of it or behind it has no
    part, so that no depth comes out at which nothing is; nor has what was not measured. A new pixel in which nothing
    was measured is 0.
    """
    if depth.shape == (height, width):
        return depth
    return torch.cat([average_surfaces(depth, *cells) for cells in cells_of(depth, height, width)])


Cells = tuple[Tensor, Tensor, Tensor]
"""Of some new rows or columns [n], the old ones that they touch [n, k]: their numbers, the shares that they have in
the new ones, and how far their centres are from the new ones' centres."""


def average_surfaces(depth: Tensor, rows: Cells, columns: Cells) -> Tensor:
    """`resize_depth` for some of the new rows, [n, width]."""
    (row, tall, down), (column, wide, across) = rows, columns
    values = depth[row[:, None, :, None], column[None, :, None, :]].flatten(2)
    shares = (tall[:, None, :, None] * wide[None, :, None, :]).flatten(2)
    distance = (down[:, None, :, None] ** 2 + across[None, :, None, :] ** 2).flatten(2)
    measured = (values > 0) & (shares > NOTHING)
    nearest = torch.where(measured, distance, torch.inf).argmin(dim=2, keepdim=True)
    surface = values.gather(2, nearest)
    counts = shares * (measured & ((values - surface).abs() <= STEP * surface))
    return (counts * values).sum(dim=2) / counts.sum(dim=2).clamp(min=NOTHING)


def cells_of(depth: Tensor, height: int, width: int) -> Iterator[tuple[Cells, Cells]]:
    """The rows and columns of a picture that new rows and columns touch, some of the rows at a time."""
    rows, columns = (touched_cells(*sides, depth) for sides in zip(depth.shape, (height, width), strict=True))
    some = max(1, AT_ONCE // (columns[0].numel() * rows[0].shape[1]))
    for first in range(0, height, some):
        part = slice(first, first + some)
        yield (rows[0][part], rows[1][part], rows[2][part]), columns


def touched_cells(old: int, new: int, like: Tensor) -> Cells:
    """The `Cells` of ``new`` rows or columns of the interval that ``old`` ones divide."""
    edges = torch.arange(new + 1, dtype=torch.float64) * (old / new)
    cells = edges[:-1, None].floor() + torch.arange(math.ceil(old / new) + 1)
    shares = (torch.minimum(edges[1:, None], cells + 1) - torch.maximum(edges[:-1, None], cells)).clamp(min=0)
    offsets = cells + 0.5 - (edges[:-1, None] + edges[1:, None]) / 2
    numbers = cells.long().clamp(max=old - 1).to(like.device)
    return numbers, (shares * (new / old)).to(like), offsets.to(like)


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
