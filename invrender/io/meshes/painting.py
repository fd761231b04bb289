"""What the parts of a mesh look like, as one colour and one texture, of any number of channels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar

import numpy as np
import torch
from torch import Tensor

from invrender.errors import UserError
from invrender.images.resample import resize_area
from invrender.io.meshes.content import Array, Wrap
from invrender.io.meshes.tiles import Tiles, tile
from invrender.io.meshes.welding import welded
from invrender.scene import Mesh

# Texels between charts, so that the first levels of a texture's pyramid don't mix them, and what charts' places are
# multiples of.
GUTTER, GRID = 8, 16
SWATCH = 2
MOST_TEXELS = 4096**2


@dataclass(frozen=True)
class Paint:
    """What a part looks like.

    color: [C], linear; multiplies the picture [H, W, C], where there is one. wrap: what is beyond its borders.
    """

    color: Tensor
    picture: Tensor | None = None
    wrap: tuple[Wrap, Wrap] = ("repeat", "repeat")

    def same(self, other: Paint) -> bool:
        """Whether both look alike."""
        alike = self.picture is other.picture and (self.picture is None or self.wrap == other.wrap)
        return alike and torch.equal(self.color, other.color)


@dataclass(frozen=True)
class Painted:
    """A mesh with texture coordinates in [0, 1], its colour [C] and its texture [H, W, C] or None.

    notes: how it differs from what was to be painted, in sentences.
    """

    mesh: Mesh
    color: Tensor
    texture: Tensor | None
    notes: tuple[str, ...] = ()


class Comparable(Protocol):
    """What can look like another one."""

    def same(self, other: Any, /) -> bool:
        """Whether both look alike."""
        ...


Alike = TypeVar("Alike", bound=Comparable)


def distinct(paints: Sequence[Alike], part: Tensor) -> tuple[list[Alike], Tensor]:
    """The paints that differ, and the part of each face [F] among them."""
    found: list[Alike] = []
    numbers = []
    for paint in paints:
        number = next((number for number, other in enumerate(found) if paint.same(other)), len(found))
        found += [paint] if number == len(found) else []
        numbers.append(number)
    return found, torch.tensor(numbers)[part]


def paint(mesh: Mesh, part: Tensor, paints: list[Paint]) -> Painted:
    """Paint the faces of a mesh, each with the paint of its ``part`` [F].

    One paint stays what it is, its picture repeated as far as the texture coordinates reach. Several become one
    texture: each picture in a place of its own, multiplied by its colour, and a few texels for each plain colour.
    """
    if len(paints) == 1:
        return paint_all(mesh, paints[0])
    if all(each.picture is None for each in paints):
        return paint_plain(mesh, part, paints)
    return paint_atlas(mesh, part, paints)


def paint_all(mesh: Mesh, paint: Paint) -> Painted:
    """One paint for all faces."""
    if paint.picture is None or mesh.uv is None or mesh.uv_faces is None:
        return Painted(mesh, paint.color, paint.picture)
    corners = mesh.uv.double().numpy()[mesh.uv_faces.numpy()]
    height, width = paint.picture.shape[:2]
    tiles = tile(corners, height, width, paint.wrap)
    if tiles.unchanged or paint.wrap == ("clamp", "clamp"):
        return Painted(mesh, paint.color, paint.picture)
    picture, tiles, notes = cut_out(paint.picture, corners, tiles, paint.wrap)
    return Painted(with_corners(mesh, tiles.places(corners) / tiles.size), paint.color, picture, notes)


def cut_out(
    picture: Tensor, corners: Array, tiles: Tiles, wrap: tuple[Wrap, Wrap]
) -> tuple[Tensor, Tiles, tuple[str, ...]]:
    """The picture as far as texture coordinates reach, smaller where this were too large, and the tiles of that.

    Raises `UserError` where it repeats too often for any picture.
    """
    notes: list[str] = []
    texels = float(tiles.size.prod())
    if texels > MOST_TEXELS:
        factor = math.sqrt(MOST_TEXELS / texels)
        height, width = (max(1, int(side * factor)) for side in picture.shape[:2])
        notes.append(
            f"its texture repeats so often that it is drawn from {height} x {width} texels instead of "
            f"{picture.shape[0]} x {picture.shape[1]}"
        )
        picture = resize_area(picture, height, width)
        tiles = tile(corners, height, width, wrap)
        if float(tiles.size.prod()) > 2 * MOST_TEXELS:
            raise UserError(f"the texture is shown {tiles.counts} times, which is too often to be drawn")
    if tiles.repeats:
        notes.append(
            f"its texture repeats, and is drawn as {tiles.counts} copies side by side; recover=texture finds each "
            "copy by itself"
        )
    rows, columns = (torch.from_numpy(each) for each in tiles.texels(wrap))
    return picture[rows][:, columns], tiles, tuple(notes)


def with_corners(mesh: Mesh, corners: Array) -> Mesh:
    """The mesh with texture coordinates [F, 3, 2] for the corners of its faces."""
    uv, faces, _ = welded(corners.reshape(-1, 2), np.arange(3 * len(corners)).reshape(-1, 3))
    return replace(mesh, uv=torch.from_numpy(uv), uv_faces=torch.from_numpy(faces))


def paint_plain(mesh: Mesh, part: Tensor, paints: list[Paint]) -> Painted:
    """Plain colours, as a texture of a few texels each, of which faces show the middle."""
    across = math.ceil(math.sqrt(len(paints)))
    down = math.ceil(len(paints) / across)
    channels = len(paints[0].color)
    texture = torch.ones(down, across, channels)
    texture.view(-1, channels)[: len(paints)] = torch.stack([each.color for each in paints])
    number = np.arange(len(paints))
    middles = np.stack([(number % across + 0.5) / across, 1 - (number // across + 0.5) / down], axis=1)
    texture = texture.repeat_interleave(SWATCH, 0).repeat_interleave(SWATCH, 1)
    corners = np.repeat(middles[part.numpy()][:, None], 3, axis=1)
    return Painted(with_corners(mesh, corners), torch.ones(channels), texture)


def paint_atlas(mesh: Mesh, part: Tensor, paints: list[Paint]) -> Painted:
    """Several paints, of which some have pictures."""
    assert mesh.uv is not None and mesh.uv_faces is not None
    corners, number = mesh.uv.double().numpy()[mesh.uv_faces.numpy()], part.numpy()
    charts: list[Tensor] = []
    inside = np.zeros_like(corners)  # in texels from the chart's upper left corner
    notes: list[str] = []
    for index, each in enumerate(paints):
        chosen = number == index
        if each.picture is None:
            charts.append(each.color.expand(SWATCH, SWATCH, -1))
            inside[chosen] = SWATCH / 2
            continue
        own = corners[chosen]
        height, width = each.picture.shape[:2]
        picture, tiles, told = cut_out(each.picture, own, tile(own, height, width, each.wrap), each.wrap)
        notes += told
        charts.append(picture * each.color)
        places = tiles.places(own)
        inside[chosen] = np.stack([places[..., 0], picture.shape[0] - places[..., 1]], axis=-1)
    texture, left_top = pack(charts)
    placed = inside + left_top[number][:, None]
    size = np.array([texture.shape[1], texture.shape[0]])
    uv = placed / size
    uv[..., 1] = 1 - uv[..., 1]
    return Painted(with_corners(mesh, uv), torch.ones(texture.shape[-1]), texture, tuple(dict.fromkeys(notes)))


def pack(charts: list[Tensor]) -> tuple[Tensor, Array]:
    """Charts [H, W, C] on one texture, in rows from the tallest to the lowest, and where each begins [K, 2], (x, y).

    Around each its border goes on for `GUTTER` texels.
    """
    sizes = np.array([each.shape[:2] for each in charts])
    cells = -(-(sizes + 2 * GUTTER) // GRID) * GRID
    width = max(int(cells[:, 1].max()), math.ceil(math.sqrt(float(cells.prod(axis=1).sum())) / GRID) * GRID)
    places = np.zeros((len(charts), 2), np.int64)
    x = y = lowest = 0
    for index in np.argsort(-cells[:, 0], kind="stable"):
        if x + cells[index, 1] > width:
            x, y = 0, lowest
        places[index] = x, y
        x += int(cells[index, 1])
        lowest = max(lowest, y + int(cells[index, 0]))
    texture = torch.ones(lowest, width, charts[0].shape[-1])
    for chart, (left, top), (high, wide) in zip(charts, places, cells, strict=True):
        rows = (torch.arange(high) - GUTTER).clamp(0, chart.shape[0] - 1)
        columns = (torch.arange(wide) - GUTTER).clamp(0, chart.shape[1] - 1)
        texture[top : top + high, left : left + wide] = chart[rows][:, columns]
    return texture, places + GUTTER
