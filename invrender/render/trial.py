"""A trial of a renderer: a triangle in 8 × 8 pixels."""

from __future__ import annotations

import torch

from invrender.render.base import Renderer, render_scene
from invrender.scene import CAMERA, AmbientLight, Camera, Mesh, Object, Scene, phong


def triangle() -> Scene:
    """A white triangle before a camera, under ambient light."""
    one, white, faces = torch.tensor(1.0), torch.ones(3), torch.tensor([[0, 1, 2]])
    mesh = Mesh(torch.tensor([[-1.0, 1.0, 2.0], [1.0, 1.0, 2.0], [0.0, -1.0, 2.0]]), faces, faces)
    intrinsics = torch.tensor([[4.0, 0.0, 4.0], [0.0, 4.0, 4.0], [0.0, 0.0, 1.0]])
    return Scene(
        objects={"triangle": Object(mesh, phong(white, torch.zeros(3), one), torch.eye(4))},
        cameras={CAMERA: Camera(intrinsics, torch.eye(4), torch.zeros(3), white, width=8, height=8)},
        lights={"ambient": AmbientLight(white, one)},
        background=torch.zeros(3),
    )


def draws(renderer: Renderer, device: str) -> bool:
    """Whether the renderer covers some pixel with a triangle on ``device``."""
    return float(render_scene(renderer, triangle().to(device), frozenset(("alpha",))).alpha.max()) > 0.5
