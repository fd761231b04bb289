"""Parts of pictures."""

from __future__ import annotations

from dataclasses import replace

from torch import Tensor

from invrender.images.resample import resize_area
from invrender.scene import WHOLE, Picture, Scene, View, Window

Box = tuple[int, int, int, int]
"""x and y of the upper left corner, width and height, in pixels."""


def crop_view(view: View, box: Box) -> View:
    """What a view of a camera's whole picture shows within a box."""
    height, width = view.size
    x, y, across, down = box
    return replace(
        view,
        picture=Picture({name: crop(channel, box) for name, channel in view.picture.channels.items()}),
        weight=None if view.weight is None else crop(view.weight, box),
        ceiling=None if view.ceiling is None else crop(view.ceiling, box),
        window=(x / width, y / height, across / width, down / height),
    )


def crop(pixels: Tensor, box: Box) -> Tensor:
    """The pixels [H, W, …] within a box."""
    x, y, width, height = box
    return pixels[y : y + height, x : x + width]


def crop_background(scene: Scene, window: Window, size: tuple[int, int]) -> Scene:
    """The scene with that part of its background that a window of a picture shows, at a size (H, W)."""
    if scene.background.ndim == 1 or window == WHOLE:
        return scene
    height, width = size
    x, y, across, down = window
    whole = round(height / down), round(width / across)
    resized = resize_area(scene.background, *whole)
    box = (round(x * whole[1]), round(y * whole[0]), width, height)
    return replace(scene, background=crop(resized, box))


def bounding_box(mask: Tensor, least: float = 0.5) -> Box | None:
    """The smallest box that holds all pixels of a mask [H, W] above ``least``; None where there are none."""
    rows, columns = ((mask > least).any(dim=dim).nonzero()[:, 0].tolist() for dim in (1, 0))
    if not rows:
        return None
    return columns[0], rows[0], columns[-1] - columns[0] + 1, rows[-1] - rows[0] + 1


def widen(box: Box, margin: float, size: tuple[int, int]) -> Box:
    """A box with a margin all around, a share of its longer side, within a picture of a size (H, W)."""
    x, y, width, height = box
    more = margin * max(width, height)
    left, top = max(0, int(x - more)), max(0, int(y - more))
    right, bottom = min(size[1], round(x + width + more)), min(size[0], round(y + height + more))
    return left, top, max(1, right - left), max(1, bottom - top)
