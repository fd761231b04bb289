"""Whatever the scene, the picture and its gradients are finite."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import shapes
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from invrender.render.base import Renderer, render_scene
from invrender.render.embedded import EmbeddedRenderer
from invrender.render.hard import HardRenderer
from invrender.scene import DirectionalLight, Light, Mesh, Object, PointLight, Scene, map_tensors, phong

RENDERERS = [
    pytest.param(HardRenderer(samples=2), id="hard"),
    pytest.param(EmbeddedRenderer(visibility="edge"), id="edge"),
    pytest.param(EmbeddedRenderer(), id="composite"),
    pytest.param(EmbeddedRenderer(sigma=1e-2, gamma=1e-2, background="softmax"), id="softmax"),
    pytest.param(EmbeddedRenderer(sigma=1e-1, gamma=1e-6, cull_backfaces=True), id="wide"),
    pytest.param(EmbeddedRenderer(sigma=1e-8, gamma=1.0, samples=2), id="narrow"),
]

# Each makes one face [3, 3] of three random points in [−1, 1]³; the camera is at the origin and looks along −z.
KINDS: dict[str, Callable[[Tensor], Tensor]] = {
    "plain": lambda points: points - shapes.doubles([0, 0, 3]),
    "crossing the near plane": lambda points: 2 * points,
    "behind the camera": lambda points: points + shapes.doubles([0, 0, 3]),
    "on the near plane": lambda points: torch.cat([points[:, :2], torch.full((3, 1), -0.1).double()], dim=1),
    "edge-on": lambda points: points * shapes.doubles([0, 1, 1]) - shapes.doubles([0, 0, 3]),
    "edge-on through the camera": lambda points: points * shapes.doubles([0, 1, 4]),
    "without area": lambda points: points[:1].expand(3, 3) - shapes.doubles([0, 0, 3]),
    "a line": lambda points: points[:1] * shapes.doubles([[1.0], [2.0], [3.0]]) - shapes.doubles([0, 0, 3]),
    "a line of two points": lambda points: points[[0, 1, 1]] - shapes.doubles([0, 0, 3]),
    "tiny": lambda points: 1e-9 * points - shapes.doubles([0.1, 0, 3]),
    "small": lambda points: 1e-4 * points - shapes.doubles([0.1, 0, 3]),
    "huge": lambda points: 1e6 * points,
    "far away": lambda points: points * shapes.doubles([1e3, 1e3, 1]) - shapes.doubles([0, 0, 1e6]),
    "at the camera": lambda points: points * shapes.doubles([[0.0], [1.0], [1.0]]),
}


@st.composite
def scenes(draw: st.DrawFn) -> Scene:
    kinds = draw(st.lists(st.sampled_from(list(KINDS)), min_size=1, max_size=8))
    random = torch.Generator().manual_seed(draw(st.integers(0, 2**32)))

    def uniform(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=random, dtype=torch.float64)

    vertices = torch.cat([KINDS[kind](2 * uniform(3, 3) - 1) for kind in kinds])
    faces = torch.arange(len(vertices)).reshape(-1, 3)
    mesh = Mesh(vertices, faces, faces, 3 * uniform(len(vertices), 2) - 1, faces)
    looks = phong(uniform(3), uniform(3), 1 + 20 * uniform(1)[0], uniform(2, 3, 3), uniform(len(vertices), 3))
    view = shapes.camera(
        draw(st.integers(1, 9)),
        draw(st.integers(1, 9)),
        focal=draw(st.sampled_from([1.0, 8.0, 100.0])),
        projection=draw(st.sampled_from(["perspective", "orthographic"])),
    )
    lights: list[Light] = [
        shapes.ambient(0.3),
        DirectionalLight(uniform(3), uniform(1)[0], 2 * uniform(3) - 1),
        PointLight(uniform(3), uniform(1)[0], 4 * uniform(3) - 2, "inverse_square"),
        PointLight(uniform(3), uniform(1)[0], 4 * uniform(3) - 2),
    ]
    objects = {"plain": Object(mesh, looks, torch.eye(4).double())}
    base = replace(shapes.scene(view=view, lights=lights), objects=objects, background=uniform(3))
    return base.to(dtype=draw(st.sampled_from([torch.float32, torch.float64])))


def with_leaves(scene: Scene) -> tuple[Scene, list[Tensor]]:
    leaves: list[Tensor] = []

    def leaf(tensor: Tensor) -> Tensor:
        if tensor.is_floating_point():
            leaves.append(tensor.clone().requires_grad_())
            return leaves[-1]
        return tensor

    return map_tensors(scene, leaf), leaves


@pytest.mark.parametrize("renderer", RENDERERS)
@settings(deadline=None, max_examples=30, derandomize=True, database=None)
@given(scene=scenes())
def test_pictures_and_gradients_are_finite(renderer: Renderer, scene: Scene) -> None:
    held, leaves = with_leaves(scene)
    rendered = render_scene(renderer, held)
    camera = scene.camera
    assert rendered.rgb.shape == (camera.height, camera.width, 3)
    assert rendered.alpha.shape == rendered.depth.shape == (camera.height, camera.width)
    for each in (rendered.rgb, rendered.alpha, rendered.depth):
        assert each.isfinite().all()
        assert each.dtype == scene.background.dtype
    assert (rendered.alpha >= 0).all() and (rendered.alpha <= 1).all()
    assert (rendered.depth >= 0).all()
    assert (rendered.depth[rendered.alpha == 0] == 0).all()

    total = rendered.rgb.sum() + rendered.alpha.sum() + rendered.depth.sum()
    for gradient in torch.autograd.grad(total, leaves, allow_unused=True):
        assert gradient is None or gradient.isfinite().all()


@pytest.mark.parametrize("renderer", RENDERERS)
def test_a_scene_without_faces_is_its_background(renderer: Renderer) -> None:
    none = shapes.mesh(torch.zeros(0, 3).double(), torch.zeros(0, 3, dtype=torch.int64))
    rendered = render_scene(renderer, shapes.scene(shapes.thing(none), background=(0.1, 0.2, 0.3)))
    assert (rendered.alpha == 0).all() and (rendered.depth == 0).all()
    assert (rendered.rgb == shapes.doubles([0.1, 0.2, 0.3])).all()
