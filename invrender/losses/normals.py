"""The loss between the normals of a rendering and of a picture."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from invrender import checks
from invrender.errors import UserError
from invrender.losses.base import Residuals
from invrender.scene import Channels, Picture, View


@dataclass(frozen=True)
class Normals:
    """The mean squared difference of unit normals, in the world's frame; they are zero where nothing is.

    Of two normals at an angle it is 2 − 2 cos, over the three of them.
    """

    weight: float = 1.0

    def __post_init__(self) -> None:
        checks.at_least("weight", self.weight, 0)

    @property
    def channels(self) -> Channels:
        """The normals."""
        return frozenset(("normal",))

    def check(self, view: View) -> None:
        """Raise `UserError` if the target has no normals."""
        if "normal" not in view.picture:
            raise UserError("it compares normals, which photographs do not have; a rendered target has them")

    def __call__(self, picture: Picture, view: View) -> Tensor:
        """The unweighted mean, []."""
        return self.residuals(picture, view).sum_of_squares

    def residuals(self, picture: Picture, view: View) -> Residuals:
        """Of every pixel's three numbers."""
        difference = picture["normal"] - view.picture["normal"]
        weights = torch.ones_like(difference[..., 0]) if view.weight is None else view.weight
        shares = weights / (3 * weights.sum().clamp(min=1e-12))
        return Residuals.of_pixels(difference, shares[..., None].expand_as(difference))
