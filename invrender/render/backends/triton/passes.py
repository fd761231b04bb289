"""The passes of CUDA's kernels, and the functions that are their twins of the reference's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from invrender.render.backends.differentiable import Differentiable
from invrender.render.backends.triton import edges, hard, soft
from invrender.render.backends.triton.frame import (
    Bins,
    Frame,
    Indices,
    Inputs,
    Size,
    Surface,
    Which,
    binned,
    tile_at,
    visible_parts,
)
from invrender.render.backends.triton.variants import ALPHA, DEPTH, SHADED, Variant
from invrender.render.raster import antialias as reference_edges
from invrender.render.raster.antialias import EDGES_REACH, Crossings, Outlines
from invrender.render.raster.blend import Layers, Softness
from invrender.render.raster.decide import decide
from invrender.render.raster.screen import Screen
from invrender.render.shading.surfaces import Surfaces

INDICES = len(Indices._fields)
SHARED = 8  # from here on, `Inputs` are shared by many faces
COPIES = 64  # of the gradients of these, so that faces don't wait for each other


def soft_layers(
    screen: Screen, surfaces: Surfaces | None, softness: Softness, depth: bool = True, silhouette: bool = True
) -> Layers:
    """The twin of `blend.soft_layers` on CUDA; the silhouette costs little, and comes whether asked for or not."""
    asked = SHADED if surfaces is not None else DEPTH if depth else ALPHA
    work = SoftPass(Variant.of(screen, surfaces, asked), Size.of(screen), softness, screen.near)
    found: tuple[Tensor, ...] = Differentiable.apply(work, *Indices.of(screen, surfaces), *Inputs.of(screen, surfaces))
    alpha, color, mean_depth, weight, nearest = found
    return Layers(alpha, None if surfaces is None else color, mean_depth, weight, nearest)


# Hard pictures look twice for what is nearest; they share a screen's faces by tile.
tiled: WeakKeyDictionary[Screen, Bins] = WeakKeyDictionary()


def bins_of(screen: Screen, inputs: Inputs, indices: Indices) -> Bins:
    """The faces of a screen by tile, sorted once."""
    if screen not in tiled:
        tiled[screen] = binned(inputs, indices, Size.of(screen), EDGES_REACH)
    return tiled[screen]


def nearest_faces(screen: Screen) -> Tensor:
    """The twin of `visible.nearest_faces` on CUDA."""
    size = Size.of(screen)

    def find(*tensors: Tensor) -> tuple[Tensor]:
        indices, inputs = split(tensors)
        frame = Frame.of(inputs, indices, size, near=screen.near)
        return (hard.nearest_faces(frame, bins_of(screen, inputs, indices), size),)

    return decide(find, *Indices.of(screen, None), *Inputs.of(screen, None))[0]


def hard_layers(screen: Screen, surfaces: Surfaces, winner: Tensor, background: Tensor) -> tuple[Tensor, Tensor]:
    """The twin of `visible.hard_layers` on CUDA."""
    work = HardPass(Variant.of(screen, surfaces, SHADED), Size.of(screen))
    color, depth = Differentiable.apply(work, *Indices.of(screen, surfaces, winner), *Inputs.of(screen, surfaces))
    return torch.where(winner[:, None] >= 0, color, background), depth


def crossings(screen: Screen, found: Outlines) -> Crossings:
    """The twin of `antialias.crossings` on CUDA."""
    names = [each.name for each in fields(screen) if isinstance(getattr(screen, each.name), Tensor)]

    def find(ends: Tensor, picture: Tensor, *tensors: Tensor) -> tuple[Tensor, ...]:
        plain_tensors: dict[str, Any] = dict(zip(names, tensors, strict=True))
        plain_screen = replace(screen, **plain_tensors)
        if screen in tiled:
            tiled[plain_screen] = tiled[screen]
        crossed = reference_edges.crossings(plain_screen, replace(found, ends=ends, picture=picture), unhidden)
        return crossed.edge, crossed.pixel, crossed.sideways

    return Crossings(*decide(find, found.ends, found.picture, *(getattr(screen, name) for name in names)))


def unhidden(screen: Screen, found: Outlines, edge: Tensor, place: Tensor, depth: Tensor) -> Tensor:
    """The twin of `antialias.unhidden` on CUDA."""
    size = Size.of(screen)
    indices, inputs = split((*Indices.of(screen, None), *Inputs.of(screen, None)))
    frame = Frame.of(inputs, indices, size, near=screen.near)
    column, row = place.long().unbind(1)
    tile = tile_at(found.picture[edge], row, column, size)
    points = edges.Points(place.contiguous(), depth * (1 - reference_edges.BEHIND), tile, found.ends[edge])
    hidden = edges.hidden_points(frame, bins_of(screen, inputs, indices), points, screen.triangles)
    return (~hidden).nonzero()[:, 0]


def split(tensors: Sequence[Tensor]) -> tuple[Indices, Inputs]:
    """The arguments of a pass, contiguous."""
    plain = [tensor.detach().contiguous() for tensor in tensors]
    return Indices(*plain[:INDICES]), Inputs(*plain[INDICES:])


@dataclass
class SoftPass:
    """`soft` for one screen; its tensors are those of `Indices` and `Inputs`."""

    variant: Variant
    size: Size
    softness: Softness
    near: float
    constants: tuple[int, ...] = (4,)
    inputs: Inputs = field(init=False)
    frame: Frame = field(init=False)
    surface: Surface = field(init=False)
    bins: Bins = field(init=False)
    sums: soft.Sums = field(init=False)

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        """alpha, color, depth, weight and nearest."""
        indices, self.inputs = split(tensors)
        self.frame = Frame.of(self.inputs, indices, self.size, self.near, self.softness)
        self.surface = Surface.of(self.inputs, indices)
        self.bins = binned(self.inputs, indices, self.size, self.softness.reach**0.5 / self.size.unit)
        self.sums = soft.forward(self.frame, self.surface, self.bins, self.size, self.variant)
        return tuple(each.detach() for each in self.sums[:5])  # what is kept must not hold the graph that holds it

    def backward(self, cotangents: Sequence[Tensor | None], wanted: Sequence[bool]) -> Sequence[Tensor | None]:
        """The tensors' gradients where wanted."""
        gradient = gradients(self.inputs, wanted)
        given = soft.Given(*(each is not None for each in cotangents[:4]))
        held = soft.Changes(*(plain(each, self.frame) for each in cotangents[:4]))
        asked = Which(*wanted[INDICES:])
        soft.backward(
            self.frame, self.surface, self.bins, self.sums, held, gradient, COPIES, self.variant, given, asked
        )
        return summed(gradient, wanted)

    def tangents(self, moving: Sequence[Tensor | None], directions: int) -> tuple[Tensor | None, ...]:
        """How alpha, color, depth and weight change."""
        given = Which(*(each is not None for each in moving[INDICES:]))
        found = [
            soft.tangents(self.frame, self.surface, self.bins, self.sums, each, self.variant, given)
            for each in along(moving, directions, self.frame)
        ]
        return (*(torch.stack(each) for each in zip(*found, strict=True)), None)


@dataclass
class HardPass:
    """`hard` for one screen; its tensors are those of `Indices` and `Inputs`."""

    variant: Variant
    size: Size
    constants: tuple[int, ...] = ()
    inputs: Inputs = field(init=False)
    frame: Frame = field(init=False)
    surface: Surface = field(init=False)
    parts: Bins = field(init=False)
    winner: Tensor = field(init=False)

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        """Color and depth."""
        indices, self.inputs = split(tensors)
        self.frame = Frame.of(self.inputs, indices, self.size)
        self.surface = Surface.of(self.inputs, indices)
        self.winner = indices.winner
        self.parts = visible_parts(self.winner, len(indices.winding), self.size)
        return hard.forward(self.frame, self.surface, self.parts, self.winner, self.variant)

    def backward(self, cotangents: Sequence[Tensor | None], wanted: Sequence[bool]) -> Sequence[Tensor | None]:
        """The tensors' gradients where wanted."""
        gradient = gradients(self.inputs, wanted)
        given = hard.Given(*(each is not None for each in cotangents))
        held = hard.Layers(*(plain(each, self.frame) for each in cotangents))
        asked = Which(*wanted[INDICES:])
        hard.backward(
            self.frame, self.surface, self.parts, self.winner, held, gradient, COPIES, self.variant, given, asked
        )
        return summed(gradient, wanted)

    def tangents(self, moving: Sequence[Tensor | None], directions: int) -> tuple[Tensor | None, ...]:
        """How color and depth change."""
        given = Which(*(each is not None for each in moving[INDICES:]))
        found = [
            hard.tangents(self.frame, self.surface, self.parts, self.winner, each, self.variant, given)
            for each in along(moving, directions, self.frame)
        ]
        return tuple(torch.stack(each) for each in zip(*found, strict=True))


def plain(tensor: Tensor | None, frame: Frame) -> Tensor:
    """A contiguous tensor; an empty one for none."""
    return frame.vertices.new_zeros(0) if tensor is None else tensor.detach().contiguous()


def gradients(inputs: Inputs, wanted: Sequence[bool]) -> Inputs:
    """Zeros for the gradients that are wanted, `COPIES` of those that many faces share; nothing for the others."""

    def zeros(number: int, like: Tensor) -> Tensor:
        if not wanted[INDICES + number]:
            return like.new_zeros(0)
        return like.new_zeros(COPIES, *like.shape) if number >= SHARED else torch.zeros_like(like)

    return Inputs(*(zeros(number, like) for number, like in enumerate(inputs)))


def summed(gradient: Inputs, wanted: Sequence[bool]) -> list[Tensor | None]:
    """The gradients of all of a pass's tensors, from `gradients`."""
    found = [each.sum(dim=0) if number >= SHARED else each for number, each in enumerate(gradient)]
    return [None] * INDICES + [each if asked else None for each, asked in zip(found, wanted[INDICES:], strict=True)]


def along(moving: Sequence[Tensor | None], directions: int, frame: Frame) -> list[Inputs]:
    """The tangents of `Inputs` in each direction; copied, since Triton compiles anew for slices of odd alignment."""
    return [
        Inputs(*(plain(None if each is None else each[direction].clone(), frame) for each in moving[INDICES:]))
        for direction in range(directions)
    ]
