"""The laws of an unknown, on every one that `invrender.parameters` offers and `configs/recover` names."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import pytest
import tiny
import torch
from omegaconf import OmegaConf
from torch import Tensor

from invrender import parameters
from invrender.config.resources import configs_folder
from invrender.errors import UserError
from invrender.parameters.base import Parameter
from invrender.render.base import render_scene
from invrender.render.embedded import EmbeddedRenderer
from invrender.scene import Scene, Target, Truth, map_tensors, view_of
from invrender.targets import render_target

CLASSES = sorted(name for name, value in vars(parameters).items() if inspect.isclass(value) and name != "Values")
CONFIGS = {file.stem: OmegaConf.load(file)[file.stem] for file in (configs_folder() / "recover").glob("*.yaml")}
# What a YAML file alone describes.
DESCRIBED = {name: node for name, node in CONFIGS.items() if node._target_ == "invrender.parameters.Values"}
# Each of their members is an unknown of another class.
FAMILIES = {"CameraPoses"}
ALL = [*(name for name in CLASSES if name not in FAMILIES), *sorted(DESCRIBED)]
# What is not already the answer by its defaults.
ARGUMENTS: dict[str, dict[str, Any]] = {"ObjectPose": {"object": "painted"}, "Vertices": {"smoothness": 0.3}}
RENDERER = EmbeddedRenderer(sigma=2e-3, gamma=1e-2)


def make(name: str, **arguments: Any) -> Parameter:
    if name in DESCRIBED:
        node = {key: value for key, value in OmegaConf.to_container(DESCRIBED[name]).items() if key != "_target_"}
        return parameters.Values(**(node | arguments))
    parameter: Parameter = getattr(parameters, name)(**(ARGUMENTS.get(name, {}) | arguments))
    return parameter


# What shows on principled surfaces, or in other light, alone.
PRINCIPLED = {"roughness", "metallic", "emission", "light_sh"}


def scene_for(name: str) -> Scene:
    scene = tiny.ground() if name == "HeightMap" else tiny.scene()
    return tiny.glossy(scene) if name in PRINCIPLED else scene


def tensors(scene: Scene) -> list[Tensor]:
    found: list[Tensor] = []
    map_tensors(scene, lambda tensor: found.append(tensor) or tensor)  # type: ignore[func-returns-value]
    return found


def displaced(parameter: Parameter, scene: Scene, size: float, seed: int = 0) -> Tensor:
    raw = parameter.initial(scene)
    return size * torch.randn(raw.shape, generator=torch.Generator().manual_seed(seed), dtype=raw.dtype)


@pytest.mark.parametrize("name", ALL)
def test_initial_is_the_scene_itself(name: str) -> None:
    parameter, scene = make(name), scene_for(name)
    raw = parameter.initial(scene)
    assert not raw.any()
    for before, after in zip(tensors(scene), tensors(parameter.apply(scene, raw)), strict=True):
        torch.testing.assert_close(after, before, rtol=0, atol=1e-14)


@pytest.mark.parametrize("name", ALL)
def test_apply_changes_the_picture_and_leaves_its_argument_alone(name: str) -> None:
    parameter, scene = make(name), scene_for(name)
    before = [tensor.clone() for tensor in tensors(scene)]
    moved = parameter.apply(scene, displaced(parameter, scene, 0.05))
    assert (render_scene(RENDERER, moved).rgb - render_scene(RENDERER, scene).rgb).abs().max() > 1e-4
    for tensor, copy in zip(tensors(scene), before, strict=True):
        torch.testing.assert_close(tensor, copy, rtol=0, atol=0)


@pytest.mark.parametrize("at", ["start", "displaced"])
@pytest.mark.parametrize("name", ALL)
def test_gradient_is_the_finite_difference(name: str, at: str) -> None:
    parameter, scene = make(name), scene_for(name)
    raw = displaced(parameter, scene, 0.03) if at == "displaced" else parameter.initial(scene)
    random = torch.Generator().manual_seed(1)
    shape = (scene.camera.height, scene.camera.width)
    cotangents = [torch.randn(*shape, n, generator=random, dtype=torch.float64) for n in (3, 1)]

    def response(raw: Tensor) -> Tensor:
        rendered = render_scene(RENDERER, parameter.apply(scene, raw))
        return (rendered.rgb * cotangents[0]).sum() + (rendered.alpha[..., None] * cotangents[1]).sum()

    leaf = raw.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(response(leaf), leaf)
    for seed in range(3):
        direction = displaced(parameter, scene, 1.0, seed=2 + seed)
        step = 1e-6 * direction
        with torch.no_grad():
            difference = (response(raw + step) - response(raw - step)) / 2e-6
        expected = float((gradient * direction).sum())
        assert float(difference) == pytest.approx(expected, rel=2e-5, abs=2e-5)


@pytest.mark.parametrize("name", ALL)
def test_error_is_zero_at_the_truth_and_grows(name: str) -> None:
    parameter, truth = make(name), scene_for(name)
    known = render_target(truth).truth
    assert known is not None
    near, far = (
        parameter.error(parameter.apply(truth, displaced(parameter, truth, size)), known) for size in (0.01, 0.1)
    )
    at_truth = parameter.error(truth, known)
    for key, value in at_truth.items():
        if key == "psnr_db":
            assert value == 120.0
            assert near[key] > far[key] + 10
        elif key == "f_score":
            assert value == 1.0
            assert near[key] > far[key]
        else:
            assert value == pytest.approx(0.0, abs=1e-5)
            assert 0 < near[key] < far[key]


def displace_twice(
    parameter: Parameter, scene: Scene, raw: Tensor, change: Tensor
) -> tuple[list[Tensor], list[Tensor]]:
    """The tensors of the scene at the raw tensor that `retract` gives, and of the scene that is displaced twice."""
    once = parameter.apply(scene, parameter.retract(scene, raw, change))
    return tensors(once), tensors(parameter.apply(parameter.apply(scene, raw), change))


@pytest.mark.parametrize("name", ALL)
def test_small_changes_go_on_from_where_the_unknown_is(name: str) -> None:
    parameter, scene = make(name), scene_for(name)
    raw, change = displaced(parameter, scene, 0.3), displaced(parameter, scene, 1e-6, seed=1)
    ahead, back = (displace_twice(parameter, scene, raw, sign * change) for sign in (1, -1))
    largest = 0.0
    for found_ahead, expected_ahead, found_back, expected_back in zip(*ahead, *back, strict=True):
        expected = (expected_ahead - expected_back) / 2e-6
        torch.testing.assert_close((found_ahead - found_back) / 2e-6, expected, rtol=0, atol=1e-6)
        largest = max(largest, float(expected.abs().max()))
    assert largest > 0.01


# An intensity moves along a line, where `apply` moves its logarithm.
@pytest.mark.parametrize("name", [name for name in ALL if name != "LightIntensity"])
def test_large_changes_compose(name: str) -> None:
    parameter, scene = make(name), scene_for(name)
    raw, change = displaced(parameter, scene, 0.3), displaced(parameter, scene, 0.4, seed=1)
    for found, expected in zip(*displace_twice(parameter, scene, raw, change), strict=True):
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("name", ALL)
def test_pictures_are_linear_in_the_changes_of_what_says_so(name: str) -> None:
    parameter, scene = make(name), scene_for(name)
    raw = displaced(parameter, scene, 0.1)
    first, second = (displaced(parameter, scene, 0.1, seed=seed) for seed in (1, 2))
    zero = torch.zeros_like(raw)
    start, one, other, both = (
        render_scene(RENDERER, parameter.apply(scene, parameter.retract(scene, raw, change))).rgb
        for change in (zero, first, second, first + second)
    )
    assert (one - start).abs().max() > 1e-3
    assert ((both - start - (one - start) - (other - start)).abs().max() < 1e-12) == parameter.linear


def test_a_light_is_not_put_out_by_any_change() -> None:
    parameter, scene = parameters.LightIntensity(lights=["key"]), tiny.scene()
    raw = parameter.retract(scene, parameter.initial(scene), torch.tensor([-3.0], dtype=torch.float64))
    before, after = (float(each.lights["key"].intensity) for each in (scene, parameter.apply(scene, raw)))
    assert after == pytest.approx(1e-6 * before)


@pytest.mark.parametrize("name", ALL)
def test_projection_keeps_what_is_in_range(name: str) -> None:
    parameter, scene = make(name), scene_for(name)
    raw = displaced(parameter, scene, 0.01).abs()  # some start at the lower end
    torch.testing.assert_close(parameter.project(scene, raw), raw)


def ranges() -> Iterator[tuple[str, dict[str, Any], float]]:
    for name in ALL:
        kind = parameters.Values if name in DESCRIBED else getattr(parameters, name)
        defaults = {key: each.default for key, each in inspect.signature(kind).parameters.items()}
        if "range" in defaults:
            yield name, {"range": (0.3, 0.35)}, 3.0
        if "max_rotation" in defaults:
            yield name, {"max_rotation": 5.0}, 1.0
        if "max_shift" in defaults:
            yield name, {"max_shift": 0.02}, 1.0


@pytest.mark.parametrize(("name", "limits", "size"), list(ranges()))
def test_projection_enforces_the_range(name: str, limits: dict[str, Any], size: float) -> None:
    parameter, scene = make(name, **limits), scene_for(name)
    raw = displaced(parameter, scene, size)
    projected = parameter.project(scene, raw)
    torch.testing.assert_close(parameter.project(scene, projected), projected)
    if "max_rotation" in limits or "max_shift" in limits:
        truth = Truth(scene, {}, {})
        errors = parameter.error(parameter.apply(scene, projected), truth)
        if "max_rotation" in limits:
            assert 4.9 < errors.get("rotation_deg", errors.get("angle_deg", 0.0)) < 5.001
        else:
            # Shifts are limited from the start, not from where a rotation may have brought the centre.
            assert projected.abs().max() <= 0.02 + 1e-12 or name.endswith("Pose")
        return
    values = parameter.value(parameter.apply(scene, projected))
    if isinstance(parameter, parameters.Values):  # of many numbers its value tells none
        flat = parameter.start(parameter.apply(scene, projected))
    else:
        flat = torch.cat([torch.as_tensor(v, dtype=torch.float64).reshape(-1) for v in values.values()])
    if name == "CameraFocal":
        flat = flat[:1]
    assert (flat >= 0.3 - 1e-9).all()
    assert (flat <= 0.35 + 1e-9).all()


def test_every_unknown_has_a_config_and_every_config_an_unknown() -> None:
    named = {}
    for name, node in CONFIGS.items():
        kind = getattr(parameters, node._target_.removeprefix("invrender.parameters."))
        given = {key: value for key, value in OmegaConf.to_container(node).items() if key != "_target_"}
        defaults = {key: each.default for key, each in inspect.signature(kind).parameters.items()}
        assert list(given) == list(defaults), name
        if name not in DESCRIBED:
            assert {k: list(v) if isinstance(v, tuple) else v for k, v in defaults.items()} == given, name
            named[name] = kind.__name__
    assert sorted(named.values()) == CLASSES


CAMERA = [name for name in ALL if name.startswith("Camera")]


@pytest.mark.parametrize("name", CAMERA)
def test_a_known_camera_is_no_unknown(name: str) -> None:
    scene = tiny.scene()
    target = Target((view_of(torch.zeros(24, 24, 3).double(), camera="known"),))
    with pytest.raises(UserError, match="target=views"):
        make(name).check(scene, target)


@pytest.mark.parametrize(
    ("parameter", "message"),
    [
        (parameters.LightIntensity(lights=["lmap"]), "'lmap' is not in the scene, which has"),
        (parameters.LightDirection(lights=["key"]), "'key' is not in the scene, which has sun"),
        (parameters.ObjectPose(), "which object"),
        (parameters.ObjectPose(object="teapot"), "'teapot' is not in the scene"),
        (parameters.Texture(objects=["painted"]), "'painted' is not in the scene, which has textured"),
        (parameters.VertexColors(objects=["nothing"]), "which has painted"),
    ],
)
def test_names_are_checked(parameter: Parameter, message: str) -> None:
    with pytest.raises(UserError, match=message):
        parameter.check(tiny.scene(), Target(()))
