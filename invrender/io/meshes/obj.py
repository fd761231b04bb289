"""Wavefront OBJ files, read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from invrender.errors import UserError, naming
from invrender.io.meshes.content import MISSING, Array, Content, Part, file_bytes, linear
from invrender.io.meshes.mtl import MtlMaterial, Told, read_libraries
from invrender.io.meshes.obj_text import Lines, code, faces, lines_of, rows
from invrender.io.meshes.triangles import triangulate
from invrender.io.meshes.welding import by_first_use

UNDRAWN = {
    b"l": "lines",
    b"p": "points",
    b"vp": "curves and surfaces",
    b"cs": "curves and surfaces",
    b"ct": "curves and surfaces",
    b"su": "curves and surfaces",
}


def read_obj(path: Path) -> Content:
    """The triangles of an OBJ file and the materials of its MTL files. Raises `UserError` where it can't be read."""
    lines = lines_of(path, file_bytes(path))
    positions, position_lines = rows(lines, b"v")
    uv, uv_lines = rows(lines, b"vt")
    normals, normal_lines = rows(lines, b"vn")
    counts = ((position_lines, len(positions)), (uv_lines, len(uv)), (normal_lines, len(normals)))
    for values, least, name in ((positions, 3, "v"), (uv, 1, "vt"), (normals, 3, "vn")):
        if len(values) and values.shape[1] < least:
            raise UserError(
                f"{path}: a line {name} has {values.shape[1]} numbers, expected {least}; is the file cut off?"
            )
    corners = faces(lines, counts)
    undrawn = [told for word, told in UNDRAWN.items() if (lines.kind == code(word)).any()]
    if (corners.sizes < 3).any():
        undrawn.append("faces of fewer than three corners")
    points = positions[:, :3] if len(positions) else np.zeros((0, 3))
    with naming(f"{path}"):
        places, face = triangulate(points, corners.vertex, corners.sizes)
    part, parts, told = materials(path, lines, corners.lines[face])
    content = Content(
        points=points,
        corners=corners.vertex[places],
        normals=normals[:, :3] if len(normals) else None,
        normal_corners=corners.normal[places] if len(normals) else None,
        colors=vertex_colors(positions),
        part=part,
        parts=tuple(material.part for material in parts),
        undrawn=(*undrawn, *told.undrawn),
        notes=tuple(told.notes),
    )
    if not len(uv):
        return content
    uv = np.pad(uv[:, :2], ((0, 0), (0, max(0, 2 - uv.shape[1]))))
    return moved_uv(replace(content, uv=uv, uv_corners=corners.uv[places]), parts)


def vertex_colors(positions: Array) -> Array | None:
    """Linear colours [P, 3] where every vertex has six numbers, as MeshLab writes them: sRGB, to 1 or to 255."""
    if positions.shape[1] < 6:
        return None
    colors = positions[:, 3:6]
    return linear(colors / 255 if len(colors) and colors.max() > 1 else colors)


def materials(path: Path, lines: Lines, face_lines: Array) -> tuple[Array, list[MtlMaterial], Told]:
    """The part of each face [F], the parts' materials, and what is to be told of them."""
    uses = np.flatnonzero(lines.kind == code(b"us"))
    names = [lines.words(number) for number in uses.tolist()]
    current = np.searchsorted(uses, face_lines)  # 0 before the first
    used = ["", *names]
    order = list(dict.fromkeys(used[number] for number in by_first_use(current)[1].tolist()))
    number_of = {name: number for number, name in enumerate(order)}
    part = np.array([number_of.get(name, 0) for name in used], np.int64)[current]
    named = [lines.words(number) for number in np.flatnonzero(lines.kind == code(b"mt")).tolist()]
    found, told = read_libraries(path, named, [name for name in order if name])
    return part, [found.get(name, MtlMaterial(Part(name))) for name in order], told


def moved_uv(content: Content, parts: list[MtlMaterial]) -> Content:
    """The content with the texture coordinates of parts whose texture is moved or scaled as the MTL file says."""
    assert content.uv is not None and content.uv_corners is not None and content.part is not None
    uv, corners = [content.uv], content.uv_corners.copy()
    for number, material in enumerate(parts):
        if material.scale == (1.0, 1.0) and material.offset == (0.0, 0.0):
            continue
        chosen = (content.part == number)[:, None] & (corners != MISSING)
        corners[chosen] += sum(map(len, uv))
        uv.append(content.uv * np.array(material.scale) + np.array(material.offset))
    return replace(content, uv=np.concatenate(uv), uv_corners=corners)
