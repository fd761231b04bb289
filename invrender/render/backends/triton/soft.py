"""Soft pictures: rasterization, shading and blending of a tile at a time, with their adjoint and their tangent.

A program takes one tile of pixels. Forward and for tangents it sums over the tile's faces, the nearest first, with a
running least depth as the reference of the softmax. Backward it takes a single face of a tile: it looks at the pixels
again, with nothing kept but a few sums for each, and adds what they say to the face's gradient.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import triton
import triton.language as tl
from torch import Tensor

from invrender.render.backends.triton.frame import TILE, Bins, Frame, Inputs, Size, Surface, Which
from invrender.render.backends.triton.geometry import (
    GAMMA,
    NEAR,
    REACH,
    SIGMA,
    barycentric,
    barycentric_back,
    barycentric_tangent,
    depth_back,
    nearest_side,
    nearest_side_back,
    nearest_side_tangent,
    of_corners,
    on_face,
    pixels_of,
)
from invrender.render.backends.triton.launching import launch
from invrender.render.backends.triton.minification import minification, minification_back, minification_tangent
from invrender.render.backends.triton.shading import shade, shade_back, shade_tangent
from invrender.render.backends.triton.variants import DEPTH, SHADED, Variant
from invrender.render.backends.triton.vectors import (
    add,
    dot,
    load_color,
    scale,
    some,
    store_color,
    subtract,
    where3,
    zeros3,
)
from invrender.render.raster import blend

COLORED, FULL = tl.constexpr(DEPTH), tl.constexpr(SHADED)
NEGLIGIBLE = tl.constexpr(blend.NEGLIGIBLE)
FAR = tl.constexpr(1e30)  # deeper than any face; infinity has no differences


class Sums(NamedTuple):
    """The sums over faces of P pixels, as in `Layers`; the transparency is 1 − alpha. What isn't asked for is empty."""

    alpha: Tensor
    color: Tensor
    depth: Tensor
    weight: Tensor
    nearest: Tensor
    transparency: Tensor


class Changes(NamedTuple):
    """Cotangents or tangents of `Sums`; empty where there is none."""

    alpha: Tensor
    color: Tensor
    depth: Tensor
    weight: Tensor


class Given(NamedTuple):
    """Which cotangents of `Sums` there are."""

    alpha: bool
    color: bool
    depth: bool
    weight: bool


@triton.jit
def fragment(frame, g, x, y, VARIANT: tl.constexpr):
    """How a face touches pixels.

    Returns whether it does, the signed squared distance over σ, the coverage, the barycentrics, their sum before
    scaling, the depth, and the edge, share and gap of `nearest_side`.
    """
    squared, side, share, gap_x, gap_y = nearest_side(frame, g, x, y, VARIANT.sides)
    least, weights, total, depth = barycentric(frame, g, x, y)
    # A clipped face has a part that lies nearer than the near plane.
    within = (least > 0) & (depth > tl.load(frame.numbers + NEAR))
    touching = (within | (squared < tl.load(frame.numbers + REACH))) & (depth > 0)
    squared = tl.where(touching, squared / tl.load(frame.numbers + SIGMA), 0.0)
    inside = tl.where(within, squared, -squared)
    return touching, inside, 1.0 / (1.0 + tl.exp(-inside)), weights, total, depth, side, share, gap_x, gap_y


@triton.jit
def forward_tile(frame, surface, bins, sums, VARIANT: tl.constexpr, TILE: tl.constexpr):
    """Fill in the sums of one tile's pixels."""
    tile = tl.program_id(0).to(tl.int64)
    picture, x, y, pixel, within = pixels_of(frame, tile, TILE)
    gamma = tl.load(frame.numbers + GAMMA)
    alpha, weight, depth, color = tl.zeros_like(x), tl.zeros_like(x), tl.zeros_like(x), zeros3(x)
    transparency, nearest = alpha + 1.0, alpha + FAR
    for entry in range(tl.load(bins.first + tile), tl.load(bins.first + tile + 1)):
        g = tl.load(bins.face + entry)
        touching, inside, cover, weights, _, z, _, _, _, _ = fragment(frame, g, x, y, VARIANT)
        if some(touching):
            cover = tl.where(touching, cover, 0.0)
            alpha += transparency * cover  # not 1 − transparency, which would round small coverage away
            transparency *= tl.where(touching, tl.exp(-inside) * cover, 1.0)
            if VARIANT.asked >= COLORED:
                closest = tl.where(touching, tl.minimum(nearest, z), nearest)
                faded = tl.exp((closest - nearest) / gamma)
                nearest, weight, depth = closest, weight * faded, depth * faded
                share = cover * tl.exp(tl.minimum(closest - z, 0.0) / gamma)
                shown = touching & (share > weight * NEGLIGIBLE)
                share = tl.where(shown, share, 0.0)
                weight += share
                depth += share * z
                if VARIANT.asked == FULL:
                    color = scale(color, faded)
                    if some(shown):
                        weights = on_face(shown, weights)
                        covered = minification(frame, surface, g, weights, VARIANT)
                        seen = shade(surface, g, picture, weights, covered, shown, VARIANT)
                        color = add(color, scale(seen, share))
    tl.store(sums.alpha + pixel, alpha, within)
    tl.store(sums.transparency + pixel, transparency, within)
    if VARIANT.asked >= COLORED:
        empty = weight == 0
        inverse = 1.0 / tl.where(empty, 1.0, weight)
        tl.store(sums.weight + pixel, weight, within)
        tl.store(sums.nearest + pixel, tl.where(empty, float("inf"), nearest), within)
        tl.store(sums.depth + pixel, depth * inverse, within)
        if VARIANT.asked == FULL:
            store_color(sums.color, pixel, scale(color, inverse), within)


@triton.jit
def weighed(sums, pixel, touching, cover, z, gamma):
    """The weight of a face and its share of each pixel, 0 where it is not shown; and where it is."""
    whole = tl.load(sums.weight + pixel, touching, 0.0)
    nearest = tl.load(sums.nearest + pixel, touching, 0.0)
    weight = cover * tl.exp(tl.minimum(nearest - z, 0.0) / gamma)
    shown = touching & (weight > whole * NEGLIGIBLE) & (whole > 0)
    weight = tl.where(shown, weight, 0.0)
    return weight, weight / tl.where(shown, whole, 1.0), shown


@triton.jit
def backward_face(
    frame, surface, bins, sums, cotangents, gradient, copies,
    VARIANT: tl.constexpr, GIVEN: tl.constexpr, WANTED: tl.constexpr, TILE: tl.constexpr,
):  # fmt: skip
    """Add the gradients of one face in one tile; those that many faces share to one of ``copies`` copies."""
    entry = tl.program_id(0).to(tl.int64)
    g = tl.load(bins.face + entry)
    picture, x, y, pixel, within = pixels_of(frame, tl.load(bins.tile + entry), TILE)
    touching, inside, cover, weights, total, z, side, share, gap_x, gap_y = fragment(frame, g, x, y, VARIANT)
    touching = touching & within
    if some(touching):
        gamma = tl.load(frame.numbers + GAMMA)
        at_inside = tl.zeros_like(x)
        if GIVEN.alpha:
            transparency = tl.load(sums.transparency + pixel, touching, 0.0)
            at_inside += tl.load(cotangents.alpha + pixel, touching, 0.0) * transparency * cover
        if GIVEN.color or GIVEN.depth or GIVEN.weight:
            weight, part, shown = weighed(sums, pixel, touching, cover, z, gamma)
            if some(shown):
                at_logit, at_z, at_weights = tl.zeros_like(x), tl.zeros_like(x), zeros3(x)
                if GIVEN.depth:
                    at_z = part * tl.load(cotangents.depth + pixel, shown, 0.0)
                    at_logit += at_z * (z - tl.load(sums.depth + pixel, shown, 0.0))
                if GIVEN.weight:
                    at_logit += weight * tl.load(cotangents.weight + pixel, shown, 0.0)
                if GIVEN.color:
                    at_color = scale(load_color(cotangents.color, pixel, shown), part)
                    safe = on_face(shown, weights)
                    covered = minification(frame, surface, g, safe, VARIANT)
                    color, at_weights, at_covered = shade_back(
                        surface, gradient, entry % copies, g, picture, safe, covered, shown, at_color, VARIANT, WANTED
                    )
                    smaller = minification_back(frame, surface, gradient, g, safe, at_covered, VARIANT, WANTED)
                    at_weights = add(at_weights, smaller)
                    at_logit += dot(at_color, subtract(color, load_color(sums.color, pixel, shown)))
                at_inside += at_logit * (1.0 - cover)
                at_z -= at_logit / gamma
                if WANTED.vertices:
                    depth_back(gradient.vertices, g, weights, at_z)
                    at_weights = add(at_weights, scale(of_corners(frame.vertices, g, 3), at_z))
                    barycentric_back(frame, gradient.vertices, g, x, y, weights, total, at_weights)
        if WANTED.outline:
            at_squared = tl.where(inside > 0, at_inside, -at_inside) / tl.load(frame.numbers + SIGMA)
            at_squared = tl.where(touching, at_squared, 0.0)
            nearest_side_back(gradient.outline, g, side, share, gap_x, gap_y, at_squared, VARIANT.sides)


@triton.jit
def tangent_tile(
    frame, surface, bins, sums, tangent, changes, VARIANT: tl.constexpr, GIVEN: tl.constexpr, TILE: tl.constexpr
):
    """Fill in the tangents of the sums of one tile's pixels."""
    tile = tl.program_id(0).to(tl.int64)
    picture, x, y, pixel, within = pixels_of(frame, tile, TILE)
    gamma = tl.load(frame.numbers + GAMMA)
    alpha, weight, depth, color = tl.zeros_like(x), tl.zeros_like(x), tl.zeros_like(x), zeros3(x)
    if VARIANT.asked >= COLORED:
        mean_depth = tl.load(sums.depth + pixel, within, 0.0)
        if VARIANT.asked == FULL:
            mean_color = load_color(sums.color, pixel, within)
    for entry in range(tl.load(bins.first + tile), tl.load(bins.first + tile + 1)):
        g = tl.load(bins.face + entry)
        touching, inside, cover, weights, total, z, side, share, gap_x, gap_y = fragment(frame, g, x, y, VARIANT)
        touching = touching & within
        if some(touching):
            inside_change, z_change, weights_change = tl.zeros_like(x), tl.zeros_like(x), zeros3(x)
            if GIVEN.outline:
                change = nearest_side_tangent(tangent.outline, g, side, share, gap_x, gap_y, VARIANT.sides)
                inside_change = tl.where(inside > 0, change, -change) / tl.load(frame.numbers + SIGMA)
                alpha += tl.where(touching, cover * inside_change, 0.0)
            if VARIANT.asked >= COLORED:
                heaviness, part, shown = weighed(sums, pixel, touching, cover, z, gamma)
                if some(shown):
                    if GIVEN.vertices:
                        weights_change, z_change = barycentric_tangent(frame, tangent.vertices, g, x, y, weights, total)
                        weights_change = where3(shown, weights_change, 0.0)
                    logit_change = tl.where(shown, (1.0 - cover) * inside_change - z_change / gamma, 0.0)
                    weight += heaviness * logit_change
                    depth += part * tl.where(shown, z_change + logit_change * (z - mean_depth), 0.0)
                    if VARIANT.asked == FULL:
                        safe = on_face(shown, weights)
                        covered = minification(frame, surface, g, safe, VARIANT)
                        covered_change = minification_tangent(
                            frame, surface, tangent, g, safe, weights_change, VARIANT, GIVEN
                        )  # fmt: skip
                        seen, seen_change = shade_tangent(
                            surface,
                            tangent,
                            g,
                            picture,
                            safe,
                            weights_change,
                            covered,
                            covered_change,
                            shown,
                            VARIANT,
                            GIVEN,
                        )
                        seen_change = add(seen_change, scale(subtract(seen, mean_color), logit_change))
                        color = add(color, scale(seen_change, part))
    transparency = tl.load(sums.transparency + pixel, within, 0.0)
    tl.store(changes.alpha + pixel, alpha * transparency, within)
    if VARIANT.asked >= COLORED:
        tl.store(changes.depth + pixel, depth, within)
        tl.store(changes.weight + pixel, weight, within)
        if VARIANT.asked == FULL:
            store_color(changes.color, pixel, color, within)


def forward(frame: Frame, surface: Surface, bins: Bins, size: Size, variant: Variant) -> Sums:
    """The sums of all pixels."""
    colored, shaded = variant.asked >= DEPTH, variant.asked == SHADED

    def empty(needed: bool, *shape: int) -> Tensor:
        return frame.vertices.new_empty(size.pixels * needed, *shape)

    sums = Sums(empty(True), empty(shaded, 3), empty(colored), empty(colored), empty(colored), empty(True))
    launch(forward_tile, len(bins.first) - 1, frame, surface, bins, sums, VARIANT=variant, TILE=TILE)
    return sums


def backward(
    frame: Frame, surface: Surface, bins: Bins, sums: Sums, cotangents: Changes, gradient: Inputs, copies: int,
    variant: Variant, given: Given, wanted: Which,
) -> None:  # fmt: skip
    """Add to the gradients that are wanted; each of the last four is [copies, …]."""
    launch(
        backward_face, len(bins.face), frame, surface, bins, sums, cotangents, gradient, copies,
        VARIANT=variant, GIVEN=given, WANTED=wanted, TILE=TILE,
    )  # fmt: skip


def tangents(
    frame: Frame, surface: Surface, bins: Bins, sums: Sums, tangent: Inputs, variant: Variant, given: Which
) -> Changes:
    """The tangents of all pixels' sums, from those that are given."""
    changes = Changes(*(torch.empty_like(each) for each in sums[:4]))
    launch(
        tangent_tile, len(bins.first) - 1, frame, surface, bins, sums, tangent, changes,
        VARIANT=variant, GIVEN=given, TILE=TILE,
    )  # fmt: skip
    return changes
