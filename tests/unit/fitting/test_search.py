"""Fits that look for other starts and other answers, on a scene that is small enough to look everywhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import pytest
import shapes
import tiny
import torch

from invrender.errors import UserError
from invrender.fitting.fit import fit
from invrender.fitting.problem import Problem
from invrender.fitting.schedule import Stage
from invrender.fitting.search import Mode, Search
from invrender.fitting.solve import FirstOrder, LevenbergMarquardt
from invrender.fitting.solve.base import Solver
from invrender.fitting.step import Step
from invrender.losses import MeanSquaredError, TotalVariation
from invrender.losses.base import Loss
from invrender.parameters import CameraPose, LightIntensity, ObjectPose, Texture
from invrender.parameters.base import Parameter
from invrender.render.base import ALL, OWN, Capabilities, Quality, Renderer, Shot, render_scene
from invrender.render.embedded import EmbeddedRenderer
from invrender.scene import Channels, Picture, Scene, Target, Truth, view_of

SHARP = EmbeddedRenderer(visibility="edge", samples=2)
LEAST_SQUARES = LevenbergMarquardt([Stage(6, size=16, blur=1.0), Stage(10)], accuracy=1e-3)
SEARCH = Search([Stage(1, size=16, blur=1.0), Stage(1)], mode="on", poses=150, survivors=4, finalists=2, steps=5)
POSE: Mapping[str, Parameter] = {"pose": CameraPose()}
MSE: Mapping[str, Loss] = {"mse": MeanSquaredError()}
FEW = replace(SEARCH, poses=20, survivors=2, finalists=1, steps=2)
ADAM = FirstOrder(torch.optim.Adam, [Stage(3)])


def behind() -> Scene:
    """The scene, seen from far away from where its target was seen."""
    return CameraPose().apply(tiny.scene(32), torch.tensor([0.3, 2.4, 0.2, 0, 0, 0]).double())


def target_of(truth: Scene) -> Target:
    """The picture of a scene as the fit draws it, and a little noise."""
    with torch.no_grad():
        rgb = render_scene(SHARP, truth).rgb
    noise = torch.randn(rgb.shape, generator=torch.Generator().manual_seed(0), dtype=rgb.dtype)
    return Target((view_of(rgb + 1e-3 * noise),), Truth(truth, {}, {}))


def last_of(
    search: Search | None,
    scene: Scene | None = None,
    target: Target | None = None,
    unknowns: Mapping[str, Parameter] = POSE,
    renderer: Renderer = SHARP,
    solver: Solver = LEAST_SQUARES,
    losses: Mapping[str, Loss] = MSE,
    judging: bool = True,
) -> list[Step]:
    return list(
        fit(
            Problem(scene or behind(), target or target_of(tiny.scene(32)), unknowns, renderer, losses),
            solver,
            search=search,
            judging=judging,
        )
    )


def verdict_of(steps: Sequence[Step]) -> str | None:
    verdict = steps[-1].verdict
    return None if verdict is None else verdict.status


@pytest.mark.slow
def test_a_pose_is_found_from_the_other_side() -> None:
    steps = last_of(SEARCH)
    assert steps[0].errors["pose"]["rotation_deg"] > 120
    assert steps[-1].errors["pose"]["rotation_deg"] < 0.2
    assert verdict_of(steps) == "converged"


def test_errors_are_told_in_standard_deviations() -> None:
    near = CameraPose().apply(tiny.scene(32), torch.tensor([0.02, 0.01, 0, 0, 0, 0.01]).double())
    steps = last_of(replace(SEARCH, mode="off"), near)
    last, truth = steps[-1], tiny.scene(32)
    assert last.verdict is not None
    values, true = CameraPose().value(last.scene), CameraPose().value(truth)
    expected = [
        (value - wanted) / deviation
        for key, units in last.verdict.deviations["pose"].items()
        for value, wanted, deviation in zip(values[key], true[key], units, strict=True)  # type: ignore[arg-type]
    ]
    assert last.pulls == {"pose": pytest.approx(expected)}
    assert len(expected) == 6
    assert steps[0].pulls == {}


@pytest.mark.slow
def test_auto_searches_where_the_answer_explains_nothing() -> None:
    steps = last_of(replace(SEARCH, mode="auto"))
    iterations = [step.iteration for step in steps]
    assert iterations == sorted(iterations)
    assert steps[-1].errors["pose"]["rotation_deg"] < 0.2
    assert verdict_of(steps) == "converged"


def test_without_a_search_the_fit_says_that_it_failed() -> None:
    steps = last_of(replace(SEARCH, mode="off"))
    assert steps[-1].errors["pose"]["rotation_deg"] > 30
    assert verdict_of(steps) == "not_converged"


def near(away: float = 0.02) -> Scene:
    """The scene, seen from near where its target was seen."""
    return CameraPose().apply(tiny.scene(32), torch.tensor([away, away / 2, 0, 0, 0, away / 2]).double())


def test_nothing_is_judged_unasked() -> None:
    assert last_of(None)[-1].verdict is None
    assert last_of(SEARCH, near(), judging=False)[-1].verdict is None


# A search that begins by itself is for least squares; answers of all solvers are judged.
def test_answers_of_gradient_descent_are_judged_and_start_no_search() -> None:
    assert not Search(SEARCH.stages).suits(ADAM)
    assert SEARCH.suits(ADAM)
    search = replace(SEARCH, mode="auto")
    wrong = last_of(search, solver=ADAM)
    assert verdict_of(wrong) == "not_converged"
    assert [step.iteration for step in wrong] == [0, 1, 2, 3, 3]
    solver = FirstOrder(partial(torch.optim.Adam, betas=(0.7, 0.9)), [Stage(80, lr=0.3)])
    steps = last_of(search, near(), solver=solver)
    assert verdict_of(steps) == "converged"
    assert steps[-1].verdict is not None
    assert list(steps[-1].verdict.error_bars) == ["pose"]
    # Judging leaves the steps as they are.
    assert [step.loss for step in steps[:-1]] == [step.loss for step in last_of(None, near(), solver=solver)[:-1]]


def test_a_loss_that_was_still_falling_starts_no_search() -> None:
    short = LevenbergMarquardt([Stage(1)], radius=0.5)
    steps = last_of(replace(SEARCH, mode="auto"), near(0.05), solver=short)
    verdict = steps[-1].verdict
    assert verdict is not None
    assert (verdict.status, verdict.reason) == ("not_converged", "the loss was still falling")
    assert verdict.explained
    assert steps[-1].iteration == 1
    assert steps[-1].state.attempt == 0


@pytest.mark.parametrize("mode", ["auto", "off"])
def test_a_plain_box_has_other_answers(mode: Mode) -> None:
    camera = shapes.camera(32, 32, 40.0, position=(2.0, 1.5, 3.0), target=(0.0, 0.0, 0.0))
    box = shapes.thing(shapes.box(0.5))
    box = replace(box, mesh=replace(box.mesh, vertices=box.mesh.vertices * torch.tensor([1.0, 1.6, 2.2]).double()))
    lights = [shapes.ambient(0.2), *(light for name, light in tiny.scene().lights.items() if name == "sun")]
    truth = shapes.scene(box, view=camera, lights=lights)
    start = ObjectPose().apply(truth, torch.tensor([0.1, -0.1, 0.1, 0, 0, 0]).double())
    steps = last_of(replace(SEARCH, mode=mode, finalists=6), start, target_of(truth), {"pose": ObjectPose()})
    verdict = steps[-1].verdict
    assert verdict is not None
    assert verdict.status == "ambiguous"
    # Half turns about its three axes.
    assert 1 <= len(verdict.others) <= 3
    assert all(set(each) == {"pose"} for each in verdict.others)


@pytest.mark.slow
def test_searches_go_with_maps_that_they_leave_alone() -> None:
    unknowns = {"pose": CameraPose(), "texture": Texture(), "key": LightIntensity(lights=["key"])}
    steps = last_of(FEW, unknowns=unknowns, solver=ADAM)
    assert [step.iteration for step in steps] == [0, 1, 2, 3, 3]
    assert steps[1].raw["pose"].any()
    assert not steps[1].raw["texture"].any()
    assert steps[-1].loss <= steps[0].loss
    assert steps[-1].verdict is not None


@pytest.mark.slow
def test_losses_that_are_no_sums_of_squares_have_no_part_in_a_search() -> None:
    smooth: Mapping[str, Loss] = {"smooth": TotalVariation(weight=0.1)}
    unknowns = {"pose": CameraPose(), "texture": Texture()}
    steps = last_of(FEW, unknowns=unknowns, solver=ADAM, losses={**MSE, **smooth})
    assert steps[-1].verdict is not None
    with pytest.raises(UserError, match=r"search: none of the losses of search.stages \(smooth\) is a sum of squares"):
        last_of(FEW, unknowns=unknowns, solver=ADAM, losses=smooth)
    chosen = replace(ADAM, stages=[Stage(1), Stage(1, losses=["smooth"])])
    with pytest.raises(UserError, match=r"search: none of the losses of optimizer.stages \(smooth\) is a sum"):
        last_of(FEW, unknowns=unknowns, solver=chosen, losses={**MSE, **smooth})


def test_unknowns_that_are_no_poses_are_not_searched_for(caplog: pytest.LogCaptureFixture) -> None:
    unknowns = {"key": LightIntensity(lights=["key"])}
    dark = LightIntensity(lights=["key"]).apply(tiny.scene(32), torch.tensor([-2.0]).double())
    steps = last_of(SEARCH, dark, unknowns=unknowns)
    assert steps[-1].errors["key"]["relative"] < 1e-2
    assert verdict_of(steps) == "converged"
    assert caplog.messages == ["search=on looks for poses, and none is among key"]


@dataclass
class Remaining:
    pictures: int


@dataclass(frozen=True)
class Interrupted:
    """A renderer at which Ctrl-C is pressed once, when it has drawn so many pictures."""

    inner: Renderer
    remaining: Remaining = field(compare=False)

    @property
    def supports(self) -> Capabilities:
        return self.inner.supports

    def render(self, shots: Sequence[Shot], channels: Channels = ALL, quality: Quality = OWN) -> list[Picture]:
        before = self.remaining.pictures
        self.remaining.pictures -= len(shots)
        if before > 0 >= self.remaining.pictures:
            raise KeyboardInterrupt
        return self.inner.render(shots, channels, quality)


# In the search; in a step after it; and at the very end, when the answer is judged.
@pytest.mark.parametrize("pictures", [60, 160, 230, "judging"])
def test_ctrl_c_gives_the_best_so_far(pictures: int | str) -> None:
    if pictures == "judging":
        counted = Remaining(10**6)
        last_of(SEARCH, renderer=Interrupted(SHARP, counted))
        pictures = 10**6 - counted.pictures - 3
    steps = last_of(SEARCH, renderer=Interrupted(SHARP, Remaining(int(pictures))))
    first, last = steps[0], steps[-1]
    assert last.stopped_because == "interrupted"
    assert last.verdict is None
    assert last.loss <= first.loss
    assert last.loss == min(last.loss, *(step.best.loss for step in steps if step.stage == last.stage))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"mode": "sometimes"}, r"search\.mode is 'sometimes', expected one of auto, on, off"),
        ({"poses": 0}, r"search\.poses is 0, expected 1 or more"),
        ({"apart": -1.0}, r"search\.apart is -1\.0, expected degrees above 0"),
        ({"stages": [Stage(1)]}, r"search\.stages has 1, expected two"),
    ],
)
def test_searches_are_checked(given: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        Search(**({"stages": [Stage(1), Stage(1)]} | given))


def test_what_stages_choose_is_checked_before_the_first_step() -> None:
    search = replace(SEARCH, stages=[Stage(1, losses=["l1"]), Stage(1)])
    with pytest.raises(UserError, match=r"search\.stages\[0\]\.losses: there is no loss 'l1' here, only mse"):
        last_of(search)


def prism(sides: int, smooth: bool) -> Scene:
    """A prism of so many sides that stands on a plain ground, seen from above; its mantle is smooth or has facets."""
    tube = shapes.tube(sides, half=0.5)
    body = replace(tube, vertices=0.7 * tube.vertices, uv=None, uv_faces=None)
    obj = shapes.thing(body if smooth else shapes.flat(body))
    camera = shapes.camera(48, 48, 60.0, position=(1.2, 1.4, 3.2), target=(0.0, 0.0, 0.0))
    lights = [shapes.ambient(0.2), *(light for name, light in tiny.scene().lights.items() if name == "sun")]
    return shapes.scene(obj, view=camera, lights=lights)


# One with twelve facets has twelve answers, and one that is as good as round has none about its axis.
@pytest.mark.parametrize(("sides", "smooth", "status"), [(12, False, "ambiguous"), (64, True, "unidentifiable")])
def test_bodies_of_revolution_are_ambiguous_where_their_facets_are_seen(sides: int, smooth: bool, status: str) -> None:
    truth = prism(sides, smooth)
    start = ObjectPose().apply(truth, torch.tensor([0.02, 0.03, -0.02, 0.01, 0, 0]).double())
    search = replace(SEARCH, stages=[Stage(1, size=24, blur=1.0), Stage(1)], mode="off", finalists=6)
    steps = last_of(search, start, target_of(truth), {"pose": ObjectPose()})
    verdict = steps[-1].verdict
    assert verdict is not None
    assert verdict.status == status, verdict.reason
    assert bool(verdict.others) == (status == "ambiguous")
    assert ("pose" in verdict.error_bars) == (status == "ambiguous")


def test_a_mark_on_one_facet_tells_them_apart() -> None:
    plain = prism(12, smooth=False)
    colors = torch.full((24, 3), 0.8).double()
    colors[0] = torch.tensor([0.4, 0.8, 0.8])
    truth = replace(
        plain,
        objects={
            name: replace(obj, material=obj.material.with_property("albedo", vertex=colors))
            for name, obj in plain.objects.items()
        },
    )
    start = ObjectPose().apply(truth, torch.tensor([0.02, 0.03, -0.02, 0.01, 0, 0]).double())
    search = replace(SEARCH, stages=[Stage(1, size=24, blur=1.0), Stage(1)], mode="off", finalists=6)
    steps = last_of(search, start, target_of(truth), {"pose": ObjectPose()})
    assert verdict_of(steps) == "converged"
