"""The sparsity of Jacobians: a view's residuals depend on its own unknowns and on those that all views share."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor


@dataclass(frozen=True)
class Part:
    """Residuals that follow one another and depend on the same numbers.

    rows: of the residuals. places: [C] int64, their columns in a compact Jacobian. columns: [C] int64, the same ones
    among all K columns.
    """

    rows: slice
    places: Tensor
    columns: Tensor


@dataclass(frozen=True)
class Layout:
    """The columns of a compact Jacobian, where unknowns that show in different views share columns.

    One derivative along such a column tells that of each of them, in its own views (Curtis, Powell and Reid, 1974,
    doi:10.1093/imamat/13.1.117). So twelve poses of twelve views cost as much as one.

    shapes: of the unknowns. reach: by unknown, the numbers of the views that it shows in. rates: their learning rates;
    only unknowns of the same rate and size share columns.
    """

    shapes: Mapping[str, torch.Size]
    reach: Mapping[str, Collection[int]]
    rates: Mapping[str, float]

    @cached_property
    def firsts(self) -> dict[str, int]:
        """By unknown, the first of its columns in the compact Jacobian."""
        found: dict[str, int] = {}
        taken: list[tuple[int, tuple[int, float], set[int]]] = []
        width = 0
        for name, shape in self.shapes.items():
            kind, views = (shape.numel(), self.rates[name]), set(self.reach[name])
            place = next((each for each in taken if each[1] == kind and not views & each[2]), None)
            if place is None:
                place = (width, kind, set())
                taken.append(place)
                width += shape.numel()
            place[2].update(views)
            found[name] = place[0]
        return found

    @cached_property
    def width(self) -> int:
        """How many columns the compact Jacobian has."""
        return max((self.firsts[name] + shape.numel() for name, shape in self.shapes.items()), default=0)

    @cached_property
    def starts(self) -> dict[str, int]:
        """By unknown, the first of its columns among all."""
        sizes = [shape.numel() for shape in self.shapes.values()]
        return {name: sum(sizes[:index]) for index, name in enumerate(self.shapes)}

    def split(self, change: Tensor) -> dict[str, Tensor]:
        """A change of the compact columns by the names of the unknowns, in their shapes; some share numbers."""
        return {
            name: change[self.firsts[name] : self.firsts[name] + shape.numel()].reshape(shape)
            for name, shape in self.shapes.items()
        }

    def steps(self, share: float) -> list[float]:
        """A share of the learning rate of each compact column."""
        rates = {
            self.firsts[name] + at: self.rates[name]
            for name, shape in self.shapes.items()
            for at in range(shape.numel())
        }
        return [share * rates[column] for column in range(self.width)]

    @property
    def whole(self) -> Layout:
        """The layout in which no columns are shared."""
        return replace(self, reach=dict.fromkeys(self.shapes, (0,)))

    def parts(self, view: Tensor) -> tuple[Part, ...]:
        """The parts of residuals of which ``view`` [M] is the view of each; none where all depend on all."""
        numbers, counts = torch.unique_consecutive(view, return_counts=True)
        if all(number in reach for number in numbers.tolist() for reach in self.reach.values()):
            return ()
        ends = counts.cumsum(0).tolist()
        rows = map(slice, [0, *ends], ends)
        return tuple(self.part(number, each) for number, each in zip(numbers.tolist(), rows, strict=True))

    def part(self, view: int, rows: slice) -> Part:
        """The rows of one view's residuals."""
        own = [name for name in self.shapes if view in self.reach[name]]
        return Part(rows, self.numbers(own, self.firsts), self.numbers(own, self.starts))

    def numbers(self, names: Sequence[str], firsts: Mapping[str, int]) -> Tensor:
        """The columns of some unknowns, counted from their first ones: [C] int64."""
        ranges = [torch.arange(firsts[name], firsts[name] + self.shapes[name].numel()) for name in names]
        return torch.cat(ranges) if ranges else torch.zeros(0, dtype=torch.int64)


def solve_by_parts(matrix: Tensor, right: Tensor, own: Sequence[Tensor]) -> Tensor:
    """The solution x [K] of ``matrix`` [K, K] x = ``right`` [K] for a symmetric matrix most of which is zero.

    own: groups of columns; between two of them the matrix is zero. Each is eliminated by itself, and what all share is
    solved for by the Schur complement (Triggs et al., 2000, doi:10.1007/3-540-44480-7_21).
    """
    if len(own) < 2:
        return torch.as_tensor(torch.linalg.solve(matrix, right))
    taken = torch.zeros(len(right), dtype=torch.bool).index_fill(0, torch.cat(list(own)), True)
    shared = torch.arange(len(right))[~taken]
    inner, rest = matrix[shared][:, shared].clone(), right[shared].clone()
    solved = []
    for group in own:
        across = matrix[group][:, shared]
        both = torch.linalg.solve(matrix[group][:, group], torch.cat([across, right[group, None]], dim=1))
        inner -= across.T @ both[:, :-1]
        rest -= across.T @ both[:, -1]
        solved.append(both)
    found = torch.zeros_like(right)
    found[shared] = torch.linalg.solve(inner, rest)
    for group, both in zip(own, solved, strict=True):
        found[group] = both[:, -1] - both[:, :-1] @ found[shared]
    return found
