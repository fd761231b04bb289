"""What the kernels read: a screen and its surfaces as arrays, and which faces lie in which tile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from torch import Tensor

from invrender.render.backends.numba.compiling import divide_work, entry_point, kernel
from invrender.render.raster.reference import SMALLEST_AREA

if TYPE_CHECKING:
    from invrender.render.raster.screen import Screen
    from invrender.render.shading.surfaces import Surfaces

TILE = 16  # pixels; a tile's sums fit the first-level cache
PARTS = 8  # of the faces, sorted into tiles by themselves
FEW = 1 << 14  # faces that are projected or sorted before another thread is awake

Array = Any  # of NumPy; Numba compiles a kernel for each combination of their types


class Frame(NamedTuple):
    """The arrays of `Screen`."""

    vertices: Array
    triangles: Array
    face: Array
    picture: Array
    winding: Array
    points: Array
    outline: Array
    near: float
    height: int
    width: int
    unit: float

    @classmethod
    def of(cls, screen: Screen, vertices: Tensor, points: Tensor) -> Frame:
        """The arrays of a screen, with its differentiable tensors given apart, as plain ones."""
        return cls(
            array(vertices),
            array(screen.triangles),
            array(screen.face),
            array(screen.picture),
            array(screen.winding),
            array(points),
            array(screen.outline),
            float(screen.near),
            screen.height,
            screen.width,
            screen.unit,
        )


class Surface(NamedTuple):
    """The arrays of `Surfaces`; without vertex colours, ``paint`` is empty."""

    positions: Array
    normals: Array
    uv: Array
    paint: Array
    texels: Array
    materials: Array
    ambient: Array
    lights: Array
    eyes: Array
    faces: Array
    normal_faces: Array
    uv_faces: Array
    textures: Array
    object: Array
    kinds: Array
    parallel: bool
    shiny: bool

    @classmethod
    def of(cls, surfaces: Surfaces | None, *tensors: Tensor) -> Surface:
        """The arrays of surfaces, with their differentiable tensors given apart, as plain ones; or empty arrays."""
        floats = [array(tensor) for tensor in tensors]
        if surfaces is None:
            none = np.zeros((0, 3), np.int64)
            single = np.zeros(0, np.int64)
            return cls._make([*floats, none, none, none, none[None], single, single, False, False])
        whole = (
            surfaces.faces,
            surfaces.normal_faces,
            surfaces.uv_faces,
            surfaces.textures,
            surfaces.object,
            surfaces.kinds,
        )
        return cls._make([*floats, *(array(each) for each in whole), surfaces.parallel, surfaces.shiny])


class Bins(NamedTuple):
    """Which faces may touch which tile.

    box: [G, 4] int32, the pixels (first and last column, first and last row) that a face may touch; last before first
        where it touches none. nearest: [G], the least depth of a face. first: [tiles + 1] int64, into faces: [E] int64,
        about the nearer faces first in each tile.
    """

    box: Array
    nearest: Array
    first: Array
    faces: Array


def array(tensor: Tensor) -> Array:
    """A tensor as a contiguous array that shares its memory where it can."""
    return tensor.detach().contiguous().numpy()


def bin_faces(frame: Frame, reach: float) -> Bins:
    """Sort faces into tiles; reach: pixels by which they are widened."""
    count = len(frame.triangles)
    alone = count < FEW
    box, nearest = np.empty((count, 4), dtype=np.int32), np.empty(count)
    divide_work(lambda begin, end: measure_faces(begin, end, frame, reach, box, nearest), count, alone)
    pictures = int(frame.picture.max()) + 1 if count else 0
    tiles = pictures * tiles_of(frame.height) * tiles_of(frame.width)
    bounds = np.linspace(0, count, PARTS + 1).astype(np.int64)
    counts, none = np.zeros((PARTS, tiles), dtype=np.int64), np.empty(0, dtype=np.int64)
    divide_work(lambda begin, end: into_tiles(begin, end, bounds, frame, box, counts, none), PARTS, alone)
    # Tile by tile, and in each tile part by part.
    ends = counts.T.reshape(-1).cumsum().reshape(tiles, PARTS).T
    first = np.concatenate([[0], ends[-1]])
    faces, position = np.empty(first[-1], dtype=np.int64), np.ascontiguousarray(ends - counts)
    divide_work(lambda begin, end: into_tiles(begin, end, bounds, frame, box, position, faces), PARTS, alone)
    divide_work(lambda begin, end: sort_tiles(begin, end, nearest, first, faces), tiles, alone)
    return Bins(box, nearest, first, faces)


def tiles_of(pixels: int) -> int:
    """How many tiles a side of a picture has."""
    return -(-pixels // TILE)


@entry_point
def classify_faces(begin, end, vertices, triangles, near, cull_backfaces, winding, crossing):
    """Fill in the windings of faces begin … end − 1, 0 for those that can't show, and which cross the near plane."""
    for face in range(begin, end):
        a, b, c = triangles[face]
        front = int(vertices[a, 3] > near) + int(vertices[b, 3] > near) + int(vertices[c, 3] > near)
        winding[face], crossing[face] = 0, 0 < front < 3
        if front == 0:
            continue
        ax, ay, aw = vertices[a, 0] * 1.0, vertices[a, 1] * 1.0, vertices[a, 2] * 1.0
        bx, by, bw = vertices[b, 0] * 1.0, vertices[b, 1] * 1.0, vertices[b, 2] * 1.0
        cx, cy, cw = vertices[c, 0] * 1.0, vertices[c, 1] * 1.0, vertices[c, 2] * 1.0
        determinant = ax * (by * cw - bw * cy) + ay * (bw * cx - bx * cw) + aw * (bx * cy - by * cx)
        if determinant < 0.0 or (determinant > 0.0 and not cull_backfaces):
            winding[face] = 1 if determinant > 0.0 else -1


@kernel
def covered_box(frame, g, reach):
    """The first and last column, the first and last row, of the pixels that face g, widened, may touch."""
    start = frame.outline[g, 0]
    low_x = high_x = frame.points[start, 0] + 0.0
    low_y = high_y = frame.points[start, 1] + 0.0
    for k in range(1, frame.outline.shape[1]):
        x, y = frame.points[frame.outline[g, k], 0], frame.points[frame.outline[g, k], 1]
        low_x, high_x = min(low_x, x), max(high_x, x)
        low_y, high_y = min(low_y, y), max(high_y, y)
    return (
        int(max(0.0, np.ceil(min(low_x - reach - 0.5, frame.width * 1.0)))),
        int(min(frame.width - 1.0, np.floor(max(high_x + reach - 0.5, -1.0)))),
        int(max(0.0, np.ceil(min(low_y - reach - 0.5, frame.height * 1.0)))),
        int(min(frame.height - 1.0, np.floor(max(high_y + reach - 0.5, -1.0)))),
    )


@entry_point
def measure_faces(begin, end, frame, reach, box, nearest):
    """Fill the boxes [G, 4] and the least depths [G] of faces begin … end − 1."""
    sides = frame.outline.shape[1]
    for g in range(begin, end):
        start = frame.outline[g, 0]
        area = 0.0
        for k in range(1, sides):
            here, ahead = frame.outline[g, k], frame.outline[g, (k + 1) % sides]
            # Measured from a corner: far from the picture's origin the products of a small face would cancel.
            area += (frame.points[here, 0] - frame.points[start, 0]) * (frame.points[ahead, 1] - frame.points[start, 1])
            area -= (frame.points[here, 1] - frame.points[start, 1]) * (frame.points[ahead, 0] - frame.points[start, 0])
        box[g, 0], box[g, 1], box[g, 2], box[g, 3] = covered_box(frame, g, reach)
        if not abs(area) * frame.unit**2 > SMALLEST_AREA or box[g, 3] < box[g, 2]:
            box[g, 1] = box[g, 0] - 1
        a, b, c = frame.triangles[g]
        nearest[g] = min(frame.vertices[a, 3], frame.vertices[b, 3], frame.vertices[c, 3])


@entry_point
def into_tiles(begin, end, bounds, frame, box, position, faces):
    """Move position [parts, tiles] on by one for each tile that a face of parts begin … end − 1 touches.

    The face is written down there, unless ``faces`` has no room: then they are counted.
    """
    across, down = (frame.width + TILE - 1) // TILE, (frame.height + TILE - 1) // TILE
    for part in range(begin, end):
        for g in range(bounds[part], bounds[part + 1]):
            if box[g, 0] <= box[g, 1]:
                for row in range(box[g, 2] // TILE, box[g, 3] // TILE + 1):
                    for column in range(box[g, 0] // TILE, box[g, 1] // TILE + 1):
                        tile = (frame.picture[g] * down + row) * across + column
                        if len(faces) > 0:
                            faces[position[part, tile]] = g
                        position[part, tile] += 1


@entry_point
def sort_tiles(begin, end, nearest, first, faces):
    """Put the faces of tiles begin … end − 1 in order of depth, as well as as many buckets tell them apart."""
    for tile in range(begin, end):
        own = faces[first[tile] : first[tile + 1]]
        if len(own) < 2:
            continue
        before = own.copy()
        low = high = nearest[own[0]]
        for g in own:
            low, high = min(low, nearest[g]), max(high, nearest[g])
        scale = (len(own) - 1) / (high - low) if high > low else 0.0
        position = np.zeros(len(own) + 1, dtype=np.int64)
        for g in own:
            position[int((nearest[g] - low) * scale) + 1] += 1
        for bucket in range(1, len(position)):
            position[bucket] += position[bucket - 1]
        for g in before:
            bucket = int((nearest[g] - low) * scale)
            own[position[bucket]] = g
            position[bucket] += 1
