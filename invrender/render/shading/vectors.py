"""Vectors as rows."""

from __future__ import annotations

from torch import Tensor


def dot(first: Tensor, second: Tensor) -> Tensor:
    """Row-wise products [N, 1] of [N, 3], column by column: PyTorch is slow along so short a dimension."""
    x, y, z = (first * second).unbind(1)
    return (x + y + z)[:, None]


def unit(vectors: Tensor) -> Tensor:
    """Vectors [N, 3] of length 1; shorter ones than a millionth stay short."""
    return vectors / dot(vectors, vectors).clamp(min=1e-12).sqrt()
