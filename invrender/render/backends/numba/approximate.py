"""Rules of approximate gradients: `approximate.slopes` and `approximate.pulls` in scalars."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from invrender.render.backends.numba.compiling import divide_work, entry_point, kernel
from invrender.render.backends.numba.frame import FEW, Array, array


def picture_slopes(values: Tensor, outline: Tensor, height: int, width: int) -> Tensor:
    """The fast twin of `slopes.picture_slopes`."""
    picture, at_outline = array(values), array(outline)
    slopes = np.empty((*picture.shape, 2), picture.dtype)

    def run(begin: int, end: int) -> None:
        differ(begin, end, picture, at_outline, height, width, slopes)

    divide_work(run, height, len(picture) < FEW)
    return torch.from_numpy(slopes)


@entry_point
def differ(begin, end, picture, outline, height, width, slopes):
    """Fill in the slopes of rows begin … end − 1."""
    for pixel in range(begin * width, end * width):
        column, row = pixel % width, pixel // width
        for c in range(picture.shape[1]):
            slopes[pixel, c, 0] = slope_along(picture, outline, pixel, c, 1, column > 0, column < width - 1)
            slopes[pixel, c, 1] = slope_along(picture, outline, pixel, c, width, row > 0, row < height - 1)


@kernel
def slope_along(picture, outline, pixel, c, step, has_before, has_after):
    """The slope of a channel at a pixel; its neighbours, where they are there, are ``step`` pixels before and after."""
    total, inside, count = 0.0, 0.0, 0
    for side in range(2):
        if has_after if side else has_before:
            first = pixel if side else pixel - step
            change = picture[first + step, c] * 1.0 - picture[first, c]
            total += change
            if not (outline[first] or outline[first + step]):
                inside += change
                count += 1
    if count:
        return inside / count
    return total if has_before and has_after else 2.0 * total


class Asked(NamedTuple):
    """What pixels show, and what a loss asks of them.

    winner: [P], the face that each shows. values, cotangent: [P, C], the picture and the loss's gradient.
    height, width: of the picture. epsilon: added to distances, pixels.
    """

    winner: Array
    values: Array
    cotangent: Array
    height: int
    width: int
    epsilon: float


def edge_pulls(
    points: Tensor, numbers: Tensor, winner: Tensor, values: Tensor, cotangent: Tensor, height: int, width: int,
    epsilon: float,
) -> Tensor:  # fmt: skip
    """The fast twin of `pulls.edge_pulls`."""
    corners, face = array(points), array(numbers)
    asked = Asked(array(winner), array(values), array(cotangent), height, width, epsilon)
    found = np.zeros_like(corners)
    none = np.empty(0)

    def run(begin: int, end: int) -> None:
        pull_faces(begin, end, asked, corners, face, found, corners, none)

    divide_work(run, len(face), len(face) < FEW)
    return torch.from_numpy(found)


def pixel_pulls(
    points: Tensor, numbers: Tensor, winner: Tensor, values: Tensor, cotangent: Tensor, motion: Tensor, height: int,
    width: int, epsilon: float,
) -> Tensor:  # fmt: skip
    """The fast twin of `pulls.pixel_pulls`."""
    corners, face, moving = array(points), array(numbers), array(motion)
    asked = Asked(array(winner), array(values), array(cotangent), height, width, epsilon)
    shares = np.zeros(len(winner))
    pull_faces(0, len(face), asked, corners, face, np.zeros_like(corners), moving, shares)
    return torch.from_numpy(shares).to(points.dtype)


@entry_point
def pull_faces(begin, end, asked, points, numbers, pulls, motion, shares):
    """Fill in the pulls at the edges of faces begin … end − 1, each edge along both axes.

    shares: [P], to which each pixel's part of the pulls along motion [F, 3, 2] is added, or empty.
    """
    for face in range(begin, end):
        for corner in range(3):
            for axis in range(2):
                pull_edge(asked, points[face], numbers[face], corner, axis, pulls[face], motion[face], shares)


@kernel
def pull_edge(asked, points, number, corner, axis, pulls, motion, shares):
    """Add the pulls at one edge of face ``number`` in all columns, axis 0, or rows, axis 1, that it crosses."""
    a, b, c = corner, (corner + 1) % 3, (corner + 2) % 3
    lines, size = (asked.height, asked.width) if axis else (asked.width, asked.height)
    step, stride = (1, asked.width) if axis else (asked.width, 1)  # from pixel to pixel of a line, from line to line
    start = points[a, axis] - 0.5, points[a, 1 - axis] - 0.5
    end = points[b, axis] - 0.5, points[b, 1 - axis] - 0.5
    third = points[c, axis] - 0.5, points[c, 1 - axis] - 0.5
    if start[0] == end[0]:
        return
    slope = (end[1] - start[1]) / (end[0] - start[0])
    outward = 1 if third[1] < start[1] + slope * (third[0] - start[0]) else -1
    first = max(math.ceil(min(start[0], end[0])), 0.0)
    last = min(math.floor(max(start[0], end[0])), lines - 1.0)
    for line in range(int(first), int(last) + 1):
        cross = start[1] + slope * (line - start[0])
        inner = int(math.floor(cross) if outward > 0 else math.ceil(cross)) if -2.0 < cross < size + 1.0 else -1
        outer = inner + outward
        if min(inner, outer) < 0 or max(inner, outer) >= size:
            continue
        base = line * stride
        levers = (end[0] - line) / (end[0] - start[0]), (line - start[0]) / (end[0] - start[0])
        if asked.winner[base + inner * step] == number:
            for away in range(size - outer if outward > 0 else outer + 1):
                place = outer + away * outward
                change = gain(asked, base + place * step, base + inner * step)
                along = add_pull(asked, pulls, motion, (a, b), 1 - axis, levers, place - cross, change)
                if len(shares):
                    shares[base + place * step] += along
        far = opposite(line, start, end, third, outward, inner)
        for place in range(max(min(inner, far), 0), min(max(inner, far), size - 1) + 1):
            if (place - outer) * outward < 0 and asked.winner[base + place * step] == number:
                change = gain(asked, base + place * step, base + outer * step)
                along = add_pull(asked, pulls, motion, (a, b), 1 - axis, levers, place - cross, change)
                if len(shares):
                    shares[base + place * step] += along


@kernel
def opposite(line, start, end, third, outward, inner):
    """The pixel of a line at which a face ends, on the other side from its edge."""
    x, y = start if (line - start[0]) * (line - third[0]) < 0.0 else end
    if third[0] == x:
        return inner
    place = y + (third[1] - y) / (third[0] - x) * (line - x)
    return int(math.ceil(place) if outward > 0 else math.floor(place))


@kernel
def gain(asked, pixel, taken):
    """How much the loss would fall if a pixel had the colour of another one, ``taken``; 0 where it would not."""
    change = 0.0
    for c in range(asked.values.shape[1]):
        change += (asked.values[pixel, c] * 1.0 - asked.values[taken, c]) * asked.cotangent[pixel, c]
    return max(change, 0.0)


@kernel
def add_pull(asked, pulls, motion, ends, component, levers, away, change):
    """Pull an edge's ends so that it moves ``away`` pixels where it is crossed; how much that is along their motion.

    levers: how much each end moves the edge there.
    """
    along = 0.0
    for k in range(2):
        if levers[k] != 0.0 and change > 0.0:
            distance = away / levers[k]
            pull = -change / (distance + asked.epsilon if distance > 0.0 else distance - asked.epsilon)
            pulls[ends[k], component] += pull
            along += pull * motion[ends[k], component]
    return along
