"""OFF files, read."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from invrender.errors import UserError, naming
from invrender.io.meshes.content import Array, Content, Part, file_bytes, linear
from invrender.io.meshes.faces import check_indices, colored_parts
from invrender.io.meshes.numbers import first_of_lines, table
from invrender.io.meshes.triangles import triangulate

HEADER = re.compile(r"(ST)?(C)?(N)?(4)?(n)?OFF\b\s*(BINARY)?")


def read_off(path: Path) -> Content:
    """The triangles of an OFF file in ASCII, with colours of vertices and of faces. Raises `UserError` if cut off."""
    text = file_bytes(path).decode("utf-8", "replace")
    text = re.sub(r"#[^\n]*", "", text).replace("\r", "\n")
    head = HEADER.match(text.lstrip())
    if head is None or head[4] or head[5] or head[6]:
        raise UserError(
            f"{path}: not a readable mesh (expected a file that begins with OFF, in ASCII, of 3 dimensions)"
        )
    lines = [line for line in text.lstrip()[head.end() :].split("\n") if line.strip()]
    counts = lines[0].split() if lines else []
    if len(counts) < 2 or not all(each.isdigit() for each in counts):
        raise UserError(f"{path}: not a readable mesh (expected the numbers of vertices, faces and edges)")
    vertices, faces = int(counts[0]), int(counts[1])
    if len(lines) < 1 + vertices + faces:
        raise UserError(
            f"{path}: is cut off; it promises {vertices} vertices and {faces} faces, and has {len(lines) - 1} lines"
        )
    try:
        return content(path, head, lines[1 : 1 + vertices], lines[1 + vertices : 1 + vertices + faces])
    except ValueError as error:
        raise UserError(f"{path}: is cut off or damaged ({error})") from None


def content(path: Path, head: re.Match[str], vertices: list[str], faces: list[str]) -> Content:
    """The content of the lines of vertices and of faces."""
    numbers = vertex_rows(vertices)
    width = numbers.shape[1]
    normals = numbers[:, 3:6] if head[3] and width >= 6 else None
    behind = 6 if normals is not None else 3
    colors = numbers[:, behind : behind + 3] if head[2] and width >= behind + 3 else None
    corners, sizes, face_colors = polygons(faces)
    check_indices(path, corners, len(numbers))
    with naming(f"{path}"):
        places, polygon = triangulate(numbers[:, :3], corners, sizes)
    parts: tuple[Part, ...] = (Part(""),)
    part = 0 * polygon
    if face_colors is not None:
        parts, part = colored_parts(path, bytes_as_unit(face_colors))
        part = part[polygon]
    return Content(
        points=numbers[:, :3],
        corners=corners[places],
        normals=normals,
        normal_corners=None if normals is None else corners[places],
        colors=None if colors is None else linear(bytes_as_unit(colors)),
        part=part,
        parts=parts,
    )


def vertex_rows(lines: list[str]) -> Array:
    """The numbers of all vertices, as many of each as the shortest line has."""
    try:
        numbers = first_of_lines(*table(text_of(lines), np.float64))
    except ValueError:
        # Only a word that no line may do without has to be a number.
        rows = [line.split() for line in lines]
        width = min(map(len, rows))
        numbers = np.array([row[:width] for row in rows], dtype=np.float64) if width >= 3 else np.zeros((1, width))
    if len(numbers) and numbers.shape[1] < 3:
        raise ValueError("a vertex has fewer than three numbers")
    return numbers if len(numbers) else np.zeros((0, 3))


def text_of(lines: list[str]) -> bytes:
    """Lines as `table` takes them."""
    return b" " + "\n".join([*lines, ""]).encode()


def polygons(lines: list[str]) -> tuple[Array, Array, Array | None]:
    """The corners of all faces, how many each has, and the colours [F, 3] of faces where each has one.

    Faces of fewer than three corners are left out.
    """
    try:
        values, widths = table(text_of(lines), np.int64)
    except ValueError:
        return polygons_by_line(lines)
    first = np.cumsum(widths) - widths
    first, widths = first[values[first] >= 3], widths[values[first] >= 3]
    sizes = values[first]
    if (widths <= sizes).any():
        raise ValueError("a face has fewer vertices than it promises")
    begin = np.cumsum(sizes) - sizes
    corners = values[np.repeat(first + 1 - begin, sizes) + np.arange(sizes.sum())]
    colored = len(first) > 0 and bool((widths >= sizes + 4).all())
    colors = values[(first + sizes + 1)[:, None] + np.arange(3)].astype(np.float64) if colored else None
    return corners, sizes, colors


def polygons_by_line(lines: list[str]) -> tuple[Array, Array, Array | None]:
    """The slow twin of `polygons`, for colours that are fractions too."""
    rows = [row for row in (line.split() for line in lines) if int(row[0]) >= 3]
    sizes = np.array([int(row[0]) for row in rows], np.int64)
    if any(len(row) < size + 1 for row, size in zip(rows, sizes, strict=True)):
        raise ValueError("a face has fewer vertices than it promises")
    flat = [each for row, size in zip(rows, sizes.tolist(), strict=True) for each in row[1 : size + 1]]
    behind = [row[size + 1 : size + 4] for row, size in zip(rows, sizes.tolist(), strict=True)]
    colored = len(behind) > 0 and all(len(row) == 3 for row in behind)
    return np.array(flat, dtype=np.int64), sizes, np.array(behind, dtype=np.float64) if colored else None


def bytes_as_unit(colors: Array) -> Array:
    """Colours in [0, 1] from whole numbers to 255, or from numbers to 1."""
    return colors / 255 if len(colors) and colors.max() > 1 else colors
