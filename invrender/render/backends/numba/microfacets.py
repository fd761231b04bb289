"""What lists of points reflect of one light, and the derivatives: `shading.microfacets.reflect` in vectors.

Blocks of points are copied into a scratch array ``rows`` [2 D, COLUMNS] of float64, a row for each number below, as in
`blocks`; derivatives come with one pass back for each channel, which has all slopes, for forward mode, too.
"""

from __future__ import annotations

import math

import numpy as np

from invrender.render.backends.numba.blocks import BLOCK, COLUMNS, fill, whole_lanes
from invrender.render.backends.numba.compiling import divide_work, entry_point, kernel
from invrender.render.backends.numba.frame import Array
from invrender.render.shading.microfacets import DIELECTRIC, SMOOTHEST

DIFFUSE, STRAIGHT, ROUGHNESS, NORMAL, LIGHT, EYE = 0, 3, 6, 7, 10, 13
COLOR = 16
D = 19  # the cotangent of row A is in row D + A


def reflect(inputs: tuple[Array, ...]) -> Array:
    """Colours [3, N] of points; inputs: the arrays [C, N] of the rows above."""
    color = np.empty_like(inputs[0])
    divide_work(lambda begin, end: reflect_points(begin, end, inputs, color), color.shape[1])
    return color


def reflect_back(inputs: tuple[Array, ...], cotangent: Array) -> tuple[Array, ...]:
    """The gradients of the inputs."""
    gradients = tuple(np.empty_like(each) for each in inputs)
    divide_work(lambda begin, end: pull_points(begin, end, inputs, cotangent, gradients), cotangent.shape[1])
    return gradients


def reflect_tangents(inputs: tuple[Array, ...], changes: tuple[Array, ...]) -> Array:
    """How the colours change [K, 3, N] as the inputs do, by changes [K, C, N]."""
    color = np.zeros((len(changes[0]), *inputs[0].shape), inputs[0].dtype)
    divide_work(lambda begin, end: move_points(begin, end, inputs, changes, color), color.shape[2])
    return color


@entry_point
def reflect_points(begin, end, inputs, color):
    """Fill in the colours of points begin … end − 1."""
    rows = np.zeros((2 * D, COLUMNS))
    for first in range(begin, end, BLOCK):
        n = load(inputs, first, end, rows)
        shade(rows, n)
        for c in range(3):
            for i in range(n):
                color[c, first + i] = rows[COLOR + c, i]


@entry_point
def pull_points(begin, end, inputs, cotangent, gradients):
    """Fill in the gradients of points begin … end − 1."""
    rows = np.zeros((2 * D, COLUMNS))
    for first in range(begin, end, BLOCK):
        n = load(inputs, first, end, rows)
        for c in range(3):
            for i in range(n):
                rows[D + COLOR + c, i] = cotangent[c, first + i]
        shade_back(rows, n)
        at = D
        for gradient in gradients:
            for c in range(len(gradient)):
                for i in range(n):
                    gradient[c, first + i] = rows[at, i]
                at += 1


@entry_point
def move_points(begin, end, inputs, changes, color):
    """Add up how the colours of points begin … end − 1 change."""
    rows = np.zeros((2 * D, COLUMNS))
    for first in range(begin, end, BLOCK):
        n = load(inputs, first, end, rows)
        for channel in range(3):
            for c in range(3):
                fill(rows, D + COLOR + c, 1.0 if c == channel else 0.0, n)
            shade_back(rows, n)
            at = D
            for change in changes:
                for c in range(change.shape[1]):
                    for k in range(len(color)):
                        for i in range(n):
                            color[k, channel, first + i] += rows[at, i] * change[k, c, first + i]
                    at += 1


@kernel
def load(inputs, first, end, rows):
    """Copy points from number ``first`` on into a block; how many there are."""
    n, at = min(BLOCK, end - first), 0
    for each in inputs:
        for c in range(len(each)):
            for i in range(n):
                rows[at, i] = each[c, first + i]
            at += 1
    return n


@kernel
def three(rows, row, i):
    """A vector."""
    return rows[row, i], rows[row + 1, i], rows[row + 2, i]


@kernel
def dot(a, b):
    """A product of vectors."""
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


@kernel
def cross(a, b):
    """A vector product."""
    return a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]


@kernel
def halfway(light, eye):
    """The unit vector between two, and the length of their sum."""
    x, y, z = light[0] + eye[0], light[1] + eye[1], light[2] + eye[2]
    length = math.sqrt(max(x * x + y * y + z * z, 1e-12))
    return (x / length, y / length, z / length), length


@kernel
def root(cosine, squared):
    """What `microfacets.masked` adds to a cosine."""
    return math.sqrt(squared + (1.0 - squared) * cosine * cosine)


@kernel
def shade(rows, n):
    """Fill in the colours of a block."""
    assert rows.shape[1] == COLUMNS
    for i in range(whole_lanes(n)):
        normal, light, eye = three(rows, NORMAL, i), three(rows, LIGHT, i), three(rows, EYE, i)
        alpha = max(rows[ROUGHNESS, i] * rows[ROUGHNESS, i], SMOOTHEST)
        squared = alpha * alpha
        half, _ = halfway(light, eye)
        cosine, facing = max(dot(normal, light), 0.0), abs(dot(normal, eye))
        missing, along, across = max(1.0 - dot(eye, half), 0.0), dot(normal, half), cross(normal, half)
        grazing = missing * missing * missing * missing * missing
        spread = dot(across, across) + squared * along * along
        density = squared / (math.pi * spread * spread) if along > 0.0 else 0.0
        masked = (cosine + root(cosine, squared)) * (facing + root(facing, squared))
        lobe, below = math.pi * density / masked, (1.0 - DIELECTRIC) * (1.0 - grazing)
        for c in range(3):
            straight = rows[STRAIGHT + c, i]
            reflected = lobe * (straight + (1.0 - straight) * grazing)
            rows[COLOR + c, i] = cosine * (below * rows[DIFFUSE + c, i] + reflected)


@kernel
def shade_back(rows, n):
    """Fill in the gradients of a block from the cotangents of its colours."""
    assert rows.shape[1] == COLUMNS
    for i in range(whole_lanes(n)):
        normal, light, eye = three(rows, NORMAL, i), three(rows, LIGHT, i), three(rows, EYE, i)
        rough = rows[ROUGHNESS, i]
        alpha = max(rough * rough, SMOOTHEST)
        squared = alpha * alpha
        half, length = halfway(light, eye)
        cosine, turned = max(dot(normal, light), 0.0), dot(normal, eye)
        facing = abs(turned)
        missing, along, across = max(1.0 - dot(eye, half), 0.0), dot(normal, half), cross(normal, half)
        fourth = missing * missing * missing * missing
        grazing = fourth * missing
        spread = dot(across, across) + squared * along * along
        density = squared / (math.pi * spread * spread) if along > 0.0 else 0.0
        root_light, root_eye = root(cosine, squared), root(facing, squared)
        masked_light, masked_eye = 1.0 / (cosine + root_light), 1.0 / (facing + root_eye)
        lobe, below = math.pi * density * masked_light * masked_eye, (1.0 - DIELECTRIC) * (1.0 - grazing)
        g, diffuse, straight = three(rows, D + COLOR, i), three(rows, DIFFUSE, i), three(rows, STRAIGHT, i)
        whole, of_diffuse, of_straight = g[0] + g[1] + g[2], dot(g, diffuse), dot(g, straight)
        of_fresnel = of_straight + (whole - of_straight) * grazing
        for c in range(3):
            rows[D + DIFFUSE + c, i] = g[c] * cosine * below
            rows[D + STRAIGHT + c, i] = g[c] * cosine * lobe * (1.0 - grazing)
        # From here on names are those of numbers whose derivatives these are.
        d_grazing = cosine * (lobe * (whole - of_straight) - (1.0 - DIELECTRIC) * of_diffuse)
        d_between = -5.0 * fourth * d_grazing
        d_lobe = math.pi * cosine * of_fresnel
        d_density = d_lobe * masked_light * masked_eye
        d_light = -d_lobe * density * masked_eye * masked_light * masked_light
        d_eye = -d_lobe * density * masked_light * masked_eye * masked_eye
        d_cosine = below * of_diffuse + lobe * of_fresnel + d_light * (1.0 + (1.0 - squared) * cosine / root_light)
        d_facing = d_eye * (1.0 + (1.0 - squared) * facing / root_eye)
        d_squared = d_light * (1.0 - cosine * cosine) / (2.0 * root_light)
        d_squared += d_eye * (1.0 - facing * facing) / (2.0 * root_eye)
        d_spread = -2.0 * d_density * density / spread if along > 0.0 else 0.0
        d_squared += d_spread * along * along + (d_density / (math.pi * spread * spread) if along > 0.0 else 0.0)
        d_along = 2.0 * squared * along * d_spread
        d_cosine = d_cosine if cosine > 0.0 else 0.0
        d_turned = d_facing if turned > 0.0 else -d_facing
        rows[D + ROUGHNESS, i] = 4.0 * alpha * rough * d_squared if rough * rough >= SMOOTHEST else 0.0
        pull, push = cross(half, across), cross(across, normal)
        h = (
            2.0 * d_spread * push[0] + d_along * normal[0] + d_between * eye[0],
            2.0 * d_spread * push[1] + d_along * normal[1] + d_between * eye[1],
            2.0 * d_spread * push[2] + d_along * normal[2] + d_between * eye[2],
        )
        same = dot(h, half)
        for c in range(3):
            sideways = (h[c] - same * half[c]) / length
            rows[D + NORMAL + c, i] = 2.0 * d_spread * pull[c] + d_along * half[c]
            rows[D + NORMAL + c, i] += d_cosine * light[c] + d_turned * eye[c]
            rows[D + LIGHT + c, i] = sideways + d_cosine * normal[c]
            rows[D + EYE + c, i] = sideways + d_between * half[c] + d_turned * normal[c]
