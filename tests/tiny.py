"""A tiny scene in float64 that has one of everything, for tests of unknowns and of the fit."""

from __future__ import annotations

from dataclasses import replace

import torch

from invrender.geometry.cameras import look_at
from invrender.geometry.grids import make_grid
from invrender.scene import (
    AmbientLight,
    Camera,
    DirectionalLight,
    HarmonicLight,
    Mesh,
    Object,
    PointLight,
    Property,
    Scene,
    phong,
    principled,
)


def octahedron() -> Mesh:
    """Six vertices, eight faces, counter-clockwise from outside, with texture coordinates."""
    vertices = torch.tensor([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]]).double()
    faces = torch.tensor([[0, 2, 4], [2, 1, 4], [1, 3, 4], [3, 0, 4], [2, 0, 5], [1, 2, 5], [3, 1, 5], [0, 3, 5]])
    uv = torch.stack([vertices[:, 0] + 0.3 * vertices[:, 2], vertices[:, 1] - 0.2 * vertices[:, 2]], dim=1) * 0.35 + 0.5
    return Mesh(vertices * 0.6, faces, faces, uv, faces)


def scene(size: int = 24) -> Scene:
    """Two octahedra, one textured and one with vertex colours, under four lights."""
    random = torch.Generator().manual_seed(0)

    def uniform(*shape: int) -> torch.Tensor:
        return 0.2 + 0.6 * torch.rand(*shape, generator=random, dtype=torch.float64)

    one = torch.ones(3).double()
    placed = torch.eye(4).double()
    beside = placed.clone()
    beside[:3, 3] = torch.tensor([0.5, -0.3, 0.6])
    textured = phong(0.9 * one, 0.1 * one, torch.tensor(8.0).double(), texture=uniform(7, 9, 3))
    painted = phong(0.9 * one, 0.0 * one, torch.tensor(8.0).double(), vertex_colors=uniform(6, 3))
    position, target, up = (torch.tensor(v).double() for v in ([1.0, 0.8, 3.0], [0.1, 0.0, 0.2], [0.0, 1.0, 0.0]))
    camera = Camera(
        intrinsics=torch.tensor([[1.1 * size, 0, 0.5 * size], [0, 1.15 * size, 0.48 * size], [0, 0, 1]]).double(),
        camera_from_world=look_at(position, target, up),
        look_at=target,
        up=up,
        width=size,
        height=size,
        far=10.0,
    )
    return Scene(
        objects={
            "textured": Object(octahedron(), textured, placed),
            "painted": Object(octahedron(), painted, beside),
        },
        cameras={"camera": camera},
        lights={
            "ambient": AmbientLight(one, torch.tensor(0.2).double()),
            "sun": DirectionalLight(0.9 * one, torch.tensor(0.4).double(), torch.tensor([0.3, 1.0, 0.8]).double()),
            "lamp": PointLight(
                0.8 * one, torch.tensor(5.0).double(), torch.tensor([2.0, 1.5, 3.0]).double(), "inverse_square"
            ),
            "key": PointLight(0.7 * one, torch.tensor(0.3).double(), torch.tensor([-2.0, 2.5, 3.0]).double()),
        },
        background=torch.tensor([0.05, 0.1, 0.15]).double(),
    )


def glossy(base: Scene) -> Scene:
    """A scene with a principled material on its textured object, and light by spherical harmonics."""
    random = torch.Generator().manual_seed(1)
    obj = base.objects["textured"]
    number = [torch.tensor(each).double() for each in (0.5, 0.4)]
    looks = principled(
        obj.material["albedo"], *map(Property, number), Property(torch.tensor([0.1, 0.05, 0.2]).double())
    )
    sky = HarmonicLight(0.3 * torch.rand(9, 3, generator=random, dtype=torch.float64), torch.tensor(0.6).double())
    objects = {**base.objects, "textured": replace(obj, material=looks)}
    return replace(base, objects=objects, lights={**base.lights, "sky": sky})


def ground(rows: int = 5, columns: int = 6, size: int = 24) -> Scene:
    """A hilly grid that faces the camera, in the light of the tiny scene."""
    heights = 0.1 * torch.rand(rows, columns, generator=torch.Generator().manual_seed(4)).double()
    one = torch.ones(3).double()
    mesh = make_grid(heights, -0.7 * one[:2], 0.7 * one[:2])
    looks = phong(0.9 * one, 0.0 * one, torch.tensor(8.0).double())
    return replace(scene(size), objects={"ground": Object(mesh, looks, torch.eye(4).double())})


def one_object(size: int = 24) -> Scene:
    """The textured octahedron alone."""
    both = scene(size)
    return replace(both, objects={"textured": both.objects["textured"]})
