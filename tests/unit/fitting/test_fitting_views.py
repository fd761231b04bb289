"""Fits of several views with poses of their own: their sparse equations, their starts, and what is thought of each."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
import shapes
import tiny
import torch
from torch import Tensor

from invrender.errors import UserError
from invrender.fitting.fit import fit
from invrender.fitting.judge.judge import judge
from invrender.fitting.judge.uncertainty import estimate_uncertainty
from invrender.fitting.judge.verdict import Judgement, Verdict
from invrender.fitting.objective import Objective
from invrender.fitting.problem import Problem
from invrender.fitting.schedule import Stage
from invrender.fitting.search import Search
from invrender.fitting.search.seeker import Seeker
from invrender.fitting.solve import LevenbergMarquardt
from invrender.fitting.solve.base import Linearized, Raw
from invrender.fitting.solve.sparsity import solve_by_parts
from invrender.fitting.step import Step
from invrender.geometry.cameras import transform
from invrender.geometry.poses import turn_about
from invrender.losses import KnownIntrinsics, MeanSquaredError, Moments
from invrender.parameters import (
    Ambient,
    CameraFocal,
    CameraIntrinsics,
    CameraPose,
    CameraPoses,
    LightColor,
    LightIntensity,
    ObjectPose,
    Texture,
)
from invrender.parameters.families import expand_families
from invrender.render.embedded import EmbeddedRenderer
from invrender.scene import Camera, Scene, Target, Truth, View
from invrender.targets import render_target

SOFT = EmbeddedRenderer(sigma=2e-3, gamma=1e-2)
SHARP = EmbeddedRenderer(visibility="edge", samples=2)
STAGES = [Stage(12, size=16, blur=1.0, sigma=0), Stage(12, sigma=0)]
SOLVER = LevenbergMarquardt(STAGES, accuracy=1e-3)
SEARCH = Search([Stage(1, size=16, blur=1.0), Stage(1)], mode="off", poses=20, survivors=2, finalists=1, steps=3)


def orbit(angles: Sequence[float], size: int = 24) -> Scene:
    """The tiny scene with cameras that stand about it at some angles in degrees, called a, b and so on."""
    scene = tiny.scene(size)
    camera, turned = scene.camera, {}
    for name, angle in zip("abcdefghijkl", angles, strict=False):
        about = math.radians(angle) * camera.camera_from_world[:3, :3] @ camera.up
        pivot = transform(camera.camera_from_world, camera.look_at)
        pose = turn_about(camera.camera_from_world, pivot, about, torch.zeros(3).double())
        turned[name] = replace(camera, camera_from_world=pose)
    return replace(scene, cameras={**scene.cameras, **turned})


def taken(truth: Scene) -> Target:
    """Pictures by all cameras but the scene's own."""
    return render_target(truth, [name for name in truth.cameras if name != "camera"], SHARP, samples=2, noise=2e-3)


def with_cameras(scene: Scene, change: Any) -> Scene:
    """The scene with ``change(index, camera)`` in place of each camera but its own."""
    moved = {n: change(i, each) for i, (n, each) in enumerate(scene.cameras.items()) if n != "camera"}
    return replace(scene, cameras={**scene.cameras, **moved})


def rough(scene: Scene, degrees: float, share: float, focal: float) -> Scene:
    """The scene with all views' cameras turned and shifted, each in a direction of its own, and longer lenses."""
    random = torch.Generator().manual_seed(3)

    def change(index: int, camera: Camera) -> Camera:
        axis, shift = (torch.nn.functional.normalize(torch.randn(2, 3, generator=random)) for _ in range(2))
        pivot = transform(camera.camera_from_world, camera.look_at)
        turn = math.radians(degrees) * axis[0].double()
        pose = turn_about(camera.camera_from_world, pivot, turn, share * camera.distance * shift[1].double())
        scale = torch.tensor([focal, focal, 1.0]).double()
        flat = torch.cat([scale[:2, None] * camera.intrinsics[:2, :2], camera.intrinsics[:2, 2:]], dim=1)
        return replace(camera, camera_from_world=pose, intrinsics=torch.cat([flat, camera.intrinsics[2:]]))

    return with_cameras(scene, change)


def problem_of(scene: Scene, target: Target, unknowns: Mapping[str, Any], **others: Any) -> Problem:
    given = {"renderer": SHARP, "losses": {"mse": MeanSquaredError()}, **others}
    return Problem(scene, target, expand_families(unknowns, scene, target), **given)


EACH = {"poses": CameraPoses(), "focal": CameraFocal(), "color": LightColor(), "ambient": Ambient(each=True)}


def soft_objective(views: Sequence[float] = (0, 120, 240)) -> tuple[Objective, Raw]:
    """All kinds of unknowns at once, away from the start, with a loss that belongs to no pixel and with a prior."""
    truth = orbit(views, 12)
    losses = {"mse": MeanSquaredError(), "moments": Moments(), "known": KnownIntrinsics(weight=1e-3)}
    problem = problem_of(truth, taken(truth), EACH, renderer=SOFT, losses=losses)
    random = torch.Generator().manual_seed(1)
    raw = {n: 0.03 * torch.randn(r.shape, generator=random, dtype=r.dtype) for n, r in problem.initial().items()}
    return problem.at(Stage(1)), raw


def dense(objective: Objective, raw: Raw) -> Linearized:
    """The same residuals, by differences in every number, one at a time."""
    names, columns = list(raw), []

    def residuals(change: Tensor) -> Any:
        parts = torch.split(change, [raw[name].numel() for name in names])
        changes = {n: part.reshape(raw[n].shape) for n, part in zip(names, parts, strict=True)}
        return objective.residuals([objective.scene_at(raw, changes)])

    zero = torch.zeros(sum(each.numel() for each in raw.values())).double()
    for column in range(len(zero)):
        step = torch.zeros_like(zero)
        step[column] = 1e-6
        columns.append((residuals(step).values - residuals(-step).values) / 2e-6)
    here = residuals(zero)
    shapes_ = {name: raw[name].shape for name in names}
    return Linearized(shapes_, here.values, here.weights, here.pixel, torch.stack(columns, dim=1))


def test_views_share_columns_and_their_equations_are_those_of_the_whole_jacobian() -> None:
    objective, raw = soft_objective()
    [local] = objective.linearize([raw], list(raw))
    slow = dense(objective, raw)
    # A pose, a focal length, colours of three lights and an ambient light, where the whole has three poses and lights.
    assert slow.jacobian.shape[1] == 3 * 6 + 1 + 3 * 3 + 3
    assert (
        max(int(part.places.max()) for part in local.parts[:3]) == 6 + 1 + 3 * 3 + 1 - 1
    )  # a pose and an ambient light stand for three
    torch.testing.assert_close(local.residuals, slow.residuals)
    assert torch.equal(local.pixel, slow.pixel)
    for found, expected in zip(local.normal_equations(), slow.normal_equations(), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-8 * float(expected.abs().max()))
    change = 0.1 * torch.randn(local.size, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    torch.testing.assert_close(local.follow(change), slow.follow(change), rtol=1e-5, atol=1e-6)
    normal, slope = local.normal_equations()
    damped = normal + 1e-3 * torch.diag(normal.diagonal())
    assert len(local.own) == 3
    torch.testing.assert_close(solve_by_parts(damped, slope, local.own), torch.linalg.solve(damped, slope))
    rates = objective.rates
    bars = [estimate_uncertainty(each, rates, objective.sizes).covariance for each in (local, slow)]
    torch.testing.assert_close(*bars, rtol=1e-3, atol=1e-6 * float(bars[1].abs().max()))


def last_of(problem: Problem, search: Search = SEARCH) -> Step:
    *_, last = fit(problem, SOLVER, search=search)
    return last


def off(problem: Problem, last: Step) -> tuple[float, float]:
    """The largest error of a pose: degrees, and share of the distance."""
    errors = [last.errors[name] for name, each in problem.parameters.items() if isinstance(each, CameraPose)]
    return max(each["rotation_deg"] for each in errors), max(each["position_relative"] for each in errors)


def test_poses_and_their_focal_length_are_found_together() -> None:
    truth = orbit([0, 90, 180, 270], 32)
    problem = problem_of(rough(truth, 6, 0.06, 1.06), taken(truth), {"poses": CameraPoses(), "focal": CameraFocal()})
    last = last_of(problem)
    degrees, share = off(problem, last)
    assert degrees < 0.1 and share < 0.004
    assert last.errors["focal"]["relative"] < 0.004
    assert last.verdict is not None and last.verdict.status == "converged"
    assert set(last.verdict.error_bars) == {"poses.a", "poses.b", "poses.c", "poses.d", "focal"}


def test_known_views_stay_and_fix_the_object() -> None:
    truth = orbit([0, 120, 240], 32)
    start = rough(truth, 5, 0.05, 1.0)
    start = start.with_camera(truth.cameras["b"], "b")
    start = ObjectPose(object="painted").apply(start, torch.tensor([0.05, -0.04, 0.03, 0.01, 0.01, -0.01]).double())
    unknowns = {"poses": CameraPoses(known=["b"]), "object": ObjectPose(object="painted")}
    problem = problem_of(start, taken(truth), unknowns)
    last = last_of(problem)
    assert list(problem.parameters) == ["poses.a", "poses.c", "object"]
    degrees, share = off(problem, last)
    assert degrees < 0.15 and share < 0.003
    assert last.errors["object"]["rotation_deg"] < 0.3


def test_a_burst_starts_each_frame_from_the_last() -> None:
    # The last one is 60 degrees from where all of them start.
    truth = orbit([0, 15, 30, 45, 60], 16)
    first = rough(truth, 4, 0.03, 1.0).cameras["a"]
    problem = problem_of(with_cameras(truth, lambda *_: first), taken(truth), {"poses": CameraPoses()})
    last = last_of(problem, replace(SEARCH, start="previous"))
    degrees, share = off(problem, last)
    assert degrees < 0.5 and share < 0.01
    assert last.verdict is not None and last.verdict.status == "converged"


def test_a_view_that_shows_something_else_is_named_and_the_others_are_right() -> None:
    truth = orbit([0, 120, 240], 32)
    target = taken(truth)
    one, two, three = target.views
    blank = View(two.picture.with_channels(rgb=two.rgb.flip(0, 1)), camera="b")
    problem = problem_of(rough(truth, 4, 0.04, 1.0), replace(target, views=(one, blank, three)), {"p": CameraPoses()})
    last = last_of(problem)
    assert last.verdict is not None
    assert {name: each.status for name, each in last.verdict.unknowns.items()} == {
        "p.a": "converged",
        "p.b": "not_converged",
        "p.c": "converged",
    }
    assert last.verdict.status == "not_converged" and last.verdict.reason.startswith("p.b: ")
    assert max(last.errors[name]["rotation_deg"] for name in ("p.a", "p.c")) < 0.1


def test_a_texture_beside_poses_of_views_is_judged_by_the_view_that_says_least() -> None:
    truth = orbit([0, 120], 24)
    target = taken(truth)
    one, two = target.views
    other = View(two.picture.with_channels(rgb=two.rgb.flip(0, 1)), camera="b")
    problem = problem_of(truth, replace(target, views=(one, other)), {"p": CameraPoses(), "texture": Texture()})
    verdict = judge(problem, [Stage(1, sigma=0)], problem.initial())
    explained = {name: each.explained for name, each in verdict.unknowns.items()}
    assert explained == {"p.a": True, "p.b": False, "texture": False}
    assert verdict.unknowns["texture"].reason == verdict.unknowns["p.b"].reason
    assert set(verdict.coverage) == {"texture"} and verdict.deviations == {}
    assert not verdict.explained


def test_each_view_has_lights_of_its_own() -> None:
    truth = orbit([0, 60], 24)
    dim = truth.with_own_lights("b", LightIntensity().apply(truth, torch.tensor([-0.5, 0.3, 0.2]).double()).lights)
    views = [render_target(each, [n], SHARP).views[0] for n, each in (("a", truth), ("b", dim.lit_for("b")))]
    target = Target(tuple(views), Truth(dim, {}, {}))
    start = Ambient().apply(truth, torch.tensor([0.3]).double())
    problem = problem_of(start, target, {"key": LightIntensity(each=True), "ambient": Ambient()})
    # What all share comes first, so that the lights of single views have it.
    assert list(problem.parameters) == ["ambient", "key.a", "key.b"]
    last = last_of(problem)
    assert max(last.errors[name]["relative"] for name in problem.parameters) < 0.05
    assert last.scene.lit_for("b").lights["ambient"] is last.scene.lights["ambient"]
    assert float(last.scene.lit_for("b").lights["key"].intensity) != float(
        last.scene.lit_for("a").lights["key"].intensity
    )


@pytest.mark.parametrize("doubted", [None, "p.c", "one"])
def test_poses_are_sought_in_the_views_that_show_them_where_they_are_in_doubt(
    doubted: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    truth = orbit([0, 120, 240], 8)
    objects = {"one": ObjectPose(object="painted"), "two": ObjectPose(object="textured")}
    problem = problem_of(truth, taken(truth), {"p": CameraPoses(known=["b"]), **objects})
    sought: list[tuple[str, list[str], list[str]]] = []

    def find_pose(_: Search, seeker: Seeker, raw: Raw) -> Raw:
        sought.append((seeker.name, [view.camera for view in seeker.problem.target.views], list(seeker.resting)))
        return raw

    monkeypatch.setattr(Search, "find_pose", find_pose)
    verdict = None
    if doubted is not None:
        good, bad = Judgement("converged", "it is"), Judgement("not_converged", "it is not", explained=False)
        group = ["one", "two"] if doubted == "one" else [doubted]
        unknowns = {name: bad if name in group else good for name in problem.parameters}
        verdict = Verdict("not_converged", "it is not", 0.1, unknowns=unknowns)
    SEARCH.find_start(problem, problem.initial(), verdict)
    one, two = (("one", [*"abc"], ["one", "two"]), ("two", [*"abc"], ["one", "two"]))
    groups = {"p.a": [("p.a", ["a"], ["p.a"])], "p.c": [("p.c", ["c"], ["p.c"])], "one": [one, two, one, two]}
    assert sought == [each for name, group in groups.items() if doubted in (None, name) for each in group]


def test_each_view_has_other_answers_of_its_own() -> None:
    plain = shapes.thing(shapes.box(0.5))
    stretched = plain.mesh.vertices * torch.tensor([1.0, 1.6, 2.2]).double()
    plain = replace(plain, mesh=replace(plain.mesh, vertices=stretched))
    sides = {"a": (2.0, 1.5, 3.0), "b": (-3.0, 1.0, 2.5)}
    cameras = {n: shapes.camera(32, 32, 40.0, position=p, target=(0.0, 0.0, 0.0)) for n, p in sides.items()}
    truth = shapes.scene(plain, view=cameras["a"], lights=[shapes.ambient(0.8)])
    truth = replace(truth, cameras={**truth.cameras, **cameras})
    problem = problem_of(rough(truth, 4, 0.03, 1.0), taken(truth), {"p": CameraPoses()})
    verdict = last_of(problem, replace(SEARCH, finalists=6, steps=5)).verdict
    assert verdict is not None
    assert {name: each.status for name, each in verdict.unknowns.items()} == {"p.a": "ambiguous", "p.b": "ambiguous"}
    assert verdict.status == "ambiguous" and verdict.reason.endswith("as well (p.a)")
    # Others are told of by what their own views show.
    assert {name for other in verdict.others for name in other} == {"p.a", "p.b"}
    assert {len(other) for other in verdict.others} == {1}


@pytest.mark.parametrize(
    ("unknowns", "told"),
    [
        ({"p": CameraPoses(known=["aa"])}, "recover.p: known: no view is called 'aa', only a, b; did you mean 'a'?"),
        ({"p": CameraPoses(known=["a", "b"])}, "recover.p: known names all views"),
        (
            {"p": CameraPoses(), "o": ObjectPose(object="painted"), "t": ObjectPose(object="textured")},
            "may move as one",
        ),
        ({"f": CameraIntrinsics()}, "recover.f: all views share one camera's optics, but a and b begin with focal"),
    ],
)
def test_what_makes_no_sense_is_refused(unknowns: Mapping[str, Any], told: str) -> None:
    truth = orbit([0, 60], 12)
    target, longer = taken(truth), rough(truth, 0, 0, 1.2).cameras["b"]
    scene = truth.with_camera(longer, "b") if "f" in unknowns else truth
    with pytest.raises(UserError) as refused:
        problem_of(scene, target, unknowns).check()
    assert told in str(refused.value)
    # Each its own is no contradiction.
    problem_of(scene, target, {"f": CameraIntrinsics(each=True)}).check()
