"""What every solver promises, and what it may ask of an objective."""

from __future__ import annotations

from collections.abc import Collection, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from invrender.pyramid import Stage
from invrender.scene import Scene

Raw = dict[str, Tensor]
# Of more numbers an unknown is a map, for which there are no Jacobians.
MOST_NUMBERS = 64

Changes = Mapping[str, Tensor]


@dataclass(frozen=True)
class Evaluation:
    """The loss at one set of raw tensors: total [], weighted terms by name, and the scene they were computed from."""

    loss: Tensor
    terms: Mapping[str, Tensor]
    scene: Scene


@dataclass(frozen=True)
class Linearized:
    """The losses near one set of raw tensors as a sum of squares: Σ weights (residuals + jacobian · change)².

    shapes: of the unknowns that change, by name, in the order of the columns.
    residuals, weights: [M]; jacobian: [M, K], by the ``change`` of `Parameter.moved`.
    """

    shapes: Mapping[str, torch.Size]
    residuals: Tensor
    weights: Tensor
    jacobian: Tensor

    def squares(self, residuals: Tensor) -> float:
        """The sum of squares of other residuals [M], under the same weights."""
        return float((self.weights * residuals**2).sum())

    def normal_equations(self) -> tuple[Tensor, Tensor]:
        """Jᵀ W J, [K, K], and Jᵀ W r, [K], in float64."""
        jacobian = self.jacobian.double()
        weighted = jacobian * self.weights.double()[:, None]
        return weighted.T @ jacobian, weighted.T @ self.residuals.double()

    def split(self, change: Tensor) -> dict[str, Tensor]:
        """A change [K] by the names of its unknowns, in the tensors' precision."""
        parts = torch.split(change.to(self.residuals.dtype), [shape.numel() for shape in self.shapes.values()])
        return {name: part.reshape(shape) for (name, shape), part in zip(self.shapes.items(), parts, strict=True)}

    def spread(self, values: Mapping[str, float]) -> Tensor:
        """One number for each unknown, repeated for each of its columns: [K], float64."""
        columns = [torch.full((shape.numel(),), values[name]) for name, shape in self.shapes.items()]
        return torch.cat(columns).to(self.jacobian.device, torch.float64)


class Objective(Protocol):
    """What a solver lowers, as a function of the raw tensors of the unknowns."""

    def linear(self, names: Collection[str]) -> list[str]:
        """Those of the named unknowns in which the pictures are linear."""
        ...

    def __call__(self, raw: Mapping[str, Tensor]) -> Evaluation:
        """The loss."""
        ...

    def linearized(self, raws: Sequence[Mapping[str, Tensor]], names: Sequence[str]) -> list[Linearized]:
        """The loss near each of ``raws`` as a sum of squares in changes of the named unknowns, of which may be none.

        Raises `UserError` for a loss that is no sum of squares.
        """
        ...

    def moved(self, raw: Mapping[str, Tensor], changes: Changes) -> tuple[Raw, dict[str, Tensor]]:
        """The raw tensors after a change, kept in their ranges; and for each number whether that held it back."""
        ...


@dataclass(frozen=True)
class Question:
    """What somebody on the way down wants to know: the losses near ``raw``, as `Objective.linearized` has them."""

    raw: Raw
    names: tuple[str, ...] = ()


Asking = Generator[Question, Linearized, Raw]
"""A way down that asks questions, and ends at raw tensors."""


def answered(ways: Sequence[Asking], objective: Objective) -> list[Raw]:
    """Where each of some ways ends. What several of them ask at the same time is answered together."""
    ends: dict[int, Raw] = {}
    asked: dict[int, Question] = {}

    def go_on(number: int, answer: Linearized | None) -> None:
        try:
            asked[number] = next(ways[number]) if answer is None else ways[number].send(answer)
        except StopIteration as stop:
            ends[number] = stop.value

    for number in range(len(ways)):
        go_on(number, None)
    while asked:
        names = next(iter(asked.values())).names
        alike = {number: question.raw for number, question in asked.items() if question.names == names}
        for number in alike:
            del asked[number]
        for number, answer in zip(alike, objective.linearized(list(alike.values()), names), strict=True):
            go_on(number, answer)
    return [ends[number] for number in range(len(ways))]


class Descent(Protocol):
    """A solver at work on one stage. finished: whether another step would change nothing."""

    finished: bool

    def step(self, objective: Objective, raw: Raw) -> tuple[Evaluation, Raw]:
        """The evaluation at ``raw``, and the raw tensors to go on with."""
        ...


class Solver(Protocol):
    """Turns an objective into steps."""

    stages: Sequence[Stage]

    def begin(self, stage: Stage, raw: Mapping[str, Tensor], rates: Mapping[str, float]) -> Descent:
        """Start a stage at ``raw``, which has the unknowns that move in it; ``rates`` are all learning rates."""
        ...
