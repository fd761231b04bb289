"""Rules by which a hard picture gets a gradient of where things are on the screen, and what they are told of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from invrender.render.raster.screen import Screen
from invrender.render.stages import Raster


@dataclass(frozen=True, eq=False)
class HardPicture:
    """One hard picture.

    raster: what each pixel's centre shows. values: [P, C], its channels side by side.
    """

    raster: Raster
    values: Tensor

    @property
    def screen(self) -> Screen:
        """The faces that can show."""
        return self.raster.screen

    @property
    def winner(self) -> Tensor:
        """[P] int64, the face that each pixel shows, −1 for none."""
        return self.raster.winner

    @cached_property
    def depth(self) -> Tensor:
        """[P], as `pixel_depths` finds it."""
        return pixel_depths(self.raster)


@dataclass(frozen=True)
class Rule:
    """How a picture changes as vertices move on the screen, as a paper has it.

    move: the picture [P, C] of a `HardPicture`, or one that the rule blends from it, with the rule's gradient of the
        positions.
    moves_inside: whether it covers what is seen inside of faces; else that has its own, exact gradient, and the rule
        adds that of edges.
    linear: whether the gradient is linear in that of the loss; else it depends on the loss, and there is no Jacobian.
    """

    move: Callable[..., Tensor]
    moves_inside: bool = False
    linear: bool = True


def pixel_depths(raster: Raster) -> Tensor:
    """The depth [P] of what each pixel shows, 0 where nothing is; differentiable inside of faces."""
    seen = raster.fragments
    return seen.depth.new_zeros(raster.screen.pixels).index_copy(0, seen.pixel, seen.depth)


def hold_still(raster: Raster) -> Raster:
    """The raster with a screen that doesn't move: what pixels show is shaded at fixed barycentric coordinates."""
    screen = raster.screen
    still = replace(screen, vertices=screen.vertices.detach(), points=screen.points.detach())
    return replace(raster, screen=still)


def whole_faces(screen: Screen) -> Tensor:
    """[G] bool: the faces that lie in front of the near plane with all their corners, which so are on the screen."""
    return (screen.depth.detach() > screen.near).all(dim=1)


def neighbours(screen: Screen, sideways: bool) -> tuple[Tensor, Tensor]:
    """Each pixel [N] of one picture with its right neighbour, or with its lower one."""
    pixel = torch.arange(screen.pixels, device=screen.vertices.device).reshape(screen.height, screen.width)
    first, second = (pixel[:, :-1], pixel[:, 1:]) if sideways else (pixel[:-1], pixel[1:])
    return first.reshape(-1), second.reshape(-1)
