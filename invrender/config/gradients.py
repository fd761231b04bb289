"""A comparison of gradients that is ready to run, from its config."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from invrender.checks import at_least, one_of
from invrender.config.build import build, build_all
from invrender.config.schema import GradientsConfig
from invrender.config.target import folder_of
from invrender.errors import UserError, naming, note
from invrender.gradients.directions import Directions
from invrender.gradients.estimators import Estimator
from invrender.io.scenes import build_scene
from invrender.parameters.base import Parameter
from invrender.parameters.families import expand_families
from invrender.render.base import check_samples
from invrender.render.registry import REGISTRY
from invrender.scene import Scene, Target, view_of

MOST_SHIFTS = 64


@dataclass(frozen=True)
class GradientExperiment:
    """What `invrender.gradients.measure.compare` needs: the scene, the unknown by its name, and the estimators."""

    scene: Scene
    unknown: str
    directions: Directions
    estimators: list[Estimator]


def assemble_gradients(options: GradientsConfig, device: str) -> GradientExperiment:
    """The comparison that a composed config describes, in double precision on ``device``.

    Raises `UserError` for what can't be used; estimators without a gradient for the unknown are left out, and this is
    noted, unless they are asked for by name.
    """
    check_options(options)
    scene = resized(build_scene(options, folder_of(options)), options.size).to(device, torch.float64)
    name, parameter = only_unknown(options, scene)
    directions = Directions.of(parameter, scene, options.numbers)
    estimators = usable(choose(options), scene, name, directions, strict=bool(options.only))
    return GradientExperiment(scene, name, directions, estimators)


def check_options(options: GradientsConfig) -> None:
    """Raise `UserError` for values out of range."""
    check_samples("samples", options.samples)
    check_samples("fine", options.fine)
    at_least("size", options.size, 8)
    at_least("shifts", options.shifts, 1)
    if options.shifts > MOST_SHIFTS:
        raise UserError(f"shifts is {options.shifts}, expected 1 to {MOST_SHIFTS}")


def resized(scene: Scene, size: int) -> Scene:
    """The scene in a picture whose shorter side has so many pixels."""
    camera = scene.camera
    share = size / min(camera.width, camera.height)
    return scene.with_camera(camera.resized(round(camera.width * share), round(camera.height * share)))


def only_unknown(options: GradientsConfig, scene: Scene) -> tuple[str, Parameter]:
    """The one unknown, by its name. Raises `UserError` where there are more."""
    target = Target((view_of(torch.zeros(scene.camera.height, scene.camera.width, 3).to(scene.background)),))
    found = expand_families(build_all(options.recover, "recover", options.allow_targets), scene, target)
    if len(found) != 1:
        raise UserError(
            f"recover has {', '.join(found)}, expected one unknown; choose one, such as recover=camera_pose"
        )
    ((name, parameter),) = found.items()
    with naming(f"recover.{name}"):
        parameter.check(scene, target)
    return name, parameter


def choose(options: GradientsConfig) -> list[Estimator]:
    """The estimators of the config, or those of them that are asked for; libraries that are missing are left out."""
    for name in options.only:
        one_of("only", name, tuple(options.estimators))
    names = options.only or [name for name in options.estimators if is_installed(name)]
    return [build_estimator(name, options.estimators[name], options) for name in names]


def is_installed(name: str) -> bool:
    """Whether the library behind an estimator is there; if not, this is noted."""
    entry = REGISTRY.get(name)
    missing = entry is not None and entry.library() is None
    if missing and entry is not None:
        note(f"estimators.{name} is left out: {entry.title} is not installed")
    return not missing


def build_estimator(name: str, node: Mapping[str, Any], options: GradientsConfig) -> Estimator:
    """An estimator from its node. Raises `UserError` for keys that it has not."""
    if not isinstance(node, Mapping) or not {"renderer"} <= node.keys() <= {"renderer", "says"}:
        raise UserError(f"estimators.{name} has other keys than renderer, by its _target_, and says, a sentence")
    renderer = build(node["renderer"], f"estimators.{name}.renderer", options.allow_targets)
    return Estimator(name, renderer, str(node.get("says") or ""), options.samples)


def usable(
    estimators: list[Estimator], scene: Scene, unknown: str, directions: Directions, strict: bool
) -> list[Estimator]:
    """Those that have a gradient for the unknown; what is left out is noted.

    Raises `UserError` for one that has none, if ``strict``, and where none is left.
    """
    found, reason = [], UserError("estimators is empty, expected at least one")
    for each in estimators:
        try:
            each.check(scene, unknown, directions)
            found.append(each)
        except UserError as error:
            if strict:
                raise
            reason = error
            note(f"{error} (left out)")
    if not found:
        raise reason
    return found
