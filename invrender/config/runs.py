"""Fits read back from their folders: what they were about, where they began and what they found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import torch
import yaml
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from invrender.config.assemble import Experiment, assemble
from invrender.config.device import choose_device, repeatable
from invrender.config.files import TYPED, check_characters, check_size, read_text
from invrender.config.schema import FitConfig
from invrender.config.target import build_scene_and_target
from invrender.errors import UserError, first_line, naming
from invrender.fitting.base import Base
from invrender.fitting.problem import Problem
from invrender.fitting.solve.base import Raw
from invrender.fitting.state import stamp
from invrender.io.cameras.keys import build_camera
from invrender.io.cameras.merging import merged_camera
from invrender.io.cameras.native import Views
from invrender.io.scenes import build_scene
from invrender.io.schema import CameraConfig, SceneFile, literal
from invrender.io.views import name_views
from invrender.record import answer as answers
from invrender.scene import CAMERA, Camera, Scene, Target

CONFIG, ANSWER = "config.yaml", "recovered/scene.yaml"
Options = TypeVar("Options", bound=SceneFile)


@dataclass(frozen=True)
class StoredRun:
    """A fit. answer: the scene that it found, None where it did not end."""

    start: Scene
    answer: Scene | None
    target: Target


def read_run(folder: Path, allow: Sequence[str] = ()) -> StoredRun:
    """The fit of a folder. Its files are data: they are checked as configs from elsewhere are.

    allow: further prefixes of what ``_target_`` may name. Names of files that are relative are looked for from here.

    Raises `UserError` where the folder holds no fit, and for what can't be used.
    """
    check_fit(folder)
    options = read_options(folder / CONFIG, FitConfig)
    with naming(f"{folder / CONFIG}"):
        start, target = build_scene_and_target(replace(options, allow_targets=list(allow)), "cpu", frozenset(), {})
    path = folder / ANSWER
    return StoredRun(start, read_answer(path, start) if path.is_file() else None, target)


@dataclass(frozen=True)
class Answered:
    """A fit that came to an end, as it was assembled, and what it has found.

    problem: with the meshes that raw tensors are displacements from.
    """

    experiment: Experiment
    problem: Problem
    raw: Raw


def read_answered(folder: Path, allow: Sequence[str] = ()) -> Answered:
    """The fit of a folder, assembled again, and its answer. Names of relative files are looked for from here.

    Raises `UserError` where the folder holds no answer, and where what it was fitted to has changed since.
    """
    check_fit(folder)
    answer = answers.read_answer(folder)
    options = read_options(folder / CONFIG, FitConfig)
    device = choose_device(options.device)
    with naming(f"{folder / CONFIG}"), repeatable(options.seed, device):
        experiment = assemble(replace(options, allow_targets=list(allow)), device)
    problem = experiment.problem
    if stamp(problem) != answer.problem:
        raise UserError(f"runs: {folder} was fitted to other files than are there now: fit again")
    problem = Base.of(problem, experiment.choice.solver.stages, answer.meshes).problem
    wanted, found = ({n: v.shape for n, v in raw.items()} for raw in (problem.initial(), answer.raw))
    if wanted != found:
        raise UserError(f"runs: {folder} is damaged: its answer is of other unknowns")
    like = problem.scene.background
    return Answered(experiment, problem, {name: value.to(like) for name, value in answer.raw.items()})


def check_fit(folder: Path) -> None:
    """Raise `UserError` where a folder holds no fit."""
    if not folder.is_dir():
        raise UserError(f"runs: there is no folder {folder}: give the folder of a fit")
    if not (folder / CONFIG).is_file():
        raise UserError(f"runs: {folder} has no {CONFIG}: give the folder of a fit")


def read_answer(path: Path, start: Scene) -> Scene:
    """The scene of a fit's ``recovered`` folder; views are by the cameras found, or those of the start."""
    file = read_options(path, SceneFile)
    with naming(str(path)):
        found = build_scene(file, path.parent)
    taken = read_cameras(path.with_name("cameras.json"))
    return replace(found, cameras={**start.cameras, **taken, CAMERA: found.camera})


def read_cameras(path: Path) -> dict[str, Camera]:
    """The cameras of views that a fit has found, by name; none where there is no such file."""
    if not path.is_file():
        return {}
    photographs = Views().read(path)
    configs = [merged_camera(CameraConfig(), each.camera, each.where) for each in photographs]
    cameras = [build_camera(config, torch.zeros(3), str(path)) for config in configs]
    return dict(zip(name_views(photographs), cameras, strict=True))


def read_options(path: Path, schema: type[Options]) -> Options:
    """A composed config from a file, whose texts are no more than texts. Raises `UserError` for what no schema has."""
    text = read_text(path)
    with naming(str(path)):
        try:
            check_size(text)
            content: Any = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise UserError(f"not a readable YAML file ({first_line(error)})") from error
        if not isinstance(content, dict):
            raise UserError("expected keys and values, as a fit writes them")
        # What counts on the command line alone is written down, and does not count here.
        content = {key: value for key, value in content.items() if key not in TYPED}
        check_characters(content)
        # All is resolved in what a fit writes, and a folder's name may look like an interpolation.
        try:
            options = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(schema), literal(content)))
        except (OmegaConfBaseException, ValueError, TypeError, OverflowError) as error:
            raise UserError(first_line(error)) from error
    assert isinstance(options, schema)
    return options
