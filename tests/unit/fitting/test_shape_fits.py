"""Fits of shape: from a sphere to another body, through remeshing, and on from any step."""

from __future__ import annotations

import io
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import shapes
import torch
import trimesh

from invrender.errors import UserError
from invrender.fitting.base import Base
from invrender.fitting.dry_run import dry_run
from invrender.fitting.fit import fit
from invrender.fitting.judge.coverage import measure_coverage
from invrender.fitting.judge.judge import judge
from invrender.fitting.problem import Problem
from invrender.fitting.schedule import Stage
from invrender.fitting.solve import AdamUniform, FirstOrder
from invrender.fitting.state import State
from invrender.fitting.step import Step
from invrender.geometry.laplacian import weld
from invrender.geometry.remeshing import Remesh
from invrender.geometry.spheres import icosphere
from invrender.losses import Depth, MeanSquaredError, Silhouette
from invrender.parameters import LightIntensity, VertexColors, Vertices
from invrender.parameters.base import Parameter
from invrender.record.seen import COLORS, count_by_vertex, write_seen
from invrender.record.verdicts import views_line
from invrender.render.embedded import EmbeddedRenderer
from invrender.scene import DirectionalLight, Scene, convert
from invrender.targets import render_target

ONE = torch.ones(3).double()
AROUND = ([0.3, 1.2, 3.0], [3.0, -0.8, 0.2], [-0.4, 0.9, -3.0], [-3.0, -1.0, 0.3], [0.2, 3.2, 0.1])


def body(subdivisions: int, stretch: float, painted: bool = False) -> Scene:
    """An egg, seen from five sides; a sphere without a stretch."""
    mesh = icosphere(subdivisions, -0.6 * ONE, 0.6 * ONE)
    tall = mesh.vertices * (1 + stretch * torch.tensor([-0.3, 1.0, 0.2]).double())
    egg = tall * (1 + stretch * 0.6 * mesh.vertices[:, 1:2])
    colors = torch.full_like(egg, 0.7) if painted else None
    sun = DirectionalLight(ONE, torch.tensor(0.7).double(), torch.tensor([0.4, 1.0, 0.8]).double())
    looks = shapes.material((0.8, 0.8, 0.8), vertex_colors=colors)
    scene = shapes.scene(shapes.thing(shapes.mesh(egg, mesh.faces), looks), lights=[sun, shapes.ambient(0.3)])
    for number, position in enumerate(AROUND):
        scene = scene.with_camera(shapes.camera(40, 40, 60.0, position, (0.0, 0.0, 0.0)), f"view {number}")
    return convert(scene, dtype=torch.float32)


def problem(unknowns: dict[str, Parameter], painted: bool = False) -> Problem:
    target = render_target(body(4, 0.5), [f"view {number}" for number in range(5)], samples=3)
    start = body(2, 0.0, painted)
    losses: dict[str, Any] = {"mse": MeanSquaredError(), "silhouette": Silhouette()}
    return Problem(start, target, unknowns, EmbeddedRenderer(samples=1), losses)


def solver(*stages: Stage) -> FirstOrder:
    return FirstOrder(partial(AdamUniform, betas=(0.8, 0.95)), stages)


def test_an_egg_is_found_from_a_sphere_through_remeshing() -> None:
    stages = (Stage(15, size=20, sigma=3e-4), Stage(25, sigma=0, before=Remesh(1000)))
    steps = list(fit(problem({"shape": Vertices(lr=0.03)}), solver(*stages)))
    first, last = steps[0].errors["shape"], steps[-1].errors["shape"]
    assert first["mean_relative"] > 0.04
    assert last["mean_relative"] < 0.005
    assert last["largest_relative"] < 0.035
    assert last["f_score"] > 0.9
    assert last["normals_deg"] < 9
    # Until the second stage there are the sphere's faces, and then others, all smooth.
    counts = [len(step.scene.objects["object 0"].mesh.faces) for step in steps]
    assert set(counts[:16]) == {320}
    assert len(set(counts[16:])) == 1
    assert 700 < counts[16] < 1300
    assert steps[-1].raw["shape"].shape == (len(steps[-1].scene.objects["object 0"].mesh.vertices), 3)
    # The best is never worse than the start, and its loss is that of its scene.
    assert steps[-1].best.meshes != {}
    assert steps[-1].loss <= steps[0].loss


def test_each_vertex_is_counted_in_the_views_that_show_it() -> None:
    one = problem({"shape": Vertices()})
    raw = one.initial()
    start = one.scene.objects["object 0"].mesh
    places = weld(start).gather(start.vertices)
    normals = torch.nn.functional.normalize(places, dim=1)
    expected, doubtful = torch.zeros(len(places)), torch.zeros(len(places), dtype=torch.bool)
    for view in one.target.views:
        towards = torch.nn.functional.normalize(one.scene.cameras[view.camera].position - places, dim=1)
        cosine = (normals * towards).sum(dim=1)
        expected += cosine > 0
        doubtful |= cosine.abs() < 0.3
    for count in (5, 1):
        views = one.target.views[:count]
        some = replace(one, target=replace(one.target, views=views))
        found = measure_coverage(some.at(Stage(1)), raw, ["shape"])["shape"]
        if count == 5:
            torch.testing.assert_close(found.weights[~doubtful], expected[~doubtful])
            assert int((~doubtful).sum()) > 15
            assert found.by_views is not None
            assert sum(found.by_views) == pytest.approx(1)
            assert found.well > 0.5
    assert found.well == 0
    assert 0.3 < found.seen < 0.7
    # Depths tell where one view is enough.
    deep = replace(some, losses={"depth": Depth()})
    depths = measure_coverage(deep.at(Stage(1)), raw, ["shape"])["shape"]
    assert depths.well == found.seen


def test_a_shape_that_one_view_explains_is_not_determined() -> None:
    whole = problem({"shape": Vertices(lr=0.01)})
    truth = replace(whole, scene=body(4, 0.5))
    one = replace(truth, target=replace(truth.target, views=truth.target.views[:1]))
    verdict = judge(one, [Stage(1, sigma=0, samples=2)], one.initial())
    assert verdict.status == "unidentifiable"
    assert verdict.reason == "100% of shape are not seen in two views"
    assert judge(truth, [Stage(1, sigma=0, samples=2)], truth.initial()).status == "converged"
    half = views_line("shape", "vertices", [0.5, 0.5])
    assert half == "shape: 0% of its vertices are seen in several views, 50% in one, 50% in none"
    assert views_line("shape", "vertices", [0, 0, 0.4, 0.6]) == "shape: 100% of its vertices are seen in several views"


def bits(step: Step) -> list[Any]:
    return [step.iteration, step.stage, step.loss, {name: raw.tolist() for name, raw in step.raw.items()}]


def test_it_goes_on_from_every_step_with_the_same_bits() -> None:
    unknowns: dict[str, Parameter] = {
        "shape": Vertices(lr=0.01),
        "colors": VertexColors(),
        "light": LightIntensity(lights=["light 0"]),
    }
    small = Stage(2, size=20, sigma=1e-3)
    stages = (small, replace(small, before=Remesh(200)), replace(small, before=Remesh(400)))
    whole = list(fit(problem(unknowns, painted=True), solver(*stages)))
    assert [step.stage for step in whole] == [2, 0, 0, 1, 1, 2, 2, 2]
    colors = whole[-1].scene.objects["object 0"].material.vertex_colors
    assert colors is not None
    assert colors.shape == whole[-1].raw["shape"].shape
    assert float(whole[-1].raw["light"].abs()) > 0
    for index, step in enumerate(whole[:-1]):
        file = io.BytesIO()
        torch.save(step.state.to_plain(), file)
        file.seek(0)
        state = State.from_plain(torch.load(file, weights_only=True))
        resumed = list(fit(problem(unknowns, painted=True), solver(*stages), state=state))
        assert [bits(each) for each in resumed] == [bits(each) for each in whole[index + 1 :]]


def test_a_change_of_meshes_leaves_the_scene_what_it_was() -> None:
    unknowns: dict[str, Parameter] = {"shape": Vertices(), "light": LightIntensity(lights=["light 0"])}
    base = Base.of(problem(unknowns), [Stage(1)], {})
    raw = {"shape": 0.02 * torch.randn(162, 3), "light": torch.tensor([0.3])}
    kept, moved = base.change(raw, lambda scene, names: scene)
    assert torch.equal(moved["light"], raw["light"])
    assert not moved["shape"].any()
    before, after = (each.final.scene_at(values) for each, values in ((base, raw), (kept, moved)))
    torch.testing.assert_close(after.objects["object 0"].mesh.vertices, before.objects["object 0"].mesh.vertices)
    assert float(kept.final(moved).loss) == pytest.approx(float(base.final(raw).loss))


def test_remeshing_without_an_unknown_shape_is_refused_and_a_dry_run_tells_its_cost() -> None:
    with pytest.raises(UserError, match="before changes meshes of unknown shape, and there is none"):
        next(fit(problem({"light": LightIntensity(lights=["light 0"])}), solver(Stage(1, before=Remesh(100)))))
    fin = problem({"shape": Vertices()})
    ((name, obj),) = fin.scene.objects.items()
    torn = replace(obj, mesh=replace(obj.mesh, faces=torch.cat([obj.mesh.faces, obj.mesh.faces[:1].flip(1)])))
    fin = replace(fin, scene=replace(fin.scene, objects={name: torn}))
    with pytest.raises(UserError, match="object 0 is not manifold: more than two faces meet at an edge"):
        next(fit(fin, solver(Stage(1), Stage(1, before=Remesh(100)))))
    plan = dry_run(problem({"shape": Vertices()}), solver(Stage(1, size=10), Stage(1, size=10, before=Remesh(100))))
    assert len(plan.stages) == 2
    assert plan.gradients["shape"].difference < 1e-3


def test_what_is_seen_is_written_in_colours(tmp_path: Path) -> None:
    whole = problem({"shape": Vertices()})
    one = replace(whole, scene=body(2, 0.5), target=replace(whole.target, views=whole.target.views[:1]))
    *_, last = fit(one, solver(Stage(1, sigma=0)))
    verdict = judge(replace(one, target=render_target(one.scene, ["view 0"])), [Stage(1, sigma=0)], one.initial())
    counts = count_by_vertex(one.parameters, replace(last, verdict=verdict))
    (count,) = counts.values()
    assert count.shape == (162,)
    assert set(count.tolist()) == {0.0, 1.0}
    write_seen(tmp_path / "seen.glb", last.scene, counts)
    read = trimesh.load_scene(tmp_path / "seen.glb")
    (mesh,) = read.geometry.values()
    shown = {tuple(color) for color in mesh.visual.vertex_colors[:, :3].tolist()}
    assert shown == {COLORS[0], COLORS[1]}
    assert int((mesh.visual.vertex_colors[:, 0] == COLORS[1][0]).sum()) == int(count.sum())
    assert count_by_vertex(one.parameters, last) == {}
