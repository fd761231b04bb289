"""Chance: numbers, colours and directions that a seed draws."""

from __future__ import annotations

import math
from collections.abc import Sequence
from colorsys import hsv_to_rgb
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from invrender.errors import UserError

T = TypeVar("T")
Random = np.random.Generator
Range = tuple[float, float]
Array = np.ndarray[Any, np.dtype[np.floating[Any]]]
Color = tuple[int, int, int]
"""sRGB, each from 0 to 255."""


def check_range(key: str, given: Any, least: float, most: float) -> Range:
    """Two numbers from ``least`` to ``most``, the second not below the first. Raises `UserError` for others."""
    try:
        low, high = (float(each) for each in given)
    except (TypeError, ValueError):
        low, high = math.nan, math.nan
    if not least <= low <= high <= most:
        raise UserError(f"{key} is {given}, expected [lowest, highest] within {least:g} and {most:g}")
    return low, high


def pick(random: Random, options: Sequence[T]) -> T:
    """One of several, all alike."""
    return options[int(random.integers(len(options)))]


def between(random: Random, limits: Range) -> float:
    """A number from all alike within the limits."""
    return float(random.uniform(*limits))


def sphere_direction(random: Random) -> Tensor:
    """A unit vector [3] from all alike."""
    return torch.nn.functional.normalize(torch.from_numpy(random.normal(size=3)).float(), dim=0)


def muted_color(random: Random) -> Color:
    """The colour of a wall, wood or a cloth."""
    return color_of(random, (0.02, 0.15) if random.random() < 0.6 else (0.0, 1.0), (0.03, 0.4), (0.3, 0.9))


def vivid_color(random: Random) -> Color:
    """The colour of something that was printed or painted: more often warm than not, seldom glaring."""
    return color_of(random, (-0.08, 0.17) if random.random() < 0.5 else (0.0, 1.0), (0.1, 0.8), (0.2, 0.9))


def color_of(random: Random, hue: Range, saturation: Range, value: Range) -> Color:
    """A colour within limits of HSV."""
    red, green, blue = hsv_to_rgb(between(random, hue) % 1, between(random, saturation), between(random, value))
    return round(255 * red), round(255 * green), round(255 * blue)


def octaves_of_noise(random: Random, height: int, width: int, cell: float, count: int = 4, stretch: float = 1) -> Array:
    """A smooth, aimless picture [height, width] of mean 0 and deviation 1: octaves of noise, each half as strong.

    cell: the coarsest octave's, in pixels; each is half as wide as the one before. stretch: of cells across.
    """
    total = torch.zeros(height, width)
    for octave in range(count):
        side = max(1.0, cell / 2**octave)
        rows, columns = 2 + math.ceil(height / side), 2 + math.ceil(width / (side * stretch))
        grid = torch.from_numpy(random.normal(size=(1, 1, rows, columns)).astype(np.float32))
        total += torch.nn.functional.interpolate(grid, (height, width), mode="bicubic")[0, 0] / 2**octave
    return ((total - total.mean()) / total.std().clamp(min=1e-6)).numpy()
