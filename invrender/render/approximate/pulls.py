"""Pulls of pixels at the edges of faces, as the Neural 3D Mesh Renderer has them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

LINES_AT_ONCE = 1 << 12


@dataclass(frozen=True)
class Lines:
    """Where edges of faces cross rows and columns of pixels, N times; whole coordinates are pixels' centres.

    face: [N] into the faces given. corner: [N], the first of the edge's corners. axis: [N], 0 where columns are crossed
    and 1 for rows. line: [N], which of them. start, end, third: [N, 2], the corners, along the axis and across it.
    cross: [N], where the edge crosses. outward: [N], ±1. inner: [N], the last pixel of the face there.
    """

    face: Tensor
    corner: Tensor
    axis: Tensor
    line: Tensor
    start: Tensor
    end: Tensor
    third: Tensor
    cross: Tensor
    outward: Tensor
    inner: Tensor

    def pixels(self, place: Tensor, width: int) -> Tensor:
        """The numbers of the pixels at places [N, …] across the lines."""
        shape = (-1, *[1] * (place.ndim - 1))
        line, columns = self.line.reshape(shape), (self.axis == 0).reshape(shape)
        return torch.where(columns, place * width + line, line * width + place)

    def select(self, chosen: Tensor | slice) -> Lines:
        """Some of them."""
        return Lines(*(getattr(self, name)[chosen] for name in self.__dataclass_fields__))


def edge_pulls(
    points: Tensor, numbers: Tensor, winner: Tensor, values: Tensor, cotangent: Tensor, height: int, width: int,
    epsilon: float,
) -> Tensor:  # fmt: skip
    """The gradient [F, 3, 2] of faces' corners by the rule of `nmr`. The slow twin of the kernel.

    points: [F, 3, 2], pixels. numbers: [F], of these faces in winner [P]. values, cotangent: [P, C], the picture and
    the loss's gradient. epsilon: pixels.
    """
    pulls = torch.zeros_like(points)
    for lines, _, pull in find_pulls(points, numbers, winner, values, cotangent, height, width, epsilon):
        for corner in range(2):
            place = lines.face, (lines.corner + corner) % 3, 1 - lines.axis
            pulls.index_put_(place, pull[corner].sum(dim=1), accumulate=True)
    return pulls


def pixel_pulls(
    points: Tensor, numbers: Tensor, winner: Tensor, values: Tensor, cotangent: Tensor, motion: Tensor, height: int,
    width: int, epsilon: float,
) -> Tensor:  # fmt: skip
    """What each pixel adds, [P], to the product of `edge_pulls` and a motion [F, 3, 2]. The slow twin of the kernel."""
    shares = points.new_zeros(len(winner))
    for lines, pixel, pull in find_pulls(points, numbers, winner, values, cotangent, height, width, epsilon):
        for corner in range(2):
            moved = motion[lines.face, (lines.corner + corner) % 3, 1 - lines.axis]
            shares.index_add_(0, pixel.reshape(-1), (pull[corner] * moved[:, None]).reshape(-1))
    return shares


def find_pulls(
    points: Tensor, numbers: Tensor, winner: Tensor, values: Tensor, cotangent: Tensor, height: int, width: int,
    epsilon: float,
) -> Iterator[tuple[Lines, Tensor, Tensor]]:  # fmt: skip
    """Lines, some at a time, with their pixels [N, S] and how these pull at the ends of the edges, [2, N, S]."""
    every = find_lines(points, height, width)
    for begin in range(0, len(every.face), LINES_AT_ONCE):
        lines = every.select(slice(begin, begin + LINES_AT_ONCE))
        size = torch.where(lines.axis == 0, height, width)[:, None]
        place = torch.arange(max(height, width), device=points.device).expand(len(lines.face), -1)
        pixel = lines.pixels(place.minimum(size - 1), width)
        asked = wanted_changes(lines, place, pixel, numbers, winner, values, cotangent, width) * (place < size)
        share = (lines.line - lines.start[:, 0]) / (lines.end[:, 0] - lines.start[:, 0])
        levers = torch.stack([1 - share, share])[..., None]
        distance = (place - lines.cross[:, None]) / torch.where(levers == 0, 1, levers)
        distance = torch.where(distance > 0, distance + epsilon, distance - epsilon)
        yield lines, pixel, -asked / distance * (levers != 0)


def find_lines(points: Tensor, height: int, width: int) -> Lines:
    """The rows and columns that the edges of faces [F, 3, 2] cross between two pixels of the picture."""
    centred = points - 0.5
    found = [lines_of(centred, corner, axis, (width, height)) for corner in range(3) for axis in range(2)]
    return Lines(*(torch.cat([getattr(each, name) for each in found]) for name in Lines.__dataclass_fields__))


def lines_of(centred: Tensor, corner: int, axis: int, size: tuple[int, int]) -> Lines:
    """Those of one edge of each face along one axis."""
    ordered = centred.roll(-corner, dims=1)
    start, end, third = (ordered.flip(2) if axis else ordered).unbind(1)
    low, high = start[:, 0].minimum(end[:, 0]), start[:, 0].maximum(end[:, 0])
    first = low.ceil().clamp(min=0).long()
    last = high.floor().clamp(max=size[axis] - 1).long()
    count = torch.where(low < high, last - first + 1, 0).clamp(min=0)
    face = torch.arange(len(count), device=count.device).repeat_interleave(count)
    line = first[face] + torch.arange(len(face), device=face.device) - (count.cumsum(0) - count)[face]
    start, end, third = start[face], end[face], third[face]
    slope = (end[:, 1] - start[:, 1]) / (end[:, 0] - start[:, 0])
    cross = start[:, 1] + slope * (line - start[:, 0])
    below = third[:, 1] < start[:, 1] + slope * (third[:, 0] - start[:, 0])
    outward = torch.where(below, 1, -1)
    inner = torch.where(below, cross.floor(), cross.ceil()).long()
    inside = ((inner.minimum(inner + outward) >= 0) & (inner.maximum(inner + outward) < size[1 - axis])).nonzero()[:, 0]
    same = torch.full_like(face, corner), torch.full_like(face, axis)
    return Lines(face, *same, line, start, end, third, cross, outward, inner).select(inside)


def wanted_changes(
    lines: Lines, place: Tensor, pixel: Tensor, numbers: Tensor, winner: Tensor, values: Tensor, cotangent: Tensor,
    width: int,
) -> Tensor:  # fmt: skip
    """How much the loss would fall, [N, S], at each pixel of lines, were the edge beyond it; 0 where it would not."""
    inner, outer = lines.inner[:, None], (lines.inner + lines.outward)[:, None]
    ahead = (place - outer) * lines.outward[:, None] >= 0
    own = winner[pixel] == numbers[lines.face][:, None]
    shows = winner[lines.pixels(lines.inner, width)] == numbers[lines.face]
    far = opposite_places(lines)[:, None]
    behind = own & (place >= inner.minimum(far)) & (place <= inner.maximum(far))
    taken = torch.where(ahead[..., None], values[lines.pixels(inner, width)], values[lines.pixels(outer, width)])
    change = ((values[pixel] - taken) * cotangent[pixel]).sum(dim=2)
    return change.clamp(min=0) * ((ahead & shows[:, None]) | (behind & ~ahead))


def opposite_places(lines: Lines) -> Tensor:
    """The pixels [N] across the lines at which their faces end, on the other side from the edges."""
    line = lines.line.to(lines.cross)
    at_start = (line - lines.start[:, 0]) * (line - lines.third[:, 0]) < 0
    near = torch.where(at_start[:, None], lines.start, lines.end)
    run = lines.third[:, 0] - near[:, 0]
    slope = (lines.third[:, 1] - near[:, 1]) / torch.where(run == 0, 1, run)
    place = torch.where(run == 0, lines.inner.to(line), near[:, 1] + slope * (line - near[:, 0]))
    return torch.where(lines.outward > 0, place.ceil(), place.floor()).long()
