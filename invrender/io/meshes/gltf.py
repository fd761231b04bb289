"""glTF 2.0 files, read: .gltf and .glb."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from invrender.errors import UserError, first_line
from invrender.io.meshes.content import Array, Content, join
from invrender.io.meshes.faces import check_indices
from invrender.io.meshes.gltf_buffers import Gltf, Json, open_gltf
from invrender.io.meshes.gltf_materials import Surface, plain, surfaces

TRIANGLES, STRIP, FAN = 4, 5, 6
# Extensions that change nothing of what is drawn, or that are read.
KNOWN = {
    "KHR_texture_transform",
    "KHR_texture_basisu",
    "EXT_texture_webp",
    "KHR_materials_emissive_strength",
    "KHR_materials_unlit",
    "KHR_materials_pbrSpecularGlossiness",
    "KHR_mesh_quantization",
    "EXT_mesh_gpu_instancing",
    "KHR_lights_punctual",
}


def read_gltf(path: Path) -> Content:
    """The triangles of a glTF file's scene, each node's where it stands, at rest.

    Raises `UserError` for files that are cut off, or that need an extension which is not known here.
    """
    gltf = open_gltf(path)
    try:
        return scene_content(gltf)
    except UserError:
        raise
    except (KeyError, TypeError, AttributeError, ValueError, IndexError, OverflowError, RecursionError) as error:
        reason = first_line(error, "it is damaged")
        raise gltf.error(f"{type(error).__name__}: {reason}") from error


def scene_content(gltf: Gltf) -> Content:
    """The content of the file's scene."""
    unknown = sorted(set(gltf.document.get("extensionsRequired", [])) - KNOWN)
    if unknown:
        raise gltf.error(f"it needs {', '.join(unknown)}; export it without compression, or as plain GLB")
    undrawn: list[str] = []
    notes: list[str] = []
    materials = surfaces(gltf, undrawn, notes)
    materials.append(plain())
    contents = []
    for node, matrix in nodes(gltf):
        if "mesh" not in node:
            continue
        mesh = gltf.item("meshes", node["mesh"])
        undrawn += undrawn_of_node(node, mesh)
        for primitive in mesh["primitives"]:
            content = primitive_content(gltf, primitive, materials, undrawn, notes)
            if content is not None:
                contents.append(placed(content, matrix))
    if gltf.document.get("animations"):
        undrawn.append("animations")
    if not contents:
        raise UserError(f"{gltf.path}: the mesh is empty, expected at least one face")
    return join(contents, tuple(each.part for each in materials), tuple(undrawn), tuple(notes))


def undrawn_of_node(node: Json, mesh: Json) -> list[str]:
    """What a node or its mesh has that is not drawn."""
    undrawn = []
    if "skin" in node:
        undrawn.append("bones (skins), whose mesh is drawn as it is stored")
    if any("targets" in primitive for primitive in mesh["primitives"]):
        undrawn.append("morph targets")
    if "EXT_mesh_gpu_instancing" in node.get("extensions", {}):
        undrawn.append("instances (EXT_mesh_gpu_instancing)")
    return undrawn


def nodes(gltf: Gltf) -> Iterator[tuple[Json, Array]]:
    """The nodes of the file's scene, each with world_from_node [4, 4]; all roots where there is no scene."""
    if gltf.document.get("scenes"):
        roots = gltf.item("scenes", gltf.document.get("scene", 0)).get("nodes", [])
    else:
        children = {child for node in gltf.document.get("nodes", []) for child in node.get("children", [])}
        roots = [each for each in range(len(gltf.document.get("nodes", []))) if each not in children]
    waiting = [(each, np.eye(4), 0) for each in reversed(roots)]
    visited = 0
    while waiting:
        index, parent, depth = waiting.pop()
        visited += 1
        if depth > 1000 or visited > 1_000_000:
            raise gltf.error("a node is among its own descendants")
        node = gltf.item("nodes", index)
        matrix = parent @ local(node)
        yield node, matrix
        waiting += [(child, matrix, depth + 1) for child in reversed(node.get("children", []))]


def local(node: Json) -> Array:
    """parent_from_node [4, 4] of a node: its matrix, or translation, rotation and scale."""
    if "matrix" in node:
        return np.array(node["matrix"], dtype=np.float64).reshape(4, 4).T
    matrix = np.eye(4)
    x, y, z, w = np.array(node.get("rotation", [0, 0, 0, 1]), dtype=np.float64)
    turn = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )
    matrix[:3, :3] = turn * np.array(node.get("scale", [1, 1, 1]), dtype=np.float64)
    matrix[:3, 3] = node.get("translation", [0, 0, 0])
    return matrix


def primitive_content(
    gltf: Gltf, primitive: Json, materials: list[Surface], undrawn: list[str], notes: list[str]
) -> Content | None:
    """The triangles of a primitive; None where it has none."""
    extensions = primitive.get("extensions", {})
    if "KHR_draco_mesh_compression" in extensions:
        raise gltf.error("its geometry is compressed (KHR_draco_mesh_compression); export it without compression")
    if "KHR_materials_variants" in extensions:
        undrawn.append("variants of materials")
    mode = primitive.get("mode", TRIANGLES)
    attributes = primitive["attributes"]
    if mode not in (TRIANGLES, STRIP, FAN):
        undrawn.append("points and lines")
        return None
    if "POSITION" not in attributes:
        return None
    points = gltf.numbers(attributes["POSITION"])
    index = gltf.accessor(primitive["indices"]).astype(np.int64) if "indices" in primitive else np.arange(len(points))
    corners = triangles(index, mode)
    check_indices(gltf.path, corners, len(points))
    number = primitive.get("material", len(materials) - 1)
    if not 0 <= number < len(materials):
        raise gltf.error(f"a primitive has material {number}, but there are {len(materials) - 1}")
    surface = materials[number]
    uv = coordinates(gltf, attributes, surface, notes)
    normals = gltf.numbers(attributes["NORMAL"]) if "NORMAL" in attributes else None
    for values in (uv, normals):
        if values is not None and len(values) != len(points):
            raise gltf.error("an attribute has another number of elements than the positions")
    return Content(
        points=points,
        corners=corners,
        uv=uv,
        uv_corners=None if uv is None else corners,
        normals=normals,
        normal_corners=None if normals is None else corners,
        colors=vertex_colors(gltf, attributes, len(points)),
        part=np.full(len(corners), number),
    )


def triangles(index: Array, mode: int) -> Array:
    """Corners [F, 3] of a list, a strip or a fan of triangles, all wound alike."""
    if mode == TRIANGLES:
        return index[: len(index) // 3 * 3].reshape(-1, 3)
    count = max(len(index) - 2, 0)
    number = np.arange(count)
    if mode == FAN:
        return np.stack([index[number + 1], index[number + 2], np.full(count, index[0] if len(index) else 0)], axis=1)
    odd = number % 2
    return np.stack([index[number], index[number + 1 + odd], index[number + 2 - odd]], axis=1)


def coordinates(gltf: Gltf, attributes: Json, surface: Surface, notes: list[str]) -> Array | None:
    """Texture coordinates [P, 2], v up, of the set that the material's texture takes, moved as the material says."""
    name = f"TEXCOORD_{surface.set}"
    if name not in attributes:
        if surface.part.texture is not None or (surface.part.gloss is not None and surface.part.gloss.maps):
            notes.append(f"a texture takes the coordinates {name}, which are not there")
        return None
    uv = gltf.numbers(attributes[name])
    uv = uv @ surface.transform[:, :2].T + surface.transform[:, 2]
    return np.stack([uv[:, 0], 1 - uv[:, 1]], axis=1)


def vertex_colors(gltf: Gltf, attributes: Json, count: int) -> Array | None:
    """Linear colours [P, 3]."""
    if "COLOR_0" not in attributes:
        return None
    colors = gltf.numbers(attributes["COLOR_0"], as_shares=True)
    if colors.ndim != 2 or len(colors) != count or colors.shape[1] < 3:
        raise gltf.error("COLOR_0 has other than three or four numbers for each vertex")
    return colors[:, :3]


def placed(content: Content, matrix: Array) -> Content:
    """The content where its node puts it; a mirror image has its faces turned, so that they look out."""
    if np.array_equal(matrix, np.eye(4)):
        return content
    linear = matrix[:3, :3]
    determinant = np.linalg.det(linear)
    moved = replace(content, points=content.points @ linear.T + matrix[:3, 3])
    if content.normals is not None:
        # The cofactors are the inverse transpose times the determinant, which a mirror image has negative.
        cofactors = np.stack([np.cross(linear[(row + 1) % 3], linear[(row + 2) % 3]) for row in range(3)])
        sign = -1.0 if determinant < 0 else 1.0
        moved = replace(moved, normals=sign * content.normals @ cofactors.T)
    if determinant >= 0:
        return moved
    return moved.change_corners(lambda corners: corners[:, ::-1])
