"""Mesh files: read through trimesh, written as OBJ."""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import trimesh
from torch import Tensor

from invrender.color import linear_from_srgb
from invrender.errors import UserError
from invrender.io.creases import normal_groups
from invrender.io.pictures import scaled
from invrender.scene import Mesh

FORMATS = ("obj", "ply", "stl", "glb", "gltf", "off")
Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class MeshFile:
    """One mesh of a file, and what the file says of its surface.

    color: [3] linear, the material's colour, or None. texture: [H, W, 3] linear, or None.
    vertex_colors: [V, 3] linear, or None.
    """

    mesh: Mesh
    color: Tensor | None
    texture: Tensor | None
    vertex_colors: Tensor | None


def read_meshes(path: Path, crease: float) -> list[MeshFile]:
    """The meshes of an OBJ, PLY, STL, GLB/glTF or OFF file, in the order of their names.

    Positions that are exactly alike become one vertex; texture coordinates keep their own index. Polygons are cut into
    triangles. Vertices are numbered as the faces name them first, and those that no face names are left out.

    crease: degrees; edges sharper than that have split normals.

    Raises `UserError` where the file can't be read whole.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such mesh file")
    if path.suffix.lower().lstrip(".") not in FORMATS:
        raise UserError(f"{path}: not a known mesh format; known are {', '.join(FORMATS)}")
    if path.suffix.lower() == ".obj":
        check_obj(path)
    with complaints() as heard:
        try:
            loaded = trimesh.load_scene(path, process=False)
            found = [
                (name, loaded.geometry[geometry], transform)
                for name in sorted(loaded.graph.nodes_geometry)
                for transform, geometry in [loaded.graph.get(name)]
            ]
            meshes = [
                mesh_file(path, geometry, np.asarray(transform), crease)
                for _, geometry, transform in found
                if isinstance(geometry, trimesh.Trimesh) and len(geometry.faces)
            ]
        except UserError:
            raise
        except ModuleNotFoundError as error:
            # trimesh wants a further library to guess an encoding, and for compressed geometry.
            told = "its text is not in UTF-8" if error.name == "charset_normalizer" else f"{error}"
            raise UserError(f"{path}: not a readable mesh ({told}); save it again, as plain OBJ, PLY or GLB") from error
        except Exception as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise UserError(f"{path}: not a readable mesh ({reason})") from error
    if not meshes:
        raise UserError(f"{path}: the mesh is empty, expected at least one face")
    if heard:
        raise UserError(f"{path}: {heard[0]}")
    return meshes


def check_obj(path: Path) -> None:
    """Raise `UserError` for a face that names vertex 0 or one that is not there; trimesh would take another one."""
    text = path.read_bytes()
    count = len(re.findall(rb"(?m)^[ \t]*v[ \t]", text))
    for face in re.finditer(rb"(?m)^[ \t]*f[ \t]([^\r\n]*)", text):
        for corner in face[1].split():
            number = corner.partition(b"/")[0]
            if re.fullmatch(rb"-?\d+", number) and not 1 <= abs(int(number)) <= count:
                raise UserError(
                    f"{path}: a face names vertex {int(number)}, but there are {count}, of which the first is 1"
                )


@contextmanager
def complaints() -> Iterator[list[str]]:
    """Collects what trimesh merely logs when a material, a texture or a texture coordinate can't be read."""
    heard: list[str] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            message = record.getMessage()
            failed = any(word in message for word in ("failed to load", "unable to load", "index failed"))
            if failed or record.levelno >= logging.WARNING:
                error = record.exc_info[1] if record.exc_info else None
                heard.append(message.splitlines()[0] + (f" ({error})" if error else ""))

    logger = logging.getLogger("trimesh")
    listener, level, propagate = Listener(), logger.level, logger.propagate
    logger.addHandler(listener)
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield heard
    finally:
        logger.removeHandler(listener)
        logger.setLevel(level)
        logger.propagate = propagate


def mesh_file(path: Path, geometry: trimesh.Trimesh, transform: Array, crease: float) -> MeshFile:
    """One geometry of trimesh as a mesh with its surface."""
    points = np.asarray(geometry.vertices, dtype=np.float64)
    corners = np.asarray(geometry.faces, dtype=np.int64)
    if not np.array_equal(transform, np.eye(4)):
        points = points @ transform[:3, :3].T + transform[:3, 3]
        if np.linalg.det(transform[:3, :3]) < 0:
            corners = corners[:, ::-1]
    if corners.min() < 0 or corners.max() >= len(points):
        raise UserError(f"{path}: a face names vertex {corners.max() + 1}, but there are {len(points)}")
    if not np.isfinite(points[np.unique(corners)]).all():
        raise UserError(f"{path}: a vertex position is not a finite number")
    if not has_area(points[corners]):
        raise UserError(f"{path}: no face has an area; its vertices coincide or lie on a line")

    vertices, faces, original = welded(points, corners)
    mesh = Mesh(
        vertices=torch.from_numpy(vertices).float(),
        faces=torch.from_numpy(faces),
        normal_faces=normal_groups(torch.from_numpy(vertices), torch.from_numpy(faces), crease),
    )
    uv = getattr(geometry.visual, "uv", None)
    if uv is not None and len(uv) == len(points):
        coordinates, uv_faces, _ = welded(np.asarray(uv, dtype=np.float64)[:, :2], corners)
        if not np.isfinite(coordinates).all():
            raise UserError(f"{path}: a texture coordinate is not a finite number")
        mesh = Mesh(
            mesh.vertices,
            mesh.faces,
            mesh.normal_faces,
            torch.from_numpy(coordinates).float(),
            torch.from_numpy(uv_faces),
        )
    color, texture = material_of(geometry)
    return MeshFile(mesh, color, texture, vertex_colors_of(path, geometry, original))


def has_area(triangles: Array) -> bool:
    """Whether any of ``triangles`` [F, 3, 3] is more than a line or a point."""
    sides = triangles[:, 1:] - triangles[:, :1]
    return bool((np.cross(sides[:, 0], sides[:, 1]) != 0).any())


def welded(points: Array, corners: Array) -> tuple[Array, Array, Array]:
    """Exactly equal rows of ``points`` [N, C] made one, numbered as ``corners`` [F, 3] names them first.

    Returns the rows [V, C], the faces [F, 3] into them, and for each row where it was in ``points`` [V].
    """
    _, first, number = np.unique(points.astype(np.float32), axis=0, return_index=True, return_inverse=True)
    used, used_first, compact = np.unique(
        number.reshape(-1)[corners.reshape(-1)], return_index=True, return_inverse=True
    )
    order = np.argsort(used_first)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    original = first[used[order]]
    return points[original], rank[compact.reshape(-1)].reshape(corners.shape), original


def material_of(geometry: trimesh.Trimesh) -> tuple[Tensor | None, Tensor | None]:
    """The material's linear colour [3] and texture [H, W, 3], None where the file has none."""
    material = getattr(geometry.visual, "material", None)
    if material is None:
        return None, None
    if isinstance(material, trimesh.visual.material.PBRMaterial):
        factor, picture = material.baseColorFactor, material.baseColorTexture
        color = None if factor is None else torch.from_numpy(np.asarray(factor)[:3] / np.float32(255)).float()
    else:
        diffuse, picture = (getattr(material, "kwargs", None) or {}).get("kd"), getattr(material, "image", None)
        color = torch.tensor(diffuse, dtype=torch.float32) if diffuse is not None and len(diffuse) == 3 else None
    # trimesh invents a grey picture, which comes from no file and so has no format, where a mesh has only coordinates.
    if picture is None or picture.format is None:
        return color, None
    return color, linear_from_srgb(scaled(np.asarray(picture.convert("RGB"))))


def vertex_colors_of(path: Path, geometry: trimesh.Trimesh, original: Array) -> Tensor | None:
    """Linear colours [V, 3] of the welded vertices, None where the file has none."""
    visual = geometry.visual
    if not isinstance(visual, trimesh.visual.color.ColorVisuals) or visual.kind is None:
        return None
    if visual.kind == "face":
        raise UserError(f"{path}: has colours for faces, which are not supported; give vertex colours or a texture")
    values = np.asarray(visual.vertex_colors)[original, :3].astype(np.float32) / np.float32(255)
    return linear_from_srgb(torch.from_numpy(values))


def write_obj(path: Path, mesh: Mesh) -> None:
    """Write positions, texture coordinates and faces so that `read_meshes` gives the same mesh, to the last bit."""
    lines = [f"v {row}" for row in rows(mesh.vertices)]
    if mesh.uv is not None and mesh.uv_faces is not None:
        lines += [f"vt {row}" for row in rows(mesh.uv)]
        pairs = zip((mesh.faces + 1).tolist(), (mesh.uv_faces + 1).tolist(), strict=True)
        lines += ["f " + " ".join(f"{v}/{t}" for v, t in zip(*pair, strict=True)) for pair in pairs]
    else:
        lines += ["f " + " ".join(map(str, face)) for face in (mesh.faces + 1).tolist()]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def rows(values: Tensor) -> list[str]:
    """Each row as text that reads back to the same float32."""
    return [" ".join(f"{number:.9g}" for number in row) for row in values.detach().cpu().tolist()]
