"""What long lists of fragments get from the corners of their faces and from textures, and the derivatives.

Sums over fragments, of what many of them share, are taken in the list's order, whatever the number of threads.
"""

from __future__ import annotations

import math

import numpy as np

from invrender.render.backends.numba.compiling import entry_point, kernel
from invrender.render.backends.numba.textures import LEVELS_PER_E

MOST_TEXELS = 8  # that a look-up mixes, at two levels
SHARE, BY_U, BY_V, BY_SIZE = range(4)


@entry_point
def mix_corners(begin, end, values, faces, face, weights, mixed):
    """Add to mixed [N, C] the values [V, C] of corners by weights [N, 3], of fragments begin … end − 1."""
    for i in range(begin, end):
        for k in range(3):
            corner, weight = faces[face[i], k], weights[i, k] * 1.0
            for c in range(values.shape[1]):
                mixed[i, c] += weight * values[corner, c]


@entry_point
def pull_weights(begin, end, values, faces, face, cotangent, gradient):
    """Fill in the gradient [N, 3] of the weights of fragments begin … end − 1."""
    for i in range(begin, end):
        for k in range(3):
            corner, total = faces[face[i], k], 0.0
            for c in range(values.shape[1]):
                total += cotangent[i, c] * values[corner, c]
            gradient[i, k] = total


@entry_point
def pull_corners(faces, face, weights, cotangent, gradient):
    """Add up the gradient [V, C] of the corners' values."""
    for i in range(len(face)):
        for k in range(3):
            corner, weight = faces[face[i], k], weights[i, k] * 1.0
            for c in range(gradient.shape[1]):
                gradient[corner, c] += weight * cotangent[i, c]


@kernel
def find_texels(table, u, v, size, texel, shares):
    """Fill in which texels [8] a look-up mixes, their shares, and how these change with u, v and ``size``, [4, 8].

    table: [L, 3] of the texture. size: texels of the finest level that a pixel covers. Returns how many they are, 0
    where there is no texture.
    """
    levels = 0
    for number in range(len(table)):
        levels += table[number, 1] > 0
    if levels == 0:
        return 0
    level = min(0.5 * math.log2(size), levels - 1.0) if size > 1.0 else 0.0
    moving = size > 1.0 and level < levels - 1.0
    finer = int(level)
    part, parts = level - finer, 2 if moving else 1
    speed = LEVELS_PER_E / size if moving else 0.0
    for number in range(parts):
        first, width, height = table[finer + number]
        weight, growth = (part, speed) if number == 1 else (1.0 - part, -speed)
        x, y = u * width - 0.5, (1.0 - v) * height - 0.5
        inside_x, inside_y = min(max(x, 0.0), width - 1.0), min(max(y, 0.0), height - 1.0)
        left, top = max(min(int(inside_x), width - 2), 0), max(min(int(inside_y), height - 2), 0)
        across, down = inside_x - left, inside_y - top
        along_u, along_v = width * (x == inside_x), -height * (y == inside_y)
        for k in range(4):
            right, lower = k % 2, k // 2
            column, row = (across if right else 1.0 - across), (down if lower else 1.0 - down)
            at = 4 * number + k
            texel[at] = first + min(top + lower, height - 1) * width + min(left + right, width - 1)
            shares[SHARE, at] = weight * column * row
            shares[BY_U, at] = weight * row * (along_u if right else -along_u)
            shares[BY_V, at] = weight * column * (along_v if lower else -along_v)
            shares[BY_SIZE, at] = growth * column * row
    return 4 * parts


@entry_point
def look_up(begin, end, texels, textures, which, uv, size, color):
    """Fill in the colours [N, C] of fragments begin … end − 1."""
    texel, shares = np.empty(MOST_TEXELS, np.int64), np.empty((4, MOST_TEXELS))
    for i in range(begin, end):
        count = find_texels(textures[which[i]], uv[i, 0], uv[i, 1], size[i], texel, shares)
        for c in range(texels.shape[1]):
            total = 1.0 if count == 0 else 0.0
            for k in range(count):
                total += shares[SHARE, k] * texels[texel[k], c]
            color[i, c] = total


@entry_point
def pull_places(begin, end, texels, textures, which, uv, size, cotangent, of_uv, of_size):
    """Fill in the gradients of where fragments begin … end − 1 look, and how widely."""
    texel, shares = np.empty(MOST_TEXELS, np.int64), np.empty((4, MOST_TEXELS))
    for i in range(begin, end):
        by_u = by_v = by_size = 0.0
        for k in range(find_texels(textures[which[i]], uv[i, 0], uv[i, 1], size[i], texel, shares)):
            along = 0.0
            for c in range(texels.shape[1]):
                along += cotangent[i, c] * texels[texel[k], c]
            by_u += along * shares[BY_U, k]
            by_v += along * shares[BY_V, k]
            by_size += along * shares[BY_SIZE, k]
        of_uv[i, 0], of_uv[i, 1], of_size[i] = by_u, by_v, by_size


@entry_point
def pull_texels(textures, which, uv, size, cotangent, gradient):
    """Add up the gradient [X, C] of the texels."""
    texel, shares = np.empty(MOST_TEXELS, np.int64), np.empty((4, MOST_TEXELS))
    for i in range(len(which)):
        for k in range(find_texels(textures[which[i]], uv[i, 0], uv[i, 1], size[i], texel, shares)):
            for c in range(gradient.shape[1]):
                gradient[texel[k], c] += shares[SHARE, k] * cotangent[i, c]


@entry_point
def move_look_ups(begin, end, texels, textures, which, uv, size, moved_texels, moved_uv, moved_size, color):
    """Fill in how the colours [K, N, C] of fragments begin … end − 1 change; what does not move has no directions."""
    texel, shares = np.empty(MOST_TEXELS, np.int64), np.empty((4, MOST_TEXELS))
    for i in range(begin, end):
        count = find_texels(textures[which[i]], uv[i, 0], uv[i, 1], size[i], texel, shares)
        for direction in range(len(color)):
            color[direction, i] = 0.0
            for k in range(count):
                growth = 0.0
                if len(moved_uv) > 0:
                    growth += shares[BY_U, k] * moved_uv[direction, i, 0] + shares[BY_V, k] * moved_uv[direction, i, 1]
                if len(moved_size) > 0:
                    growth += shares[BY_SIZE, k] * moved_size[direction, i]
                for c in range(texels.shape[1]):
                    color[direction, i, c] += growth * texels[texel[k], c]
                    if len(moved_texels) > 0:
                        color[direction, i, c] += shares[SHARE, k] * moved_texels[direction, texel[k], c]
