"""The gradient of edges: every rule's against finite differences, and how far a fit drifts that starts at the truth.

What is differentiated are displacements of all vertices: the six rigid ones, which are a pose, and waves. Finite
differences are those of pictures with 16 × 16 hard samples for each pixel. `--meshes` names a folder with PyTorch3D's
cow/cow.obj; without it a shipped mesh stands in.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

import torch
import trimesh
from common import write
from peers import available
from subjects import Case, scene_of, sphere, subject
from torch import Tensor

from invrender.geometry.cameras import project
from invrender.geometry.meshes import world_vertices
from invrender.parameters import CameraPose
from invrender.render.approximate.renderer import ApproximateRenderer
from invrender.render.base import render_scene
from invrender.render.embedded import EmbeddedRenderer
from invrender.render.hard import HardRenderer
from invrender.scene import Mesh, Object, Scene, Truth

FINE = 16
CHECK = 11  # samples of the finite differences that tell how exact the others are
MOTION = 0.4  # pixels, of the vertex that moves farthest, to either side in finite differences
RIGID, WAVES = 6, 8
COTANGENTS = 4
MITSUBA_SAMPLES = 256
STEPS = 100

RULES: Mapping[str, Any] = {
    "edge": EmbeddedRenderer(visibility="edge"),
    "edge, 2 × 2 samples": EmbeddedRenderer(visibility="edge", samples=2),
    "silhouette blending, as in nvdiffrast": ApproximateRenderer("nvdiffrast"),
    "micro-edges, as in DRTK": ApproximateRenderer("drtk"),
    "slopes of the picture, as in OpenDR": ApproximateRenderer("opendr"),
    "pulls of pixels, as in the Neural 3D Mesh Renderer": ApproximateRenderer("nmr"),
    "no gradient of edges": HardRenderer(samples=1),
    **{f"soft, σ = {sigma:.0e}": EmbeddedRenderer(sigma=sigma, gamma=1e-5) for sigma in (1e-4, 1e-5, 1e-6)},
}


def scenes(size: int, meshes: Path | None) -> dict[str, Scene]:
    """A cube, a ball, an animal, and all three before each other; none cuts through another."""
    animal = scene_of(Case(subject("cow", meshes), size, "edge", threads=1, eye=(0.9, 0.7, -1.9)))
    (obj,) = animal.objects.values()
    ball = Object(sphere(800), obj.material, obj.world_from_object)
    wood = obj.material.with_property("albedo", texture=None, factor=torch.tensor([0.8, 0.5, 0.3]))
    block = Object(cube(), wood, obj.world_from_object)
    together = {
        "animal": placed(obj, 0.0, 0.0, 0.9),
        "ball": placed(ball, 0.7, -0.3, -0.6, scale=0.45),
        "block": placed(block, -0.4, -0.4, -0.7, scale=0.5),
    }
    alone = {"cube": block, "ball": ball, "animal": obj}
    found = {name: replace(animal, objects={"shape": each}) for name, each in alone.items()}
    return {**found, "overlapping": replace(animal, objects=together)}


def cube() -> Mesh:
    """A cube of side 1 with flat faces, turned so that three sides show."""
    box = trimesh.creation.box(transform=trimesh.transformations.euler_matrix(0.3, 0.5, 0.2))
    faces = torch.tensor(box.faces, dtype=torch.int64)
    return Mesh(torch.tensor(box.vertices, dtype=torch.float32), faces, torch.arange(faces.numel()).reshape(-1, 3))


def placed(obj: Object, x: float, y: float, z: float, scale: float = 1.0) -> Object:
    """An object elsewhere, its vertices scaled."""
    world_from_object = torch.eye(4)
    world_from_object[:3, 3] = torch.tensor([x, y, z])
    return replace(obj, mesh=replace(obj.mesh, vertices=scale * obj.mesh.vertices), world_from_object=world_from_object)


def displacements(points: Tensor, random: torch.Generator) -> Tensor:
    """How each field moves points [V, 3]: along the axes, about them, and in waves, [D, V, 3]."""
    axes = torch.eye(3).to(points)
    moved = [axis.expand_as(points) for axis in axes]
    turned = [torch.linalg.cross(axis.expand_as(points), points) for axis in axes]
    waves = []
    for _ in range(WAVES):
        number, along = 4 * torch.randn(2, 3, generator=random).to(points)
        phase = 2 * math.pi * torch.rand((), generator=random).to(points)
        waves.append(torch.sin(points @ number + phase)[:, None] * along)
    return torch.stack(moved + turned + waves)


def fields(scene: Scene, seed: int) -> dict[str, Tensor]:
    """The displacements of each object's vertices, [D, V, 3], so scaled that none moves a vertex by over `MOTION`."""
    found = {
        name: displacements(world_vertices(obj), torch.Generator().manual_seed(seed))
        for name, obj in scene.objects.items()
    }
    small = 1e-4
    farthest = torch.zeros(RIGID + WAVES).to(scene.background)
    for name, obj in scene.objects.items():
        points = world_vertices(obj)
        start, _ = project(scene.camera, points)
        for number, field in enumerate(found[name]):
            end, _ = project(scene.camera, points + small * field)
            farthest[number] = torch.maximum(farthest[number], (end - start).norm(dim=1).max() / small)
    return {name: MOTION / farthest[:, None, None] * each for name, each in found.items()}


def moved(scene: Scene, fields: Mapping[str, Tensor], amounts: Tensor) -> Scene:
    """The scene with its vertices displaced by amounts [D] of the fields; no object is turned or scaled."""
    objects = {
        name: replace(
            obj, mesh=replace(obj.mesh, vertices=obj.mesh.vertices + torch.tensordot(amounts, fields[name], 1))
        )
        for name, obj in scene.objects.items()
    }
    return replace(scene, objects=objects)


def cotangents(size: int, seed: int) -> Tensor:
    """Random smooth pictures, [C, H, W, 3]."""
    coarse = torch.randn(COTANGENTS, 3, 6, 6, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    smooth = torch.nn.functional.interpolate(coarse, size=(size, size), mode="bicubic", align_corners=False)
    return smooth.permute(0, 2, 3, 1)


def finite_differences(scene: Scene, fields: Mapping[str, Tensor], against: Tensor, samples: int) -> Tensor:
    """The derivatives [C, D] of the hard picture's products with ``against`` [C, H, W, 3]."""
    renderer = HardRenderer(samples=samples)
    found = []
    for amounts in torch.eye(RIGID + WAVES).to(against):
        ahead, back = (render_scene(renderer, moved(scene, fields, sign * amounts)).rgb for sign in (1, -1))
        found.append((against * (ahead - back)).sum(dim=(1, 2, 3)) / 2)
    return torch.stack(found, dim=1)


def derivatives(picture: Callable[[Tensor], Tensor], against: Tensor) -> Tensor:
    """The same by backward mode, of a picture of the amounts, made anew each time: some rules have but one gradient."""
    found = []
    for each in against:
        amounts = torch.zeros(RIGID + WAVES).to(against).requires_grad_()
        found += torch.autograd.grad((each * picture(amounts)).sum(), amounts)
    return torch.stack(found)


def by_rule(renderer: Any, scene: Scene, fields: Mapping[str, Tensor], amounts: Tensor) -> Tensor:
    """A rule's picture."""
    rgb: Tensor = render_scene(renderer, moved(scene, fields, amounts)).rgb
    return rgb


def by_mitsuba(scene: Scene, fields: Mapping[str, Tensor], amounts: Tensor) -> Tensor:
    """Mitsuba's picture of one textured object."""
    from mitsuba_scene import MitsubaScene

    (obj,) = moved(scene, fields, amounts).objects.values()
    single = scene.to(dtype=torch.float32)
    return MitsubaScene(single, threads=0).picture(obj.mesh.vertices.float(), MITSUBA_SAMPLES).to(amounts)


def agreement(found: Tensor, truth: Tensor) -> dict[str, list[float]]:
    """The relative error and the cosine of each row of derivatives [C, D], apart for poses and for waves."""
    rows: dict[str, list[float]] = {}
    for name, part in (("pose", slice(0, RIGID)), ("vertices", slice(RIGID, None))):
        mine, true = found[:, part], truth[:, part]
        rows[f"{name}_error"] = ((mine - true).norm(dim=1) / true.norm(dim=1)).tolist()
        rows[f"{name}_cosine"] = torch.nn.functional.cosine_similarity(mine, true, dim=1).tolist()
    return rows


def gradients(name: str, scene: Scene, size: int) -> list[dict[str, Any]]:
    """How near each rule comes to finite differences in one scene."""
    scene = scene.to(dtype=torch.float64)
    moves, against = fields(scene, seed=1), cotangents(size, seed=2)
    truth = finite_differences(scene, moves, against, FINE)
    found = {f"finite differences, {CHECK} × {CHECK} samples": finite_differences(scene, moves, against, CHECK)}
    pictures = {rule: partial(by_rule, renderer, scene, moves) for rule, renderer in RULES.items()}
    if available("mitsuba") and name in ("ball", "animal"):
        pictures[f"projective sampling, Mitsuba, {MITSUBA_SAMPLES} samples"] = partial(by_mitsuba, scene, moves)
    found |= {rule: derivatives(picture, against) for rule, picture in pictures.items()}
    return [{"scene": name, "rule": rule, **agreement(each, truth)} for rule, each in found.items()]


def drift(renderer: Any, scene: Scene) -> list[dict[str, float]]:
    """How far the camera is from the truth after each step of a fit that starts there."""
    target = render_scene(HardRenderer(samples=FINE), scene)
    pose = CameraPose()
    raw = pose.initial(scene).requires_grad_()
    optimizer = torch.optim.Adam([raw], lr=0.01)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
    errors = []
    for _ in range(STEPS):
        rendered = render_scene(renderer, pose.apply(scene, raw))
        loss = (rendered.rgb - target.rgb).square().mean() + (rendered.alpha - target.alpha).square().mean()
        (raw.grad,) = torch.autograd.grad(loss, raw)
        optimizer.step()
        schedule.step()
        errors.append(pose.error(pose.apply(scene, raw.detach()), Truth(scene, {}, {})))
    return errors


def summary(rows: Sequence[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """Medians over scenes and cotangents, by rule."""
    found: dict[str, dict[str, float]] = {}
    for rule in dict.fromkeys(row["rule"] for row in rows):
        own = [row for row in rows if row["rule"] == rule]
        keys = [key for key in own[0] if key not in ("scene", "rule")]
        found[rule] = {key: median(value for row in own for value in listed(row[key])) for key in keys}
    return found


def listed(value: Any) -> list[float]:
    """One value as many."""
    return value if isinstance(value, list) else [value]


def main() -> None:
    """Measure every rule in every scene, print medians, and keep all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--meshes", type=Path)
    parser.add_argument("--size", type=int, default=96)
    options = parser.parse_args()
    rows, ends = [], []
    for name, scene in scenes(options.size, options.meshes).items():
        rows += gradients(name, scene, options.size)
        ends += [{"scene": name, "rule": rule, **drift(renderer, scene)[-1]} for rule, renderer in RULES.items()]
    for measured in (rows, ends):
        for rule, found in summary(measured).items():
            print(f"{rule:<45}" + "  ".join(f"{key} {value:.4f}" for key, value in found.items()))
    peers = {"mitsuba": version("mitsuba")} if available("mitsuba") else {}
    write("edges", rows, peers=peers, drift=ends, summary=summary(rows), drift_summary=summary(ends), size=options.size)


if __name__ == "__main__":
    main()
