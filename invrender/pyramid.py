"""Coarse to fine: the target and the rendering are reduced and blurred alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from torch import Tensor

from invrender.errors import UserError
from invrender.pixels import gaussian_blur, resize_area
from invrender.render.base import Rendered
from invrender.scene import View


@dataclass(frozen=True)
class Stage:
    """A stretch of steps at one resolution and one softness.

    steps: at most so many.
    size: pixels of the shorter side that pictures are reduced to, or None for the target's own resolution.
    blur: standard deviation of a Gaussian blur of target and rendering, in pixels of the reduced picture.
    sigma: the renderer's edge softness in squared NDC units, 0 for its hardest edges, or None for the renderer's own.
    lr: multiplies every unknown's learning rate.
    losses: the names of the losses that count, or None for all.
    """

    steps: int
    size: int | None = None
    blur: float = 0.0
    sigma: float | None = None
    lr: float = 1.0
    losses: Sequence[str] | None = None

    def __post_init__(self) -> None:
        for name, good, expected in (
            ("steps", self.steps >= 1, "1 or more"),
            ("size", self.size is None or self.size >= 1, "1 or more pixels, or null"),
            ("blur", self.blur >= 0, "0 or more pixels"),
            ("sigma", self.sigma is None or self.sigma >= 0, "0 or a number above it, or null"),
            ("lr", self.lr > 0, "a number above 0"),
        ):
            if not good:
                raise UserError(f"stages: {name} is {getattr(self, name)}, expected {expected}")


def reduced(view: View, size: int | None) -> View:
    """The view with a shorter side of at most ``size`` pixels, each new pixel the mean of what it covers."""
    shorter = min(view.rgb.shape[:2])
    if size is None or size >= shorter:
        return view
    height, width = (round(side * size / shorter) for side in view.rgb.shape[:2])

    def shrink(picture: Tensor | None) -> Tensor | None:
        return None if picture is None else resize_area(picture, height, width)

    return replace(view, rgb=resize_area(view.rgb, height, width), mask=shrink(view.mask), weight=shrink(view.weight))


def blurred_view(view: View, blur: float) -> View:
    """The view with its picture and mask blurred; weights stay as they are."""
    mask = None if view.mask is None else gaussian_blur(view.mask, blur)
    return replace(view, rgb=gaussian_blur(view.rgb, blur), mask=mask)


def blurred_rendering(rendered: Rendered, blur: float) -> Rendered:
    """The rendering with picture and silhouette blurred; depth, and channels that are not there, stay as they are."""
    rgb, alpha = (gaussian_blur(each, blur) if each.numel() else each for each in (rendered.rgb, rendered.alpha))
    return replace(rendered, rgb=rgb, alpha=alpha)
