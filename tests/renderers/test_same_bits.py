"""The same scene is the same picture: again, on more threads, in less precision, on a GPU."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
import shapes
import torch
from torch import Tensor

from invrender.render.backends.differentiable import tensors_of
from invrender.render.backends.numba.passes import HardPass, SoftPass, nearest_faces
from invrender.render.backends.numba.soft import NEGLIGIBLE, SHADED, Soft
from invrender.render.base import Renderer, render_scene, shots_of
from invrender.render.embedded import EmbeddedRenderer
from invrender.render.hard import HardRenderer
from invrender.render.raster.project import project_surfaces
from invrender.render.shading.surfaces import Surfaces
from invrender.scene import DirectionalLight, PointLight, Scene

RENDERERS = [
    pytest.param(HardRenderer(samples=2), id="hard"),
    pytest.param(EmbeddedRenderer(visibility="edge"), id="edge"),
    pytest.param(EmbeddedRenderer(sigma=1e-3, gamma=1e-3), id="composite"),
    pytest.param(EmbeddedRenderer(sigma=1e-3, gamma=1e-3, background="softmax"), id="softmax"),
]


@pytest.fixture
def threads() -> Iterator[None]:
    """Puts back the number of threads."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def crowded(size: int = 40) -> Scene:
    """A textured tube and a shiny box that touch, on a floor that reaches behind the camera, under every light."""
    random = torch.Generator().manual_seed(0)

    def uniform(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=random, dtype=torch.float64)

    tube = shapes.thing(shapes.tube(30), shapes.material(texture=uniform(8, 16, 3), specular=0.2))
    box = shapes.box(0.6)
    box = replace(box, vertices=box.vertices + shapes.doubles([0.9, 0.1, 0.3]))
    floor = shapes.quad([[-9.0, -1.1, 9.0], [9.0, -1.1, 9.0], [-9.0, -1.1, -9.0]], cells=4)
    floor_looks = shapes.material(vertex_colors=uniform(len(floor.vertices), 3))
    return shapes.scene(
        tube,
        shapes.thing(box, shapes.material((0.8, 0.3, 0.1), specular=0.4)),
        shapes.thing(floor, floor_looks),
        view=shapes.camera(size, size - 7, 0.9 * size, (2.1, 1.3, 3.2), (0.1, 0.0, 0.2)),
        lights=[
            shapes.ambient(0.2),
            DirectionalLight(uniform(3), torch.tensor(0.6).double(), shapes.doubles([0.4, 1.0, 0.3])),
            PointLight(uniform(3), torch.tensor(2.0).double(), shapes.doubles([1.7, 2.0, 2.5]), "inverse_square"),
        ],
        background=(0.1, 0.2, 0.4),
    )


def leaves_of(scene: Scene) -> tuple[Scene, dict[str, Tensor]]:
    """The scene with some tensors as leaves."""
    name, tube = next(iter(scene.objects.items()))
    assert tube.material.texture is not None
    light = scene.lights["light 2"]
    assert isinstance(light, PointLight)
    leaves = {
        "vertices": tube.mesh.vertices,
        "texture": tube.material.texture,
        "pose": scene.camera.camera_from_world,
        "intrinsics": scene.camera.intrinsics,
        "light": light.position,
        "background": scene.background,
    }
    leaves = {key: value.clone().requires_grad_() for key, value in leaves.items()}
    tube = replace(
        tube,
        mesh=replace(tube.mesh, vertices=leaves["vertices"]),
        material=tube.material.with_property("albedo", texture=leaves["texture"]),
    )
    held = replace(
        scene,
        objects={**scene.objects, name: tube},
        lights={**scene.lights, "light 2": replace(light, position=leaves["light"])},
        background=leaves["background"],
    ).with_camera(replace(scene.camera, camera_from_world=leaves["pose"], intrinsics=leaves["intrinsics"]))
    return held, leaves


def picture_and_gradients(renderer: Renderer, scene: Scene) -> dict[str, Tensor]:
    held, leaves = leaves_of(scene)
    rendered = render_scene(renderer, held)
    picture = torch.cat([rendered.rgb, rendered.alpha[..., None], rendered.depth[..., None]], dim=-1)
    cotangent = torch.randn(picture.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    gradients = torch.autograd.grad(picture, list(leaves.values()), cotangent.to(picture))
    return {"picture": picture.detach(), **dict(zip(leaves, gradients, strict=True))}


@pytest.mark.parametrize("renderer", RENDERERS)
def test_again_is_the_same_to_the_bit(renderer: Renderer) -> None:
    scene = crowded().to(dtype=torch.float32)
    first, second = (picture_and_gradients(renderer, scene) for _ in range(2))
    for name, value in first.items():
        assert torch.equal(value, second[name]), name


@pytest.mark.parametrize("renderer", RENDERERS)
@pytest.mark.usefixtures("threads")
def test_more_threads_make_the_same_picture(renderer: Renderer) -> None:
    """Large enough that torch does divide the work; sums over all fragments may then be taken in another order."""
    scene = crowded(100).to(dtype=torch.float32)
    found = []
    for count in (1, 2):
        torch.set_num_threads(count)
        found.append(picture_and_gradients(renderer, scene))
    one, two = found
    assert torch.equal(one.pop("picture"), two.pop("picture"))
    for name, gradient in one.items():
        assert (gradient - two[name]).abs().max() <= 1e-5 * gradient.abs().max(), name


@pytest.mark.parametrize("renderer", RENDERERS)
def test_single_precision_is_enough(renderer: Renderer) -> None:
    """Measured: 4e-6 in the picture; 1e-4 in gradients, where the positions of soft edges cancel."""
    double, single = (
        picture_and_gradients(renderer, crowded().to(dtype=dtype)) for dtype in (torch.float64, torch.float32)
    )
    for name, value in double.items():
        tolerance = 2e-5 if name == "picture" else 5e-4
        assert (value - single[name]).abs().max() < tolerance * value.abs().max(), name


@pytest.mark.gpu
@pytest.mark.parametrize("renderer", RENDERERS)
def test_a_gpu_makes_the_same_picture(renderer: Renderer) -> None:
    """In float64, so that what is left is the order of sums."""
    here, there = (picture_and_gradients(renderer, crowded().to(device=device)) for device in ("cpu", "cuda"))
    for name, value in here.items():
        assert there[name].device.type == "cuda"
        torch.testing.assert_close(there[name].cpu(), value, rtol=1e-7, atol=1e-9 * float(value.abs().max()))


@pytest.mark.parametrize("negligible", NEGLIGIBLE.values())
def test_fragments_that_are_not_shaded_would_hardly_show(negligible: float) -> None:
    scene = crowded(20)
    surfaces = Surfaces.of(shots_of([scene]), mipmaps=True)
    screen = project_surfaces(surfaces, [scene.camera], cull_backfaces=False)
    settings = (Soft(1e-3, 0.03, 9e-3, SHADED, True, share) for share in (negligible, 0.0))
    found, exact = (SoftPass(screen, surfaces, each).forward(*tensors_of(screen, surfaces))[1] for each in settings)
    assert 0 < (found - exact).abs().max() <= negligible * len(screen.face)


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("hard", [False, True])
def test_kernels_give_the_same_bits_on_any_number_of_threads(hard: bool) -> None:
    """The picture, all gradients, and the changes along directions."""
    scene = crowded(70).to(dtype=torch.float32)
    surfaces = Surfaces.of(shots_of([scene]), mipmaps=True)
    screen = project_surfaces(surfaces, [scene.camera], cull_backfaces=False)
    found = []
    for count in (1, 2, 3):
        torch.set_num_threads(count)
        work = (
            HardPass(screen, surfaces, nearest_faces(screen))
            if hard
            else SoftPass(screen, surfaces, Soft(1e-3, 0.1, 9e-3, SHADED, True, 1e-9))
        )
        tensors = tensors_of(screen, surfaces)
        if hard:
            tensors.append(scene.background.expand(screen.pixels, 3))
        results = work.forward(*tensors)
        cotangents = [torch.randn(each.shape, generator=torch.Generator().manual_seed(1)) for each in results]
        gradients = work.backward(cotangents, [True] * len(tensors))
        moving = [torch.ones_like(each)[None] for each in tensors]
        found.append([*results, *gradients, *work.tangents(moving, 1)])
    for others in found[1:]:
        for one, other in zip(found[0], others, strict=True):
            assert (one is None and other is None) or torch.equal(one, other)
    assert any(bool(each.any()) for each in found[0][-3:-1])
