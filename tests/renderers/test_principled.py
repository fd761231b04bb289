"""Principled surfaces: glTF's formulae, what they must keep, and the derivatives of everything in them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import shapes
import tiny
import torch
from torch import Tensor

from invrender.errors import UserError
from invrender.parameters import CameraPose
from invrender.render.approximate.renderer import RULES, ApproximateRenderer, RuleName
from invrender.render.base import Capabilities, Renderer, render_scene
from invrender.render.edge import EdgeRenderer
from invrender.render.hard import HardRenderer
from invrender.render.shading import microfacets
from invrender.render.shading.microfacets import Looks
from invrender.render.shading.split_sum import directional_albedo
from invrender.render.soft import SoftRenderer
from invrender.render.stages import rasterize, shade
from invrender.scene import (
    DirectionalLight,
    HarmonicLight,
    Lens,
    Material,
    Mesh,
    PointLight,
    Property,
    Scene,
    phong,
    principled,
)
from invrender.scene.address import get_tensors, set_tensors

RGB = frozenset(("rgb",))
Array = np.ndarray[Any, Any]


def noise(*shape: int, seed: int = 0) -> Tensor:
    random = torch.Generator().manual_seed(seed)
    return 0.2 + 0.6 * torch.rand(shape, generator=random, dtype=torch.float64)


def reflect(looks: Looks, normals: Tensor, lights: Tensor, eyes: Tensor) -> Tensor:
    """`microfacets.reflect` for points that are rows."""
    flipped = Looks(looks.diffuse.T, looks.straight.T, looks.roughness.T)
    return microfacets.reflect(flipped, normals.T, lights.T, eyes.T).T


def plain(
    albedo: tuple[float, float, float] = (0.8, 0.5, 0.2), roughness: float = 0.4, metallic: float = 0.0
) -> Material:
    numbers = [torch.tensor(each).double() for each in (roughness, metallic)]
    return principled(
        Property(shapes.doubles(albedo)), *map(Property, numbers), Property(torch.zeros(3, dtype=torch.float64))
    )


def everything() -> Scene:
    """A principled object with a texture of each property beside one of Phong's, under all kinds of light."""
    scene = tiny.scene()
    obj = scene.objects["textured"]
    flat = torch.ones(4, 5, 1).double()
    looks = principled(
        obj.material["albedo"],
        Property(noise(seed=1), noise(5, 4, 1, seed=2)),
        Property(noise(seed=3), noise(5, 4, 1, seed=4), noise(6, 1, seed=5)),
        Property(0.2 * noise(3, seed=6), noise(3, 3, 3, seed=7)),
        Property(shapes.doubles([0.7, 0.7, 1.0]), torch.cat([noise(4, 5, 2, seed=8) - 0.5, flat], dim=-1)),
    )
    sky = HarmonicLight(noise(9, 3, seed=9) - 0.4, torch.tensor(0.4).double())
    objects = {**scene.objects, "textured": replace(obj, material=looks)}
    return replace(scene, objects=objects, lights={**scene.lights, "sky": sky})


def transcribed(base: Array, roughness: float, metallic: float, normal: Array, light: Array, eye: Array) -> Array:
    """The reflectance of glTF 2.0, appendix B.2 and B.3, as it is printed there, in plain numbers."""
    half = (light + eye) / np.linalg.norm(light + eye)
    alpha = roughness**2
    n_h, n_l, n_v, h_l, h_v = normal @ half, normal @ light, normal @ eye, half @ light, half @ eye
    d = alpha**2 * (n_h > 0) / (math.pi * (n_h**2 * (alpha**2 - 1) + 1) ** 2)
    visible = (h_l > 0) / (abs(n_l) + math.sqrt(alpha**2 + (1 - alpha**2) * n_l**2))
    visible *= (h_v > 0) / (abs(n_v) + math.sqrt(alpha**2 + (1 - alpha**2) * n_v**2))
    specular_brdf = visible * d
    metal = specular_brdf * (base + (1 - base) * (1 - abs(h_v)) ** 5)
    f0 = 0.04
    fresnel = f0 + (1 - f0) * (1 - abs(h_v)) ** 5
    dielectric = (1 - fresnel) * (base / math.pi) + fresnel * specular_brdf
    return (1 - metallic) * dielectric + metallic * metal


def on_hemisphere(count: int, seed: int) -> Tensor:
    """Unit vectors [N, 3] with z above 0."""
    found = torch.nn.functional.normalize(noise(count, 3, seed=seed) - 0.5, dim=1)
    return found * torch.where(found[:, 2:] < 0, -1.0, 1.0).double()


def test_reflectance_is_that_of_the_printed_formulae() -> None:
    count = 40
    albedo, roughness, metallic = noise(count, 3), noise(count, 1, seed=1), 1.6 * noise(count, 1, seed=2) - 0.3
    normals = torch.nn.functional.normalize(noise(count, 3, seed=3) - 0.5, dim=1)
    turn = torch.linalg.qr(torch.stack([normals, normals.roll(1, 1), noise(count, 3)], dim=2))[0]
    axes = turn * torch.sign((turn[:, :, :1] * normals[:, :, None]).sum(dim=1, keepdim=True))
    lights, eyes = ((axes @ on_hemisphere(count, seed).roll(1, 1)[..., None])[..., 0] for seed in (4, 5))
    found = reflect(Looks.of(albedo, roughness, metallic.clamp(0, 1)), normals, lights, eyes)
    for number in range(count):
        rows = (each[number].numpy() for each in (normals, lights, eyes))
        numbers = float(roughness[number]), float(metallic[number].clamp(0, 1))
        cosine = float(normals[number] @ lights[number])
        expected = math.pi * transcribed(albedo[number].numpy(), *numbers, *rows) * cosine
        np.testing.assert_allclose(found[number].numpy(), expected, rtol=1e-9, atol=1e-12)


def points_with_light(count: int) -> list[Tensor]:
    """The inputs of `microfacets.reflect`: some points face away from light or eye, one is all but a mirror."""
    units = [torch.nn.functional.normalize(noise(3, count, seed=seed) - 0.5, dim=0) for seed in (1, 2, 3)]
    roughness = noise(1, count, seed=4)
    roughness[0, 0] = 0.01
    return [noise(3, count, seed=5), noise(3, count, seed=6), roughness, *units]


def test_the_kernel_of_reflectance_is_its_slow_twin_and_both_have_its_derivatives() -> None:
    from invrender.render.backends.numba import list_passes

    inputs, cotangent = points_with_light(70), noise(3, 70, seed=7) - 0.5
    directions = [noise(*each.shape, seed=8 + number) - 0.5 for number, each in enumerate(inputs)]

    def response(reflect: Callable[..., Tensor], *inputs: Tensor) -> Tensor:
        return (reflect(Looks(*inputs[:3]), *inputs[3:]) * cotangent).sum()

    found = []
    for reflect in (microfacets.reflect, list_passes.reflect):
        leaves = [each.clone().requires_grad_() for each in inputs]
        value = response(reflect, *leaves)
        gradients = torch.autograd.grad(value, leaves)
        _, change = torch.func.jvp(lambda *each, work=reflect: response(work, *each), tuple(inputs), tuple(directions))
        assert float(change) == pytest.approx(
            sum(float((one * other).sum()) for one, other in zip(gradients, directions, strict=True)), rel=1e-9
        )
        found.append([reflect(Looks(*inputs[:3]), *inputs[3:]), *gradients])
    for slow, fast in zip(*found, strict=True):
        torch.testing.assert_close(fast, slow, rtol=1e-9, atol=1e-9)
    for number, (start, direction) in enumerate(zip(inputs, directions, strict=True)):
        step = 1e-7 * direction
        ends = [[*inputs[:number], start + sign * step, *inputs[number + 1 :]] for sign in (1, -1)]
        difference = float(response(list_passes.reflect, *ends[0]) - response(list_passes.reflect, *ends[1])) / 2e-7
        assert float((found[1][number + 1] * direction).sum()) == pytest.approx(difference, rel=1e-5)


def test_pictures_are_linear_in_metal_and_albedo() -> None:
    for path in ("metallic.factor", "albedo.factor", "albedo.texture", "emission.factor"):
        scene = everything()
        ((address, value),) = get_tensors(scene, f"objects.textured.material.{path}").items()
        draws = [
            render_scene(EdgeRenderer(), set_tensors(scene, {address: share * value}), RGB).rgb for share in (0, 0.5, 1)
        ]
        torch.testing.assert_close(draws[1], (draws[0] + draws[2]) / 2, rtol=0, atol=1e-12)


@pytest.mark.parametrize("roughness", [0.1, 0.4, 1.0])
@pytest.mark.parametrize("metallic", [0.0, 0.5, 1.0])
def test_light_and_eye_may_change_places(roughness: float, metallic: float) -> None:
    lights, eyes = on_hemisphere(50, 1), on_hemisphere(50, 2)
    normals = shapes.doubles([[0.0, 0.0, 1.0]]).expand(50, 3)
    numbers = (torch.full((50, 1), each).double() for each in (roughness, metallic))
    looks = Looks.of(noise(50, 3, seed=3), *numbers)
    there = reflect(looks, normals, lights, eyes) / lights[:, 2:]
    back = reflect(looks, normals, eyes, lights) / eyes[:, 2:]
    torch.testing.assert_close(there, back, rtol=1e-10, atol=1e-12)


def integrate(looks: Looks, eye: Tensor, rings: int = 400, spokes: int = 240) -> Tensor:
    """The share [3] of light from everywhere that a surface reflects to an eye, by a plain sum over directions."""
    height = ((torch.arange(rings).double() + 0.5) / rings)[:, None].expand(-1, spokes).reshape(-1)
    angle = (2 * math.pi * (torch.arange(spokes).double() + 0.5) / spokes).repeat(rings)
    radius = (1 - height**2).sqrt()
    lights = torch.stack([radius * angle.cos(), radius * angle.sin(), height], dim=1)
    normals = torch.zeros_like(lights)
    normals[:, 2] = 1
    count = len(lights)
    wide = Looks(*(each.expand(count, -1) for each in (looks.diffuse, looks.straight, looks.roughness)))
    return 2 * reflect(wide, normals, lights, eye.expand(count, 3)).mean(dim=0)


def white(roughness: float, metallic: float) -> Looks:
    rough, metal = (torch.tensor([[each]]).double() for each in (roughness, metallic))
    return Looks.of(torch.ones(1, 3).double(), rough, metal)


@pytest.mark.parametrize("roughness", [0.4, 0.6, 1.0])
def test_a_white_metal_reflects_no_more_than_it_gets_and_the_table_says_how_much(roughness: float) -> None:
    for cosine in (0.15, 0.5, 0.95):
        eye = shapes.doubles([[math.sqrt(1 - cosine**2), 0.0, cosine]])
        whole = float(integrate(white(roughness, 1.0), eye)[0])
        assert whole <= 1
        told = directional_albedo(torch.tensor([cosine]).double(), torch.tensor([roughness]).double())
        assert float(told.sum()) == pytest.approx(whole, abs=0.008)


@pytest.mark.parametrize("roughness", [0.3, 1.0])
def test_a_white_plastic_reflects_to_all_sides_together_what_it_gets(roughness: float) -> None:
    """glTF's formula lets a few per cent more leave at a grazing angle, and as many less elsewhere."""
    cosines = ((torch.arange(6).double() + 0.5) / 6).sqrt()  # as many in each as light leaves a Lambert surface
    eyes = torch.stack([(1 - cosines**2).sqrt(), torch.zeros(6).double(), cosines], dim=1)
    found = [float(integrate(white(roughness, 0.0), eye[None], 300, 150)[0]) for eye in eyes]
    assert sum(found) / 6 == pytest.approx(1.0, abs=0.03)


def sphere(times: int = 3) -> Mesh:
    found = shapes.subdivided(tiny.octahedron(), times).vertices
    points, faces = torch.unique(found.round(decimals=9), dim=0, return_inverse=True)
    faces = faces.reshape(-1, 3)
    return Mesh(torch.nn.functional.normalize(points, dim=1), faces, faces)


def test_in_a_white_furnace_a_rough_dielectric_all_but_vanishes_and_a_metal_loses_what_is_known() -> None:
    view = shapes.camera(position=(0, 0, 4), target=(0, 0, 0))
    found = {}
    for metallic in (0.0, 1.0):
        scene = shapes.scene(shapes.thing(sphere(), plain((1, 1, 1), 0.5, metallic)), view=view, background=(1, 1, 1))
        found[metallic] = render_scene(HardRenderer(samples=1), scene, RGB).rgb[8, 8]
    torch.testing.assert_close(found[0.0], torch.ones(3).double(), rtol=0, atol=0.02)
    # Single scattering: what leaves a facet for another one is lost, some 5 % of a white metal's light.
    torch.testing.assert_close(found[1.0], torch.full((3,), 0.95).double(), rtol=0, atol=0.05)


@pytest.mark.parametrize("renderer", [HardRenderer(samples=2), EdgeRenderer(), SoftRenderer()])
def test_backends_agree_and_the_object_chooses(renderer: HardRenderer | EdgeRenderer | SoftRenderer) -> None:
    scene = everything()
    found = render_scene(renderer, scene).rgb
    slow = render_scene(replace(renderer, backend="reference"), scene).rgb
    torch.testing.assert_close(found, slow, rtol=0, atol=1e-11)
    matte = replace(scene.objects["textured"], material=phong(*[noise(3)] * 2, noise(seed=1)))
    other = render_scene(renderer, replace(scene, objects={**scene.objects, "textured": matte})).rgb
    assert (found - other).abs().max() > 0.05


@pytest.mark.parametrize("rule", RULES)
def test_renderers_of_approximate_gradients_shade_them_exactly(rule: RuleName) -> None:
    scene, renderer = everything(), ApproximateRenderer(rule)
    renderer.supports.check_scene(scene)
    cotangent = noise(24, 24, 3, seed=13) - 0.5
    for path in ("objects.*.material.roughness.factor", "lights.sky.coefficients"):
        address, start = next(iter(get_tensors(scene, path).items()))

        def response(values: Tensor, address: str = address) -> Tensor:
            return (render_scene(renderer, set_tensors(scene, {address: values}), RGB).rgb * cotangent).sum()

        leaf, direction = start.clone().requires_grad_(), noise(*start.shape, seed=14) - 0.5
        (gradient,) = torch.autograd.grad(response(leaf), leaf)
        difference = float(response(start + 1e-6 * direction) - response(start - 1e-6 * direction)) / 2e-6
        assert float((gradient * direction).sum()) == pytest.approx(difference, rel=1e-5, abs=1e-7)


def test_scenes_of_phongs_model_alone_take_the_kernels() -> None:
    assert rasterize(tiny.scene()).surfaces.deferred == frozenset()
    assert rasterize(everything()).surfaces.deferred == {"rgb"}


def test_stages_shade_as_the_renderer() -> None:
    scene = everything()
    whole = render_scene(HardRenderer(samples=1), scene, RGB).rgb
    torch.testing.assert_close(shade(rasterize(scene, mipmaps=False))[0], whole, rtol=0, atol=1e-12)


PROPERTIES = ("albedo", "roughness", "metallic", "emission", "normal")
PATHS = [
    *(f"objects.textured.material.{name}.factor" for name in PROPERTIES),
    *(f"objects.textured.material.{name}.texture" for name in PROPERTIES),
    "objects.textured.material.metallic.vertex",
    "objects.textured.mesh.vertices",
    "lights.ambient.intensity",
    "lights.sun.direction",
    "lights.lamp.position",
    "lights.lamp.color",
    "lights.sky.coefficients",
    "lights.sky.intensity",
]


def check_derivative(response: Callable[[Tensor], Tensor], start: Tensor) -> None:
    leaf = start.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(response(leaf), leaf)
    direction = torch.randn(start.shape, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    _, tangent = torch.func.jvp(response, (start,), (direction,))
    with torch.no_grad():
        step = 1e-6 * direction
        difference = float(response(start + step) - response(start - step)) / 2e-6
    assert abs(difference) > 1e-6
    assert float((gradient * direction).sum()) == pytest.approx(difference, rel=2e-5, abs=1e-6)
    assert float(tangent) == pytest.approx(difference, rel=2e-5, abs=1e-6)


@pytest.mark.parametrize("path", PATHS)
def test_every_number_has_its_derivative(path: str) -> None:
    scene, renderer = everything(), SoftRenderer(sigma=2e-3, gamma=1e-2)
    cotangent = noise(24, 24, 3, seed=11) - 0.5
    ((address, start),) = get_tensors(scene, path).items()

    def response(values: Tensor) -> Tensor:
        return (render_scene(renderer, set_tensors(scene, {address: values}), RGB).rgb * cotangent).sum()

    check_derivative(response, start)


@pytest.mark.parametrize("renderer", [SoftRenderer(sigma=2e-3, gamma=1e-2), HardRenderer(samples=1)])
def test_poses_have_their_derivative(renderer: Renderer) -> None:
    scene, cotangent = everything(), noise(24, 24, 3, seed=12) - 0.5

    def response(raw: Tensor) -> Tensor:
        return (render_scene(renderer, CameraPose().apply(scene, raw), RGB).rgb * cotangent).sum()

    start = torch.zeros(6, dtype=torch.float64)
    if isinstance(renderer, SoftRenderer):
        check_derivative(response, start)
        return
    # Hard edges don't move: away from them it is the difference.
    leaf = start.clone().requires_grad_()
    assert torch.autograd.grad(response(leaf), leaf)[0].isfinite().all()


def relief(uv: Tensor) -> Scene:
    """A square that faces the camera, with a map of normals that lean to +u and a little to +v, lit from the right."""
    sheet = replace(shapes.facing(1.0, 2.0, cells=1), uv=uv)
    lean = torch.nn.functional.normalize(shapes.doubles([0.5, 0.2, 1.0]), dim=0).expand(2, 2, 3)
    looks = plain((1, 1, 1), 1.0, 0.0).properties
    mapped = Material({**looks, "normal": Property(torch.ones(3).double(), lean)}, "principled")
    light = DirectionalLight(torch.ones(3).double(), torch.tensor(1.0).double(), shapes.doubles([1.0, 0.0, 1.0]))
    return shapes.scene(shapes.thing(sheet, mapped), lights=[light])


def seen_normal(scene: Scene) -> Tensor:
    return render_scene(HardRenderer(samples=1), scene, frozenset(("normal",)))["normal"][8, 8]


def test_maps_of_normals_follow_u_and_v_even_where_these_are_mirrored() -> None:
    uv = shapes.facing(1.0, 2.0).uv
    assert uv is not None
    lean = torch.nn.functional.normalize(shapes.doubles([0.5, 0.2, 1.0]), dim=0)
    flips = {
        "straight": (uv, [1, 1, 1]),
        "mirrored in u": (uv * shapes.doubles([-1, 1]) + shapes.doubles([1, 0]), [-1, 1, 1]),
        "mirrored in v": (uv * shapes.doubles([1, -1]) + shapes.doubles([0, 1]), [1, -1, 1]),
        "turned": (1 - uv, [-1, -1, 1]),
    }
    for coordinates, signs in flips.values():
        torch.testing.assert_close(seen_normal(relief(coordinates)), lean * shapes.doubles(signs), rtol=0, atol=1e-9)


def test_a_map_without_coordinates_that_span_anything_changes_nothing() -> None:
    flat = torch.zeros(4, 2).double()
    torch.testing.assert_close(seen_normal(relief(flat)), shapes.doubles([0, 0, 1]), rtol=0, atol=1e-9)


def test_a_lens_bends_the_picture_and_not_the_material() -> None:
    scene = everything()
    lens = Lens(shapes.doubles([1e-9]), "division")
    bent = scene.with_camera(replace(scene.camera, lens=lens))
    renderer = HardRenderer(samples=1)
    torch.testing.assert_close(
        render_scene(renderer, bent, RGB).rgb, render_scene(renderer, scene, RGB).rgb, rtol=0, atol=2e-3
    )


def test_single_precision_draws_a_mirrors_highlight() -> None:
    light = PointLight(torch.ones(3).double(), torch.tensor(1.0).double(), shapes.doubles([0.0, 0.0, 4.0]))
    view = shapes.camera(64, 64, focal=60, position=(0, 0, 4), target=(0, 0, 0))
    scene = shapes.scene(shapes.thing(sphere(4), plain((1, 1, 1), 0.05, 1.0)), view=view, lights=[light])
    renderer = HardRenderer(samples=1)
    fine, coarse = (render_scene(renderer, scene.to(dtype=each), RGB).rgb for each in (torch.float64, torch.float32))
    assert coarse.isfinite().all()
    torch.testing.assert_close(coarse.double(), fine, rtol=2e-2, atol=2e-2)


def test_a_renderer_that_does_not_know_a_material_or_a_light_says_so() -> None:
    with pytest.raises(UserError, match=r"scene.objects.textured has a principled material.*renderer=embedded"):
        Capabilities().check_scene(everything())
    lit = replace(tiny.scene(), lights={"sky": everything().lights["sky"]})
    with pytest.raises(UserError, match=r"light.sky shines from everywhere"):
        Capabilities().check_scene(lit)
    EdgeRenderer().supports.check_scene(everything())
