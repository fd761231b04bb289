"""The visual hull: what lies within all masks, as a mesh (Laurentini, 1994, doi:10.1109/34.273735)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations
from typing import Any

import numpy as np
import torch
from torch import Tensor

from invrender.errors import UserError
from invrender.geometry.cameras import homogeneous_pixels
from invrender.scene import Camera

Array = np.ndarray[Any, Any]

# Where to look first, in radii of the sphere that is as large as the masks; and by how many cells.
FAR, COARSE = 3.0, 32
# Corners of a fine grid around what a coarse one finds, in cells of the coarse one.
AROUND = 1.5
# Corners of triangles keep so far from those of the grid, as a share of its edges.
LEAST = 0.05


def carve(
    cameras: Sequence[Camera], masks: Sequence[Tensor], center: Tensor, radius: float, cells: int
) -> tuple[Tensor, Tensor]:
    """The vertices [V, 3], float32, and faces [F, 3] of the surface of what all masks [H, W] show.

    center, radius: of a sphere about as large as the object. cells: along the longest side of the box around it.
    A mask that ends at the border of its picture goes on beyond it as it is there.

    Raises `UserError` where nothing is in all masks.
    """
    low, high = center.double() - FAR * radius, center.double() + FAR * radius
    rough = sample_inside(cameras, masks, low, high, COARSE)
    if not bool((rough.values > 0).any()):
        raise UserError(
            "nothing lies within all masks: check the cameras, and that masks are white where the object is"
        )
    place = torch.nonzero(rough.values > 0)
    step = rough.step
    fine = sample_inside(
        cameras,
        masks,
        low + (place.amin(dim=0) - AROUND) * step,
        low + (place.amax(dim=0) + AROUND) * step,
        cells,
    )
    points, faces = march(blur(fine.values).numpy())
    return (fine.low + fine.step * torch.from_numpy(points)).float(), torch.from_numpy(faces)


class Samples:
    """Numbers [X, Y, Z] at the corners of cubes of side ``step``, the first at ``low`` [3]; above 0 is inside."""

    def __init__(self, values: Tensor, low: Tensor, step: float) -> None:
        self.values, self.low, self.step = values, low, step


def sample_inside(cameras: Sequence[Camera], masks: Sequence[Tensor], low: Tensor, high: Tensor, cells: int) -> Samples:
    """How far inside of all masks the corners of cubes in a box are; the border of the box is outside."""
    step = float((high - low).max()) / cells
    counts = ((high - low) / step).ceil().long() + 1
    axes = [low[axis] + step * torch.arange(int(count)) for axis, count in enumerate(counts)]
    points = torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1).reshape(-1, 3)
    least = torch.full((len(points),), 0.5, dtype=torch.float64)
    for camera, mask in zip(cameras, masks, strict=True):
        least = torch.minimum(least, sample_mask(camera, mask, points) - 0.5)
    values = least.reshape(*counts.tolist())
    inner = torch.zeros_like(values, dtype=torch.bool)
    inner[1:-1, 1:-1, 1:-1] = True
    return Samples(torch.where(inner, values, values.clamp(max=-0.5)), low, step)


def blur(values: Tensor) -> Tensor:
    """Values [X, Y, Z] mixed with their neighbours', 1 : 2 : 1 along each axis: masks have steps, and surfaces none."""
    for axis in range(3):
        padded = torch.cat(
            [values.narrow(axis, 0, 1), values, values.narrow(axis, values.shape[axis] - 1, 1)], dim=axis
        )
        count = values.shape[axis]
        one, other = (padded.narrow(axis, start, count) for start in (0, 2))
        values = (one + 2 * values + other) / 4
    return values


def sample_mask(camera: Camera, mask: Tensor, points: Tensor) -> Tensor:
    """A mask [H, W] where a camera sees points [N, 3], bilinear; outside of its picture as at the border."""
    seen = homogeneous_pixels(camera, points.to(camera.intrinsics)).double()
    scale = torch.tensor([2 / camera.width, 2 / camera.height], dtype=torch.float64)
    place = seen[:, :2] / seen[:, 2:3].clamp(min=1e-9) * scale - 1
    found = torch.nn.functional.grid_sample(
        mask.double()[None, None], place[None, None], align_corners=False, padding_mode="border"
    )[0, 0, 0]
    return torch.where(seen[:, 3] > 0, found, 0.0)


def march(values: Array) -> tuple[Array, Array]:
    """The surface between corners above 0 and the others, of values [X, Y, Z]: points [V, 3] in cells, faces [F, 3].

    Each cube is six tetrahedra along its diagonal (Doi and Koide, 1991), whose sides meet in neighbouring cubes: the
    surface is closed where the border is not above 0. Faces look from the inside to the outside.
    """
    flat, corners = values.reshape(-1), tetrahedra(values.shape)
    inside = flat[corners] > 0
    count = inside.sum(axis=1)
    kept = (count > 0) & (count < 4)
    # Those inside come first.
    order = np.argsort(~inside[kept], axis=1, kind="stable")
    corners, count = np.take_along_axis(corners[kept], order, axis=1), count[kept]
    a, b, c, d = corners.T
    sides = {
        1: [((a, b), (a, c), (a, d))],
        2: [((a, c), (a, d), (b, d)), ((a, c), (b, d), (b, c))],
        3: [((a, d), (b, d), (c, d))],
    }
    triangles = [
        np.stack([np.stack(edge, axis=1)[count == number] for edge in triangle], axis=1)
        for number, some in sides.items()
        for triangle in some
    ]
    edges = np.concatenate(triangles)  # [F, 3, 2], from the inside to the outside
    unique, faces = np.unique(edges.reshape(-1, 2), axis=0, return_inverse=True)
    places = np.stack(np.unravel_index(unique, values.shape), axis=-1).astype(float)
    one, other = flat[unique].T
    share = np.clip(one / np.maximum(one - other, 1e-30), LEAST, 1 - LEAST)[:, None]
    points = places[:, 0] + share * (places[:, 1] - places[:, 0])
    return points, outwards(points, faces.reshape(-1, 3), places[:, 1] - places[:, 0])


def outwards(points: Array, faces: Array, along: Array) -> Array:
    """The faces [F, 3], turned so that they look along the edges [V, 3] on which their corners lie."""
    a, b, c = points[faces].transpose(1, 0, 2)
    turned = (np.cross(b - a, c - a) * along[faces].sum(axis=1)).sum(axis=1) < 0
    return np.where(turned[:, None], faces[:, ::-1], faces)


def tetrahedra(shape: tuple[int, ...]) -> Array:
    """The corners [T, 4] of six tetrahedra in each cube of a grid of corners [X, Y, Z], as numbers in its order."""
    number = np.arange(np.prod(shape)).reshape(shape)
    first = number[:-1, :-1, :-1].reshape(-1, 1)
    strides = np.array([shape[1] * shape[2], shape[2], 1])
    paths = [np.cumsum([0, *strides[list(order)]]) for order in permutations(range(3))]
    return np.concatenate([first + path for path in paths])
