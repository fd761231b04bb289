"""Parametric surfaces over the unit square; ∂/∂s × ∂/∂t points outwards. The frame is right-handed with y up.

The azimuth is 0 at +z and turns towards +x, as the cameras' does.
"""

from __future__ import annotations

from collections.abc import Callable
from math import comb

import numpy as np

from make.arrays import Array

Surface = Callable[[Array, Array], Array]  # (s, t), each [...] in [0, 1], to positions [..., 3]


def bernstein(parameter: Array, degree: int) -> Array:
    """The Bernstein polynomials [..., degree + 1] at ``parameter`` [...]."""
    x = parameter
    return np.stack([comb(degree, i) * x**i * (1 - x) ** (degree - i) for i in range(degree + 1)], axis=-1)


def bezier_patch(control: Array) -> Surface:
    """The tensor-product Bézier surface of control points [T, S, 3]."""

    def surface(s: Array, t: Array) -> Array:
        rows, columns = control.shape[:2]
        points: Array = np.einsum("...t,...s,tsc->...c", bernstein(t, rows - 1), bernstein(s, columns - 1), control)
        return points

    return surface


def lathe(profile: Array) -> Surface:
    """The Bézier curve with control points [N, 2] (radius, height), turned about the y axis from azimuth 0 to 360°."""

    def surface(s: Array, t: Array) -> Array:
        radius, height = np.moveaxis(bernstein(t, len(profile) - 1) @ profile, -1, 0)
        # The seam closes exactly: both ends of s give the same azimuth.
        azimuth = 2 * np.pi * np.where(s == 1, 0, s)
        return np.stack([radius * np.sin(azimuth), height, radius * np.cos(azimuth)], axis=-1)

    return surface


def disc(radius: float, height: float, facing: int) -> Surface:
    """A disc across the y axis that faces up (+1) or down (-1).

    The square is laid on the disc concentrically (Shirley and Chiu, 1997), so that no point of it is a pole, and an
    edge of n equal steps gives a rim of 4 n equal steps, the first of them at azimuth 0.
    """

    def surface(s: Array, t: Array) -> Array:
        a, b = 2 * s - 1, 2 * t - 1
        wide = np.abs(a) > np.abs(b)
        r = np.where(wide, a, b)
        ratio = np.where(wide, b, a) / np.where(r == 0, 1, r)
        angle = np.pi / 4 * np.where(wide, ratio, 2 - ratio)
        return np.stack(
            [radius * r * np.cos(angle), np.full_like(r, height), -facing * radius * r * np.sin(angle)], axis=-1
        )

    return surface


def torus(major: float, minor: float) -> Surface:
    """A ring about the y axis; s is the azimuth, and t turns about the tube from its lowest circle outwards."""

    def surface(s: Array, t: Array) -> Array:
        azimuth, turn = (2 * np.pi * np.where(x == 1, 0, x) for x in (s, t))
        radius = major + minor * np.sin(turn)
        return np.stack([radius * np.sin(azimuth), -minor * np.cos(turn), radius * np.cos(azimuth)], axis=-1)

    return surface


def box_sides(width: float, height: float, depth: float) -> dict[str, Surface]:
    """The six sides of a box around the origin, by name. Seen from outside, s runs to the right and t upwards.

    The top is seen with its front edge below, the bottom with its front edge above.
    """
    right, up, front = np.diag([width / 2, height / 2, depth / 2])
    sides = {
        "front": (front, right, up),
        "right": (right, -front, up),
        "back": (-front, -right, up),
        "left": (-right, front, up),
        "top": (up, right, -front),
        "bottom": (-up, right, front),
    }
    return {name: flat(*axes) for name, axes in sides.items()}


def flat(middle: Array, right: Array, up: Array) -> Surface:
    """A parallelogram with its middle at ``middle``, reaching as far as ±``right`` and ±``up``, each [3]."""

    def surface(s: Array, t: Array) -> Array:
        return middle + (2 * s - 1)[..., None] * right + (2 * t - 1)[..., None] * up

    return surface


def sphere_sides(radius: float) -> dict[str, Surface]:
    """A sphere as the six sides of a cube blown up, so that it has no poles."""

    def blown_up(side: Surface) -> Surface:
        def surface(s: Array, t: Array) -> Array:
            # The tangent spreads the texels evenly (45° is the edge of a side).
            points = np.tan(np.pi / 4 * side(s, t))
            unit: Array = points / np.linalg.norm(points, axis=-1, keepdims=True)
            return radius * unit

        return surface

    return {name: blown_up(side) for name, side in box_sides(2, 2, 2).items()}
