"""What a mesh file holds, as one mesh of ours."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from invrender.errors import UserError, note
from invrender.geometry.creases import normal_groups
from invrender.io.meshes.content import MISSING, Array, Content, Part
from invrender.io.meshes.normals import file_normals
from invrender.io.meshes.welding import Surface, welded
from invrender.io.meshes.winding import wind
from invrender.scene import Mesh

CREASE = 60.0
# A single-precision number is exact to a ten-millionth, and shading shows a ten-thousandth of an object's size.
FAR = 1000.0
# How many faces have to look away from the file's normals to be taken for turned over.
MOST = 0.9


@dataclass(frozen=True)
class MeshFile:
    """A mesh file as one mesh, with what the file says of its surface.

    mesh: its texture coordinates are the file's, inside [0, 1] or not.
    part: [F] int64 into ``parts``. vertex_colors: [V, 3] linear, or None.
    """

    mesh: Mesh
    parts: tuple[Part, ...]
    part: Tensor
    vertex_colors: Tensor | None


def assemble(path: Path, content: Content, crease: float | None) -> MeshFile:
    """The mesh of a file.

    Positions that are exactly alike become one vertex; texture coordinates keep their own index. Vertices are numbered
    as the faces name them first, and those that no face names are left out.

    crease: degrees; edges sharper than that have split normals. None takes the file's normals, else `CREASE`.

    Raises `UserError` where there is nothing to draw.
    """
    check(path, content)
    notes = list(content.notes)
    content = centred(content, notes)
    surface = welded(content.points, content.corners)
    before, content = content, mended(content, surface, notes)
    if content.corners is not before.corners:
        surface = welded(content.points, content.corners)
    used, part = by_use(content)
    vertices, faces, original = (torch.from_numpy(each) for each in surface)
    groups, normals = shared_normals(content, vertices, faces, crease)
    mesh = Mesh(vertices, faces, groups, normals=normals)
    if content.uv is not None and content.uv_corners is not None and (content.uv_corners != MISSING).any():
        mesh = with_uv(path, mesh, content, notes)
    colors = None
    if content.colors is not None:
        colors = torch.from_numpy(content.colors[original.numpy()]).float()
        if not bool((colors[faces] == torch.from_numpy(content.colors[content.corners]).float()).all()):
            notes.append("vertices in the same place have different colours, of which the first is drawn")
    tell(path, content.undrawn, notes)
    return MeshFile(mesh, used, torch.from_numpy(part), colors)


def tell(path: Path, undrawn: tuple[str, ...], notes: list[str]) -> None:
    """Say in a line what of a file is not drawn, and what is drawn otherwise than it says."""
    told = [f"not drawn: {', '.join(dict.fromkeys(undrawn))}"] if undrawn else []
    told += dict.fromkeys(notes)
    if told:
        note(f"{path}: {'; '.join(told)}")


def check(path: Path, content: Content) -> None:
    """Raise `UserError` for a mesh without faces, without area, or with numbers that are none."""
    if not len(content.corners):
        raise UserError(f"{path}: the mesh is empty, expected at least one face")
    points = used_points(content)
    if not np.isfinite(points).all():
        raise UserError(f"{path}: a vertex position is not a finite number")
    if np.abs(points).max() > np.finfo(np.float32).max:
        raise UserError(f"{path}: a vertex position is larger than single precision has numbers for")
    if not has_area(content.points, content.corners):
        raise UserError(f"{path}: no face has an area; its vertices coincide or lie on a line")


def used_points(content: Content) -> Array:
    """The positions [U, 3] that faces name."""
    used = np.zeros(len(content.points), bool)
    used[content.corners.reshape(-1)] = True
    return content.points[used]


def has_area(points: Array, corners: Array) -> bool:
    """Whether any face is more than a line or a point; most often the first is."""
    for faces in (corners[:1], corners):
        sides = points[faces[:, 1:]] - points[faces[:, :1]]
        if (np.cross(sides[:, 0], sides[:, 1]) != 0).any():
            return True
    return False


def centred(content: Content, notes: list[str]) -> Content:
    """The content about its middle, where that is so far from the origin that single precision would show."""
    points = used_points(content)
    low, high = points.min(axis=0), points.max(axis=0)
    middle = (low + high) / 2
    if np.abs(middle).max() <= FAR * (high - low).max():
        return content
    notes.append(
        f"its positions, about ({', '.join(f'{each:g}' for each in middle)}), are too far from the origin for their "
        "size; that point becomes the object's origin"
    )
    return replace(content, points=content.points - middle)


def mended(content: Content, surface: Surface, notes: list[str]) -> Content:
    """The content without repeated faces and with all faces looking out, as far as its ``surface`` tells."""
    points, faces, _ = surface
    wound = wind(points.astype(np.float64), faces)
    notes += wound.notes
    turned = wound.turned
    kept = selected(content, wound.kept)
    if wound.closed and not turned.any():
        return kept
    along = along_normals(kept)
    if along is not None:
        inwards = bool(turned.any()) and float((along[turned] > 0).mean()) > 0.5
        kept = flipped_normals(kept, turned) if inwards else kept
        away = ~turned & (along < 0)
        if not turned.any() and not wound.closed and float((along < 0).mean()) > MOST:
            notes.append(f"{int(away.sum())} faces look away from the file's normals, and are turned")
            turned = away
    if not turned.any():
        return kept
    order = np.where(turned[:, None], np.array([0, 2, 1]), np.array([0, 1, 2]))
    return kept.change_corners(lambda corners: np.take_along_axis(corners, order, 1))


def selected(content: Content, kept: Array) -> Content:
    """The content with these faces alone."""
    if len(kept) == len(content.corners):
        return content
    part = None if content.part is None else content.part[kept]
    return replace(content.change_corners(lambda corners: corners[kept]), part=part)


def along_normals(content: Content) -> Array | None:
    """Whether each face looks along the file's normals (above 0) or away from them [F]; None without any."""
    if content.normals is None or content.normal_corners is None:
        return None
    corners = content.points[content.corners]
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    known = content.normal_corners != MISSING
    given = np.where(known[..., None], content.normals[content.normal_corners], 0).sum(axis=1)
    along: Array = (across * np.nan_to_num(given)).sum(axis=1)
    return along


def flipped_normals(content: Content, turned: Array) -> Content:
    """The content whose faces ``turned`` [F] have the opposite normals."""
    assert content.normals is not None and content.normal_corners is not None
    moved = np.where(content.normal_corners == MISSING, MISSING, content.normal_corners + len(content.normals))
    return replace(
        content,
        normals=np.concatenate([content.normals, -content.normals]),
        normal_corners=np.where(turned[:, None], moved, content.normal_corners),
    )


def by_use(content: Content) -> tuple[tuple[Part, ...], Array]:
    """The parts that have faces, and the part of each face [F] among them."""
    part = np.zeros(len(content.corners), np.int64) if content.part is None else content.part
    used, number = np.unique(part, return_inverse=True)
    return tuple(content.parts[each] for each in used), number.reshape(-1)


def shared_normals(
    content: Content, vertices: Tensor, faces: Tensor, crease: float | None
) -> tuple[Tensor, Tensor | None]:
    """The groups of corners that share a normal, and the normals where they are not what the groups' faces have."""
    corners = content.normal_corners
    if crease is None and content.normals is not None and corners is not None and (corners != MISSING).any():
        return file_normals(vertices, faces, content.normals, corners)
    return normal_groups(vertices, faces, CREASE if crease is None else crease), None


def with_uv(path: Path, mesh: Mesh, content: Content, notes: list[str]) -> Mesh:
    """The mesh with the file's texture coordinates; corners without any get (0, 0)."""
    assert content.uv is not None and content.uv_corners is not None
    uv, corners = content.uv, content.uv_corners
    if (corners == MISSING).any():
        if any(part.texture is not None for part in content.parts):
            notes.append("some faces have no texture coordinates, and take (0, 0)")
        corners = np.where(corners == MISSING, len(uv), corners)
        uv = np.concatenate([uv, np.zeros((1, 2))])
    coordinates, uv_faces, _ = welded(uv, corners)
    if not np.isfinite(coordinates).all():
        raise UserError(f"{path}: a texture coordinate is not a finite number")
    return replace(mesh, uv=torch.from_numpy(coordinates), uv_faces=torch.from_numpy(uv_faces))
