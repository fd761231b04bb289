"""What fragments get from the corners of their face, with its adjoint and its tangent."""

from __future__ import annotations

import triton
import triton.language as tl

from invrender.render.backends.triton.vectors import add, add_up3, dot, load3, scale


@triton.jit
def interpolate(corners, g, weights):
    """Three numbers interpolated between a face's corners, of [G, 3, 3]."""
    first = corners + g * 9
    start = scale(load3(first), weights[0])
    return add(start, add(scale(load3(first + 3), weights[1]), scale(load3(first + 6), weights[2])))


@triton.jit
def interpolate_back(corners, gradient, g, weights, cotangents, WANTED: tl.constexpr):
    """Add the gradient of `interpolate` to that of the corners if it is wanted; those of the barycentrics."""
    if WANTED:
        for k in tl.static_range(3):
            add_up3(gradient + g * 9 + 3 * k, scale(cotangents, weights[k]))
    first = corners + g * 9
    return dot(cotangents, load3(first)), dot(cotangents, load3(first + 3)), dot(cotangents, load3(first + 6))


@triton.jit
def interpolate_tangent(corners, tangent, g, weights, weights_change, GIVEN: tl.constexpr):
    """The tangent of `interpolate`, from those of the barycentrics and, if given, of the corners."""
    change = interpolate(corners, g, weights_change)
    if GIVEN:
        change = add(change, interpolate(tangent, g, weights))
    return change
