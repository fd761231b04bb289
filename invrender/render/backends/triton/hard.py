"""Hard pictures: the nearest face at each pixel's centre, its colour and depth, with their adjoint and their tangent.

For the nearest faces a program takes one tile of pixels. For the rest it takes one face that is seen in a tile.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import triton
import triton.language as tl
from torch import Tensor

from invrender.render.backends.triton.frame import TILE, Bins, Frame, Inputs, Size, Surface, Which
from invrender.render.backends.triton.geometry import (
    NEAR,
    barycentric,
    barycentric_back,
    barycentric_tangent,
    depth_back,
    of_corners,
    on_face,
    pixels_of,
)
from invrender.render.backends.triton.launching import launch
from invrender.render.backends.triton.minification import minification, minification_back, minification_tangent
from invrender.render.backends.triton.shading import shade, shade_back, shade_tangent
from invrender.render.backends.triton.variants import Variant
from invrender.render.backends.triton.vectors import add, load_color, scale, store_color, where3, zeros3


class Layers(NamedTuple):
    """Of P pixels: color [P, 3] and depth [P], or their cotangents or tangents; empty where there is none."""

    color: Tensor
    depth: Tensor


class Given(NamedTuple):
    """Which cotangents of `Layers` there are."""

    color: bool
    depth: bool


@triton.jit
def nearest_in_tile(frame, bins, winner, TILE: tl.constexpr):
    """Fill in the faces that one tile's pixels show; ties go to the lower number."""
    tile = tl.program_id(0).to(tl.int64)
    _picture, x, y, pixel, within = pixels_of(frame, tile, TILE)
    near = tl.load(frame.numbers + NEAR)
    nearest = tl.full(x.shape, float("inf"), x.dtype)
    first = tl.full(x.shape, -1, tl.int64)
    for entry in range(tl.load(bins.first + tile), tl.load(bins.first + tile + 1)):
        g = tl.load(bins.face + entry)
        least, _, _, depth = barycentric(frame, g, x, y)
        closer = (depth < nearest) | ((depth == nearest) & (g < first))
        won = (least >= 0) & (depth >= near) & closer
        nearest = tl.where(won, depth, nearest)
        first = tl.where(won, g, first)
    tl.store(winner + pixel, first, within)


@triton.jit
def part_of(frame, bins, winner, TILE: tl.constexpr):
    """The face that a program takes, and the pixels of its tile with the face's barycentrics where they show it."""
    entry = tl.program_id(0).to(tl.int64)
    g = tl.load(bins.face + entry)
    picture, x, y, pixel, within = pixels_of(frame, tl.load(bins.tile + entry), TILE)
    shown = within & (tl.load(winner + pixel, within, -1) == g)
    _, weights, total, depth = barycentric(frame, g, x, y)
    return entry, g, picture, x, y, pixel, shown, on_face(shown, weights), total, depth


@triton.jit
def forward_part(frame, surface, bins, winner, layers, VARIANT: tl.constexpr, TILE: tl.constexpr):
    """Fill in the pixels of one tile that show one face."""
    _, g, picture, _, _, pixel, shown, weights, _, depth = part_of(frame, bins, winner, TILE)
    covered = minification(frame, surface, g, weights, VARIANT)
    store_color(layers.color, pixel, shade(surface, g, picture, weights, covered, shown, VARIANT), shown)
    tl.store(layers.depth + pixel, depth, shown)


@triton.jit
def backward_part(
    frame, surface, bins, winner, cotangents, gradient, copies,
    VARIANT: tl.constexpr, GIVEN: tl.constexpr, WANTED: tl.constexpr, TILE: tl.constexpr,
):  # fmt: skip
    """Add the gradients of a face in one tile; those that many faces share to one of ``copies`` copies."""
    entry, g, picture, x, y, pixel, shown, weights, total, _ = part_of(frame, bins, winner, TILE)
    at_weights = zeros3(x)
    if GIVEN.color:
        at_color = load_color(cotangents.color, pixel, shown)
        covered = minification(frame, surface, g, weights, VARIANT)
        _, at_weights, at_covered = shade_back(
            surface, gradient, entry % copies, g, picture, weights, covered, shown, at_color, VARIANT, WANTED
        )
        smaller = minification_back(frame, surface, gradient, g, weights, at_covered, VARIANT, WANTED)
        at_weights = add(at_weights, smaller)
    if WANTED.vertices:
        if GIVEN.depth:
            at_depth = tl.load(cotangents.depth + pixel, shown, 0.0)
            depth_back(gradient.vertices, g, weights, at_depth)
            at_weights = add(at_weights, scale(of_corners(frame.vertices, g, 3), at_depth))
        barycentric_back(frame, gradient.vertices, g, x, y, weights, total, at_weights)


@triton.jit
def tangent_part(
    frame, surface, bins, winner, tangent, changes, VARIANT: tl.constexpr, GIVEN: tl.constexpr, TILE: tl.constexpr
):
    """Fill in the tangents of the pixels of one tile that show one face."""
    _, g, picture, x, y, pixel, shown, weights, total, _ = part_of(frame, bins, winner, TILE)
    weights_change, depth_change = zeros3(x), tl.zeros_like(x)
    if GIVEN.vertices:
        weights_change, depth_change = barycentric_tangent(frame, tangent.vertices, g, x, y, weights, total)
        weights_change = where3(shown, weights_change, 0.0)
    covered = minification(frame, surface, g, weights, VARIANT)
    covered_change = minification_tangent(frame, surface, tangent, g, weights, weights_change, VARIANT, GIVEN)
    _, color_change = shade_tangent(
        surface, tangent, g, picture, weights, weights_change, covered, covered_change, shown, VARIANT, GIVEN
    )  # fmt: skip
    store_color(changes.color, pixel, color_change, shown)
    tl.store(changes.depth + pixel, depth_change, shown)


def nearest_faces(frame: Frame, bins: Bins, size: Size) -> Tensor:
    """The face that each pixel's centre shows, [P] int64; −1 where there is none."""
    winner = torch.empty(size.pixels, dtype=torch.int64, device=frame.vertices.device)
    # Without gaps: two faces must find the same number, but for its sign, for the edge that they share.
    launch(nearest_in_tile, len(bins.first) - 1, frame, bins, winner, TILE=TILE, fused=False)
    return winner


def forward(frame: Frame, surface: Surface, parts: Bins, winner: Tensor, variant: Variant) -> Layers:
    """The colours and depths of the faces that win; 0 where none does."""
    layers = blank(frame, winner)
    launch(forward_part, len(parts.face), frame, surface, parts, winner, layers, VARIANT=variant, TILE=TILE)
    return layers


def backward(
    frame: Frame, surface: Surface, parts: Bins, winner: Tensor, cotangents: Layers, gradient: Inputs, copies: int,
    variant: Variant, given: Given, wanted: Which,
) -> None:  # fmt: skip
    """Add to the gradients that are wanted; each of those that many faces share is [copies, …]."""
    launch(
        backward_part, len(parts.face), frame, surface, parts, winner, cotangents, gradient, copies,
        VARIANT=variant, GIVEN=given, WANTED=wanted, TILE=TILE,
    )  # fmt: skip


def tangents(
    frame: Frame, surface: Surface, parts: Bins, winner: Tensor, tangent: Inputs, variant: Variant, given: Which
) -> Layers:
    """The tangents of colours and depths, from those that are given."""
    changes = blank(frame, winner)
    launch(
        tangent_part, len(parts.face), frame, surface, parts, winner, tangent, changes,
        VARIANT=variant, GIVEN=given, TILE=TILE,
    )  # fmt: skip
    return changes


def blank(frame: Frame, winner: Tensor) -> Layers:
    """Zeros for every pixel."""
    return Layers(frame.vertices.new_zeros(len(winner), 3), frame.vertices.new_zeros(len(winner)))
