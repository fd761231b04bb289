"""How faces meet: sides, edges, closedness and connected parts."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Sides:
    """The three sides of each face, those of one edge one after the other.

    side: [3 F] int64, 3 × face + number: from that corner of the face to the next. turned: [3 F] bool, by that number
    and not in this order: whether a side runs from the higher to the lower vertex. first: [E] int64, where each edge
    begins. count: [E], of its sides.
    """

    side: Tensor
    turned: Tensor
    first: Tensor
    count: Tensor

    @property
    def pairs(self) -> tuple[Tensor, Tensor]:
        """The two sides [P] of each edge at which just two faces meet."""
        begin = self.first[self.count == 2]
        return self.side[begin], self.side[begin + 1]

    @property
    def alone(self) -> Tensor:
        """The sides [A] of all other edges."""
        return self.side[(self.count != 2).repeat_interleave(self.count)]

    @property
    def closed(self) -> bool:
        """Whether just two faces meet at every edge."""
        return bool((self.count == 2).all())

    def ends(self, indices: Tensor, side: Tensor) -> Tensor:
        """What ``indices`` [F, 3] have at the two ends of sides [S], [S, 2]; of turned ones the last one first."""
        face, number, turned = torch.div(side, 3, rounding_mode="floor"), side % 3, self.turned[side]
        one, other = indices[face, number], indices[face, (number + 1) % 3]
        return torch.stack([torch.where(turned, other, one), torch.where(turned, one, other)], dim=1)


def sort_sides(faces: Tensor) -> Sides:
    """The sides of ``faces`` [F, 3], by their vertices; of one edge in the order of the faces."""
    start, end = faces.reshape(-1), faces.roll(-1, 1).reshape(-1)
    key = torch.minimum(start, end) * (int(faces.max()) + 1 if faces.numel() else 1) + torch.maximum(start, end)
    key, side = torch.sort(key, stable=True)
    _, count = torch.unique_consecutive(key, return_counts=True)
    return Sides(side, start > end, count.cumsum(0) - count, count)


def is_closed(faces: Tensor) -> bool:
    """Whether every edge of ``faces`` [F, 3] has two faces."""
    return sort_sides(faces).closed


def label_connected(links: Tensor, count: int) -> Tensor:
    """For each of ``count`` nodes the lowest node that it is connected with through ``links`` [L, 2]."""
    label = torch.arange(count)
    first, second = links.T.contiguous()
    while True:
        lowest = torch.minimum(label[first], label[second])
        following = label.scatter_reduce(0, first, lowest, "amin").scatter_reduce(0, second, lowest, "amin")
        following = following[following]
        if torch.equal(following, label):
            return label
        label = following
