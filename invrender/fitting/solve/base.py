"""The promises of solvers, and what they may ask of an objective."""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Any, Protocol, TypeVar

import torch
from torch import Tensor
from torch.nn.functional import pad

from invrender.checks import above
from invrender.errors import UserError
from invrender.fitting.schedule import Stage
from invrender.fitting.solve.sparsity import Part
from invrender.parameters.base import Parameters
from invrender.scene import Scene

Raw = dict[str, Tensor]
# Of more numbers an unknown is a map, for which there are no Jacobians.
MOST_NUMBERS = 64

Changes = Mapping[str, Tensor]
S = TypeVar("S")
T = TypeVar("T")


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
    residuals, weights: [M].
    pixel: [M] int64, which pixel of all views, one after the other, each residual belongs to; −1 for none.
    jacobian: [M, K], by the ``change`` of `Parameter.retract`; or compact, [M, C], as ``parts`` say.
    parts: residuals by what they depend on; none where all depend on all.
    """

    shapes: Mapping[str, torch.Size]
    residuals: Tensor
    weights: Tensor
    pixel: Tensor
    jacobian: Tensor
    parts: Sequence[Part] = ()

    def squares(self, residuals: Tensor) -> float:
        """The sum of squares of other residuals [M], under the same weights."""
        return float((self.weights * residuals**2).sum())

    @classmethod
    def together(cls, some: Sequence[Linearized]) -> Linearized:
        """The residuals of several, one after the other, in changes of the same unknowns; at least one."""
        if len(some) == 1:
            return some[0]
        width = max(each.jacobian.shape[1] for each in some)
        wide = [pad(each.jacobian, (0, width - each.jacobian.shape[1])) for each in some]
        residuals, weights, pixel = (
            torch.cat([getattr(each, key) for each in some]) for key in ("residuals", "weights", "pixel")
        )
        parts = [
            part for before, each in zip(count_before(some), some, strict=True) for part in each.parts_after(before)
        ]
        whole = all(not each.parts for each in some)
        return cls(some[0].shapes, residuals, weights, pixel, torch.cat(wide), () if whole else parts)

    def parts_after(self, before: int) -> Sequence[Part]:
        """The parts, also where all depend on all, counted after so many residuals."""
        every = torch.arange(self.size)
        parts = self.parts or [Part(slice(0, len(self.residuals)), every, every)]
        return [replace(part, rows=slice(part.rows.start + before, part.rows.stop + before)) for part in parts]

    @property
    def size(self) -> int:
        """How many numbers change, K."""
        return sum(shape.numel() for shape in self.shapes.values())

    def blocks(self) -> Iterator[tuple[slice, Tensor, Tensor]]:
        """The parts of the Jacobian that are not zero: the rows, the columns [C] and the block [rows, C], float64."""
        if not self.parts:
            yield slice(0, len(self.residuals)), torch.arange(self.size), self.jacobian.double()
        for part in self.parts:
            yield part.rows, part.columns, self.jacobian[part.rows][:, part.places].double()

    @property
    def own(self) -> list[Tensor]:
        """Groups of columns that one part alone depends on; none where all depend on all."""
        if not self.parts:
            return []
        groups = [columns[(jacobian != 0).any(dim=0).cpu()] for _, columns, jacobian in self.blocks()]
        counts = torch.cat(groups).bincount(minlength=self.size)
        return [own for group in groups if len(own := group[counts[group] == 1])]

    def normal_equations(self) -> tuple[Tensor, Tensor]:
        """Jᵀ W J, [K, K], and Jᵀ W r, [K], in float64, on the CPU: they are few numbers, and much is asked of them."""
        normal = torch.zeros(self.size, self.size, dtype=torch.float64)
        slope = torch.zeros(self.size, dtype=torch.float64)
        for rows, columns, jacobian in self.blocks():
            weighted = jacobian * self.weights[rows].double()[:, None]
            normal[columns[:, None], columns] += (weighted.T @ jacobian).cpu()
            slope[columns] += (weighted.T @ self.residuals[rows].double()).cpu()
        return normal, slope

    def follow(self, change: Tensor) -> Tensor:
        """The residuals [M] after a change [K], to first order, in float64."""
        found = self.residuals.double().clone()
        change = change.to(found)
        for rows, columns, jacobian in self.blocks():
            found[rows] += jacobian @ change[columns]
        return found

    def split(self, change: Tensor) -> dict[str, Tensor]:
        """A change [K] by the names of its unknowns, in the tensors' precision, where they are."""
        return split(change.to(self.residuals), self.shapes)

    def spread(self, values: Mapping[str, float]) -> Tensor:
        """One number for each unknown, repeated for each of its columns: [K], float64, on the CPU."""
        columns = [torch.full((shape.numel(),), values[name]) for name, shape in self.shapes.items()]
        return torch.cat(columns).double()


def count_before(some: Sequence[Linearized]) -> list[int]:
    """How many residuals there are before those of each."""
    return [0, *accumulate(len(each.residuals) for each in some)][:-1]


def few_numbers(raw: Raw) -> Raw:
    """The unknowns of few numbers, which least squares can move."""
    return {name: value for name, value in raw.items() if value.numel() <= MOST_NUMBERS}


def split(change: Tensor, shapes: Mapping[str, torch.Size]) -> dict[str, Tensor]:
    """A change [K] by the names of its unknowns, each part in the unknown's shape."""
    parts = torch.split(change, [shape.numel() for shape in shapes.values()])
    return {name: part.reshape(shape) for (name, shape), part in zip(shapes.items(), parts, strict=True)}


def check_settings(solver: Any, positive: Sequence[str]) -> None:
    """Raise `UserError` for a solver without stages, or with numbers that are not above zero."""
    if not solver.stages:
        raise UserError("optimizer.stages is empty, expected at least one stage")
    for name in positive:
        above(f"optimizer.{name}", getattr(solver, name), 0)


class Objective(Protocol):
    """A function of the raw tensors of the unknowns that a solver lowers, at one stage."""

    @property
    def stage(self) -> Stage:
        """The stage that says how pictures are compared."""
        ...

    @property
    def rates(self) -> Mapping[str, float]:
        """The learning rates of all unknowns."""
        ...

    @property
    def has_jacobian(self) -> bool:
        """Whether pictures have derivatives, whatever the losses are."""
        ...

    def linear(self, names: Collection[str]) -> list[str]:
        """Those of the named unknowns in which the pictures are linear."""
        ...

    def __call__(self, raw: Mapping[str, Tensor]) -> Evaluation:
        """The loss."""
        ...

    def linearize(self, raws: Sequence[Mapping[str, Tensor]], names: Sequence[str]) -> list[Linearized]:
        """The loss near each of ``raws`` as a sum of squares in changes of the named unknowns, of which may be none.

        Raises `UserError` for a loss that is no sum of squares.
        """
        ...

    def retract(self, raw: Mapping[str, Tensor], changes: Changes) -> tuple[Raw, dict[str, Tensor]]:
        """The raw tensors after a change, kept in their ranges; and for each number whether that held it back."""
        ...


class GriddedObjective(Objective, Protocol):
    """An objective whose unknowns lie over grids, and which is asked for derivatives in few directions."""

    @property
    def scene(self) -> Scene:
        """The start."""
        ...

    @property
    def parameters(self) -> Parameters:
        """All unknowns."""
        ...

    @property
    def sizes(self) -> Sequence[tuple[int, int]]:
        """The height and the width of each view."""
        ...

    def probe(self, raw: Mapping[str, Tensor], name: str, directions: Tensor) -> Linearized:
        """The losses near ``raw`` as a sum of squares in shares [K] of directions [K, …] in one unknown's entries."""
        ...

    def frame(self, number: int) -> GriddedObjective:
        """The objective of the pictures of one view alone."""
        ...


@dataclass(frozen=True)
class LinearizationRequest:
    """A request for the losses near ``raw``, as `Objective.linearize` has them."""

    raw: Raw
    names: tuple[str, ...] = ()


Routine = Generator[LinearizationRequest, Linearized, T]


def run_batched(routines: Sequence[Routine[T]], objective: Objective) -> list[T]:
    """The results of several routines, in their order.

    What several of them ask for of the same unknowns, at the same time, is rendered together.
    """
    results: dict[int, T] = {}
    pending: dict[int, LinearizationRequest] = {}

    def resume(number: int, answer: Linearized | None) -> None:
        try:
            pending[number] = next(routines[number]) if answer is None else routines[number].send(answer)
        except StopIteration as stop:
            results[number] = stop.value

    for number in range(len(routines)):
        resume(number, None)
    while pending:
        names = next(iter(pending.values())).names
        alike = {number: request.raw for number, request in pending.items() if request.names == names}
        for number in alike:
            del pending[number]
        for number, answer in zip(alike, objective.linearize(list(alike.values()), names), strict=True):
            resume(number, answer)
    return [results[number] for number in range(len(routines))]


class Solver(Protocol[S]):
    """Turns an objective into steps, stage by stage.

    Its state S, such as moments or damping, is explicit. It is made of dicts, lists, tensors, numbers and None alone,
    so that it can be written to a file, and a step leaves the one that it is given as it is.
    """

    @property
    def stages(self) -> Sequence[Stage]:
        """The coarse-to-fine schedule."""
        ...

    def init(self, objective: Objective, raw: Raw) -> S:
        """The state at the start of a stage at ``raw``, which has the unknowns that move in it.

        Raises `UserError` for unknowns that the solver can't move.
        """
        ...

    def step(self, objective: Objective, raw: Raw, state: S) -> tuple[Evaluation, Raw, S]:
        """The evaluation at ``raw``, and the raw tensors and the state to go on with."""
        ...

    def done(self, state: S) -> bool:
        """Whether another step would change nothing."""
        ...
