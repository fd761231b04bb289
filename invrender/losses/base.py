"""What every loss promises."""

from __future__ import annotations

import math
from typing import Protocol, runtime_checkable

from torch import Tensor

from invrender.errors import UserError
from invrender.scene import Channels, Picture, Scene, View


class Loss(Protocol):
    """A weighted term on a rendering, the picture that it should be, and the scene behind the rendering."""

    @property
    def weight(self) -> float:
        """What multiplies the term in the total."""
        ...

    @property
    def channels(self) -> Channels:
        """The channels of the rendering that it reads; the others need not be there."""
        ...

    def check(self, view: View) -> None:
        """Raise `UserError` where the view lacks what this loss compares with."""
        ...

    def __call__(self, rendered: Picture, view: View, scene: Scene) -> Tensor:
        """The unweighted term, []."""
        ...


@runtime_checkable
class SumOfSquares(Loss, Protocol):
    """A loss that least squares can lower."""

    def residuals(self, rendered: Picture, view: View, scene: Scene) -> tuple[Tensor, Tensor]:
        """Residuals and their weights, of one shape, whose sum of squares has the gradient of this loss.

        The weights may move with the rendering; they count as constants.
        """
        ...


def check_weight(weight: float) -> None:
    """Raise `UserError` for a weight that is not a finite number of 0 or more."""
    if not 0 <= weight < math.inf:
        raise UserError(f"weight is {weight}, expected a number of 0 or more")
