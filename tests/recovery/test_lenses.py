"""Lenses and cameras with lenses are recovered from pictures: the settings of redner's tests of both."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import yaml
from torch import Tensor

from invrender.cli import run
from invrender.fitting.fit import fit
from invrender.fitting.problem import Problem
from invrender.fitting.schedule import Stage
from invrender.fitting.solve import LevenbergMarquardt
from invrender.fitting.step import Step
from invrender.geometry.cameras import look_at, project, rays
from invrender.losses import MeanSquaredError
from invrender.parameters import CameraIntrinsics, CameraPose
from invrender.parameters.base import Parameter
from invrender.render.embedded import EmbeddedRenderer
from invrender.scene import AmbientLight, Camera, Lens, Mesh, Object, Scene, convert, phong
from invrender.targets import render_target

pytestmark = pytest.mark.slow


def camera(size: int, focal: float, position: list[float], lens: Lens) -> Camera:
    """It looks along +z, as redner's do, from a point that is as far from what it looks at as from the plane z = 0."""
    place, up = torch.tensor(position), torch.tensor([0.0, 1.0, 0.0])
    seen = place * torch.tensor([1.0, 1.0, 0.0])
    matrix = torch.tensor([[focal, 0, size / 2], [0, focal, size / 2], [0, 0, 1]])
    return Camera(matrix, look_at(place, seen, up), seen, up, size, size, near=0.01, far=20.0, lens=lens)


def scene_of(obj: Object, view: Camera) -> Scene:
    light = AmbientLight(torch.ones(3), torch.tensor(1.0))
    return Scene({"shape": obj}, {"camera": view}, {"light": light}, torch.zeros(3))


def last_step(truth: Scene, start: Scene, unknowns: dict[str, Parameter], stages: list[Stage]) -> Step:
    renderer = EmbeddedRenderer(sigma=1e-6, gamma=1e-5)
    problem = Problem(start, render_target(truth), unknowns, renderer, {"mse": MeanSquaredError()})
    return list(fit(problem, LevenbergMarquardt(stages)))[-1]


def plane() -> Object:
    """Redner's plane, with patches of random colours."""
    colors = torch.rand(12, 12, 3, generator=torch.Generator().manual_seed(0))
    vertices = torch.tensor([[-1.0, -1.0, 0.0], [-1.0, 1.0, 0.0], [1.0, -1.0, 0.0], [1.0, 1.0, 0.0]])
    uv = torch.tensor([[0.05, 0.05], [0.05, 0.95], [0.95, 0.05], [0.95, 0.95]])
    faces = torch.tensor([[0, 2, 1], [1, 2, 3]])
    texture = torch.kron(colors, torch.ones(16, 16, 1))
    looks = phong(torch.ones(3), torch.zeros(3), torch.tensor(8.0), texture=texture)
    return Object(Mesh(vertices, faces, faces, uv, faces), looks, torch.eye(4))


def displacements(found: Camera, true: Camera) -> Tensor:
    """How far a grid of points of the plane z = 0 over the whole picture is from where the true camera has them."""
    found, true = (convert(each, dtype=torch.float64) for each in (found, true))
    places = torch.linspace(0, true.width, 33).double()
    pixels = torch.cartesian_prod(places, places)
    towards = rays(true, pixels) @ true.camera_from_world[:3, :3]
    points = true.position - true.position[2] / towards[:, 2:] * towards
    return (project(found, points)[0] - pixels).norm(dim=1)


@pytest.mark.parametrize("size", [96, pytest.param(256, marks=pytest.mark.long)])
def test_eight_coefficients_and_the_pose(size: int) -> None:
    coefficients = 0.05 * (torch.rand(8, generator=torch.Generator().manual_seed(1234)) - 0.5)
    focal = size / 2 / math.tan(math.radians(22.5))
    true = camera(size, focal, [1.0, 0.0, -3.0], Lens(coefficients, "brown_conrady"))
    truth = scene_of(plane(), true)
    straight = truth.with_camera(replace(true, lens=Lens(torch.zeros(8), "brown_conrady")))
    start = CameraPose().apply(straight, torch.tensor([0.03, -0.04, 0.02, 0.02, -0.01, 0.03]))
    assert displacements(start.camera, true).mean() > 0.02 * size
    unknowns: dict[str, Parameter] = {
        "camera_pose": CameraPose(),
        "camera_intrinsics": CameraIntrinsics(focal=False, principal=False, distortion=True),
    }
    step = last_step(truth, start, unknowns, [Stage(steps=8, size=48, blur=1.0, sigma=0.0), Stage(steps=8, sigma=0.0)])
    assert displacements(step.scene.camera, true).mean() < 0.05


def test_the_place_of_a_fisheye() -> None:
    shape = Mesh(torch.tensor([[-1.7, 1.0, 0.0], [1.0, 1.0, 0.0], [-0.5, -1.0, 0.0]]), *[torch.tensor([[0, 1, 2]])] * 2)
    grey = Object(shape, phong(torch.full((3,), 0.5), torch.zeros(3), torch.tensor(8.0)), torch.eye(4))
    lens = Lens(torch.zeros(4), "kannala_brandt")
    true = camera(128, 128 / math.pi, [0.0, 0.0, -1.0], lens)
    truth = scene_of(grey, true)
    start = truth.with_camera(camera(128, 128 / math.pi, [0.5, -0.5, -3.0], lens))
    stages = [Stage(steps=12, size=64, blur=2.0, sigma=1e-4), Stage(steps=12, sigma=0.0)]
    step = last_step(truth, start, {"camera_pose": CameraPose()}, stages)
    assert (step.scene.camera.position - true.position).norm() < 0.005


def test_a_recovered_lens_is_written_and_read_again(tmp_path: Path) -> None:
    """What is found goes into result.json and scene.yaml, and the command line takes what they say."""
    arguments = [
        "scene=cube",
        "camera.width=48",
        "camera.height=48",
        "camera.lens={model: division, coefficients: [0]}",
        "target.camera.lens={model: division, coefficients: [-0.8]}",
        "recover=camera_intrinsics",
        "recover.camera_intrinsics.focal=false",
        "recover.camera_intrinsics.principal=false",
        "recover.camera_intrinsics.distortion=true",
        "loss=[mse,intrinsics]",
        "optimizer=lm",
        "search=off",
        "record=none",
        "record.files=true",
    ]
    folder = tmp_path / "fit"
    assert run(["fit", *arguments, f"hydra.run.dir={folder}"]) == 0
    result = json.loads((folder / "result.json").read_text())
    found = result["parameters"]["camera_intrinsics"]
    assert found["error_start"]["displacement_px"] > 1
    assert found["error"]["displacement_px"] < 0.05
    written = yaml.safe_load((folder / "recovered" / "scene.yaml").read_text())["camera"]["lens"]
    assert written["model"] == "division"
    assert written["coefficients"] == pytest.approx([-0.8], abs=0.02)
    assert written["coefficients"] == pytest.approx(found["value"]["coefficients"], rel=1e-6)
    assert run(["render", f"scene={folder / 'recovered'}", f"output={tmp_path / 'again.png'}"]) == 0
