"""Outlines: rough polygons and boxes around what a picture shows, as people draw them."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image, ImageDraw

from invrender.photographs.chance import Array, Random

CORNERS = 20
MARGIN, UNSTEADY = 3.0, 1.5  # pixels


def rough_mask(alpha: Array, random: Random) -> Array:
    """A mask [H, W] of 0 and 1: a polygon some pixels outside of what is visible, with few corners, unsteadily drawn.

    alpha: [H, W], the visible opacity. The corners lie in directions around the middle, each as far as what is visible
    reaches in its sector.
    """
    rows, columns = np.nonzero(alpha > 0.5 * alpha.max())
    x, y = columns.mean(), rows.mean()
    turns, radii = np.arctan2(rows - y, columns - x), np.hypot(rows - y, columns - x)
    sectors = ((turns / (2 * math.pi) + 0.5) * CORNERS).astype(int) % CORNERS
    points = []
    for sector in range(CORNERS):
        reach = radii[sectors == sector].max(initial=0.0)
        # A polygon through points on a circle lies inside of it.
        reach = reach / math.cos(math.pi / CORNERS) + MARGIN + UNSTEADY * random.uniform(-1, 1)
        turn = ((sector + 0.5) / CORNERS - 0.5) * 2 * math.pi
        points.append((x + reach * math.cos(turn), y + reach * math.sin(turn)))
    mask = Image.new("L", (alpha.shape[1], alpha.shape[0]))
    ImageDraw.Draw(mask).polygon(points, fill=1)
    return np.asarray(mask).astype(np.float32)


def box_of(mask: Array) -> tuple[int, int, int, int]:
    """The box (x, y, width, height) in pixels that holds a mask [H, W]."""
    rows, columns = np.nonzero(mask)
    left, top = int(columns.min()), int(rows.min())
    return left, top, int(columns.max()) + 1 - left, int(rows.max()) + 1 - top
