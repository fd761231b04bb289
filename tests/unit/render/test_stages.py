"""The four stages of a hard picture, for those who compose their own."""

from __future__ import annotations

from dataclasses import replace

import pytest
import tiny
import torch
from torch import Tensor

from invrender import (
    EdgeRenderer,
    HardRenderer,
    UserError,
    antialias,
    interpolate,
    rasterize,
    render,
    set_tensors,
    shade,
)
from invrender.render.backends.dispatch import Backend
from invrender.render.shading.channels import SHADERS
from invrender.scene import Scene

VERTICES = "objects.textured.mesh.vertices"


def two(size: int = 12) -> list[Scene]:
    """The same objects under other lights, before other cameras."""
    scene = tiny.scene(size)
    moved = scene.camera.camera_from_world.clone()
    moved[0, 3] += 0.2
    dim = set_tensors(scene, {"lights.key.intensity": torch.tensor(0.1).double()})
    return [scene, dim.with_camera(replace(scene.camera, camera_from_world=moved))]


def test_the_stages_make_the_bits_of_the_renderers() -> None:
    scenes = two()
    raster = rasterize(scenes)
    smooth, plain = antialias(raster, shade(raster)), shade(rasterize(scenes, mipmaps=False))
    alpha = antialias(raster, raster.mask[..., None].double())[..., 0]
    for number, scene in enumerate(scenes):
        picture = render(scene, renderer=EdgeRenderer())
        assert torch.equal(smooth[number], picture.rgb)
        assert torch.equal(alpha[number], picture.alpha)
        assert torch.equal(plain[number], render(scene, ["rgb"], HardRenderer(samples=1)).rgb)


def test_what_vertices_have_is_interpolated_and_shaded() -> None:
    scenes = two()
    raster = rasterize(scenes)
    surfaces = raster.surfaces
    places = interpolate(raster, surfaces.vertices)
    for number, scene in enumerate(scenes):
        camera = scene.camera.camera_from_world
        depth = places[number] @ camera[2, :3] + camera[2, 3]
        seen = raster.mask[number]
        # The depth of a point between the corners is the point's own: interpolation is perspective-correct.
        torch.testing.assert_close(depth[seen], render(scene, ["depth"], HardRenderer(samples=1)).depth[seen])
        assert bool((places[number][~seen] == 0).all())
    normals = torch.nn.functional.normalize(interpolate(raster, surfaces.normals, surfaces.normal_faces), dim=-1)
    torch.testing.assert_close(normals, shade(raster, SHADERS["normal"]))


@pytest.mark.parametrize("backend", ["numba", "reference"])
def test_all_stages_have_derivatives(backend: Backend) -> None:
    scene = tiny.one_object(7)
    vertices = scene.objects["textured"].mesh.vertices.clone().requires_grad_()
    random = torch.Generator().manual_seed(0)
    values = torch.randn(6, 2, generator=random, dtype=torch.float64, requires_grad=True)

    def compose(vertices: Tensor, values: Tensor) -> Tensor:
        raster = rasterize(set_tensors(scene, {VERTICES: vertices}), backend=backend)
        return antialias(raster, torch.cat([shade(raster), interpolate(raster, values)], dim=-1))

    assert torch.autograd.gradcheck(compose, (vertices, values), eps=1e-7, atol=1e-4, rtol=1e-3, fast_mode=True)


@pytest.mark.parametrize("nothing", [False, True])
def test_backends_agree_also_where_nothing_is_seen(nothing: bool) -> None:
    scene = tiny.scene(9)
    if nothing:
        away = scene.camera.camera_from_world.clone()
        away[2, 3] = -50.0
        scene = scene.with_camera(replace(scene.camera, camera_from_world=away))
    found = []
    for backend in ("numba", "reference"):
        raster = rasterize(scene, backend=backend)
        found.append(
            antialias(raster, torch.cat([shade(raster), interpolate(raster, raster.surfaces.vertices)], dim=-1))
        )
        assert bool(raster.mask.any()) is not nothing
    torch.testing.assert_close(found[0], found[1])


def test_what_the_stages_can_not_use_is_told() -> None:
    scene = tiny.scene(8)
    raster = rasterize(scene)
    with pytest.raises(UserError, match="camera is 'side', expected one of camera"):
        rasterize(scene, "side")
    with pytest.raises(UserError, match="scenes is empty"):
        rasterize([])
    with pytest.raises(UserError, match="scenes differ in the size"):
        rasterize([scene, tiny.scene(9)])
    with pytest.raises(UserError, match=r"values is \[5, 2\], expected \[12, C\]"):
        interpolate(raster, torch.zeros(5, 2))
    with pytest.raises(UserError, match="values has numbers that are not finite"):
        interpolate(raster, torch.full((12, 1), torch.nan).double())
    with pytest.raises(UserError, match=r"picture is \[8, 8, 3\], expected \[1, 8, 8, C\]"):
        antialias(raster, torch.zeros(8, 8, 3).double())
    with pytest.raises(UserError, match="picture has numbers that are not finite"):
        antialias(raster, torch.full((1, 8, 8, 3), torch.inf).double())
