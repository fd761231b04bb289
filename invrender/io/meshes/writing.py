"""Wavefront OBJ files, written."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from invrender.geometry.meshes import group_normals
from invrender.scene import Mesh


def write_obj(path: Path, mesh: Mesh) -> None:
    """Write a mesh so that `read_mesh` without a crease gives the same one, to the last bit."""
    normals = group_normals(mesh.vertices, mesh) if mesh.normals is None else mesh.normals
    lines = [f"v {row}" for row in rows(mesh.vertices)]
    indices = [mesh.faces, mesh.normal_faces]
    if mesh.uv is not None and mesh.uv_faces is not None:
        lines += [f"vt {row}" for row in rows(mesh.uv)]
        indices = [mesh.faces, mesh.uv_faces, mesh.normal_faces]
    lines += [f"vn {row}" for row in rows(normals)]
    separator = "/" if len(indices) == 3 else "//"
    for face in (torch.stack(indices, dim=-1) + 1).tolist():
        lines.append("f " + " ".join(separator.join(map(str, corner)) for corner in face))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def rows(values: Tensor) -> list[str]:
    """Each row as text that reads back to the same float32."""
    return [" ".join(f"{number:.9g}" for number in row) for row in values.detach().cpu().tolist()]
