"""Pictures for screens: sRGB in 8 bits, differences in colours, several views side by side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from invrender.fitting.step import Step
from invrender.images.color import srgb_from_linear
from invrender.images.resample import resize_area
from invrender.io.atomic import atomic_write
from invrender.record.inferno import INFERNO
from invrender.scene import Picture as Rendering
from invrender.scene import Target, View

Picture = NDArray[np.uint8]
Item = TypeVar("Item")

MOST_VIEWS = 4
AMPLIFICATION = 4
GAP = 4
OUTLINE_COLOR = (0, 255, 128)


def srgb_picture(linear: Tensor) -> Picture:
    """[H, W, 3] uint8, from linear colours of the same shape; what lies outside [0, 1] is clipped."""
    clipped = linear.detach().cpu().float().nan_to_num(nan=0.0, posinf=1.0, neginf=0.0).clamp(0, 1)
    picture: Picture = (255 * srgb_from_linear(clipped)).round().to(torch.uint8).numpy()
    return picture


def write_png(path: Path, picture: Picture, optimize: bool = False) -> None:
    """Write a picture, whole or not at all. optimize: whether to spend time on a smaller file."""
    with atomic_write(path) as partial:
        Image.fromarray(picture).save(partial, "PNG", optimize=optimize)


def difference_picture(target: Picture, rendered: Picture) -> Picture:
    """The absolute difference of two pictures [H, W, 3], its largest channel amplified: black, red, yellow, white."""
    difference = np.abs(target.astype(np.int16) - rendered.astype(np.int16)).max(axis=-1)
    colors: Picture = INFERNO[np.minimum(AMPLIFICATION * difference, 255)]
    return colors


def shown(views: Sequence[Item]) -> list[Item]:
    """At most ``MOST_VIEWS`` of the views, evenly chosen."""
    if len(views) <= MOST_VIEWS:
        return list(views)
    return [views[i * (len(views) - 1) // (MOST_VIEWS - 1)] for i in range(MOST_VIEWS)]


def target_pictures(target: Target) -> list[Picture]:
    """The target's shown views at full resolution."""
    return [srgb_picture(view.rgb) for view in shown(target.views)]


def rendered_pictures(step: Step) -> list[Picture]:
    """The step's renderings of the shown views."""
    return [srgb_picture(rendered.rgb) for rendered in shown(step.rendered)]


def difference_pictures(step: Step, target: Target) -> list[Picture]:
    """The shown views' differences, at the resolution of the step's renderings."""
    pictures = []
    for rendered, view in zip(shown(step.rendered), shown(target.views), strict=True):
        height, width = rendered.rgb.shape[:2]
        reduced = view.rgb if view.rgb.shape == rendered.rgb.shape else resize_area(view.rgb, height, width)
        pictures.append(difference_picture(srgb_picture(reduced), srgb_picture(rendered.rgb)))
    return pictures


def overlay_pictures(step: Step, target: Target) -> list[Picture]:
    """The shown views' targets, each under its rendering."""
    pairs = zip(shown(step.rendered), shown(target.views), strict=True)
    return [overlay_picture(rendered, view) for rendered, view in pairs]


def overlay_picture(rendered: Rendering, view: View) -> Picture:
    """A view's picture, half covered by the rendering, with the rendering's outline drawn in."""
    rgb, alpha = resize_area(rendered.rgb, *view.size), resize_area(rendered.alpha, *view.size)
    share = 0.5 * alpha.detach().cpu().numpy()[..., None]
    mixed = (1 - share) * srgb_picture(view.rgb) + share * srgb_picture(rgb)
    mixed[outline((alpha > 0.5).cpu().numpy())] = OUTLINE_COLOR
    overlay: Picture = mixed.round().astype(np.uint8)
    return overlay


def outline(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The pixels of a mask [H, W] that have a neighbour outside it."""
    padded = np.pad(mask, 1, mode="edge")
    inner = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    edge: NDArray[np.bool_] = mask & ~inner
    return edge


def strip(pictures: Sequence[Picture]) -> Picture:
    """Pictures side by side, pixel for pixel, with black gaps between them."""
    height = max(picture.shape[0] for picture in pictures)
    width = sum(picture.shape[1] for picture in pictures) + GAP * (len(pictures) - 1)
    canvas: Picture = np.zeros((height, width, 3), dtype=np.uint8)
    left = 0
    for picture in pictures:
        canvas[: picture.shape[0], left : left + picture.shape[1]] = picture
        left += picture.shape[1] + GAP
    return canvas
