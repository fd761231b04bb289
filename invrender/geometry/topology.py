"""How faces meet: sides, edges, closedness and connected parts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
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
    high = int(faces.max()) + 1 if faces.numel() else 1
    edge, side = sort_stably(torch.minimum(start, end) * high + torch.maximum(start, end), high * high)
    begins = torch.ones_like(edge, dtype=torch.bool)
    torch.ne(edge[1:], edge[:-1], out=begins[1:])
    first = begins.nonzero()[:, 0]
    return Sides(side, start > end, first, first.diff(append=first.new_tensor([len(edge)])))


def sort_stably(keys: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """Keys [N] from 0 to ``size`` in order, and where each of them was.

    On the CPU a key and its place in one number are sorted in a tenth of the time, where 64 bits are enough for both.
    """
    count = len(keys)
    if keys.device.type != "cpu" or size * count >= 2**63:
        return torch.sort(keys, stable=True)
    both = np.sort((keys * count + torch.arange(count)).numpy())
    ordered = both // max(count, 1)
    return torch.from_numpy(ordered), torch.from_numpy(both - ordered * count)


def is_closed(faces: Tensor) -> bool:
    """Whether every edge of ``faces`` [F, 3] has two faces."""
    return sort_sides(faces).closed


def label_connected(links: Tensor, count: int) -> Tensor:
    """For each of ``count`` nodes the lowest node that it is connected with through ``links`` [L, 2]."""
    label = torch.arange(count)
    first, second = links.T
    while len(first):
        # What links are left join the lowest nodes of two parts, of which the higher is put under the lower.
        label.scatter_reduce_(0, torch.maximum(first, second), torch.minimum(first, second), "amin")
        while not torch.equal(following := label[label], label):
            label = following
        first, second = label[first], label[second]
        between = first != second
        first, second = first[between], second[between]
    return label
