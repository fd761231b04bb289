"""The kernels agree with the reference in values, gradients and forward mode.

Those for the CPU are compiled by Numba. Those for CUDA run on a card where there is one; elsewhere Triton interprets
them, program by program.
"""

from __future__ import annotations

import math
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import shapes
import tiny
import torch
from torch import Tensor
from torch.autograd import forward_ad

from invrender.render.base import shots_of
from invrender.render.raster import antialias as edges
from invrender.render.raster import blend, visible
from invrender.render.raster.blend import Layers, Softness
from invrender.render.raster.fragments import Fragments
from invrender.render.raster.project import project_surfaces
from invrender.render.raster.reference import Pairs, fragments, rasterize_soft
from invrender.render.raster.screen import Screen
from invrender.render.shading import phong
from invrender.render.shading.operations import PLAIN, Operations
from invrender.render.shading.surfaces import Surfaces
from invrender.scene import DirectionalLight, Mesh, PointLight, Scene, map_tensors
from invrender.scene import phong as phong_material

# PyTorch compiles some formulas of its own when forward mode begins.
pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")

DEVICE = "cpu"
SOFTNESS = Softness(sigma=1e-2, gamma=2e-2, reach=4e-2, near=0.1, far=10.0)

Function = Callable[[Screen, Surfaces], Sequence[Tensor]]


@pytest.fixture(params=["numba", "triton"])
def passes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The functions of one kind of kernels; `DEVICE` is where they run."""
    if request.param == "numba":
        from invrender.render.backends.numba import passes as on_cpu

        return on_cpu
    pytest.importorskip("triton", reason="needs Triton")
    from invrender.render.backends.triton import passes as on_cuda

    monkeypatch.setattr(sys.modules[__name__], "DEVICE", "cuda" if torch.cuda.is_available() else "cpu")
    return on_cuda


def everything() -> list[Scene]:
    """Textures with pyramids, vertex colours, highlights and every kind of light, seen by a perspective camera."""
    return [tiny.scene(8)]


def two_pictures() -> list[Scene]:
    """One object before two cameras, under lights of their own, in pictures of several tiles."""
    scene = tiny.one_object(9)
    thing = scene.objects["textured"]
    material = thing.material.with_property("shininess", factor=torch.tensor(7.3).double())
    scene = replace(scene, objects={"textured": replace(thing, material=material)})
    ambient, lamp = scene.lights["ambient"], scene.lights["lamp"]
    camera = replace(scene.camera, camera_from_world=shapes.camera(position=[-1.2, 0.5, 2.5]).camera_from_world)
    other = {"ambient": ambient, "lamp": replace(lamp, intensity=torch.tensor(3.0).double())}
    return [
        replace(scene, lights={"ambient": ambient, "lamp": lamp}),
        replace(scene, lights=other).with_camera(camera),
    ]


def clipped() -> list[Scene]:
    """Random triangles, many of which cross the near plane of an orthographic camera, without highlights."""
    random = torch.Generator().manual_seed(3)
    vertices = 2 * torch.rand(24, 3, generator=random, dtype=torch.float64) - 1
    faces = torch.arange(24).reshape(-1, 3)
    colors = torch.rand(24, 3, generator=random, dtype=torch.float64)
    looks = phong_material(colors[0], torch.zeros(3).double(), torch.tensor(2.0).double(), vertex_colors=colors)
    view = shapes.camera(8, 7, focal=4.0, projection="orthographic")
    lights = [
        DirectionalLight(colors[1], torch.tensor(0.7).double(), vertices[0]),
        PointLight(colors[2], torch.tensor(0.6).double(), vertices[1] * 3),
    ]
    return [shapes.scene(shapes.thing(Mesh(vertices, faces, faces), looks), view=view, lights=lights)]


SCENES = [everything, two_pictures, clipped]


def floats(scenes: Sequence[Scene]) -> dict[int, Tensor]:
    """The tensors of scenes that have gradients, those that are shared once."""
    found: dict[int, Tensor] = {}

    def note(tensor: Tensor) -> Tensor:
        if tensor.is_floating_point():
            found[id(tensor)] = tensor
        return tensor

    for scene in scenes:
        map_tensors(scene, note)
    return found


def with_floats(scenes: Sequence[Scene], values: dict[int, Tensor]) -> list[Scene]:
    """Scenes on the device with `floats` replaced; objects that they share stay shared."""

    def new(tensor: Tensor) -> Tensor:
        return values.get(id(tensor), tensor).to(DEVICE)

    things = {id(thing): map_tensors(thing, new) for scene in scenes for thing in scene.objects.values()}
    return [
        replace(
            map_tensors(replace(scene, objects={}), new),
            objects={name: things[id(thing)] for name, thing in scene.objects.items()},
        )
        for scene in scenes
    ]


def drawn(scenes: Sequence[Scene], function: Function) -> list[Tensor]:
    surfaces = Surfaces.of(shots_of(scenes), mipmaps=True)
    return list(
        function(project_surfaces(surfaces, [scene.camera for scene in scenes], cull_backfaces=False), surfaces)
    )


def random_like(tensors: Sequence[Tensor], seed: int) -> list[Tensor]:
    random = torch.Generator().manual_seed(seed)
    return [torch.randn(each.shape, generator=random, dtype=torch.float64).to(each.device) for each in tensors]


def assert_twins(scenes: Sequence[Scene], slow: Function, fast: Function) -> None:
    """Values, gradients with random cotangents, and the change along a random direction agree."""
    leaves = {key: each.to(DEVICE).clone().requires_grad_() for key, each in floats(scenes).items()}
    directions = random_like(list(leaves.values()), 0)
    with forward_ad.dual_level():
        dual = {
            key: forward_ad.make_dual(each, direction)
            for (key, each), direction in zip(leaves.items(), directions, strict=True)
        }
        found, changes = zip(
            *(forward_ad.unpack_dual(each) for each in drawn(with_floats(scenes, dual), fast)), strict=True
        )
    expected = drawn(with_floats(scenes, dict(leaves)), slow)
    for one, other in zip(expected, found, strict=True):
        torch.testing.assert_close(other, one, rtol=1e-10, atol=1e-10)
    cotangents = random_like(expected, 1)
    gradients, twins = (
        torch.autograd.grad(each, list(leaves.values()), cotangents, allow_unused=True, materialize_grads=True)
        for each in (expected, found)
    )
    for one, other in zip(gradients, twins, strict=True):
        torch.testing.assert_close(other, one, rtol=1e-9, atol=1e-9 * (1 + float(one.abs().max())))
    forward = sum(float((change.detach() * each).sum()) for change, each in zip(changes, cotangents, strict=True))
    backward = sum(float((each * direction).sum()) for each, direction in zip(gradients, directions, strict=True))
    assert forward == pytest.approx(backward, rel=1e-9)


def soft(work: ModuleType, shaded: bool = True, depth: bool = True, silhouette: bool = True) -> Function:
    def layers(screen: Screen, surfaces: Surfaces) -> list[Tensor]:
        found = work.soft_layers(screen, surfaces if shaded else None, SOFTNESS, depth, silhouette)
        colored = [found.depth, found.weight] if depth else []
        return [*([found.alpha] if silhouette else []), *colored, *([found.color] if shaded else [])]

    return layers


def hard(work: ModuleType) -> Function:
    def layers(screen: Screen, surfaces: Surfaces) -> Sequence[Tensor]:
        background = 0.5 * surfaces.ambient[0].expand(screen.pixels, 3)
        return work.hard_layers(screen, surfaces, work.nearest_faces(screen), background)

    return layers


@pytest.mark.parametrize("scenes", SCENES)
def test_soft_pictures(scenes: Callable[[], list[Scene]], passes: ModuleType) -> None:
    assert_twins(scenes(), soft(blend), soft(passes))


@pytest.mark.parametrize("scenes", [lambda: [tiny.one_object(14)], clipped])
@pytest.mark.parametrize("depth", [False, True])
def test_silhouettes_and_depths(depth: bool, scenes: Callable[[], list[Scene]], passes: ModuleType) -> None:
    assert_twins(scenes(), soft(blend, False, depth), soft(passes, False, depth))


@pytest.mark.parametrize("scenes", [lambda: [tiny.one_object(14)], clipped])
def test_colors_without_silhouettes(scenes: Callable[[], list[Scene]], passes: ModuleType) -> None:
    assert_twins(scenes(), soft(blend, silhouette=False), soft(passes, silhouette=False))


@pytest.mark.parametrize("kind", [soft, hard])
def test_faces_of_more_pixels_than_are_taken_at_once(kind: Callable[[object], Function]) -> None:
    from invrender.render.backends.numba import passes
    from invrender.render.backends.numba.blocks import BLOCK
    from invrender.render.backends.numba.soft_gradients import AT_ONCE

    scenes = [tiny.one_object(128)]
    shown = drawn(scenes, lambda screen, surfaces: [visible.nearest_faces(screen)])[0]
    largest = shown[shown >= 0].bincount().max()
    assert largest > 4 * BLOCK
    assert 2 * largest > AT_ONCE  # the box around a triangle is at least twice its area
    assert_twins(scenes, kind(blend if kind is soft else visible), kind(passes))


def test_powers_of_e() -> None:
    from invrender.render.backends.numba.blocks import exponential as within_kernels
    from invrender.render.backends.numba.compiling import entry_point

    @entry_point
    def exponential(x: float) -> float:
        return within_kernels(x)

    numbers = [*np.linspace(-707.0, 40.0, 5001), *np.linspace(-1.0, 1.0, 2001), 0.0, -1e-300]
    assert [exponential(each) for each in numbers] == pytest.approx([math.exp(each) for each in numbers], rel=5e-16)
    assert [exponential(each) for each in (0.0, -709.0, -1e300, -math.inf)] == [1.0, 0.0, 0.0, 0.0]


@pytest.mark.parametrize("scenes", SCENES)
def test_hard_pictures(scenes: Callable[[], list[Scene]], passes: ModuleType) -> None:
    assert_twins(scenes(), hard(visible), hard(passes))


@pytest.mark.parametrize("scenes", [everything, two_pictures])
def test_crossings(scenes: Callable[[], list[Scene]], passes: ModuleType) -> None:
    def found(work: ModuleType) -> Function:
        def crossings(screen: Screen, surfaces: Surfaces) -> list[Tensor]:
            found = edges.outlines(screen, surfaces, getattr(work, "jumps", edges.jumps))
            crossed = work.crossings(screen, found)
            return [found.ends, found.creases, crossed.edge, crossed.pixel, crossed.sideways]

        return crossings

    expected = drawn(with_floats(scenes(), {}), found(edges))
    assert all(len(each) > 5 for each in expected)
    for one, other in zip(expected, drawn(with_floats(scenes(), {}), found(passes)), strict=True):
        assert one.equal(other)


@pytest.mark.parametrize("scenes", SCENES)
def test_antialiasing(scenes: Callable[[], list[Scene]]) -> None:
    """Of two pictures at once: along edges of faces that cross the near plane, too, and where many cut one pixel."""
    from invrender.render.backends.numba import passes

    def smooth(antialias: Callable[..., Sequence[Tensor]]) -> Function:
        def pictures(screen: Screen, surfaces: Surfaces) -> Sequence[Tensor]:
            found = edges.outlines(screen, surfaces)
            crossed = edges.crossings(screen, found)
            assert len(crossed.edge) > 5
            color, depth = visible.hard_layers(
                screen, surfaces, visible.nearest_faces(screen), surfaces.ambient[:1].expand(screen.pixels, 3)
            )
            return antialias(screen, found, crossed, [color, depth[:, None]])

        return pictures

    assert_twins(scenes(), smooth(edges.antialias_all), smooth(passes.antialias))


@pytest.mark.parametrize("scenes", SCENES)
def test_fragments_by_lists(scenes: Callable[[], list[Scene]]) -> None:
    from invrender.render.backends.numba import list_passes

    def places(fragments: Callable[[Screen, Pairs], Fragments]) -> Function:
        def found(screen: Screen, surfaces: Surfaces) -> list[Tensor]:
            shown = fragments(screen, rasterize_soft(screen, SOFTNESS.reach))
            return [shown.inside, shown.barycentric, shown.depth, shown.footprint]

        return found

    assert_twins(scenes(), places(fragments), places(list_passes.fragments))


@pytest.mark.parametrize("scenes", SCENES)
def test_soft_pictures_by_lists(scenes: Callable[[], list[Scene]]) -> None:
    """Their fragments and all that is done to these, against the reference."""
    from invrender.render.backends.numba import list_passes

    def layers(find: Callable[..., tuple[Layers, Fragments]], operations: Operations) -> Function:
        def found(screen: Screen, surfaces: Surfaces) -> list[Tensor]:
            layers, shown = find(screen, SOFTNESS)
            color = phong.shade(replace(surfaces, operations=operations), shown)
            colored = blend.color_layers(layers, shown, color, SOFTNESS).color
            assert colored is not None
            return [layers.alpha, layers.depth, layers.weight, colored]

        return found

    slow = layers(blend.soft_fragments, PLAIN)
    assert_twins(scenes(), slow, layers(list_passes.soft_fragments, list_passes.OPERATIONS))


def test_a_jacobian_of_several_directions(passes: ModuleType) -> None:
    scene = tiny.one_object(8)

    def picture(work: ModuleType) -> Callable[[Tensor], Tensor]:
        def depths(shift: Tensor) -> Tensor:
            mesh = scene.objects["textured"].mesh
            values = {id(mesh.vertices): mesh.vertices.to(DEVICE) + shift}
            return torch.cat(drawn(with_floats([scene], values), soft(work, shaded=False)))

        return depths

    zero = torch.zeros(3, dtype=torch.float64, device=DEVICE)
    expected = torch.autograd.functional.jacobian(picture(blend), zero)
    torch.testing.assert_close(torch.func.jacfwd(picture(passes))(zero), expected, rtol=1e-9, atol=1e-9)


def test_no_faces(passes: ModuleType) -> None:
    none = shapes.mesh(torch.zeros(0, 3).double(), torch.zeros(0, 3, dtype=torch.int64))
    scenes = [shapes.scene(shapes.thing(none), view=shapes.camera(5, 3), lights=[shapes.ambient(0.0)])]
    for function in (soft, hard):
        for each in drawn(with_floats(scenes, {}), function(passes)):
            assert (each == 0).all()


def test_single_precision(passes: ModuleType) -> None:
    scene = tiny.one_object(8)
    expected = drawn(with_floats([scene], {}), soft(blend))
    found = drawn(with_floats([scene.to(dtype=torch.float32)], {}), soft(passes))
    for one, other in zip(expected, found, strict=True):
        assert other.dtype == torch.float32
        torch.testing.assert_close(other.double(), one, rtol=1e-3, atol=1e-4)


KERNELS = {
    *("forward_tile", "backward_face", "tangent_tile", "nearest_in_tile"),
    *("forward_part", "backward_part", "tangent_part", "hide_point"),
}


def compiled_for_cuda(*arguments: str, **surroundings: str) -> list[list[str]]:
    """What the script prints, line by line, word by word; without a card."""
    script = Path(__file__).parents[1] / "compile_for_cuda.py"
    others = {key: each for key, each in os.environ.items() if key != "TRITON_INTERPRET"}
    done = subprocess.run(
        [sys.executable, script, *arguments], capture_output=True, text=True, env=others | surroundings
    )
    assert done.returncode == 0, done.stderr
    return [line.split() for line in done.stdout.splitlines()]


def test_triton_understands_every_kernel() -> None:
    assert {name for (name,) in compiled_for_cuda()} == KERNELS


@pytest.mark.long
@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_every_kernel_is_compiled_to_the_code_of_a_card(precision: str, tmp_path: Path) -> None:
    """As pictures are drawn, no registers spill; and none of a tile's sums needs memory that warps share."""
    found = compiled_for_cuda(precision, TRITON_CACHE_DIR=str(tmp_path))
    assert {name for name, *_ in found} == KERNELS
    assert all(int(shared) == 0 for *_, shared in found)
    assert precision == "float64" or all(int(spilled) == 0 for _, _, spilled, _ in found)
