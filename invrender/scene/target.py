"""Targets: the pictures that a fit explains, and the answer where it is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from invrender.scene.camera import WHOLE, Camera, Window
from invrender.scene.picture import Picture
from invrender.scene.scene import CAMERA, Scene
from invrender.scene.tensors import convert


@dataclass(frozen=True)
class View:
    """One picture to be explained.

    picture: its channels, rgb among them as a rule; alpha is the mask, the silhouette of the objects.
    weight: [H, W] ≥ 0 or None: how much each pixel counts in the loss; None counts all alike.
    ceiling: [H, W, 3] or None: what a channel of the colours shows at most. Where the picture lies at the top of its
        file's range, or part of what a pixel is the mean of, it is the picture's value, which says "at least";
        elsewhere it is infinite.
    camera: the name of the scene's camera that took it; its pose and optics may be known or unknown.
    window: what it shows of that camera's picture.
    """

    picture: Picture
    weight: Tensor | None = None
    ceiling: Tensor | None = None
    camera: str = CAMERA
    window: Window = WHOLE

    @property
    def size(self) -> tuple[int, int]:
        """Height and width, pixels."""
        return self.picture.size

    @property
    def rgb(self) -> Tensor:
        """The colours [H, W, 3], linear."""
        return self.picture.rgb

    @property
    def mask(self) -> Tensor | None:
        """The silhouette [H, W] in [0, 1] of the objects, or None."""
        return self.picture.channels.get("alpha")

    def frame(self, scene: Scene) -> Camera:
        """The scene's camera that took it, of what lies within the window, at this size."""
        return scene.cameras[self.camera].framed(self.window, *reversed(self.size))


def view_of(
    rgb: Tensor,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    ceiling: Tensor | None = None,
    camera: str = CAMERA,
    **others: Tensor,
) -> View:
    """A view of a picture's colours [H, W, 3], its mask [H, W] and further channels by name."""
    masked = {} if mask is None else {"alpha": mask}
    return View(Picture({"rgb": rgb, **masked, **others}), weight, ceiling, camera)


@dataclass(frozen=True)
class Truth:
    """The known answer behind a target.

    seen_texels: by textured object, [H, W] bool: the texels that contribute to some view.
    seen_vertices: by vertex-coloured object, [V] bool, likewise.
    """

    scene: Scene
    seen_texels: Mapping[str, Tensor]
    seen_vertices: Mapping[str, Tensor]


@dataclass(frozen=True)
class Target:
    """The pictures that a fit explains, and the answer where it is known."""

    views: tuple[View, ...]
    truth: Truth | None = None

    def to(self, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> Target:
        """The target on another device, its floating-point tensors in another precision."""
        return convert(self, device, dtype)
