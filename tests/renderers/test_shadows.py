"""Shadows: where they fall, that the tree of boxes finds what trying every face does, and what has its derivative."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import shapes
import tiny
import torch
from torch import Tensor

from invrender.errors import UserError
from invrender.fitting.problem import Problem
from invrender.io.folder import Folder
from invrender.io.lights import build_light, light_keys
from invrender.io.schema import LightConfig
from invrender.losses import MeanSquaredError
from invrender.parameters import LightIntensity, LightPosition
from invrender.render.backends.dispatch import Backend
from invrender.render.base import render_scene, render_scenes
from invrender.render.edge import EdgeRenderer
from invrender.render.embedded import EmbeddedRenderer
from invrender.render.hard import HardRenderer
from invrender.render.shading import shadows
from invrender.render.shading.shadows import Rays
from invrender.render.soft import SoftRenderer
from invrender.render.stages import interpolate, rasterize
from invrender.scene import DirectionalLight, Light, PointLight, Scene, phong
from invrender.scene.address import find_tensors, set_tensors
from invrender.targets import render_target

RGB = frozenset(("rgb",))
ONE = torch.tensor(1.0).double()
WHITE = torch.ones(3).double()


def casting(scene: Scene) -> Scene:
    """A scene all of whose lights that are somewhere cast shadows."""

    def cast(light: Light) -> Light:
        return replace(light, shadows=True) if isinstance(light, PointLight | DirectionalLight) else light

    return replace(scene, lights={name: cast(light) for name, light in scene.lights.items()})


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) - 0.5


@pytest.mark.parametrize("endless", [False, True])
def test_the_tree_finds_what_trying_every_face_does(endless: bool) -> None:
    from invrender.render.backends.numba import list_passes

    corners = (2 * noise(60, 1, 3, seed=1) + 2 * noise(60, 3, 3, seed=2)).reshape(-1, 3)
    corners[:30, 2] = 0.25  # some faces lie in a plane, in boxes without thickness
    faces, stretches = torch.arange(180).reshape(-1, 3), ((3, 20), (31, 60))
    origins, ways = 2 * noise(500, 3, seed=3), 3 * noise(500, 3, seed=4)
    ways[:20, :2] = 0  # along an axis
    origins[20:60], own = corners[faces[:40]].mean(dim=1), torch.full((500,), -1)
    own[20:60] = torch.arange(40)
    rays = Rays(origins, ways, own, endless)
    expected = shadows.occluded(corners, faces, stretches, rays)
    found = list_passes.occluded(corners, faces, stretches, rays)
    assert 50 < int(expected.sum()) < 450
    assert found.equal(expected)
    assert not list_passes.occluded(corners, faces, (), rays).any()


@pytest.mark.parametrize("backend", ["numba", "reference"])
def test_shadows_fall_where_lines_from_the_light_say(backend: Backend) -> None:
    scene = tiny.scene(16)
    lit, shadowed = (
        render_scene(HardRenderer(samples=1, backend=backend), each, RGB).rgb for each in (scene, casting(scene))
    )
    assert (shadowed <= lit + 1e-12).all()
    assert (lit - shadowed).abs().max() > 0.05
    if backend == "numba":
        slow = render_scene(HardRenderer(samples=1, backend="reference"), casting(scene), RGB).rgb
        torch.testing.assert_close(shadowed, slow, rtol=0, atol=1e-12)


def octahedron_over_a_floor(light: DirectionalLight | PointLight) -> Scene:
    white = phong(WHITE, 0 * WHITE, ONE)
    ball = tiny.octahedron()
    corners = shapes.doubles([[-9, -1, -9], [-9, -1, 9], [9, -1, 9], [9, -1, -9]])
    floor = shapes.mesh(corners, torch.tensor([[0, 1, 2], [0, 2, 3]]))
    view = shapes.camera(64, 48, 48.0, position=(0, 6, 0.01), target=(0, -1, 0))
    return shapes.scene(shapes.thing(ball, white), shapes.thing(floor, white), view=view, lights=[light])


@pytest.mark.parametrize(
    ("light", "expected"),
    [
        (DirectionalLight(WHITE, ONE, shapes.doubles([1.0, 1.0, 0.0]), True), -1.0),
        (PointLight(WHITE, ONE, shapes.doubles([3.0, 2.0, 0.0]), "none", True), -1.5),
    ],
)
def test_a_shadow_is_where_the_light_has_it(light: DirectionalLight | PointLight, expected: float) -> None:
    """An octahedron of 0.6 at the origin, over a floor at −1: its centre throws its shadow where lines say."""
    scene = octahedron_over_a_floor(light)
    raster = rasterize(scene)
    dark = render_scene(HardRenderer(samples=1), scene, RGB).rgb[..., 0]
    free = octahedron_over_a_floor(replace(light, shadows=False))
    lit = render_scene(HardRenderer(samples=1), free, RGB).rgb[..., 0]
    places = interpolate(raster, raster.surfaces.vertices)[0]
    on_floor = (places[..., 1] < -0.99) & (lit - dark > 0.1)
    assert int(on_floor.sum()) > 20
    assert float(places[on_floor][:, 0].min()) < expected < float(places[on_floor][:, 0].max())
    assert float(places[on_floor][:, 2].abs().max()) < 1.2


def check_derivative(response: Callable[[Tensor], Tensor], start: Tensor) -> None:
    leaf, direction = start.clone().requires_grad_(), noise(*start.shape, seed=3)
    (gradient,) = torch.autograd.grad(response(leaf), leaf)
    _, tangent = torch.func.jvp(response, (start,), (direction,))
    difference = float(response(start + 1e-6 * direction) - response(start - 1e-6 * direction)) / 2e-6
    assert abs(difference) > 1e-6
    assert float((gradient * direction).sum()) == pytest.approx(difference, rel=1e-5)
    assert float(tangent) == pytest.approx(difference, rel=1e-5)


@pytest.mark.parametrize(
    ("address", "glossy"),
    [
        ("lights.lamp.intensity", False),
        ("lights.sun.color", True),
        ("objects.textured.material.roughness.factor", True),
        ("objects.textured.material.albedo.texture", False),
    ],
)
def test_light_and_material_have_their_exact_derivative_under_shadows(address: str, glossy: bool) -> None:
    scene = casting(tiny.glossy(tiny.scene(16)) if glossy else tiny.scene(16))
    cotangent, renderer = noise(16, 16, 3, seed=5), EdgeRenderer()
    start = find_tensors(scene)[address]

    def response(values: Tensor) -> Tensor:
        return (render_scene(renderer, set_tensors(scene, {address: values}), RGB).rgb * cotangent).sum()

    check_derivative(response, start)


def test_pictures_of_one_batch_have_shadows_of_their_own_objects() -> None:
    scene = casting(tiny.scene(16))
    moved = scene.objects["painted"].world_from_object.clone()
    moved[0, 3] += 0.4
    other = set_tensors(scene, {"objects.painted.world_from_object": moved})
    renderer = HardRenderer(samples=1)
    both = [each.rgb for each in render_scenes(renderer, [scene, other], RGB)]
    for each, alone in zip(both, (scene, other), strict=True):
        torch.testing.assert_close(each, render_scene(renderer, alone, RGB).rgb, rtol=0, atol=1e-12)


def test_soft_pictures_refuse_shadows() -> None:
    scene = casting(tiny.scene(8))
    for renderer in (SoftRenderer(), EmbeddedRenderer()):
        with pytest.raises(
            UserError, match=r"light\.sun casts shadows, and soft pictures have none; set renderer=edge"
        ):
            render_scene(renderer, scene, RGB)
    with pytest.raises(UserError, match=r"light\.sun casts shadows"):
        SoftRenderer().supports.check_scene(scene)
    EmbeddedRenderer().supports.check_scene(scene)
    assert render_scene(EmbeddedRenderer(visibility="edge"), scene, RGB).rgb.isfinite().all()


def test_kernels_without_rays_refuse() -> None:
    none = torch.zeros(0, 3)
    with pytest.raises(UserError, match="the CPU alone"):
        shadows.refuse(none, none.long(), (), Rays(none, none, none[:, 0].long(), True))


def test_lights_keep_whether_they_cast_shadows(tmp_path: Path) -> None:
    files = Folder(tmp_path)
    config = LightConfig(kind="directional", direction=[0, 1, 0], shadows=True)
    light = build_light(config, files, "light.sun")
    assert isinstance(light, DirectionalLight)
    assert light.shadows
    assert light_keys(light)["shadows"] is True
    with pytest.raises(UserError, match=r"light\.sky\.shadows has no effect on a light of kind ambient"):
        build_light(LightConfig(kind="ambient", shadows=True), files, "light.sky")


def test_a_fit_says_which_unknowns_move_shadows(caplog: pytest.LogCaptureFixture) -> None:
    scene = casting(tiny.scene(8))
    parameters = {"strength": LightIntensity(), "place": LightPosition()}
    problem = Problem(scene, render_target(scene), parameters, EdgeRenderer(), {"mse": MeanSquaredError()})
    problem.check()
    assert [each.getMessage() for each in caplog.records if "shadows" in each.getMessage()] == [
        "light.sun casts shadows, whose edges have no gradient: place can be found by all else that the pictures show"
    ]
    caplog.clear()
    replace(problem, parameters={"strength": parameters["strength"]}).check()
    assert not any("shadows" in each.getMessage() for each in caplog.records)
