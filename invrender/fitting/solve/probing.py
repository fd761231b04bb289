"""Sparse Jacobians of unknowns over a grid, by few derivatives: entries far apart show in other residuals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from invrender.fitting.solve.base import GriddedObjective, Raw
from invrender.parameters.base import Gridded
from invrender.scene import Scene

# Entries so many rows or columns apart share a direction. What a pixel shows depends on the corners of a cell and, by
# their normals, on the corners' neighbours: on four rows and columns, and on one or two more where it is wider.
APART = 6
# Responses below this share of the largest are rounding; a ratio so far from a whole number is that of several entries.
LEAST, MIXED = 1e-6, 0.1
# The sides of the blocks of pixels within which noise is alike, in pixels.
BLOCK = 8


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
        rows, columns, values = (torch.cat(each).cpu().numpy() for each in zip(*found, strict=True))
        shape = (len(jacobian), len(self.places) * self.numbers)
        return csr_array(coo_array((values.astype(np.float64), (rows, columns)), shape=shape))


@dataclass(frozen=True)
class SparseLinearized:
    """The losses as a sum of squares, Σ weights (residuals + jacobian · change)², with a sparse Jacobian [M, K].

    residuals, weights: [M] float64, NumPy's. block: [M], of the pictures, in which each residual is.
    """

    residuals: Any
    weights: Any
    jacobian: Any
    block: Any

    def normal_equations(self, variances: Any = 1.0) -> tuple[Any, Any]:
        """Jᵀ W J, sparse [K, K], and Jᵀ W r, [K]. variances: [M], by which weights are divided."""
        weights = self.weights / variances
        weighted = self.jacobian.multiply(weights[:, None]).tocsr()
        return (weighted.T @ self.jacobian).tocsc(), weighted.T @ self.residuals

    def pulls(self, variances: Any) -> Any:
        """What each block of pixels adds to Jᵀ W r, sparse [B, K]. variances: [M], by which weights are divided."""
        from scipy.sparse import csr_array

        parts = self.weights / variances * self.residuals
        shape = (int(self.block.max()) + 1, len(parts))
        return csr_array((parts, (self.block, np.arange(len(parts)))), shape=shape) @ self.jacobian

    def variances(self) -> Any:
        """The variance of a unit weight where each residual is, [M]: Jᵀ W J over it is information.

        The mean of weights times squared residuals of its block of pixels, of those that depend on the unknown, and not
        less than the median of all blocks: where a picture is explained badly, it says less.
        """
        touched = np.diff(self.jacobian.indptr) > 0
        squares = self.weights * self.residuals**2 * touched
        counts = np.bincount(self.block, weights=touched)
        sums = np.bincount(self.block, weights=squares)
        means = sums / np.maximum(counts, 1)
        usual = np.median(means[counts > 0]) if touched.any() else 1.0
        return np.maximum(means, max(float(usual), 1e-30))[self.block]


def linearize_sparsely(objective: GriddedObjective, raw: Raw, name: str, probes: Probes) -> SparseLinearized:
    """The losses near ``raw`` in the entries of one unknown."""
    local = objective.probe(raw, name, probes.directions(raw[name]))
    residuals, weights = (each.detach().double().cpu().numpy() for each in (local.residuals, local.weights))
    block = number_blocks(local.pixel.cpu().numpy(), objective.sizes)
    return SparseLinearized(residuals, weights, probes.assign(local.jacobian), block)


def number_blocks(pixel: Any, sizes: Sequence[tuple[int, int]]) -> Any:
    """The number of the block of `BLOCK` by `BLOCK` pixels that each pixel [M] is in; 0 for what belongs to none.

    sizes: of the views, (H, W), whose pixels are counted one view after the other.
    """
    found, before, blocks = np.zeros(len(pixel), dtype=np.int64), 0, 1
    for height, width in sizes:
        own = (pixel >= before) & (pixel < before + height * width)
        row, column = np.divmod(pixel[own] - before, width)
        across, down = -(-width // BLOCK), -(-height // BLOCK)
        found[own] = blocks + row // BLOCK * across + column // BLOCK
        before, blocks = before + height * width, blocks + across * down
    return found
