"""Subdivision of triangles at chosen edges, without gaps: faces that meet at an edge are cut there at one point."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

# For each pattern of the sides that are cut (1 + 2 + 4 of the sides from corner 0, 1 and 2), what becomes of a face, by
# its corners 0, 1, 2 and the middles 3, 4, 5 of its sides.
PIECES: Sequence[Sequence[tuple[int, int, int]]] = (
    [(0, 1, 2)],
    [(0, 3, 2), (3, 1, 2)],
    [(0, 1, 4), (0, 4, 2)],
    [(3, 1, 4), (0, 3, 4), (0, 4, 2)],
    [(0, 1, 5), (5, 1, 2)],
    [(0, 3, 5), (3, 1, 2), (5, 3, 2)],
    [(5, 4, 2), (0, 1, 5), (5, 1, 4)],
    [(0, 3, 5), (3, 1, 4), (5, 4, 2), (3, 4, 5)],
)
MOST_PIECES = 4


@dataclass(frozen=True)
class Pieces:
    """Pieces of triangles.

    parent: [F], the face that each is of, rising. weights: [F, 3, 3], its corners, each by barycentrics in that face.
    corners: [F, 3, C], the values of its corners. indices: [F, 3] each, of the parents' index arrays: corners of pieces
    that have the same number are one. fresh: [F] bool, whether a piece came of the last cut.
    """

    parent: Tensor
    weights: Tensor
    corners: Tensor
    indices: tuple[Tensor, ...]
    fresh: Tensor

    @classmethod
    def whole(cls, corners: Tensor, indices: Sequence[Tensor]) -> Pieces:
        """Every face as one piece."""
        parent = torch.arange(len(corners), device=corners.device)
        weights = torch.eye(3, dtype=corners.dtype, device=corners.device).expand(len(corners), 3, 3)
        return cls(parent, weights, corners, tuple(indices), torch.ones_like(parent, dtype=torch.bool))

    def select(self, chosen: Tensor) -> Pieces:
        """Some of the pieces, by a mask."""
        kept = chosen.nonzero()[:, 0]
        indices = tuple(each[kept] for each in self.indices)
        return Pieces(self.parent[kept], self.weights[kept], self.corners[kept], indices, self.fresh[kept])


def agree(faces: Tensor, sides: Tensor) -> Tensor:
    """Marks of sides [F, 3], from each corner to the next, so that both faces of an edge have any that one has."""
    _, edge = torch.unique(side_keys(faces), return_inverse=True)
    marked = torch.zeros(int(edge.max()) + 1 if edge.numel() else 0, dtype=torch.bool, device=faces.device)
    return marked.index_fill(0, edge.reshape(-1)[sides.reshape(-1)], True)[edge]


def side_keys(faces: Tensor) -> Tensor:
    """A number for each side [F, 3] that tells its two ends [F, 3], whichever comes first."""
    following = faces.roll(-1, 1)
    count = int(faces.max()) + 1 if faces.numel() else 1
    return torch.minimum(faces, following) * count + torch.maximum(faces, following)


def cut(pieces: Pieces, sides: Tensor) -> Pieces:
    """The pieces cut at the middles of marked sides [F, 3], of which the first index array has both or none marked."""
    pattern = (sides * torch.tensor([1, 2, 4], device=sides.device)).sum(dim=1)
    place = table(sides.device)[pattern]  # [F, 4, 3], −1 for none
    kept = place[..., 0].reshape(-1) >= 0
    place = place.clamp(min=0)

    def choose(values: Tensor) -> Tensor:
        """Values [F, 6, …] of corners and middles, as [pieces, 3, …]."""
        rows = torch.arange(len(values), device=values.device)[:, None, None]
        return values[rows, place].flatten(0, 1)[kept]

    return Pieces(
        parent=pieces.parent.repeat_interleave(MOST_PIECES)[kept],
        weights=choose(with_middles(pieces.weights)),
        corners=choose(with_middles(pieces.corners)),
        indices=tuple(choose(torch.cat([each, number_middles(each, sides)], dim=1)) for each in pieces.indices),
        fresh=(pattern > 0).repeat_interleave(MOST_PIECES)[kept],
    )


def table(device: torch.device) -> Tensor:
    """`PIECES` as a tensor [8, 4, 3], filled up with −1."""
    rows = [[*pieces, *[(-1, -1, -1)] * (MOST_PIECES - len(pieces))] for pieces in PIECES]
    return torch.tensor(rows, device=device)


def with_middles(values: Tensor) -> Tensor:
    """Values [F, 3, C] of corners, and after them those of the middles of the sides, [F, 6, C]."""
    return torch.cat([values, (values + values.roll(-1, 1)) / 2], dim=1)


def number_middles(indices: Tensor, sides: Tensor) -> Tensor:
    """Numbers [F, 3] for the middles of marked sides: a new one for each two ends; that of the ends if they are one."""
    keys = side_keys(indices)
    cut_sides = sides & (indices != indices.roll(-1, 1))
    _, order = torch.unique(keys[cut_sides], return_inverse=True)
    first = int(indices.max()) + 1 if indices.numel() else 0
    return indices.masked_scatter(cut_sides, order + first)
