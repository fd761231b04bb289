"""A fit without a renderer: steps made up from a formula."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
import torch
from tiny import octahedron
from torch import Tensor

from invrender.fitting.judge.coverage import Coverage
from invrender.fitting.judge.verdict import Verdict
from invrender.fitting.state import Best, State
from invrender.fitting.step import Step
from invrender.parameters.base import Value
from invrender.record.base import Run
from invrender.scene import (
    Camera,
    Object,
    Picture,
    PointLight,
    Scene,
    Target,
    Truth,
    convert,
    phong,
    view_of,
)


@dataclass(frozen=True)
class Unknown:
    """The intensity of a light under several names, with errors in every unit that there is."""

    lr: float = 0.1

    def check(self, scene: Scene, target: Target) -> None: ...

    def initial(self, scene: Scene) -> Tensor:
        return torch.zeros(1)

    def apply(self, scene: Scene, raw: Tensor) -> Scene:
        return scene

    def project(self, scene: Scene, raw: Tensor) -> Tensor:
        return raw


@dataclass(frozen=True)
class Pose(Unknown):
    def value(self, scene: Scene) -> dict[str, Value]:
        return {"position": [brightness(scene), 2.0, 3.0], "rotation_deg": [10.0, 0.0, 45.5]}

    def error(self, scene: Scene, truth: Truth) -> dict[str, float]:
        error = abs(brightness(scene) - brightness(truth.scene))
        return {"rotation_deg": 10 * error, "position": error, "position_relative": error / 4}


@dataclass(frozen=True)
class Intensity(Unknown):
    def value(self, scene: Scene) -> dict[str, Value]:
        return {"key": brightness(scene)}

    def error(self, scene: Scene, truth: Truth) -> dict[str, float]:
        return {"relative": abs(brightness(scene) / brightness(truth.scene) - 1)}


@dataclass(frozen=True)
class Texture(Unknown):
    def value(self, scene: Scene) -> dict[str, Value]:
        return {"cup": None}

    def error(self, scene: Scene, truth: Truth) -> dict[str, float]:
        return {"psnr_db": math.nan}


def brightness(scene: Scene) -> float:
    return float(scene.lights["key"].intensity)


def scene_with(intensity: float) -> Scene:
    """A textured thing whose brightness is also how far the camera has come."""
    light = PointLight(color=torch.ones(3), intensity=torch.tensor(intensity), position=torch.tensor([0.0, 0.0, 2.0]))
    world_from_object = torch.eye(4)
    world_from_object[2, 3] = 3
    camera_from_world = torch.eye(4)
    camera_from_world[0, 3] = -intensity
    texture = torch.full((4, 4, 3), intensity)
    material = phong(torch.ones(3), torch.zeros(3), torch.tensor(8.0), texture=texture)
    mesh = convert(octahedron(), dtype=torch.float32)
    camera = Camera(
        intrinsics=torch.tensor([[24.0, 0, 12], [0, 24, 8], [0, 0, 1]]),
        camera_from_world=camera_from_world,
        look_at=torch.zeros(3),
        up=torch.tensor([0.0, 1.0, 0.0]),
        width=24,
        height=16,
    )
    return Scene(
        objects={"cup": Object(mesh, material, world_from_object)},
        cameras={"camera": camera},
        lights={"key": light},
        background=torch.zeros(3),
    )


def picture(scene: Scene, height: int = 16, width: int = 24) -> Tensor:
    """A disc as bright as the light, on a ramp."""
    y, x = torch.meshgrid(torch.linspace(-1, 1, height), torch.linspace(-1, 1, width), indexing="ij")
    disc = (x**2 + y**2 < 0.5).float() * brightness(scene)
    return torch.stack([disc, 0.2 + 0.2 * x, 0.3 + 0.1 * y], dim=-1)


@dataclass(frozen=True)
class MadeUpFit:
    """A fit of so many steps, the first half of them at half the resolution."""

    run: Run
    step_count: int = 20
    verdict: Verdict | None = None

    def step(self, iteration: int, stopped_because: str | None = None) -> Step:
        share = 1.0 if stopped_because else iteration / self.step_count
        scene = scene_with(0.2 + 0.59 * share)
        coarse = 0 < iteration <= self.step_count // 2 and stopped_because is None
        size = (8, 12) if coarse else (16, 24)
        rendered = Picture({"rgb": picture(scene, *size), "alpha": torch.ones(size), "depth": torch.ones(size)})
        loss = (0.8 - brightness(scene)) ** 2
        truth = self.run.target.truth
        best = Best(iteration, 1, loss, {})
        return Step(
            iteration=iteration,
            stage=0 if coarse else 1,
            seconds=0.5 * iteration,
            loss=loss,
            terms={"mse": loss, "smoothness": 0.0},
            scene=scene,
            raw={},
            show=lambda _: (rendered,) * len(self.run.target.views),
            errors={} if truth is None else {n: p.error(scene, truth) for n, p in self.run.parameters.items()},
            best=best,
            state=State("made up", {}, best, best),
            stopped_because=stopped_because,
            verdict=self.verdict if stopped_because else None,
        )

    def steps(self, first: int = 0) -> Iterator[Step]:
        """As `fit` does it: the start, the steps, the best; Ctrl-C ends it with the best so far. first: if resumed."""
        iteration, stopped = max(0, first - 1), "finished"
        if first == 0:
            yield self.step(0)
        try:
            for iteration in range(max(1, first), self.step_count + 1):
                yield self.step(iteration)
        except KeyboardInterrupt:
            stopped = "interrupted"
        yield self.step(iteration, stopped)


MakeFit = Callable[..., MadeUpFit]


@pytest.fixture(scope="session")
def make_fit_in() -> MakeFit:
    """Make up a fit whose records go to a folder; ``known`` says whether its truth is."""

    def make(
        folder: Path, views: int = 1, known: bool = True, step_count: int = 20, verdict: Verdict | None = None
    ) -> MadeUpFit:
        answer = scene_with(0.8)
        truth = Truth(answer, seen_texels={}, seen_vertices={}) if known else None
        run = Run(
            folder=folder,
            config={
                "seed": 7,
                "scene": {"name": "cup"},
                "recover": {"light_intensity": {"lr": 0.1, "lights": ["key"], "range": None}},
                "optimizer": {"_target_": "torch.optim.Adam", "betas": [0.9, 0.999]},
            },
            given={"scene": "cup", "recover": "light_intensity", "light.key.intensity": "0.2"},
            command="invrender fit scene=cup recover=light_intensity",
            parameters={"camera_pose": Pose(), "light_intensity": Intensity(), "texture": Texture()},
            target=Target(views=(view_of(rgb=picture(answer)),) * views, truth=truth),
            scene=scene_with(0.2),
            renderer="embedded",
            device="cpu",
            seed=7,
            renderer_note="auto: there is no CUDA",
            optimizer="lm",
        )
        return MadeUpFit(run, step_count, verdict)

    return make


@pytest.fixture
def make_fit(make_fit_in: MakeFit, tmp_path: Path) -> MakeFit:
    """The same with a fresh folder."""
    return partial(make_fit_in, tmp_path / "run")


@pytest.fixture(scope="session")
def ambiguous() -> Verdict:
    """Four other answers, with error bars of the pose alone."""
    pose = {"position": [9.0, 2.0, 3.0], "rotation_deg": [0.0, 90.0, 0.0]}
    return Verdict(
        "ambiguous",
        "4 other answers explain the picture as well",
        0.01,
        deviations={"camera_pose": {"position": [0.0123, 0.001, 0.1], "rotation_deg": [0.5, 0.25, 0.125]}},
        others=[{"camera_pose": pose, "light_intensity": {"key": 0.5}, "texture": {"cup": None}}] * 4,
    )


@pytest.fixture(scope="session")
def unidentifiable() -> Verdict:
    """A light and a texture of which only the product is known."""
    return Verdict(
        "unidentifiable",
        "the picture does not fully determine light_intensity together with texture",
        0.01,
        deviations={"camera_pose": {"position": [0.1, 0.1, 0.1]}, "light_intensity": {"key": 0.01}},
        unseen=[{"light_intensity": 0.75, "texture": 0.25}],
        coverage={"texture": Coverage(torch.tensor([2.0, 0.1, 0.0, 0.0]), "texels")},
    )
