"""What the kernels read: the faces of a screen corner by corner, their surfaces, and which faces lie in which tile."""

from __future__ import annotations

from typing import NamedTuple

import torch
import triton.language as tl
from torch import Tensor

from invrender.constants import numbers
from invrender.render.raster.blend import Softness
from invrender.render.raster.reference import boxes, determinants
from invrender.render.raster.screen import Screen
from invrender.render.shading.phong import texel_areas
from invrender.render.shading.surfaces import Surfaces

PICTURES, THINGS, LEVELS, LAMPS = (tl.constexpr(position) for position in range(4))  # positions in `Surface.counts`
TILE = 8  # pixels; a tile is the work of one warp, so that its sums need no shared memory


class Inputs(NamedTuple):
    """The differentiable tensors of a picture of G faces; what is the corners' is gathered face by face.

    outline: [G, K, 2], pixels. vertices: [G, 3, 4]: (x w, y w, w) in pixels and the depth. positions, normals, uv (the
    third 0) and paint (vertex colours): [G, 3, 3]. detail: [G], what turns the cube of a pixel's w into the texels that
    it covers. texels: [X, 3]. materials: [O, 7]. ambient: [B, 3]. lights: [B, L, 6]. eyes: [B, 3]. What isn't needed
    is empty.
    """

    outline: Tensor
    vertices: Tensor
    positions: Tensor
    normals: Tensor
    uv: Tensor
    paint: Tensor
    detail: Tensor
    texels: Tensor
    materials: Tensor
    ambient: Tensor
    lights: Tensor
    eyes: Tensor

    @classmethod
    def of(cls, screen: Screen, surfaces: Surfaces | None) -> Inputs:
        """Gather them, differentiably."""
        empty = screen.vertices.new_zeros(0)
        if surfaces is None:
            return cls(screen.polygon, screen.corners, *([empty] * 10))

        def corners(values: Tensor, faces: Tensor) -> Tensor:
            chosen = faces.index_select(0, screen.face).reshape(-1)
            return values.index_select(0, chosen).reshape(-1, 3, values.shape[1])

        textured = surfaces.texels.shape[0] > 0
        return cls(
            outline=screen.polygon,
            vertices=screen.corners,
            positions=corners(surfaces.vertices, surfaces.faces),
            normals=corners(surfaces.normals, surfaces.normal_faces),
            uv=torch.nn.functional.pad(corners(surfaces.uv, surfaces.uv_faces), (0, 1)) if textured else empty,
            paint=empty if surfaces.colors is None else corners(surfaces.colors, surfaces.faces),
            detail=details(screen, surfaces) if textured else empty,
            texels=surfaces.texels,
            materials=surfaces.materials,
            ambient=surfaces.ambient,
            lights=surfaces.lights,
            eyes=surfaces.eyes,
        )


class Which(NamedTuple):
    """For each of `Inputs`, whether its gradient is wanted, or its tangent given."""

    outline: bool
    vertices: bool
    positions: bool
    normals: bool
    uv: bool
    paint: bool
    detail: bool
    texels: bool
    materials: bool
    ambient: bool
    lights: bool
    eyes: bool


class Indices(NamedTuple):
    """The discrete side of a picture of G faces.

    winding: [G] and picture: [G] as in `Screen`. obj: [G], the object of each face. textures: [O, L, 3] and
    kinds: [L] as in `Surfaces`. winner: [P], the face that each pixel shows, −1 for none; empty in soft pictures.
    """

    winding: Tensor
    picture: Tensor
    obj: Tensor
    textures: Tensor
    kinds: Tensor
    winner: Tensor

    @classmethod
    def of(cls, screen: Screen, surfaces: Surfaces | None, winner: Tensor | None = None) -> Indices:
        """Gather it."""
        none = screen.face.new_zeros(0)
        winner = none if winner is None else winner
        if surfaces is None:
            return cls(screen.winding, screen.picture, none, none.reshape(0, 1, 3), none, winner)
        obj = surfaces.object.index_select(0, screen.face)
        return cls(screen.winding, screen.picture, obj, surfaces.textures, surfaces.kinds, winner)


class Size(NamedTuple):
    """Of pictures. unit: of a pixel in NDC."""

    pictures: int
    height: int
    width: int
    unit: float

    @classmethod
    def of(cls, screen: Screen) -> Size:
        """That of a screen."""
        return cls(screen.pictures, screen.height, screen.width, screen.unit)

    @property
    def pixels(self) -> int:
        """How many pixels all pictures have."""
        return self.pictures * self.height * self.width

    @property
    def tiles(self) -> tuple[int, int]:
        """How many tiles a picture has, down and across."""
        return -(-self.height // TILE), -(-self.width // TILE)


class Frame(NamedTuple):
    """What faces are on the screen.

    outline, vertices: as in `Inputs`. winding: as in `Indices`. numbers: near, σ, γ and reach, in pixels and depths.
    size: height and width. These are tensors because Triton takes plain floats for float32, and compiles anew for plain
    integers that are 1 or multiples of 16.
    """

    outline: Tensor
    vertices: Tensor
    winding: Tensor
    numbers: Tensor
    size: Tensor

    @classmethod
    def of(
        cls, inputs: Inputs, indices: Indices, size: Size, near: float = 0.0, softness: Softness | None = None
    ) -> Frame:
        """Put together from plain tensors."""
        area, settings = size.unit**2, [near]
        if softness is not None:
            settings += [softness.sigma / area, softness.depth, softness.reach / area]
        return cls(
            inputs.outline,
            inputs.vertices,
            indices.winding,
            numbers(tuple(settings), inputs.vertices),
            numbers((size.height, size.width), indices.picture),
        )


class Surface(NamedTuple):
    """What faces are shaded with: tensors of `Inputs` and `Indices`.

    coarsest: [O], the last level of an object's texture, −1 without one. counts: [4], of pictures, objects, levels in
    the table of textures, and lights.
    """

    positions: Tensor
    normals: Tensor
    uv: Tensor
    paint: Tensor
    detail: Tensor
    texels: Tensor
    materials: Tensor
    ambient: Tensor
    lights: Tensor
    eyes: Tensor
    obj: Tensor
    textures: Tensor
    coarsest: Tensor
    kinds: Tensor
    counts: Tensor

    @classmethod
    def of(cls, inputs: Inputs, indices: Indices) -> Surface:
        """Put together from plain tensors."""
        textures = indices.textures
        return cls(
            *inputs[2:],
            obj=indices.obj,
            textures=textures,
            coarsest=(textures[..., 1] > 0).sum(dim=1) - 1,
            kinds=indices.kinds,
            counts=numbers((inputs.ambient.shape[0], *textures.shape[:2], indices.kinds.shape[0]), textures),
        )


def details(screen: Screen, surfaces: Surfaces) -> Tensor:
    """Twice each face's area in texels of its texture's finest level over that in homogeneous pixels, [G]."""
    return texel_areas(surfaces, screen.face, surfaces.textures) / determinants(screen)


class Bins(NamedTuple):
    """Which of E faces may touch which tile, tile after tile.

    face: [E] int64. tile: [E] int64. first: [tiles + 1] int64, where each tile's faces begin; empty where no kernel
    goes from tile to tile.
    """

    face: Tensor
    tile: Tensor
    first: Tensor


def binned(inputs: Inputs, indices: Indices, size: Size, reach: float) -> Bins:
    """Sort faces into tiles, the nearer faces of each tile first. reach: pixels."""
    down, across = size.tiles
    lower, upper, shown = boxes(inputs.outline, size.height, size.width, size.unit, reach)
    order = inputs.vertices[..., 3].amin(dim=1).argsort()
    lower, upper, picture = lower[order] // TILE, upper[order] // TILE, indices.picture[order]
    extent = (upper - lower + 1) * shown[order, None]
    counts = extent.prod(dim=1)
    ends = counts.cumsum(0)
    total = int(ends[-1]) if len(ends) else 0
    which = torch.repeat_interleave(counts, output_size=total)
    offset = torch.arange(total, device=counts.device) - (ends - counts)[which]
    columns = extent[which, 0]
    row = picture[which] * down + lower[which, 1] + offset // columns
    tile, by_tile = (row * across + lower[which, 0] + offset % columns).sort(stable=True)
    starts = torch.arange(size.pictures * down * across + 1, device=tile.device)
    return Bins(order[which][by_tile], tile, torch.searchsorted(tile, starts))


def tile_at(picture: Tensor, row: Tensor, column: Tensor, size: Size) -> Tensor:
    """The tiles of pixels, all [N]."""
    down, across = size.tiles
    return (picture * down + row // TILE) * across + column // TILE


def visible_parts(winner: Tensor, faces: int, size: Size) -> Bins:
    """Which of ``faces`` faces are seen in which tile. winner: [P], the face that each pixel shows, −1 for none."""
    pixel = (winner >= 0).nonzero()[:, 0]
    row = pixel // size.width
    tile = tile_at(row // size.height, row % size.height, pixel % size.width, size)
    seen = torch.unique(tile * faces + winner.index_select(0, pixel))
    return Bins(seen % max(faces, 1), seen // max(faces, 1), seen.new_zeros(0))
