"""Rendering from Python: the function, and the layer of a network."""

from __future__ import annotations

from typing import Any

import pytest
import tiny
import torch
from torch import Tensor

import invrender
from invrender import EdgeRenderer, EmbeddedRenderer, HardRenderer, RenderLayer, SoftRenderer, UserError
from invrender.render.backends.dispatch import Backend
from invrender.render.base import Renderer
from invrender.scene import Scene
from invrender.scene.address import find_tensors, get_tensors, set_tensors

POSE, KEY, TEXTURE = (
    "cameras.camera.camera_from_world",
    "lights.key.intensity",
    "objects.textured.material.albedo.texture",
)
PLACE, VERTICES = "objects.painted.world_from_object", "objects.textured.mesh.vertices"
SOFT = SoftRenderer(sigma=1e-3, gamma=1e-3)


def several(scene: Scene, *addresses: str, count: int = 3) -> dict[str, Tensor]:
    """Tensors a little off those of the scene, for so many pictures."""
    random = torch.Generator().manual_seed(1)
    own = find_tensors(scene)
    shapes = {address: (count, *own[address].shape) for address in addresses}
    return {
        address: own[address] + 0.01 * torch.randn(shape, generator=random, dtype=torch.float64)
        for address, shape in shapes.items()
    }


@pytest.mark.parametrize(
    "renderer", [SOFT, EdgeRenderer(), HardRenderer(samples=2)], ids=lambda each: type(each).__name__
)
def test_the_layer_gives_the_bits_of_single_pictures(renderer: Renderer) -> None:
    scene, channels = tiny.scene(12), {"rgb", "alpha", "depth", "normal"}
    layer = RenderLayer(scene, channels, renderer)
    given = several(scene, POSE, KEY, TEXTURE, PLACE)
    found = layer(given)
    assert {name: list(each.shape) for name, each in found.items()} == {
        "rgb": [3, 12, 12, 3],
        "alpha": [3, 12, 12],
        "depth": [3, 12, 12],
        "normal": [3, 12, 12, 3],
    }
    for number in range(3):
        own = {address: each[number] for address, each in given.items()}
        picture = invrender.render(set_tensors(scene, own), channels, renderer)
        single = layer(own)
        for name in channels:
            assert torch.equal(found[name][number], picture[name]), name
            assert torch.equal(single[name], picture[name]), name


def test_the_gradient_of_a_batch_is_that_of_its_pictures() -> None:
    scene = tiny.scene(10)
    layer = RenderLayer(scene, ["rgb"], SOFT)
    given = {address: each.requires_grad_() for address, each in several(scene, POSE, KEY).items()}
    shared = find_tensors(scene)[TEXTURE].clone().requires_grad_()
    random = torch.Generator().manual_seed(2)
    cotangent = torch.randn(3, 10, 10, 3, generator=random, dtype=torch.float64)
    leaves = [*given.values(), shared]
    whole = torch.autograd.grad((layer({**given, TEXTURE: shared})["rgb"] * cotangent).sum(), leaves)
    parts = [
        layer({**{address: each[i] for address, each in given.items()}, TEXTURE: shared})["rgb"] * cotangent[i]
        for i in range(3)
    ]
    for one, other in zip(whole, torch.autograd.grad(torch.stack(parts).sum(), leaves), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-12)
        assert bool((one != 0).any())


@pytest.mark.parametrize("backend", ["numba", "reference"])
@pytest.mark.parametrize("address", [KEY, POSE, VERTICES, "objects.textured.material.albedo.factor", "background"])
def test_the_derivative_is_that_of_finite_differences(backend: Backend, address: str) -> None:
    scene = tiny.one_object(6)
    layer = RenderLayer(scene, ["rgb", "alpha", "depth"], EmbeddedRenderer(sigma=1e-2, gamma=1e-2, backend=backend))
    start = find_tensors(scene)[address].clone().requires_grad_()

    def rendered(tensor: Tensor) -> tuple[Tensor, ...]:
        return tuple(each for name, each in sorted(layer({address: tensor}).items()) if name != "alpha" or moves)

    moves = address in (POSE, VERTICES)
    if not moves:
        layer.channels = frozenset(("rgb",))
    assert torch.autograd.gradcheck(rendered, start, eps=1e-6, atol=1e-5, rtol=1e-4, fast_mode=True)


def test_the_scene_goes_where_the_layer_goes() -> None:
    layer = RenderLayer(tiny.scene(8)).float()
    own = find_tensors(layer.scene)
    assert {each.dtype for each in own.values()} == {torch.float32}
    assert layer.scene.objects["painted"].mesh.faces.dtype == torch.int64
    with torch.no_grad():
        picture = layer({KEY: own[KEY] * 2})["rgb"]
    assert picture.dtype == torch.float32
    assert not picture.requires_grad
    double = layer.to("cpu", torch.float64)({KEY: own[KEY].double() * 2})["rgb"]
    torch.testing.assert_close(double.float(), picture, rtol=0, atol=1e-4)
    assert list(layer.state_dict()) == []


@pytest.mark.gpu
def test_the_layer_on_a_card_is_that_on_the_cpu() -> None:
    scene = tiny.scene(12).to(dtype=torch.float32)
    found = []
    for device in ("cpu", "cuda"):
        layer = RenderLayer(scene, ["rgb", "alpha"], SOFT).to(device)
        given = {key: each.float().to(device).requires_grad_() for key, each in several(scene, POSE, KEY).items()}
        pictures = layer(given)
        loss = sum(each.square().sum() for each in pictures.values())
        assert isinstance(loss, Tensor)
        gradients = torch.autograd.grad(loss, list(given.values()))
        found.append([each.detach().cpu() for each in (*pictures.values(), *gradients)])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-3)


def wrong(name: str) -> dict[str, Any]:
    scene = tiny.scene(8)
    key, pose = find_tensors(scene)[KEY], find_tensors(scene)[POSE]
    cases: dict[str, dict[str, Any]] = {
        "address": {"lights.kye.intensity": key},
        "faces": {"objects.textured.mesh.faces": key},
        "star": {"lights.*.intensity": key},
        "shape": {POSE: pose[:3]},
        "many": {POSE: torch.stack([torch.stack([pose])])},
        "nan": {POSE: pose * torch.nan},
        "precision": {KEY: key.float()},
        "number": {KEY: 0.3},
        "batches": {KEY: key.expand(3), POSE: pose.expand(2, 4, 4)},
        "none": {KEY: key.expand(0)},
    }
    return cases[name]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        (
            "address",
            "lights.kye.intensity: the scene has no tensor of numbers there; did you mean 'lights.key.intensity'",
        ),
        ("faces", "objects.textured.mesh.faces: the scene has no tensor of numbers there"),
        ("star", "the scene has no tensor of numbers there"),
        ("shape", "camera_from_world is [3, 4], expected [4, 4], or [B, 4, 4] for B pictures"),
        ("many", "is [1, 1, 4, 4], expected [4, 4], or"),
        ("nan", f"{POSE} has numbers that are not finite"),
        ("precision", "is torch.float32 on cpu, and the layer's scene torch.float64 on cpu; convert"),
        ("number", "is a float, expected a tensor"),
        ("batches", f"for different numbers of pictures, or for none: {KEY} for 3, {POSE} for 2"),
        ("none", f"or for none: {KEY} for 0"),
    ],
)
def test_what_the_layer_can_not_use_is_told(name: str, told: str) -> None:
    with pytest.raises(UserError) as raised:
        RenderLayer(tiny.scene(8))(wrong(name))
    assert told in str(raised.value)
    assert "\n" not in str(raised.value)


def test_what_can_not_be_rendered_is_told() -> None:
    scene = tiny.scene(8)
    dark = set_tensors(scene, {"background": torch.tensor([0.0, torch.nan, 0.0]).double()})
    for make in (invrender.render, RenderLayer):
        with pytest.raises(UserError, match=r"camera is 'side', expected one of camera"):
            make(scene, camera="side")
        with pytest.raises(UserError, match=r"channels is \['heat'\], expected some of albedo, alpha, depth"):
            make(scene, ["heat"])
        with pytest.raises(UserError, match=r"channels is 'rgb', expected some of"):
            make(scene, "rgb")
        with pytest.raises(UserError, match=r"background has numbers that are not finite"):
            make(dark)


def test_all_tensors_of_a_scene_have_addresses() -> None:
    scene = tiny.scene()
    found = find_tensors(scene)
    assert len(found) == 30
    assert all(get_tensors(scene, address) == {address: tensor} for address, tensor in found.items())
    assert "objects.textured.mesh.faces" not in found
