"""PyTorch3D's shaders and settings; skipped where it is not installed."""

from __future__ import annotations

import inspect
from dataclasses import replace
from typing import Any, get_args

import pytest
import shapes
import tiny
import torch
from torch import Tensor

from invrender import parameters
from invrender.errors import UserError
from invrender.fitting.fit import fit
from invrender.fitting.problem import Problem
from invrender.fitting.schedule import Stage
from invrender.fitting.solve import FirstOrder
from invrender.losses import MeanSquaredError, Silhouette
from invrender.render.adapters.pytorch3d.renderer import PyTorch3DRenderer, Shader
from invrender.render.base import render_scene, render_scenes
from invrender.render.embedded import EmbeddedRenderer
from invrender.scene import Scene, map_tensors
from invrender.targets import render_target

pytest.importorskip("pytorch3d", reason="PyTorch3D is not installed")

from invrender.render.adapters.pytorch3d import adapter

SHADERS: tuple[Shader, ...] = get_args(Shader)
UNKNOWNS = sorted(name for name, value in vars(parameters).items() if inspect.isclass(value))
ARGUMENTS: dict[str, dict[str, Any]] = {"ObjectPose": {"object": "painted"}}


def renderer(**settings: Any) -> PyTorch3DRenderer:
    return PyTorch3DRenderer(**{"sigma": 1e-3, "gamma": 1e-2, "faces_per_pixel": 30, **settings})


def single(name: str, *lights: str) -> Scene:
    """One of the two octahedra of the tiny scene, and some of its lights."""
    scene = tiny.scene()
    return replace(scene, objects={name: scene.objects[name]}, lights={key: scene.lights[key] for key in lights})


@pytest.mark.parametrize("lights", [("ambient", "key"), ("ambient", "sun"), ("ambient",), ("key",)])
@pytest.mark.parametrize("shader", [shader for shader in SHADERS if shader != "soft_silhouette"])
def test_our_shading_is_that_of_pytorch3ds_shaders(
    shader: Shader, lights: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    drawing = renderer(shader=shader, background="softmax")
    scene = single("painted" if shader == "soft_gouraud" else "textured", *lights)
    assert adapter.own_shader_suits(scene, drawing)
    theirs = render_scene(drawing, scene)
    monkeypatch.setattr(adapter, "own_shader_suits", lambda *_: False)
    ours = render_scene(drawing, scene)
    assert float(theirs.alpha.mean()) > 0.05
    for name in ("rgb", "alpha", "depth"):
        torch.testing.assert_close(getattr(ours, name), getattr(theirs, name), rtol=0, atol=2e-6)


def test_pytorch3ds_own_shader_draws_what_it_can() -> None:
    drawing = renderer(background="softmax")
    lit = ("ambient", "key")
    assert adapter.own_shader_suits(single("textured", *lit), drawing)
    assert not adapter.own_shader_suits(tiny.scene(), drawing)
    assert not adapter.own_shader_suits(single("textured", *lit), renderer(background="composite"))
    assert not adapter.own_shader_suits(single("textured", *lit), renderer(background="softmax", shader="soft_gouraud"))
    level = single("textured", *lit)
    level = level.with_camera(replace(level.camera, projection="orthographic"))
    assert not adapter.own_shader_suits(level, drawing)  # its highlights are seen along parallel rays


@pytest.mark.parametrize("shader", SHADERS)
def test_every_shader_draws_every_scene(shader: Shader) -> None:
    """Several objects, a texture and vertex colours, and all kinds of lights; the shaders differ."""
    drawn = render_scene(renderer(shader=shader), tiny.scene())
    assert all(each.isfinite().all() for each in (drawn.rgb, drawn.alpha, drawn.depth))
    assert 0.05 < float(drawn.alpha.mean()) < 0.9
    if shader == "soft_silhouette":
        assert (drawn.rgb == 1).all()
        return
    assert (drawn.alpha[:1] == 0).all()
    torch.testing.assert_close(drawn.rgb[0, 0], tiny.scene().background, atol=1e-6, rtol=0)
    others = [render_scene(renderer(shader=each), tiny.scene()).rgb for each in SHADERS if each != shader]
    assert all((drawn.rgb - other).abs().max() > 0.01 for other in others)


def test_gouraud_lights_vertices_and_flat_lights_faces() -> None:
    """Under a lamp close to the middle of a square, the middle is bright at fragments, dark at vertices."""
    lamp = replace(tiny.scene().lights["key"], position=shapes.doubles([0.0, 0.0, -2.5]))
    scene = shapes.scene(shapes.thing(shapes.facing(1.0, 3.0)), view=shapes.camera(9, 9, 12.0), lights=[lamp])
    middle, corner = {}, {}
    for shader in ("hard_phong", "soft_gouraud", "hard_flat"):
        picture = render_scene(renderer(shader=shader, sigma=1e-8, background="softmax"), scene).rgb[..., 0]
        middle[shader], corner[shader] = float(picture[4, 5]), float(picture[1, 2])
    assert middle["hard_phong"] > 1.5 * corner["hard_phong"]
    assert middle["soft_gouraud"] == pytest.approx(corner["soft_gouraud"], rel=1e-3)
    assert middle["hard_phong"] > middle["hard_flat"] > middle["soft_gouraud"]


@pytest.mark.parametrize("name", UNKNOWNS)
def test_every_unknown_has_the_gradient_of_the_embedded_renderer(name: str) -> None:
    parameter, scene = getattr(parameters, name)(**ARGUMENTS.get(name, {})), tiny.scene()
    raw = parameter.initial(scene)
    raw = 0.03 * torch.randn(raw.shape, generator=torch.Generator().manual_seed(0), dtype=raw.dtype)
    cotangent = torch.randn(24, 24, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)

    def gradient(drawing: EmbeddedRenderer | PyTorch3DRenderer) -> Tensor:
        leaf = raw.clone().requires_grad_()
        drawn = render_scene(drawing, parameter.apply(scene, leaf))
        picture = torch.cat([drawn.rgb, drawn.alpha[..., None]], dim=-1)
        return torch.autograd.grad((picture * cotangent).sum(), leaf)[0]

    ours, theirs = gradient(EmbeddedRenderer(sigma=2e-3, gamma=1e-2, mipmaps=False)), gradient(renderer(sigma=2e-3))
    assert ours.abs().max() > 0
    assert (ours - theirs).abs().max() < 1e-3 * ours.abs().max()


@pytest.mark.parametrize(
    ("shader", "unknown", "loss"),
    [
        ("soft_silhouette", parameters.CameraPosition(), MeanSquaredError()),
        ("soft_silhouette", parameters.LightIntensity(), Silhouette()),
        ("soft_silhouette", parameters.Texture(), Silhouette()),
        ("hard_phong", parameters.CameraPose(), Silhouette()),
    ],
)
def test_what_the_shader_does_not_show_is_refused_before_the_first_step(
    shader: Shader, unknown: Any, loss: Any
) -> None:
    scene = tiny.scene()
    problem = Problem(scene, render_target(scene), {"unknown": unknown}, renderer(shader=shader), {"only": loss})
    steps = fit(problem, FirstOrder(torch.optim.Adam, [Stage(steps=1)]))
    with pytest.raises(UserError, match=r"recover\.unknown: none of the losses \(only\) depends on it"):
        next(steps)


def test_the_reach_is_that_of_pytorch3ds_tutorials() -> None:
    assert renderer(sigma=1e-4).reach == pytest.approx(9.2102e-4, rel=1e-4)
    assert renderer(sigma=1e-4, shader="hard_flat").reach == 0
    assert renderer(blur_radius=0.01).reach == 0.01


@pytest.mark.parametrize("shader", ["soft_phong", "hard_phong"])
def test_what_is_not_asked_for_is_left_out(shader: Shader) -> None:
    drawing, scene = renderer(shader=shader), tiny.scene()
    whole = render_scene(drawing, scene)
    for channel in ("rgb", "alpha", "depth"):
        (part,) = render_scenes(drawing, [scene], frozenset([channel]))
        for name in ("rgb", "alpha", "depth"):
            if name == channel:
                torch.testing.assert_close(getattr(part, name), getattr(whole, name), rtol=0, atol=1e-6)
            else:
                assert getattr(part, name).numel() == 0


def test_settings_reach_the_rasterizer() -> None:
    camera = tiny.scene().camera
    given = {"faces_per_pixel": 7, "max_faces_per_bin": 99, "perspective_correct": False, "cull_backfaces": True}
    settings = adapter.raster_settings(camera, renderer(blur_radius=0.02, bin_size=4, **given))
    assert {key: getattr(settings, key) for key in given} == given
    assert (settings.blur_radius, settings.z_clip_value, settings.image_size) == (0.02, camera.near, (24, 24))
    assert settings.bin_size == 0  # on the CPU


def test_fewer_faces_per_pixel_leave_out_the_further_ones() -> None:
    scene = tiny.scene()
    all_faces, nearest = (render_scene(renderer(faces_per_pixel=count, gamma=1.0), scene) for count in (30, 1))
    assert (all_faces.alpha >= nearest.alpha - 1e-6).all()
    assert (all_faces.alpha - nearest.alpha).max() > 0.01


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_pictures_are_as_precise_as_the_scene_says(dtype: torch.dtype) -> None:
    drawn = render_scene(renderer(samples=2), tiny.scene().to(dtype=dtype))
    assert {drawn.rgb.dtype, drawn.alpha.dtype, drawn.depth.dtype} == {dtype}


def test_a_scene_without_faces_is_its_background() -> None:
    none = shapes.mesh(torch.zeros(0, 3).double(), torch.zeros(0, 3, dtype=torch.int64))
    drawn = render_scene(renderer(), shapes.scene(shapes.thing(none), background=(0.1, 0.2, 0.3)))
    assert (drawn.alpha == 0).all() and (drawn.depth == 0).all()
    torch.testing.assert_close(drawn.rgb[0, 0], shapes.doubles([0.1, 0.2, 0.3]))


def test_again_is_the_same_to_the_bit() -> None:
    first, second = (render_scene(renderer(), tiny.scene()).rgb for _ in range(2))
    assert torch.equal(first, second)


@pytest.mark.gpu
@pytest.mark.parametrize("shader", SHADERS)
@pytest.mark.parametrize("bin_size", [None, 0, 16])
def test_a_gpu_makes_the_same_picture(shader: Shader, bin_size: int | None) -> None:
    here = render_scene(renderer(shader=shader), tiny.scene())
    there = render_scene(
        renderer(shader=shader, bin_size=bin_size), map_tensors(tiny.scene(), lambda each: each.cuda())
    )
    torch.testing.assert_close(there.rgb.cpu(), here.rgb, rtol=0, atol=1e-4)


@pytest.mark.gpu
def test_bins_that_are_too_small_are_refused() -> None:
    with pytest.raises(UserError, match=r"renderer\.bin_size is 1, expected at least 2"):
        render_scene(renderer(bin_size=1), tiny.scene(40).to("cuda"))
