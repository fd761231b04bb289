"""Many scenes in one call are the same pictures, with the same gradients, as one call each."""

from __future__ import annotations

from dataclasses import replace

import pytest
import tiny
import torch
from torch import Tensor

from invrender.geometry.cameras import look_at, rigid
from invrender.render.base import ALL, Renderer, render_scene, render_scenes
from invrender.render.embedded import EmbeddedRenderer
from invrender.render.hard import HardRenderer
from invrender.scene import Channels, Picture, Scene

RENDERERS = [
    pytest.param(EmbeddedRenderer(sigma=1e-3, gamma=1e-3, samples=2), id="soft"),
    pytest.param(EmbeddedRenderer(visibility="edge"), id="edge"),
    pytest.param(HardRenderer(samples=2), id="hard"),
    pytest.param(EmbeddedRenderer(sigma=1e-3, gamma=1e-3, backend="reference"), id="reference"),
]


def views(scene: Scene, positions: Tensor) -> list[Scene]:
    """The same objects, lights of their own, before cameras at positions [B, 3]; the last picture is smaller."""
    cameras = [
        replace(scene.camera, camera_from_world=look_at(position, scene.camera.look_at, scene.camera.up))
        for position in positions
    ]
    cameras[-1] = cameras[-1].resized(10, 14)
    dimmed = [
        {name: replace(light, intensity=light.intensity / (1 + number)) for name, light in scene.lights.items()}
        for number in range(len(cameras))
    ]
    return [replace(scene, lights=lights).with_camera(camera) for camera, lights in zip(cameras, dimmed, strict=True)]


def candidates(scene: Scene, shifts: Tensor) -> list[Scene]:
    """One object at several places [B, 3], before one camera."""
    name = next(iter(scene.objects))
    places = [rigid(torch.eye(3).double(), shift) for shift in shifts]
    return [
        replace(scene, objects={**scene.objects, name: replace(scene.objects[name], world_from_object=place)})
        for place in places
    ]


def stacked(pictures: tuple[Picture, ...]) -> Tensor:
    return torch.cat([each.reshape(-1) for one in pictures for each in (one.rgb, one.alpha, one.depth)])


@pytest.mark.parametrize("make", [views, candidates])
@pytest.mark.parametrize("renderer", RENDERERS)
def test_a_batch_is_its_pictures(renderer: Renderer, make: object) -> None:
    scene = tiny.scene(12)
    random = torch.Generator().manual_seed(0)
    spread = 0.2 * torch.randn(3, 3, generator=random, dtype=torch.float64)
    unknown = spread + (scene.camera.position if make is views else 0)
    found = []
    for together in (True, False):
        leaf = unknown.clone().requires_grad_()
        scenes = make(scene, leaf)  # type: ignore[operator]
        pictures = (
            render_scenes(renderer, scenes) if together else tuple(render_scene(renderer, each) for each in scenes)
        )
        values = stacked(pictures)
        cotangent = torch.randn(values.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
        found.append((values, torch.autograd.grad(values, leaf, cotangent)[0]))
    (together_values, together_gradient), (alone_values, alone_gradient) = found
    torch.testing.assert_close(together_values, alone_values, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(together_gradient, alone_gradient, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("renderer", RENDERERS)
@pytest.mark.parametrize("channels", [frozenset(("alpha",)), frozenset(("depth",)), frozenset(("rgb",))])
def test_channels_are_what_they_are_in_the_whole_picture(renderer: Renderer, channels: Channels) -> None:
    scene = tiny.scene(12)
    whole, part = render_scene(renderer, scene, ALL), render_scene(renderer, scene, channels)
    assert part.channels.keys() == channels
    for name in channels:
        torch.testing.assert_close(part[name], whole[name], rtol=1e-12, atol=1e-12)


def test_nothing_to_render() -> None:
    assert render_scenes(EmbeddedRenderer(), []) == []


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")
@pytest.mark.parametrize("renderer", RENDERERS)
def test_forward_mode_and_reverse_mode_agree(renderer: Renderer) -> None:
    """The whole renderer under `torch.func`: three directions at once against one cotangent at a time."""
    scene = tiny.one_object(6)

    def picture(shift: Tensor) -> Tensor:
        (moved,) = candidates(scene, shift[None])
        return stacked((render_scene(renderer, moved),))

    start = torch.tensor([0.02, -0.05, 0.1]).double()
    forward = torch.func.jacfwd(picture)(start)
    torch.testing.assert_close(forward, torch.autograd.functional.jacobian(picture, start), rtol=1e-8, atol=1e-9)
