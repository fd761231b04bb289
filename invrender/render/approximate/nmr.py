"""The rule of the Neural 3D Mesh Renderer (Kato et al., 2018, arXiv:1711.07566): pixels pull at edges.

Along each row and each column that an edge of a face crosses, pixels ask for the edge. Those outside of the face, as
far as the picture's border, would take the colour that the face has at the edge; those inside that show the face would
take the colour beyond it. Where that lowers the loss, by what the loss's gradient says of the pixel's change, the edge
is pulled: by that much, over the distance that it would have to go.

What would raise the loss counts for nothing. So the gradient is not linear in that of the loss, and there is no
Jacobian. Pixels don't affect each other: the gradient is the sum of what each asks for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from invrender.errors import UserError
from invrender.render.approximate.base import HardPicture, whole_faces
from invrender.render.backends.differentiable import Differentiable

EPSILON = 1e-4  # added to distances, NDC units


def move_by_pulls(hard: HardPicture) -> Tensor:
    """The picture [P, C], with the Neural 3D Mesh Renderer's gradient of the positions, in reverse mode alone."""
    found: tuple[Tensor, ...] = Differentiable.apply(  # type: ignore[no-untyped-call]
        PullPass(hard), hard.screen.points, hard.values
    )
    return found[0]


@dataclass
class PullPass:
    """The pass over one picture; its tensors are the screen's points and the picture's values."""

    hard: HardPicture
    constants: tuple[int, ...] = ()
    points: Tensor = field(init=False)
    values: Tensor = field(init=False)

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        """The values as they are."""
        self.points, self.values = tensors
        return (self.values.clone(),)

    def backward(self, cotangents: Sequence[Tensor | None], wanted: Sequence[bool]) -> Sequence[Tensor | None]:
        """The gradients of the points and of the values."""
        (cotangent,) = cotangents
        if cotangent is None or not wanted[0]:
            return [None, cotangent]
        screen = self.hard.screen
        whole = whole_faces(screen).nonzero()[:, 0]
        corners = screen.triangles[whole]
        pulls = self.hard.raster.work.pulls(
            self.points[corners], whole, self.hard.winner, self.values, cotangent.to(self.values),
            screen.height, screen.width, EPSILON / screen.unit,
        )  # fmt: skip
        return [torch.zeros_like(self.points).index_add(0, corners.reshape(-1), pulls.reshape(-1, 2)), cotangent]

    def tangents(self, moving: Sequence[Tensor | None], directions: int) -> tuple[Tensor | None, ...]:
        """Raises `UserError`: without a loss there is no derivative."""
        raise UserError("renderer.rule is nmr, whose gradient depends on the loss: pictures have no derivative by it")
