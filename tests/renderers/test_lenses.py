"""Pictures through lenses: where rays meet the scene, without gaps, with the derivatives that differences have."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace

import pytest
import shapes
import tiny
import torch
from torch import Tensor
from torch.func import jacfwd

from invrender.errors import UserError
from invrender.geometry.cameras import rays
from invrender.geometry.meshes import world_vertices
from invrender.parameters import CameraIntrinsics, CameraPose
from invrender.parameters.base import Parameter
from invrender.render.adapters.pytorch3d.renderer import PyTorch3DRenderer
from invrender.render.base import Capabilities, Renderer, Shot, render_scene, render_scenes
from invrender.render.edge import EdgeRenderer
from invrender.render.film import Batch
from invrender.render.hard import HardRenderer
from invrender.render.soft import SoftRenderer
from invrender.scene import Camera, DirectionalLight, Lens, LensModel, Scene

BARREL: tuple[LensModel, list[float]] = ("brown_conrady", [-0.25, 0.04, 0.01, -0.008, 0.0, 0.02, 0.01, 0.0])
PINCUSHION: tuple[LensModel, list[float]] = ("brown_conrady", [0.3, 0.1, 0.0, 0.0])
DIVISION: tuple[LensModel, list[float]] = ("division", [-0.4, 0.03])
FISHEYE: tuple[LensModel, list[float]] = ("kannala_brandt", [0.02, -0.01, 0.004, -0.001])
PANORAMA: tuple[LensModel, list[float]] = ("equirectangular", [])
FLOOR = shapes.quad([[-4, -1, 4], [4, -1, 4], [-4, -1, -4]])


def bent(view: Camera, lens: tuple[LensModel, list[float]], **changes: float) -> Camera:
    return replace(view, lens=Lens(shapes.doubles(lens[1]), lens[0]), **changes)  # type: ignore[arg-type]


def looking(lens: tuple[LensModel, list[float]], focal: float, near: float = 0.1) -> Camera:
    return bent(shapes.camera(64, 48, focal, (1.4, 0.6, 1.7), (0.0, 0.0, 0.0)), lens, near=near)


def box_on_floor(view: Camera) -> Scene:
    sun = DirectionalLight(torch.ones(3).double(), torch.tensor(0.7).double(), shapes.doubles([0.4, 1.0, 0.3]))
    looks = shapes.material(vertex_colors=shapes.doubles([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0]]))
    things = shapes.thing(FLOOR, looks), shapes.thing(shapes.box(0.5), shapes.material((0.9, 0.3, 0.2)))
    return shapes.scene(*things, view=view, lights=[shapes.ambient(0.3), sun], background=(0.2, 0.3, 0.5))


def cast(scene: Scene) -> Tensor:
    """The distances [H, W] at which the rays of pixels' centres meet the scene, infinite where they don't."""
    camera = scene.camera
    assert camera.lens is not None
    rows, columns = torch.meshgrid(torch.arange(camera.height), torch.arange(camera.width), indexing="ij")
    seen = rays(camera, torch.stack([columns, rows], dim=-1).reshape(-1, 2).double() + 0.5)
    flat = camera.lens.model in ("brown_conrady", "division")
    seen = seen / (seen[:, 2:] if flat else seen.norm(dim=1, keepdim=True))
    towards = seen @ camera.camera_from_world[:3, :3]
    nearest = torch.full((len(seen),), torch.inf).double()
    for obj in scene.objects.values():
        for first, second, third in world_vertices(obj)[obj.mesh.faces]:
            system = torch.stack([(second - first).expand_as(towards), (third - first).expand_as(towards), -towards], 2)
            u, v, distance = torch.linalg.solve(system, camera.position - first).unbind(1)
            hits = (u >= 0) & (v >= 0) & (u + v <= 1) & (distance > camera.near)
            nearest = torch.where(hits, torch.minimum(nearest, distance), nearest)
    return nearest.reshape(camera.height, camera.width)


@pytest.mark.parametrize(
    "view",
    [
        looking(BARREL, 45.0),
        looking(BARREL, 45.0, near=2.0),
        looking(PINCUSHION, 45.0),
        looking(DIVISION, 45.0),
        looking(FISHEYE, 16.0),
        looking(("kannala_brandt", [-0.3, 0.0, 0.0, 0.0]), 20.0),
        looking(PANORAMA, 64 / 6.2832, near=1.8),
    ],
    ids=["barrel", "barrel near", "pincushion", "division", "fisheye", "circle", "panorama"],
)
def test_pixels_show_what_their_rays_meet(view: Camera) -> None:
    """Up to single pixels at outlines, where a hundredth of a pixel decides."""
    scene = box_on_floor(view)
    expected, drawn = cast(scene), render_scene(HardRenderer(samples=1), scene)
    met, shown = expected.isfinite(), drawn.alpha > 0
    assert 300 < int(met.sum()) < met.numel() - 300
    assert int((met != shown).sum()) <= 4
    off = (drawn.depth[met & shown] / expected[met & shown] - 1).abs()
    assert float(off.median()) < 1e-3
    assert int((off > 0.01).sum()) <= 3


@pytest.mark.parametrize("lens", [BARREL, PINCUSHION, DIVISION, FISHEYE, PANORAMA], ids=lambda lens: lens[0])
def test_a_wall_has_no_gaps(lens: tuple[LensModel, list[float]]) -> None:
    wall = shapes.thing(shapes.facing(40.0, 3.0, cells=3))
    view = bent(shapes.camera(96, 96, 90.0, target=(0.3, 0.2, -1.0)), lens)
    assert bool((render_scene(HardRenderer(samples=1), shapes.scene(wall, view=view)).alpha == 1).all())


RENDERERS = [HardRenderer(samples=2), EdgeRenderer(), SoftRenderer(sigma=1e-5)]


@pytest.mark.parametrize("renderer", RENDERERS, ids=lambda each: type(each).__name__)
def test_a_coarse_cube_is_drawn_as_a_fine_one(renderer: Renderer) -> None:
    """The edge renderer, whose creases of tiny faces are rough, as a fine one in a picture of many samples."""
    view, looks = looking(BARREL, 45.0), shapes.material((0.9, 0.6, 0.3))
    fine = shapes.flat(shapes.subdivided(shapes.box(0.7), 3))
    lights = box_on_floor(view).lights.values()
    one, other = (
        render_scene(drawn, shapes.scene(shapes.thing(each, looks), view=view, lights=list(lights)))
        for drawn, each in (
            (renderer, shapes.box(0.7)),
            (HardRenderer(samples=8) if isinstance(renderer, EdgeRenderer) else renderer, fine),
        )
    )
    off = (one.rgb - other.rgb).abs().amax(dim=2)
    assert float(off.mean()) < 1e-3
    assert float((off > 0.03).double().mean()) < 0.002


def test_without_a_lens_surfaces_are_left_alone() -> None:
    scene = tiny.scene()
    batch = Batch([Shot(scene, scene.camera)], 1)
    fine = Batch([Shot(scene, bent(scene.camera, ("brown_conrady", [0.0] * 4)))], 1)
    assert batch.surfaces().faces.shape == fine.surfaces().faces.shape
    assert batch.surfaces().vertices is fine.surfaces().vertices


def test_pictures_of_a_batch_have_their_own_lenses() -> None:
    views = [looking(BARREL, 45.0), replace(looking(BARREL, 45.0), lens=None), looking(FISHEYE, 16.0)]
    scenes = [box_on_floor(view) for view in views]
    for together, scene in zip(render_scenes(EdgeRenderer(), scenes), scenes, strict=True):
        torch.testing.assert_close(together.rgb, render_scene(EdgeRenderer(), scene).rgb, rtol=0, atol=1e-12)


UNKNOWNS: dict[str, Parameter] = {
    "pose": CameraPose(),
    "intrinsics": CameraIntrinsics(aspect=True, distortion=True),
}


def seen_through(lens: tuple[LensModel, list[float]]) -> Scene:
    scene = tiny.scene(16)
    matrix = scene.camera.intrinsics * (shapes.doubles([0.8, 0.8, 1.0])[:, None] if lens[0] != "equirectangular" else 1)
    return scene.with_camera(bent(replace(scene.camera, intrinsics=matrix), lens))


def responses(renderer: Renderer, scene: Scene, parameter: Parameter) -> tuple[Tensor, Tensor, Tensor]:
    """The picture's Jacobian in forward mode, and its product with a cotangent in reverse, and the cotangent."""

    def picture(raw: Tensor) -> Tensor:
        drawn = render_scene(renderer, parameter.apply(scene, raw))
        return torch.cat([drawn.rgb.reshape(-1), drawn.alpha.reshape(-1)])

    raw = parameter.initial(scene)
    ahead = jacfwd(picture)(raw)
    leaf = raw.requires_grad_()
    found = picture(leaf)
    cotangent = torch.randn(found.shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    return ahead, torch.autograd.grad(found, leaf, cotangent)[0], cotangent


@pytest.mark.parametrize("unknown", UNKNOWNS)
@pytest.mark.parametrize("lens", [BARREL, DIVISION, FISHEYE], ids=lambda lens: lens[0])
def test_gradients_are_differences(lens: tuple[LensModel, list[float]], unknown: str) -> None:
    """Of every coefficient, and of the pose; in forward mode, too."""
    parameter, scene, renderer = UNKNOWNS[unknown], seen_through(lens), SoftRenderer(sigma=2e-3, gamma=1e-2)
    ahead, back, cotangent = responses(renderer, scene, parameter)
    torch.testing.assert_close(cotangent @ ahead, back, rtol=1e-9, atol=1e-9)
    for number, slope in enumerate(back.tolist()):
        step = 1e-6 * torch.eye(len(back)).double()[number]
        values = []
        for sign in (1, -1):
            drawn = render_scene(renderer, parameter.apply(scene, sign * step))
            values.append((torch.cat([drawn.rgb.reshape(-1), drawn.alpha.reshape(-1)]) * cotangent).sum())
        assert slope == pytest.approx(float(values[0] - values[1]) / 2e-6, rel=2e-5, abs=2e-5)


@pytest.mark.parametrize("kind", [HardRenderer, EdgeRenderer, SoftRenderer])
def test_kernels_are_the_references_twins(kind: type[HardRenderer | EdgeRenderer | SoftRenderer]) -> None:
    scene = seen_through(BARREL)
    found: Sequence[Tensor]
    results = []
    for backend in ("reference", "numba"):
        renderer = kind(backend=backend, samples=1)
        found = responses(renderer, scene, UNKNOWNS["intrinsics"])
        results.append([render_scene(renderer, scene).rgb, *found[:2]])
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-6)


def test_a_renderer_that_knows_no_lens_refuses_it() -> None:
    assert PyTorch3DRenderer.supports.fget is not None
    with pytest.raises(UserError, match="camera has a division lens, and this renderer draws straight lines straight"):
        Capabilities().check_lens(looking(DIVISION, 45.0), "camera")
    for renderer, lens in itertools.product(RENDERERS, (BARREL, DIVISION, FISHEYE, PANORAMA)):
        renderer.supports.check_lens(looking(lens, 45.0), "camera")
