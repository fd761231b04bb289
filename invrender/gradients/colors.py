"""Colours of signed values: red above 0, blue below, white at 0."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from invrender.record.display import Picture

# The ends and what lies between them and white, sRGB, after ColorBrewer's RdBu (Brewer, 2002).
POSITIONS = (-1.0, -0.6, -0.25, 0.0, 0.25, 0.6, 1.0)
STOPS = (
    (5, 48, 97), (67, 147, 195), (209, 229, 240), (250, 250, 250), (253, 219, 199), (214, 96, 77), (103, 0, 31),
)  # fmt: skip


def signed_colors(values: Tensor, scale: float) -> Picture:
    """Values [H, W] as colours [H, W, 3] uint8; ``scale`` and what is beyond it has the strongest ones."""
    return color_values(values.detach().cpu().double().numpy() / scale)


def color_values(shares: NDArray[np.float64]) -> Picture:
    """The colours [..., 3] uint8 of shares of the scale, −1 to 1."""
    clipped = np.nan_to_num(shares).clip(-1, 1)
    channels = [np.interp(clipped, POSITIONS, [stop[channel] for stop in STOPS]) for channel in range(3)]
    found: Picture = np.stack(channels, axis=-1).round().astype(np.uint8)
    return found


def color_bar(width: int, height: int) -> Picture:
    """The colours from −1 to 1, [height, width, 3]."""
    return np.broadcast_to(color_values(np.linspace(-1, 1, width)), (height, width, 3))
