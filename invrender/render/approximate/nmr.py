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


def move_by_pulls(hard: HardPicture, assumed: float | None = None) -> Tensor:
    """The picture [P, C], with the Neural 3D Mesh Renderer's gradient of the positions, in reverse mode alone.

    assumed: a loss's gradient, the same for all pixels and channels. With it there is forward mode, too: a pixel's
    channels change alike, by as much as it adds to the rule's gradient of that loss.
    """
    found: tuple[Tensor, ...] = Differentiable.apply(  # type: ignore[no-untyped-call]
        PullPass(hard, assumed), hard.screen.points, hard.values
    )
    return found[0]


@dataclass
class PullPass:
    """The pass over one picture; its tensors are the screen's points and the picture's values."""

    hard: HardPicture
    assumed: float | None
    constants: tuple[int, ...] = ()
    points: Tensor = field(init=False)
    values: Tensor = field(init=False)

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        """The values as they are."""
        self.points, self.values = tensors
        return (self.values.clone(),)

    def faces(self, cotangent: Tensor) -> tuple[Tensor, ...]:
        """What the kernels are told: corners [F, 3] that pixels can pull at, and their first five arguments."""
        whole = whole_faces(self.hard.screen).nonzero()[:, 0]
        corners = self.hard.screen.triangles[whole]
        return corners, self.points[corners], whole, self.hard.winner, self.values, cotangent.to(self.values)

    @property
    def scale(self) -> tuple[int, int, float]:
        """The height and the width of the picture, and what is added to distances in pixels."""
        screen = self.hard.screen
        return screen.height, screen.width, EPSILON / screen.unit

    def backward(self, cotangents: Sequence[Tensor | None], wanted: Sequence[bool]) -> Sequence[Tensor | None]:
        """The gradients of the points and of the values."""
        (cotangent,) = cotangents
        if cotangent is None or not wanted[0]:
            return [None, cotangent]
        corners, *told = self.faces(cotangent)
        pulls = self.hard.raster.work.pulls(*told, *self.scale)
        return [torch.zeros_like(self.points).index_add(0, corners.reshape(-1), pulls.reshape(-1, 2)), cotangent]

    def tangents(self, moving: Sequence[Tensor | None], directions: int) -> tuple[Tensor | None, ...]:
        """How the values change for the loss that is assumed. Raises `UserError` where none is."""
        if self.assumed is None:
            raise UserError("renderer.rule is nmr, whose gradient depends on the loss: pictures have no derivative")
        points, values = moving
        found = self.values.new_zeros(directions, *self.values.shape) if values is None else values.clone()
        corners, *told = self.faces(torch.full_like(self.values, self.assumed))
        for number in range(0 if points is None else directions):
            assert points is not None
            added = self.hard.raster.work.pixel_pulls(*told, points[number][corners], *self.scale)
            found[number] += added[:, None] / (self.assumed * self.values.shape[1])
        return (found,)
