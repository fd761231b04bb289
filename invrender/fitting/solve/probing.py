"""Sparse Jacobians of unknowns over a grid, from a few derivatives: entries that are far apart show in other residuals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from invrender.fitting.solve.base import Linearized, Objective, Raw
from invrender.parameters.base import Gridded
from invrender.scene import Scene

# Entries so many rows or columns apart share a direction. What a pixel shows depends on the corners of a cell and, by
# their normals, on the corners' neighbours: on four rows and columns, and on one or two more where it is wider.
APART = 6
# Responses below this share of the largest are rounding; a ratio so far from a whole number is that of several entries.
LEAST, MIXED = 1e-6, 0.1


@dataclass(frozen=True)
class Probes:
    """The directions along which a grid's entries are tried.

    members: by class, the entries [n] that are tried together. numbers: C, of each entry. places: [N, 2], rows and
    columns.
    """

    members: Sequence[Tensor]
    numbers: int
    places: Tensor

    @classmethod
    def of(cls, parameter: Gridded, scene: Scene, apart: int = APART) -> Probes:
        """Those of an unknown in a scene."""
        places = parameter.places(scene)
        kind = places[:, 0] % apart * apart + places[:, 1] % apart
        members = [torch.nonzero(kind == each)[:, 0] for each in range(apart**2)]
        return cls([each for each in members if len(each)], parameter.initial(scene).shape[1], places)

    def directions(self, like: Tensor) -> Tensor:
        """[K, N, C]: of each class and number, all members by 1, and each by its place among them, counted from 1."""
        found = like.new_zeros(len(self.members), self.numbers, 2, len(self.places), self.numbers)
        for one, members in enumerate(self.members):
            for number in range(self.numbers):
                found[one, number, 0, members, number] = 1.0
                found[one, number, 1, members, number] = torch.arange(1.0, len(members) + 1).to(like)
        return found.flatten(0, 2)

    def assign(self, jacobian: Tensor) -> Any:
        """The sparse Jacobian [M, N C], scipy's, from the derivatives [M, K] along the directions.

        Which member of a class a residual answers to is told by its two responses, whose ratio is the member's place.
        Where several show in one residual, at edges that hide what is behind, it is no whole number, and the response
        is left out.
        """
        from scipy.sparse import coo_array, csr_array

        responses = jacobian.reshape(len(jacobian), len(self.members), self.numbers, 2)
        least = LEAST * float(responses[..., 0].abs().max())
        found = []
        for one, members in enumerate(self.members):
            for number in range(self.numbers):
                plain, counted = responses[:, one, number].unbind(1)
                row = torch.nonzero(plain.abs() > least)[:, 0]
                place = counted[row] / plain[row] - 1
                alone = ((place - place.round()).abs() < MIXED) & (place > -MIXED) & (place < len(members) - MIXED)
                row, entry = row[alone], members[place[alone].round().long()]
                found.append((row, entry * self.numbers + number, plain[row]))
        row, column, value = (torch.cat(each).cpu().numpy() for each in zip(*found, strict=True))
        shape = (len(jacobian), len(self.places) * self.numbers)
        return csr_array(coo_array((value.astype(np.float64), (row, column)), shape=shape))


@dataclass(frozen=True)
class SparseLinearized:
    """The losses as a sum of squares, Σ weights (residuals + jacobian · change)², with a sparse Jacobian [M, K].

    residuals, weights: [M] float64, NumPy's.
    """

    residuals: Any
    weights: Any
    jacobian: Any

    def normal_equations(self) -> tuple[Any, Any]:
        """Jᵀ W J, sparse [K, K], and Jᵀ W r, [K]."""
        weighted = self.jacobian.multiply(self.weights[:, None]).tocsr()
        return (weighted.T @ self.jacobian).tocsc(), weighted.T @ self.residuals

    @property
    def scale(self) -> float:
        """The mean of weights times squared residuals where these depend on the unknown: the variance of a unit weight.

        Jᵀ W J over it is the information that independent errors of this size leave.
        """
        touched = np.diff(self.jacobian.indptr) > 0
        squares = self.weights[touched] * self.residuals[touched] ** 2
        return float(squares.mean()) if touched.any() else 1.0


def linearize_sparsely(objective: Objective, raw: Raw, name: str, probes: Probes) -> SparseLinearized:
    """The losses near ``raw`` in the entries of one unknown."""
    local: Linearized = objective.probe(raw, name, probes.directions(raw[name]))
    residuals, weights = (each.detach().double().cpu().numpy() for each in (local.residuals, local.weights))
    return SparseLinearized(residuals, weights, probes.assign(local.jacobian))
