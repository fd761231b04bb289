"""The objects, and the cameras drawn in triangles, for programs that show meshes."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import fast_simplification
import numpy as np
import torch
import trimesh
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from trimesh.visual import ColorVisuals, TextureVisuals
from trimesh.visual.color import uv_to_interpolated_color
from trimesh.visual.material import PBRMaterial

from invrender.geometry.cameras import rays, transform
from invrender.geometry.meshes import bounds, object_normals
from invrender.images.color import linear_from_srgb
from invrender.io.atomic import atomic_write
from invrender.record.display import Picture, srgb_picture
from invrender.record.gloss import gltf_gloss
from invrender.record.paths import OBJECT, Points
from invrender.scene import Camera, Object, Scene, Target

# By layer, which is how the names of what is drawn begin, its sRGB colour.
COLORS = {
    "start": (240, 140, 30),
    "path": (250, 205, 60),
    "found": (20, 180, 100),
    "truth": (60, 130, 250),
    "known": (140, 140, 150),
}
FADED = (150, 150, 155, 90)
MOST_FACES = 30_000
WIDEST_DRAWN = 3.0  # the tangent of the widest ray of a camera's pyramid
MOST_TEXELS = 1024
# Shares of the diagonal of the box that holds the objects.
CAMERA_DEPTH, EDGE_RADIUS, SHORTEST_SEGMENT = 0.12, 0.004, 0.006
SIDES = 6


def write_geometry(path: Path, start: Scene, found: Scene, target: Target, paths: Mapping[str, Points]) -> None:
    """Write the objects as found, the cameras and their paths as glTF, in the world frame.

    Nodes are called LAYER_NAME, with a layer of ``COLORS``. Objects with more than their share of ``MOST_FACES`` are
    simplified; the scene's ``note`` says so. Its ``up`` and ``eye`` are for a first look at it.
    """
    scene = trimesh.Scene(metadata={"up": found.camera.up.tolist(), "eye": found.camera.position.tolist()})
    limit = MOST_FACES // max(1, len(found.objects))
    simplified = [name for name, obj in found.objects.items() if len(obj.mesh.faces) > limit]
    for name, obj in found.objects.items():
        visible = colored(obj, limit) if name in simplified else textured(obj)
        scene.add_geometry(visible, node_name=f"found_{name}", transform=numpy(obj.world_from_object))
        before = start.objects[name].world_from_object
        if not torch.equal(before, obj.world_from_object):
            shadow = trimesh.Trimesh(visible.vertices, visible.faces, process=False)
            shadow.visual = TextureVisuals(material=plain_material(FADED))
            scene.add_geometry(shadow, node_name=f"start_{name}", transform=numpy(before))
    for name, marker in markers(start, found, target, paths).items():
        marker.visual = TextureVisuals(material=plain_material(COLORS[layer_of(name)]))
        scene.add_geometry(marker, node_name=name)
    if simplified:
        scene.metadata["note"] = f"{', '.join(simplified)}: shown with at most {limit:,} faces"
    with atomic_write(path) as partial:
        partial.write_bytes(scene.export(file_type="glb"))


def colored_triangles(
    start: Scene, found: Scene, target: Target, paths: Mapping[str, Points]
) -> tuple[Points, NDArray[np.uint8], NDArray[np.int64]]:
    """All that `write_geometry` writes but the objects' starts as one mesh: vertices [V, 3], sRGB [V, 3], faces."""
    parts = []
    for obj in found.objects.values():
        part = colored(obj, MOST_FACES // len(found.objects))
        part.apply_transform(numpy(obj.world_from_object))
        parts.append(part)
    for name, marker in markers(start, found, target, paths).items():
        marker.visual = ColorVisuals(marker, vertex_colors=COLORS[layer_of(name)])
        parts.append(marker)
    joined = joined_meshes(parts)
    assert isinstance(joined.visual, ColorVisuals)
    return joined.vertices, joined.visual.vertex_colors[:, :3], joined.faces


def layer_of(name: str) -> str:
    """The layer that a node belongs to."""
    return name.partition("_")[0]


def markers(start: Scene, found: Scene, target: Target, paths: Mapping[str, Points]) -> dict[str, trimesh.Trimesh]:
    """The cameras as pyramids and the paths as tubes, by name, in the world frame."""
    low, high = bounds(found.objects)
    size = float((high - low).norm())
    drawn = {name: pyramid(camera, size) for name, camera in cameras(start, found, target).items()}
    for name, points in paths.items():
        if f"found_{name}" in drawn or name.startswith(OBJECT):
            kept = spaced(points, SHORTEST_SEGMENT * size)
            if len(kept) > 1:
                drawn[f"path_{name}"] = tubes(pairwise(kept), EDGE_RADIUS * size)
    return drawn


def cameras(start: Scene, found: Scene, target: Target) -> dict[str, Camera]:
    """The cameras of the target's pictures, by LAYER_NAME; those that moved at the start, as found and in truth."""
    drawn: dict[str, Camera] = {}
    for name in dict.fromkeys(view.camera for view in target.views):
        before, after = start.cameras[name], found.cameras[name]
        if torch.equal(before.camera_from_world, after.camera_from_world):
            drawn[f"known_{name}"] = after
            continue
        true = {} if target.truth is None else {f"truth_{name}": target.truth.scene.cameras[name]}
        drawn |= {f"start_{name}": before, **true, f"found_{name}": after}
    return drawn


def pyramid(camera: Camera, size: float) -> trimesh.Trimesh:
    """The edges of what a camera sees up to a small depth, a box for an orthographic one."""
    depth = CAMERA_DEPTH * size
    width, height = camera.width, camera.height
    corners = camera.intrinsics.new_tensor([[0, 0, 1], [width, 0, 1], [width, height, 1], [0, height, 1]])
    straight = corners @ camera.intrinsics.inverse().T
    seen = straight if camera.lens is None else bent_rays(camera, corners[:, :2])
    if camera.projection == "orthographic":
        near, far = seen * seen.new_tensor([1, 1, 0]), seen * seen.new_tensor([1, 1, depth])
    else:
        near, far = seen * 0, seen * depth
    world_from_camera = camera.camera_from_world.inverse()
    apex, base = numpy(transform(world_from_camera, near)), numpy(transform(world_from_camera, far))
    beside = [1, 2, 3, 0]
    edges = [*zip(apex, base, strict=True), *zip(base, base[beside], strict=True)]
    if camera.projection == "orthographic":
        edges += zip(apex, apex[beside], strict=True)
    return tubes(iter(edges), EDGE_RADIUS * size)


def bent_rays(camera: Camera, corners: Tensor) -> Tensor:
    """The rays [4, 3] of a picture's corners through a lens; of one that sees beside the camera, a square's."""
    found = rays(camera, corners)
    found = found / found[:, 2:]
    size = corners.new_tensor([camera.width, camera.height])
    square = torch.cat([2 * corners / size - 1, torch.ones_like(corners[:, :1])], dim=1)
    narrow = bool((found[:, :2].abs() < WIDEST_DRAWN).all())
    return found if narrow else square


def tubes(segments: Iterator[tuple[Points, Points]], radius: float) -> trimesh.Trimesh:
    """A thin cylinder for each pair of points."""
    cylinders = [trimesh.creation.cylinder(radius, sections=SIDES, segment=np.stack(segment)) for segment in segments]
    return joined_meshes(cylinders)


def joined_meshes(meshes: Sequence[trimesh.Trimesh]) -> trimesh.Trimesh:
    """Several meshes as one."""
    joined = trimesh.util.concatenate(meshes)
    assert isinstance(joined, trimesh.Trimesh)
    return joined


def spaced(points: Points, shortest: float) -> Points:
    """The points [N, 3] without those that are nearer than ``shortest`` to the one kept before."""
    kept = [points[0]]
    for point in points[1:]:
        if np.linalg.norm(point - kept[-1]) >= shortest:
            kept.append(point)
    return np.stack(kept)


def textured(obj: Object) -> trimesh.Trimesh:
    """An object's mesh with its texture, its vertex colours or its plain colour, in the object's frame."""
    surface, corners, uv = unwelded(obj)
    material = obj.material
    picture = None if material.texture is None else jpeg(srgb_picture(material.texture))
    look = PBRMaterial(baseColorFactor=rgba(material.albedo), baseColorTexture=picture, **gltf_gloss(material))
    if material.vertex_colors is not None:
        # glTF's vertex colours are linear.
        surface.visual = ColorVisuals(surface, vertex_colors=rgba(material.vertex_colors * material.albedo)[corners])
    else:
        surface.visual = TextureVisuals(uv=uv, material=look)
    return surface


def colored(obj: Object, most_faces: int) -> trimesh.Trimesh:
    """An object's mesh with sRGB vertex colours, in the object's frame.

    A textured mesh is subdivided as far as ``most_faces`` allows, so that the texture can be seen; a larger mesh is
    simplified to it.
    """
    surface, corners, uv = unwelded(obj)
    material = obj.material
    vertices, faces = np.asarray(surface.vertices), np.asarray(surface.faces)
    if material.texture is not None and uv is not None:
        while 4 * len(faces) <= most_faces:
            vertices, faces, attributes = trimesh.remesh.subdivide(vertices, faces, vertex_attributes={"uv": uv})
            uv = attributes["uv"]
        picture = Image.fromarray(srgb_picture(material.texture * material.albedo))
        colors = uv_to_interpolated_color(uv, picture)[:, :3]
    else:
        plain = material.albedo.expand(len(obj.mesh.vertices), 3)
        painted = plain if material.vertex_colors is None else material.vertex_colors * plain
        colors = srgb_picture(painted[None])[0][corners]
    if len(faces) > most_faces:
        vertices, faces, colors = simplified(vertices, faces, colors, most_faces)
    return trimesh.Trimesh(vertices, faces, vertex_colors=colors, process=False)


def simplified(
    vertices: Points, faces: NDArray[np.int64], colors: NDArray[np.uint8], most_faces: int
) -> tuple[Points, NDArray[np.int64], NDArray[np.uint8]]:
    """The mesh with fewer faces; it is welded first, so that it gets no cracks.

    Each vertex gets the colour of one of those that it stands for.
    """
    welded, first, number = np.unique(vertices.astype(np.float32), axis=0, return_index=True, return_inverse=True)
    triangles = number.reshape(-1)[faces]
    _, _, collapses = fast_simplification.simplify(welded, triangles, target_count=most_faces, return_collapses=True)
    fewer, kept, merged_into = fast_simplification.replay_simplification(welded, triangles, collapses)
    of_fewer = np.zeros((len(fewer), 3), dtype=np.uint8)
    of_fewer[merged_into] = colors[first]
    return fewer, kept, of_fewer


def unwelded(obj: Object) -> tuple[trimesh.Trimesh, NDArray[np.int64], Points | None]:
    """A mesh with one index for positions, normals and texture coordinates.

    Beside it, for each vertex its number in the object's mesh [V], and the texture coordinates [V, 2], if any.
    """
    mesh = obj.mesh
    indices = [mesh.faces, mesh.normal_faces, *([] if mesh.uv_faces is None else [mesh.uv_faces])]
    rows = torch.stack(indices, dim=-1).reshape(-1, len(indices)).cpu().numpy()
    unique, number = np.unique(rows, axis=0, return_inverse=True)
    normals = numpy(object_normals(mesh))[unique[:, 1]]
    corners = unique[:, 0]
    vertices, faces = numpy(mesh.vertices)[corners], number.reshape(-1, 3)
    surface = trimesh.Trimesh(vertices, faces, vertex_normals=normals, process=False)
    return surface, corners, None if mesh.uv is None else numpy(mesh.uv)[unique[:, -1]]


def plain_material(color: tuple[int, ...]) -> PBRMaterial:
    """One sRGB colour, with its opacity where there is a fourth value."""
    linear = rgba(linear_from_srgb(torch.tensor(color[:3]) / 255))
    opaque = len(color) == 3
    factor = linear if opaque else [*linear[:3], color[3]]
    return PBRMaterial(
        baseColorFactor=factor,
        metallicFactor=0.0,
        roughnessFactor=1.0,
        alphaMode="OPAQUE" if opaque else "BLEND",
        doubleSided=True,
    )


def rgba(linear: Tensor) -> NDArray[np.uint8]:
    """Linear colours [..., 3] in 8 bits, opaque."""
    values = (255 * linear.detach().cpu().float().clamp(0, 1)).round().to(torch.uint8).numpy()
    return np.concatenate([values, np.full_like(values[..., :1], 255)], axis=-1)


def jpeg(picture: Picture) -> Image.Image:
    """A texture as it is embedded: of at most ``MOST_TEXELS`` in each direction."""
    image = Image.fromarray(picture)
    image.thumbnail((MOST_TEXELS, MOST_TEXELS))
    file = io.BytesIO()
    image.save(file, "JPEG", quality=90)
    return Image.open(file)


def numpy(tensor: Tensor) -> Points:
    """A tensor's numbers in double precision."""
    array: Points = tensor.detach().cpu().double().numpy()
    return array
