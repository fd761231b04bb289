"""The rules of OpenDR and of the Neural 3D Mesh Renderer, pixel by pixel: independent transcriptions in plain loops.

Written from the papers and what their authors' programs do, and without a line of the package's renderers. Pixels have
their centres at whole numbers, as there.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def opendr_image(
    picture: Array, shown: NDArray[np.int64], weights: Array, faces: NDArray[np.int64], motion: Array, outline: Array
) -> Array:
    """The derivative image [H, W, C] of a picture whose vertices move on the screen by motion [V, 2].

    shown: [H, W], the face of each pixel, −1 for none; weights: [H, W, 3], barycentric; outline: [H, W], booleans.
    """
    height, width, channels = picture.shape
    found = np.zeros_like(picture)
    for row in range(height):
        for column in range(width):
            if shown[row, column] < 0:
                continue
            way = weights[row, column] @ motion[faces[shown[row, column]]]
            for c in range(channels):
                across = slope(picture[row, :, c], outline[row], column)
                down = slope(picture[:, column, c], outline[:, column], row)
                found[row, column, c] = -(across * way[0] + down * way[1])
    return found


def slope(line: Array, outline: Array, place: int) -> float:
    """The slope of a line of pixels: one-sided differences averaged where neither end is at an outline.

    Where there is no such difference the central one counts, twice.
    """
    free = [
        line[here + 1] - line[here]
        for here in (place - 1, place)
        if 0 <= here < len(line) - 1 and not outline[here] and not outline[here + 1]
    ]
    if free:
        return float(np.mean(free))
    return float(2 * np.gradient(line)[place])


def nmr_gradient(
    corners: Array, shown: NDArray[np.int64], picture: Array, loss_gradient: Array, epsilon: float = 1e-4
) -> Array:
    """The gradient [F, 3, 2] of faces' corners [F, 3, 2], pixels, for a square picture [S, S, C].

    shown: [S, S], the face of each pixel. loss_gradient: [S, S, C]. Distances are in units in which the picture reaches
    from −1 to 1, as is epsilon; so is what the paper's gradient is taken by, and what is returned is by pixels.
    """
    size = len(picture)
    found = np.zeros_like(corners)
    for face, triangle in enumerate(corners - 0.5):
        for edge in range(3):
            for axis in range(2):
                a, b, c = (triangle[(edge + k) % 3][[axis, 1 - axis]] for k in range(3))
                for line in range(max(math.ceil(min(a[0], b[0])), 0), min(math.floor(max(a[0], b[0])), size - 1) + 1):
                    pixels = picture[:, line] if axis == 0 else picture[line]
                    wishes = loss_gradient[:, line] if axis == 0 else loss_gradient[line]
                    faces = shown[:, line] if axis == 0 else shown[line]
                    for away, change in asking(a, b, c, line, face, pixels, wishes, faces):
                        for k, lever in ((0, (b[0] - line) / (b[0] - a[0])), (1, (line - a[0]) / (b[0] - a[0]))):
                            if lever != 0:
                                distance = away / lever * 2 / size
                                distance += epsilon if distance > 0 else -epsilon
                                found[face, (edge + k) % 3, 1 - axis] -= change / distance * 2 / size
    return found


def asking(
    a: Array, b: Array, c: Array, line: int, face: int, pixels: Array, wishes: Array, faces: NDArray[np.int64]
) -> list[tuple[float, float]]:
    """The pixels of a line that an edge from a to b crosses, as distance from the crossing and gain."""
    size = len(pixels)
    at = a[1] + (b[1] - a[1]) / (b[0] - a[0]) * (line - a[0])
    third = a[1] + (b[1] - a[1]) / (b[0] - a[0]) * (c[0] - a[0])
    outward = 1 if c[1] < third else -1
    inner = math.floor(at) if outward > 0 else math.ceil(at)
    outer = inner + outward
    if not (0 <= inner < size and 0 <= outer < size):
        return []
    candidates = []
    if faces[inner] == face:
        places = range(outer, size) if outward > 0 else range(outer, -1, -1)
        candidates += [(place, pixels[inner]) for place in places]
    near = a if (line - a[0]) * (line - c[0]) < 0 else b
    other = near[1] + (c[1] - near[1]) / (c[0] - near[0]) * (line - near[0])
    far = math.ceil(other) if outward > 0 else math.floor(other)
    places = range(max(min(inner, far), 0), min(max(inner, far), size - 1) + 1)
    candidates += [(place, pixels[outer]) for place in places if faces[place] == face and place != outer]
    gains = [(place - at, float((pixels[place] - taken) @ wishes[place])) for place, taken in candidates]
    return [each for each in gains if each[1] > 0]
