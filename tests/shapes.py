"""Small meshes, cameras and scenes, for tests of the renderers. Float64 unless said otherwise."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from invrender.geometry.cameras import look_at
from invrender.parameters import CameraPose
from invrender.scene import AmbientLight, Camera, Light, Material, Mesh, Object, Projection, Scene, phong


def doubles(values: Sequence[float] | Sequence[Sequence[float]]) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def pinhole(focal: float, x: float, y: float) -> Tensor:
    """Intrinsics [3, 3] with the principal point (x, y)."""
    return doubles([[focal, 0.0, x], [0.0, focal, y], [0.0, 0.0, 1.0]])


def mesh(vertices: Tensor, faces: Tensor) -> Mesh:
    """A mesh with smooth normals and without texture coordinates."""
    return Mesh(vertices, faces, faces)


def flat(smooth: Mesh) -> Mesh:
    """The same mesh with one normal for each face."""
    return replace(smooth, normal_faces=torch.arange(len(smooth.faces))[:, None].expand(-1, 3).contiguous())


def joined(meshes: Sequence[Mesh]) -> Mesh:
    """Several meshes without texture coordinates as one."""
    starts = [0]
    for each in meshes:
        starts.append(starts[-1] + len(each.vertices))
    vertices = torch.cat([each.vertices for each in meshes])
    return mesh(vertices, torch.cat([each.faces + start for each, start in zip(meshes, starts, strict=False)]))


def quad(corners: Sequence[Sequence[float]], cells: int = 1) -> Mesh:
    """A parallelogram with ``cells`` × ``cells`` × 2 faces and (u, v) along its sides.

    corners: the points at (u, v) = (0, 0), (1, 0) and (0, 1); seen from where these run counter-clockwise, it shows
    its outside.
    """
    origin, right, top = doubles(corners)
    steps = torch.arange(cells + 1).double() / cells
    u, v = steps.repeat(cells + 1), steps.repeat_interleave(cells + 1)
    vertices = origin + u[:, None] * (right - origin) + v[:, None] * (top - origin)
    lower_left = (torch.arange(cells)[:, None] * (cells + 1) + torch.arange(cells)).reshape(-1)
    row = cells + 1
    lower = torch.stack([lower_left, lower_left + 1, lower_left + row + 1], dim=1)
    upper = torch.stack([lower_left, lower_left + row + 1, lower_left + row], dim=1)
    faces = torch.stack([lower, upper], dim=1).reshape(-1, 3)
    return Mesh(vertices, faces, faces, torch.stack([u, v], dim=1), faces)


def facing(half: float, depth: float, cells: int = 1) -> Mesh:
    """A square of side 2 × ``half`` in the plane z = −depth that faces a camera of `camera`."""
    return quad([[-half, -half, -depth], [half, -half, -depth], [-half, half, -depth]], cells)


def box(half: float = 1.0) -> Mesh:
    """An axis-parallel cube about the origin, twelve faces, outside out, one normal for each face."""
    corners = [[x, y, z] for x in (-half, half) for y in (-half, half) for z in (-half, half)]
    sides = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    faces = [face for a, b, c, d in sides for face in ((a, b, c), (a, c, d))]
    return flat(mesh(doubles(corners), torch.tensor(faces)))


def tube(around: int, half: float = 1.0) -> Mesh:
    """The side of a cylinder of radius 1 about y. Its texture coordinates have a seam at u = 0 and u = 1."""
    angle = torch.arange(around).double() * (2 * math.pi / around)
    ring = torch.stack([angle.sin(), torch.zeros_like(angle), angle.cos()], dim=1)
    lift = doubles([0.0, half, 0.0])
    vertices = torch.cat([ring - lift, ring + lift])
    here = torch.arange(around)
    following = (here + 1) % around

    def sides(ahead: Tensor, row: int) -> Tensor:
        lower = torch.stack([here, ahead, ahead + row], dim=1)
        return torch.cat([lower, torch.stack([here, ahead + row, here + row], dim=1)])

    u = torch.arange(around + 1).double() / around
    uv = torch.cat([torch.stack([u, torch.full_like(u, v)], dim=1) for v in (0.0, 1.0)])
    faces = sides(following, around)
    return Mesh(vertices, faces, faces, uv, sides(here + 1, around + 1))


def subdivided(coarse: Mesh, times: int) -> Mesh:
    """The same surface with each face cut into 4 ** ``times``; corners are not shared."""
    corners = coarse.vertices[coarse.faces]
    for _ in range(times):
        a, b, c = corners.unbind(1)
        ab, bc, ca = (a + b) / 2, (b + c) / 2, (c + a) / 2
        parts = [(a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca)]
        corners = torch.cat([torch.stack(part, dim=1) for part in parts])
    return mesh(corners.reshape(-1, 3), torch.arange(3 * len(corners)).reshape(-1, 3))


def camera(
    width: int = 16,
    height: int = 16,
    focal: float = 16.0,
    position: Sequence[float] = (0.0, 0.0, 0.0),
    target: Sequence[float] = (0.0, 0.0, -1.0),
    near: float = 0.1,
    far: float = 10.0,
    projection: Projection = "perspective",
) -> Camera:
    """A camera at the origin that looks along −z, with y up, if nothing else is said. focal: pixels."""
    eye, seen, up = doubles(position), doubles(target), doubles([0.0, 1.0, 0.0])
    return Camera(
        intrinsics=pinhole(focal, width / 2, height / 2),
        camera_from_world=look_at(eye, seen, up),
        look_at=seen,
        up=up,
        width=width,
        height=height,
        near=near,
        far=far,
        projection=projection,
    )


def material(
    color: Sequence[float] = (1.0, 1.0, 1.0),
    texture: Tensor | None = None,
    vertex_colors: Tensor | None = None,
    specular: float = 0.0,
    shininess: float = 8.0,
) -> Material:
    return phong(doubles(color), doubles([specular] * 3), torch.tensor(shininess).double(), texture, vertex_colors)


def thing(shape: Mesh, looks: Material | None = None) -> Object:
    return Object(shape, looks or material(), torch.eye(4).double())


def ambient(level: float = 1.0) -> AmbientLight:
    return AmbientLight(doubles([1.0, 1.0, 1.0]), torch.tensor(level).double())


def scene(
    *objects: Object,
    view: Camera | None = None,
    lights: Sequence[Light] | None = None,
    background: Sequence[float] = (0.0, 0.0, 0.0),
) -> Scene:
    """Objects under full ambient light on black, if nothing else is said."""
    return Scene(
        objects={f"object {number}": each for number, each in enumerate(objects)},
        cameras={"camera": view or camera()},
        lights={f"light {number}": light for number, light in enumerate([ambient()] if lights is None else lights)},
        background=doubles(background),
    )


SIDES = ("left", "right")
"""The cameras of `seen_from_sides`."""


def seen_from_sides(base: Scene) -> Scene:
    """A scene with two more cameras, to the left and to the right of its own."""
    for name, angle in zip(SIDES, (-0.3, 0.4), strict=True):
        camera = CameraPose().apply(base, doubles([0, angle, 0, 0, 0, 0])).camera
        base = base.with_camera(camera, name)
    return base


def with_vertices(base: Scene, vertices: Tensor) -> Scene:
    """A scene of one object with other vertices."""
    ((name, only),) = base.objects.items()
    return replace(base, objects={name: replace(only, mesh=replace(only.mesh, vertices=vertices))})


def slope(values: Tensor, cotangent: Tensor, inputs: Tensor) -> Tensor:
    """The gradient of Σ values × cotangent."""
    return torch.autograd.grad(values, inputs, cotangent)[0]
