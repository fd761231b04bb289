"""What every unknown promises."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from torch import Tensor

from invrender.scene import Scene, Target, Truth

Value = float | list[float] | None


class Parameter(Protocol):
    """One unknown of a scene.

    The raw tensor is a displacement from the scene that the fit starts at, in the unknown's own scale, so that a raw
    tensor of zeros leaves the scene as it is and a learning rate means about the same for every unknown.
    """

    lr: float

    def check(self, scene: Scene, target: Target) -> None:
        """Raise `UserError` where this scene or target has no such unknown."""
        ...

    def initial(self, scene: Scene) -> Tensor:
        """The raw tensor (of zeros) that stands for the scene as it is."""
        ...

    def apply(self, scene: Scene, raw: Tensor) -> Scene:
        """The scene with the unknown displaced by ``raw``; pure and differentiable."""
        ...

    def project(self, scene: Scene, raw: Tensor) -> Tensor:
        """The nearest raw tensor that keeps the unknown within its range."""
        ...

    def value(self, scene: Scene) -> dict[str, Value]:
        """The unknown as a person reads it: short numbers by name; None for what is too large to print."""
        ...

    def error(self, scene: Scene, truth: Truth) -> dict[str, float]:
        """How far the scene is from the truth, in human units."""
        ...


Parameters = Mapping[str, Parameter]
