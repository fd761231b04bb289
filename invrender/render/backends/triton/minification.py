"""How many texels of the finest level a pixel covers, with its adjoint and its tangent."""

from __future__ import annotations

import triton
import triton.language as tl

from invrender.render.backends.triton.geometry import of_corners
from invrender.render.backends.triton.vectors import add_up, dot, scale, some, zeros3


@triton.jit
def minification(frame, surface, g, weights, VARIANT: tl.constexpr):
    """How many texels of the finest level pixels cover; the projective map's Jacobian is w³ / |det|."""
    covered = tl.zeros_like(weights[0])
    if VARIANT.textured:
        w = dot(weights, of_corners(frame.vertices, g, 2))
        covered = w * w * w * tl.load(surface.detail + g)
    return covered


@triton.jit
def minification_back(frame, surface, gradient, g, weights, cotangent, VARIANT: tl.constexpr, WANTED: tl.constexpr):
    """The cotangents of barycentrics from that of `minification`; adds to the gradients of vertices and details."""
    at_weights = zeros3(cotangent)
    if VARIANT.textured:
        corners = of_corners(frame.vertices, g, 2)
        if some(cotangent != 0):
            w = dot(weights, corners)
            at_w = 3.0 * w * w * tl.load(surface.detail + g) * cotangent
            at_weights = scale(corners, at_w)
            if WANTED.vertices:
                for k in tl.static_range(3):
                    add_up(gradient.vertices + g * 12 + 4 * k + 2, at_w * weights[k])
            if WANTED.detail:
                add_up(gradient.detail + g, w * w * w * cotangent)
    return at_weights


@triton.jit
def minification_tangent(
    frame, surface, tangent, g, weights, weights_change, VARIANT: tl.constexpr, GIVEN: tl.constexpr
):
    """The tangent of `minification`, from those of the barycentrics, the vertices and the details."""
    change = tl.zeros_like(weights[0])
    if VARIANT.textured:
        corners = of_corners(frame.vertices, g, 2)
        w, w_change = dot(weights, corners), dot(weights_change, corners)
        if GIVEN.vertices:
            w_change += dot(weights, of_corners(tangent.vertices, g, 2))
        change = 3.0 * w * w * tl.load(surface.detail + g) * w_change
        if GIVEN.detail:
            change += w * w * w * tl.load(tangent.detail + g)
    return change
