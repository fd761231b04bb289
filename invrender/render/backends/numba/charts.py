"""Which texels the charts of a mesh cover."""

from __future__ import annotations

from invrender.render.backends.numba.compiling import entry_point, kernel


@entry_point
def cover_texels(points, faces, mask):
    """Mark the texels of ``mask`` [H, W] whose centre lies in a triangle, or within a texel of one.

    points: [T, 2], texels. faces: [F, 3] into them.
    """
    height, width = mask.shape
    for face in range(len(faces)):
        left = top = 1e30
        right = bottom = -1e30
        for corner in range(3):
            x, y = points[faces[face, corner], 0], points[faces[face, corner], 1]
            left, right, top, bottom = min(left, x), max(right, x), min(top, y), max(bottom, y)
        first_row, last_row = max(0, int(top - 1.5)), min(height - 1, int(bottom + 0.5))
        first_column, last_column = max(0, int(left - 1.5)), min(width - 1, int(right + 0.5))
        for row in range(first_row, last_row + 1):
            for column in range(first_column, last_column + 1):
                if mask[row, column] == 0 and near_triangle(points, faces[face], column + 0.5, row + 0.5):
                    mask[row, column] = 1


@kernel
def near_triangle(points, corners, x, y):
    """Whether the point (x, y) lies in a triangle, or within 1 of it."""
    positive = negative = False
    for corner in range(3):
        start, end = corners[corner], corners[(corner + 1) % 3]
        along_x, along_y = points[end, 0] - points[start, 0], points[end, 1] - points[start, 1]
        off_x, off_y = x - points[start, 0], y - points[start, 1]
        length = along_x * along_x + along_y * along_y
        share = min(max((off_x * along_x + off_y * along_y) / length, 0.0), 1.0) if length > 0 else 0.0
        gap_x, gap_y = off_x - share * along_x, off_y - share * along_y
        if gap_x * gap_x + gap_y * gap_y < 1:
            return True
        side = along_x * off_y - along_y * off_x
        positive |= side > 0
        negative |= side < 0
    return positive != negative
