"""The embedded renderer against pictures and gradients that PyTorch3D computed.

Each case holds a picture and the gradients of sum(picture × cotangent), from PyTorch3D in float32; we compute in
float64. Pictures agree to `PICTURE_TOLERANCE` without an exception, gradients to `GRADIENT_TOLERANCE` of their largest
entry with one kind of exception: where a pixel lies within reach of a face but beyond the horizon of the face's plane,
PyTorch3D divides by a denominator that it has clamped to 1e-8, and its gradient explodes (to 1.7e6, where finite
differences say 6). The corners of such faces are left out and counted, their share in the gradient of the pose is
taken out, and our own gradient there is held against finite differences instead.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from invrender.geometry.cameras import rigid
from invrender.render.base import Renderer, render_scene, shots_of
from invrender.render.embedded import EmbeddedRenderer
from invrender.render.hard import HardRenderer
from invrender.render.raster.project import project_surfaces
from invrender.render.raster.reference import pixel_centres, rasterize_soft, side_functions
from invrender.render.shading.surfaces import Surfaces
from invrender.scene import AmbientLight, Camera, DirectionalLight, Light, Mesh, Object, PointLight, Scene, phong

HERE = Path(__file__).parent


PICTURE_TOLERANCE = 1e-4
GRADIENT_TOLERANCE = 1e-3
POSE_TOLERANCE = 5e-3  # the pose's gradient is a float32 sum over the exploded entries, too
# The number of vertices (of 450) at which the gradients differ, by case.
CASES = {
    "silhouette_soft": 0,
    "silhouette_very_soft": 0,
    "phong_vertex_point": 0,
    "phong_vertex_point_translucent": 44,
    "phong_texture_point": 6,
    "phong_texture_directional": 24,
    "ambient_only": 5,
    "hard_phong_vertex_point": 0,
}


def scene_of(case: dict[str, Tensor], name: str) -> Scene:
    vertices, faces = case["in_vertices"], case["faces"].long()
    uv = case.get("uv")
    mesh = Mesh(vertices, faces, faces, uv, None if uv is None else faces)
    one = vertices.new_ones(())
    specular = vertices.new_zeros(3)
    lights: dict[str, Light] = {"ambient": AmbientLight(case["in_light_ambient"][0], one)}
    if "in_light_diffuse" in case:
        diffuse, where = case["in_light_diffuse"][0], case["in_light_position_or_direction"][0]
        # PyTorch3D's lights have a colour for highlights of their own; ours is the product of light and material.
        specular = case["in_light_specular"][0] / diffuse
        directional = "directional" in name
        lights["key"] = DirectionalLight(diffuse, one, where) if directional else PointLight(diffuse, one, where)
    material = phong(
        vertices.new_ones(3), specular, case["shininess"], case.get("in_texture"), case.get("in_vertex_colors")
    )
    height, width = (int(side) for side in case["size"])
    camera = Camera(
        intrinsics=case["intrinsics"],
        camera_from_world=rigid(case["in_rotation"][0], case["in_translation"][0]),
        look_at=vertices.new_zeros(3),
        up=vertices.new_tensor([0.0, 1.0, 0.0]),
        width=width,
        height=height,
        near=float(case["znear"]),
        far=float(case["zfar"]),
    )
    return Scene(
        {"mesh": Object(mesh, material, torch.eye(4).to(vertices))}, {"camera": camera}, lights, case["background"]
    )


def load(name: str) -> dict[str, Tensor]:
    with np.load(HERE / f"{name}.npz") as stored:
        return {key: torch.from_numpy(np.asarray(stored[key], dtype=np.float64)) for key in stored.files}


def renderer_of(case: dict[str, Tensor]) -> Renderer:
    sigma, gamma = float(case["sigma"]), float(case["gamma"])
    return EmbeddedRenderer(sigma, gamma, background="softmax", mipmaps=False) if sigma else HardRenderer(samples=1)


def picture_of(case: dict[str, Tensor], name: str) -> Tensor:
    rendered = render_scene(renderer_of(case), scene_of(case, name))
    rgb = torch.zeros_like(rendered.rgb) if name.startswith("silhouette") else rendered.rgb
    return torch.cat([rgb, rendered.alpha[..., None]], dim=-1)


def beyond_horizon(case: dict[str, Tensor], name: str) -> Tensor:
    """The vertices [K] of faces that some pixel within reach sees from beyond their horizon."""
    renderer = renderer_of(case)
    if not isinstance(renderer, EmbeddedRenderer):
        return torch.zeros(0, dtype=torch.int64)
    scene = scene_of(case, name)
    surfaces = Surfaces.of(shots_of([scene]))
    screen = project_surfaces(surfaces, [scene.camera], cull_backfaces=False)
    pairs = rasterize_soft(screen, renderer.soft.blur_radius)
    sides = side_functions(screen, pairs.face, pixel_centres(screen, pairs.pixel))
    faces = screen.face[pairs.face[sides.sum(dim=1) < 0]].unique()
    return surfaces.faces[faces].unique()


def tangential(gradient: Tensor, rotation: Tensor) -> Tensor:
    """The part of a rotation's gradient along rotations; off them the two programs continue differently."""
    turned = rotation.mT @ gradient
    return turned - turned.mT


@pytest.mark.parametrize(("name", "exceptions"), CASES.items())
def test_agrees_with_pytorch3d(name: str, exceptions: int) -> None:
    case = load(name)
    leaves = {key: value.requires_grad_() for key, value in case.items() if f"grad_{key[3:]}" in case}
    picture = picture_of(case, name)
    expected = case["image"].clone()
    expected[..., :3] *= not name.startswith("silhouette")
    assert (picture - expected).abs().max() < PICTURE_TOLERANCE

    found = dict(
        zip(leaves, torch.autograd.grad((picture * case["cotangent"]).sum(), list(leaves.values())), strict=True)
    )
    wanted = {key: case[f"grad_{key[3:]}"].clone() for key in leaves}
    with torch.no_grad():
        off = (wanted["in_vertices"] - found["in_vertices"]).abs().amax(dim=1)
        left_out = (off > GRADIENT_TOLERANCE * found["in_vertices"].abs().max()).nonzero()[:, 0]
        assert len(left_out) == exceptions
        assert set(left_out.tolist()) <= set(beyond_horizon(case, name).tolist())
        vertices, rotation = case["in_vertices"][left_out], case["in_rotation"][0]
        excess = (wanted["in_vertices"][left_out] - found["in_vertices"][left_out]) @ rotation.T
        wanted["in_translation"] -= excess.sum(dim=0)
        wanted["in_rotation"] -= excess.T @ vertices
        wanted["in_vertices"][left_out] = found["in_vertices"][left_out]
        for gradients in (wanted, found):
            gradients["in_rotation"] = tangential(gradients["in_rotation"][0], rotation)
    for key, gradient in found.items():
        error = (gradient - wanted[key]).abs().max() / wanted[key].abs().max()
        tolerance = POSE_TOLERANCE if key in ("in_rotation", "in_translation") else GRADIENT_TOLERANCE
        assert error < tolerance, f"{key}: {float(error):.1e}"


@pytest.mark.parametrize("name", [name for name, exceptions in CASES.items() if exceptions])
def test_gradient_beyond_the_horizon_is_that_of_the_picture(name: str) -> None:
    case = load(name)
    vertices = case["in_vertices"].clone().requires_grad_()

    def response(moved: Tensor) -> Tensor:
        return (picture_of(case | {"in_vertices": moved}, name) * case["cotangent"]).sum()

    (gradient,) = torch.autograd.grad(response(vertices), vertices)
    for index in beyond_horizon(case, name)[:4].tolist():
        step = torch.zeros_like(vertices)
        step[index, 0] = 1e-7
        with torch.no_grad():
            difference = (response(vertices + step) - response(vertices - step)) / 2e-7
        assert float(gradient[index, 0]) == pytest.approx(float(difference), rel=1e-3, abs=1e-3)
