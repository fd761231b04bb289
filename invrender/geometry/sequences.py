"""Sequences of points that cover a square evenly, however many of them are taken."""

from __future__ import annotations

from typing import Any

import numpy as np

GOLDEN = 1.324717957244746
"""The root of x³ = x + 1."""


def r2_sequence(first: int, count: int) -> np.ndarray[Any, Any]:
    """Points [N, 2] from 0 to 1, from number ``first`` on: the R₂ sequence (Roberts, 2018). Number 0 is a corner."""
    numbers = np.arange(first, first + count)[:, None]
    points: np.ndarray[Any, Any] = np.mod(numbers / np.array([GOLDEN, GOLDEN**2]), 1.0)
    return points
