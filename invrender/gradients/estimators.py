"""Estimators: renderers whose gradients are compared, and what there is to say of each."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor
from torch.func import jacfwd

from invrender.errors import UserError
from invrender.gradients.directions import Directions
from invrender.render.base import Quality, Renderer, render_scene
from invrender.scene import Channels, Scene

RGB: Channels = frozenset(("rgb",))
STEP = 0.05  # units of a direction, of differences of a smooth picture that has no forward mode


@runtime_checkable
class LossDependent(Protocol):
    """A renderer that has derivatives of pictures if a loss is assumed."""

    def assume(self, gradient: float) -> Renderer:
        """The renderer for a loss with this gradient at all pixels."""
        ...


@dataclass(frozen=True)
class Estimator:
    """One renderer.

    name: as the config has it. says: a sentence on it. samples: for each pixel in each direction.
    """

    name: str
    renderer: Renderer
    says: str = ""
    samples: int = 1

    def check(self, scene: Scene, unknown: str, directions: Directions) -> None:
        """Raise `UserError` where it has no gradient for the unknown."""
        told = f"estimators.{self.name}"
        self.renderer.supports.check_lens(scene.camera, "camera")
        self.renderer.supports.check_scene(scene)
        if directions.moving and not self.renderer.supports.moving_edges:
            raise UserError(
                f"{told}: it has no gradient for recover.{unknown}, for its edges don't move; leave it out of only=[…]"
            )
        amounts = start_of(directions).requires_grad_()
        rgb = self.draw(directions.scene_at(scene, amounts))
        if rgb.grad_fn is None or torch.autograd.grad(rgb.sum(), amounts, allow_unused=True)[0] is None:
            raise UserError(f"{told}: it has no gradient for recover.{unknown}; leave it out of only=[…]")

    def draw(self, scene: Scene) -> Tensor:
        """The colours [H, W, 3] of the scene."""
        return draw(self.renderer, scene, self.samples)

    def gradients(self, scene: Scene, directions: Directions, wanted: Tensor) -> tuple[Tensor, list[float]]:
        """The gradients [C, D] of losses, each by a pass of its own, and the seconds of each.

        wanted: [C, H, W, 3], the losses' gradients by the picture.
        """
        found: list[Tensor] = []
        seconds: list[float] = []
        for each in wanted:
            began = time.perf_counter()
            amounts = start_of(directions).requires_grad_()
            rgb = self.draw(directions.scene_at(scene, amounts))
            found += torch.autograd.grad((each.to(rgb) * rgb).sum(), amounts)
            seconds.append(time.perf_counter() - began)
        return torch.stack(found), seconds

    def images(self, scene: Scene, directions: Directions) -> Tensor:
        """How each pixel's mean colour changes along each direction, [D, H, W].

        By forward mode. Where that depends on the loss: half the difference of what a loss hears that wants every pixel
        brighter, and one that wants it darker. Where there is none: by differences of the picture.
        """
        if isinstance(self.renderer, LossDependent) and self.renderer.supports.depends_on_loss:
            sides = [
                forward_images(self.renderer.assume(sign), scene, directions, self.samples) for sign in (1.0, -1.0)
            ]
            return torch.stack(sides).mean(dim=0)
        if self.renderer.supports.forward_mode:
            return forward_images(self.renderer, scene, directions, self.samples)
        return difference_images(self.draw, scene, directions, STEP)


def start_of(directions: Directions) -> Tensor:
    """Amounts [D] of directions, none of each."""
    return directions.raw.new_zeros(len(directions.names))


def draw(renderer: Renderer, scene: Scene, samples: int) -> Tensor:
    """The colours [H, W, 3] of the scene."""
    return render_scene(renderer, scene, RGB, Quality(samples=samples)).rgb


def forward_images(renderer: Renderer, scene: Scene, directions: Directions, samples: int) -> Tensor:
    """Derivative images [D, H, W] by forward mode."""

    def picture(amounts: Tensor) -> Tensor:
        return draw(renderer, directions.scene_at(scene, amounts), samples).mean(dim=2)

    found: Tensor = jacfwd(picture)(start_of(directions))
    return found.movedim(-1, 0)


def difference_images(picture: Callable[[Scene], Tensor], scene: Scene, directions: Directions, step: float) -> Tensor:
    """Derivative images [D, H, W] by central differences of ``step`` units to either side."""
    return differences(picture, scene, directions, step).mean(dim=3)


def differences(picture: Callable[[Scene], Tensor], scene: Scene, directions: Directions, step: float) -> Tensor:
    """The derivatives [D, H, W, 3] of a picture by central differences of ``step`` units to either side."""
    found = []
    with torch.no_grad():
        for amounts in step * torch.eye(len(directions.names)).to(directions.raw):
            ahead, back = (picture(directions.scene_at(scene, sign * amounts)) for sign in (1, -1))
            found.append((ahead - back) / (2 * step))
    return torch.stack(found)
