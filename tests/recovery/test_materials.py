"""Materials and light from everywhere are found from pictures that another renderer drew."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import shapes
import tiny
import torch

from invrender.cli import run
from invrender.fitting.fit import fit
from invrender.fitting.problem import Problem
from invrender.fitting.schedule import Stage
from invrender.fitting.solve import LevenbergMarquardt
from invrender.fitting.step import Step
from invrender.losses import MeanAbsoluteError
from invrender.parameters import Albedo, Values
from invrender.parameters.base import Parameter
from invrender.render.base import Renderer
from invrender.render.edge import EdgeRenderer
from invrender.scene import HarmonicLight, Mesh, PointLight, Property, Scene, principled
from invrender.targets import render_target

ROUGHNESS = Values("objects.*.material.roughness.factor", lr=0.1, map="logit", range=(0.03, 0.99))
METALLIC = Values("objects.*.material.metallic.factor", lr=0.05, linear=True, range=(0.0, 1.0))
LIGHT = Values("lights.*.coefficients", lr=0.05, linear=True)


def ball() -> Mesh:
    points = shapes.subdivided(tiny.octahedron(), 4).vertices
    points, faces = torch.unique(points.round(decimals=9), dim=0, return_inverse=True)
    faces = faces.reshape(-1, 3)
    return Mesh(torch.nn.functional.normalize(points, dim=1), faces, faces)


def made_of(albedo: list[float], roughness: float, metallic: float) -> Scene:
    """A ball under two lamps and a little light from everywhere."""
    numbers = [torch.tensor(each).double() for each in (roughness, metallic)]
    looks = principled(Property(shapes.doubles(albedo)), *map(Property, numbers), Property(torch.zeros(3).double()))
    one = torch.ones(3).double()
    lamps = [
        PointLight(one, torch.tensor(0.8).double(), shapes.doubles([2.0, 2.0, 4.0])),
        PointLight(one, torch.tensor(0.5).double(), shapes.doubles([-3.0, 1.0, 2.0])),
    ]
    view = shapes.camera(40, 40, focal=44, position=(0, 0, 3.5), target=(0, 0, 0))
    return shapes.scene(shapes.thing(ball(), looks), view=view, lights=[*lamps, shapes.ambient(0.2)])


def solve(start: Scene, truth: Scene, unknowns: Mapping[str, Parameter], drawn_by: Renderer | None, steps: int) -> Step:
    problem = Problem(
        scene=start,
        target=render_target(truth, renderer=drawn_by, samples=2),
        parameters=unknowns,
        renderer=EdgeRenderer(samples=2),
        losses={"l1": MeanAbsoluteError()},
    )
    *_, last = fit(problem, LevenbergMarquardt(stages=[Stage(steps=steps, sigma=0)]), judging=False)
    return last


def test_roughness_metal_and_albedo_of_a_ball_from_one_picture() -> None:
    truth = made_of([0.9, 0.6, 0.3], 0.35, 0.8)
    unknowns = {"roughness": ROUGHNESS, "metallic": METALLIC, "albedo": Albedo()}
    last = solve(made_of([0.5, 0.5, 0.5], 0.6, 0.2), truth, unknowns, None, steps=12)
    assert last.errors["roughness"]["absolute"] < 0.01
    assert last.errors["metallic"]["absolute"] < 0.02
    assert last.errors["albedo"]["absolute"] < 0.01


def test_light_by_harmonics_is_solved_for_in_one_step() -> None:
    random = torch.Generator().manual_seed(2)
    scene = made_of([0.8, 0.8, 0.8], 0.4, 0.3)
    sky = torch.randn(9, 3, generator=random, dtype=torch.float64) * 0.2
    sky[0] += 2 * math.sqrt(math.pi)
    dark = HarmonicLight(torch.zeros(9, 3).double(), torch.tensor(1.0).double())
    start = replace(scene, lights={"sky": dark})
    truth = replace(scene, lights={"sky": replace(dark, coefficients=sky)})
    last = solve(start, truth, {"light": LIGHT}, EdgeRenderer(), steps=3)
    assert last.errors["light"]["absolute"] < 1e-6 * float(sky.abs().max())


@pytest.mark.long
def test_the_experiment_finds_what_a_teapot_is_made_of(tmp_path: Path) -> None:
    small = ["camera.width=64", "camera.height=64", "target.samples=2", "renderer.samples=1", "search=off"]
    folder = f"hydra.run.dir={tmp_path / 'fit'}"
    assert run(["fit", "experiment=material", *small, "record=none", "record.files=true", folder]) == 0
    found = json.loads((tmp_path / "fit" / "result.json").read_text())["parameters"]
    assert abs(found["roughness"]["value"]["teapot"] - 0.35) < 0.01
    assert abs(found["metallic"]["value"]["teapot"] - 0.85) < 0.02
