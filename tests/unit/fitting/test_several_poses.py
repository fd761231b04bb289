"""Several unknown poses are looked for in turn, and judged together and by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest
import shapes
import tiny
import torch
from torch import Tensor

from invrender.fitting.fit import fit
from invrender.fitting.problem import Problem
from invrender.fitting.schedule import Stage
from invrender.fitting.search import Search
from invrender.fitting.solve import LevenbergMarquardt
from invrender.fitting.step import Step
from invrender.losses import MeanSquaredError
from invrender.parameters import ObjectPose
from invrender.render.base import render_scene
from invrender.render.embedded import EmbeddedRenderer
from invrender.scene import Scene, Target, Truth, view_of

SHARP = EmbeddedRenderer(visibility="edge", samples=2)
SOLVER = LevenbergMarquardt([Stage(6, size=16, blur=1.0), Stage(10)], accuracy=1e-3)
SEARCH = Search([Stage(1, size=16, blur=1.0), Stage(1)], poses=150, survivors=4, finalists=2, steps=5)


def target_of(truth: Scene) -> Target:
    """The picture of a scene as the fit draws it, and a little noise."""
    with torch.no_grad():
        rgb = render_scene(SHARP, truth).rgb
    noise = torch.randn(rgb.shape, generator=torch.Generator().manual_seed(0), dtype=rgb.dtype)
    return Target((view_of(rgb + 1e-3 * noise),), Truth(truth, {}, {}))


def turned(scene: Scene, name: str, degrees: float, axis: Sequence[float]) -> Scene:
    """The scene with an object turned about an axis, and a little shifted."""
    unit = torch.nn.functional.normalize(torch.tensor(axis).double(), dim=0)
    turn = torch.deg2rad(torch.tensor(degrees).double()) * unit
    return ObjectPose(name).apply(scene, torch.cat([turn, torch.tensor([0.02, -0.01, 0.01]).double()]))


def last_of(start: Scene, truth: Scene, names: Sequence[str], search: Search = SEARCH) -> Step:
    """The last step of a fit of the poses of some objects."""
    unknowns = {name: ObjectPose(name) for name in names}
    problem = Problem(start, target_of(truth), unknowns, SHARP, {"mse": MeanSquaredError()})
    return list(fit(problem, SOLVER, search=search))[-1]


def statuses(step: Step) -> dict[str, str]:
    """The verdicts by name."""
    assert step.verdict is not None
    return {name: each.status for name, each in step.verdict.unknowns.items()}


def degrees(step: Step) -> Mapping[str, float]:
    """How far off the rotations are, by name."""
    return {name: each["rotation_deg"] for name, each in step.errors.items()}


@pytest.mark.slow
def test_two_objects_that_are_turned_are_both_found() -> None:
    truth = tiny.scene(32)
    names = list(truth.objects)
    start = turned(turned(truth, "textured", 100.0, [-1, 1, 2]), "painted", 100.0, [1, 2, -1])
    near = last_of(start, truth, names, replace(SEARCH, mode="off"))
    assert min(degrees(near).values()) > 30
    assert statuses(near) == {"textured": "not_converged", "painted": "not_converged"}
    last = last_of(start, truth, names)
    assert max(degrees(last).values()) < 0.3
    assert statuses(last) == {"textured": "converged", "painted": "converged"}
    assert last.verdict is not None
    assert set(last.verdict.error_bars) == {"textured", "painted"}


def two_boxes() -> Scene:
    """A plain box, and one with colours, side by side."""

    def placed(x: float, colors: Tensor | None) -> shapes.Object:
        stretched = shapes.box(0.5)
        stretched = replace(stretched, vertices=stretched.vertices * torch.tensor([0.8, 1.2, 1.7]).double())
        looks = shapes.material() if colors is None else shapes.material(vertex_colors=colors)
        place = torch.eye(4).double()
        place[0, 3] = x
        return replace(shapes.thing(stretched, looks), world_from_object=place)

    colors = 0.2 + 0.6 * torch.rand(8, 3, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    plain, painted = placed(-0.9, None), placed(0.9, colors)
    camera = shapes.camera(32, 48, 50.0, position=(1.0, 2.0, 4.0), target=(0.0, 0.0, 0.0))
    lights = [shapes.ambient(0.2), *(light for name, light in tiny.scene().lights.items() if name == "sun")]
    scene = shapes.scene(plain, view=camera, lights=lights)
    return replace(scene, objects={"plain": plain, "painted": painted})


def test_the_verdict_names_the_pose_that_has_other_answers() -> None:
    truth = two_boxes()
    start = turned(turned(truth, "plain", 8.0, [1, 0, 1]), "painted", 8.0, [0, 1, 1])
    last = last_of(start, truth, ["plain", "painted"], replace(SEARCH, finalists=6))
    assert statuses(last) == {"plain": "ambiguous", "painted": "converged"}
    assert last.verdict is not None
    assert last.verdict.status == "ambiguous"
    assert last.verdict.reason.endswith("the picture as well (plain)")
    # Half turns of the plain one; the other stays where it is.
    assert 1 <= len(last.verdict.others) <= 3
    assert all(set(other) == {"plain", "painted"} for other in last.verdict.others)
    found = ObjectPose("painted").value(last.scene)["position"]
    assert all(other["painted"]["position"] == pytest.approx(found, abs=0.01) for other in last.verdict.others)
