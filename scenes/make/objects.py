"""Painted patches become one object's files: a mesh (OBJ, MTL) and a texture (PNG)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from make.arrays import Array
from make.surfaces import Surface

Paint = Callable[[Array, Array, Array], Array]  # (s [...], t [...], positions [..., 3]) to sRGB colours [..., 3]

MARGIN = 2  # texels that a chart's colours go on for, beyond each of its edges
DECIMALS = 6  # of the numbers in an OBJ file; positions that agree to this are one vertex


@dataclass(frozen=True)
class Patch:
    """A piece of surface with its paint. It is cut into columns × rows quads and has a chart of its own."""

    surface: Surface
    paint: Paint
    columns: int
    rows: int


@dataclass(frozen=True)
class Shelf:
    """Charts of equal width side by side in the texture, ``height`` texels high with their margins."""

    height: int
    patches: Sequence[Patch]


@dataclass(frozen=True)
class Chart:
    """Where a patch lies in the texture: a rectangle in texels, x to the right and y down, margins included."""

    patch: Patch
    left: int
    top: int
    width: int
    height: int
    margin: int

    def texels_from_patch(self, s: Array, t: Array) -> Array:
        """Texel coordinates [..., 2] of the points (s, t)."""
        x = self.left + self.margin + s * (self.width - 2 * self.margin)
        y = self.top + self.height - self.margin - t * (self.height - 2 * self.margin)
        return np.stack([x, y], axis=-1)

    def colors(self) -> Array:
        """The paint [height, width, 3] at the texels' centres; a margin repeats the colour of the nearest edge."""
        x, y = np.meshgrid(np.arange(self.width) + 0.5, np.arange(self.height) + 0.5)
        s = np.clip((x - self.margin) / (self.width - 2 * self.margin), 0, 1)
        t = np.clip((self.height - self.margin - y) / (self.height - 2 * self.margin), 0, 1)
        return self.patch.paint(s, t, self.patch.surface(s, t))


def write_object(
    folder: Path, name: str, shelves: Sequence[Shelf], size: int, width: float | None = None, margin: int = MARGIN
) -> None:
    """Write ``name``.obj, .mtl and .png; the texture has size × size texels, which the shelves fill from the top.

    width: the object's extent in x, to which it is scaled, with the middle of its bounding box at the origin; None
        leaves the surfaces where they are.
    """
    charts = packed(shelves, size, margin)
    texture = np.zeros((size, size, 3))
    for chart in charts:
        texture[chart.top : chart.top + chart.height, chart.left : chart.left + chart.width] = chart.colors()
    folder.mkdir(parents=True, exist_ok=True)
    levels = np.round(255 * np.clip(texture, 0, 1)).astype(np.uint8)
    Image.fromarray(levels).save(folder / f"{name}.png")
    lines = [f"newmtl {name}", "Kd 1 1 1", f"map_Kd {name}.png"]
    (folder / f"{name}.mtl").write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
    (folder / f"{name}.obj").write_text(obj_text(name, charts, size, width), encoding="utf-8", newline="\n")


def packed(shelves: Sequence[Shelf], size: int, margin: int) -> list[Chart]:
    """The shelves' charts, which must fill size × size texels from top to bottom."""
    if sum(shelf.height for shelf in shelves) != size:
        raise ValueError(f"the shelves' heights must add up to {size} texels")
    charts, top = [], 0
    for shelf in shelves:
        edges = [round(size * i / len(shelf.patches)) for i in range(len(shelf.patches) + 1)]
        charts += [
            Chart(patch, left, top, right - left, shelf.height, margin)
            for patch, left, right in zip(shelf.patches, edges[:-1], edges[1:], strict=True)
        ]
        top += shelf.height
    return charts


def obj_text(name: str, charts: Sequence[Chart], size: int, width: float | None) -> str:
    """The OBJ file: positions welded across charts, texture coordinates of each chart's own, no normals."""
    positions, texels, faces, count = [], [], [], 0
    for chart in charts:
        columns, rows = chart.patch.columns, chart.patch.rows
        s, t = np.meshgrid(np.arange(columns + 1) / columns, np.arange(rows + 1) / rows)
        grid = chart.patch.surface(s, t)
        positions.append(grid.reshape(-1, 3))
        texels.append(chart.texels_from_patch(s, t).reshape(-1, 2))
        faces.append(count + triangles(grid))
        count += len(positions[-1])
    points = np.concatenate(positions)
    if width is not None:
        low, high = points.min(axis=0), points.max(axis=0)
        points = (points - (low + high) / 2) * width / (high[0] - low[0])
    corners = np.concatenate(faces)
    vertices, vertex = np.unique(rounded(points), axis=0, return_inverse=True)
    vertex_faces = vertex.reshape(-1)[corners]
    # At a pole a side of the quad shrinks to a point, and one of its triangles to a line.
    a, b, c = vertex_faces.T
    kept = (a != b) & (b != c) & (c != a)
    vertex_faces, corners = vertex_faces[kept], corners[kept]
    used, uv_faces = np.unique(corners, return_inverse=True)
    uv = rounded(np.concatenate(texels)[used] * [1, -1] / size + [0, 1])
    lines = [f"mtllib {name}.mtl", f"usemtl {name}"]
    lines += ["v " + " ".join(f"{number:.{DECIMALS}f}" for number in row) for row in vertices]
    lines += ["vt " + " ".join(f"{number:.{DECIMALS}f}" for number in row) for row in uv]
    for face, uv_face in zip(vertex_faces + 1, uv_faces.reshape(-1, 3) + 1, strict=True):
        lines.append("f " + " ".join(f"{v}/{vt}" for v, vt in zip(face, uv_face, strict=True)))
    return "\n".join(lines) + "\n"


def rounded(values: Array) -> Array:
    """Values as an OBJ file gives them; zero has no sign."""
    return np.round(values, DECIMALS) + 0.0


def triangles(grid: Array) -> Array:
    """Counter-clockwise faces [F, 3] into the flattened grid [R + 1, C + 1, 3].

    Each quad is cut along its shorter diagonal.
    """
    rows, columns = grid.shape[0] - 1, grid.shape[1] - 1
    number = np.arange((rows + 1) * (columns + 1)).reshape(rows + 1, columns + 1)
    a, b, c, d = (x.reshape(-1) for x in (number[:-1, :-1], number[:-1, 1:], number[1:, 1:], number[1:, :-1]))
    points = grid.reshape(-1, 3)
    rising, falling = (np.linalg.norm(points[i] - points[j], axis=-1) for i, j in ((a, c), (b, d)))
    # Equal diagonals are the rule on symmetric surfaces; rounding errors must not choose between them.
    rise = (rising <= falling + 1e-9)[:, None]
    first = np.where(rise, np.stack([a, b, c], axis=-1), np.stack([a, b, d], axis=-1))
    second = np.where(rise, np.stack([a, c, d], axis=-1), np.stack([b, c, d], axis=-1))
    return np.stack([first, second], axis=1).reshape(-1, 3)
