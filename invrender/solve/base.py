"""What every solver promises."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from invrender.pyramid import Stage
from invrender.scene import Scene


@dataclass(frozen=True)
class Evaluation:
    """The loss at one set of raw tensors: total [], weighted terms by name, and the scene they were computed from."""

    loss: Tensor
    terms: Mapping[str, Tensor]
    scene: Scene


Objective = Callable[[Mapping[str, Tensor]], Evaluation]


class Descent(Protocol):
    """A solver at work on one stage."""

    def step(self, objective: Objective, raw: dict[str, Tensor]) -> tuple[Evaluation, dict[str, Tensor]]:
        """The evaluation at ``raw``, and the raw tensors to go on with."""
        ...


class Solver(Protocol):
    """Turns an objective into steps."""

    stages: Sequence[Stage]

    def begin(self, stage: Stage, raw: Mapping[str, Tensor], rates: Mapping[str, float]) -> Descent:
        """Start a stage at ``raw``, which has the unknowns that move in it; ``rates`` are all learning rates."""
        ...
