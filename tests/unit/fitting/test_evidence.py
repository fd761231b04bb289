"""Verdicts by unknown, and the evidence for a pose in a picture that the scene does not explain."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
import tiny
import torch
from torch import Tensor

from invrender.errors import UserError
from invrender.fitting.judge.evidence import CERTAIN, MOST, Evidence, weigh
from invrender.fitting.judge.judge import judge
from invrender.fitting.judge.verdict import Judgement, Verdict
from invrender.fitting.problem import Problem
from invrender.fitting.schedule import Stage
from invrender.fitting.search.rivals import AS_WELL, Referee
from invrender.fitting.search.seeker import Seeker
from invrender.losses import Correlation, MeanSquaredError
from invrender.parameters import Ambient, CameraPose, LightColor, LightIntensity
from invrender.parameters.base import Parameter
from invrender.parameters.camera import sample_turns
from invrender.render.base import render_scene
from invrender.render.edge import EdgeRenderer
from invrender.scene import Picture, Target, View, view_of

SCENE = tiny.scene(48)
PICTURE = render_scene(EdgeRenderer(), SCENE)
POSE: dict[str, Parameter] = {"camera_pose": CameraPose()}
STAGE = Stage(1, sigma=0)


def problem(
    parameters: dict[str, Parameter], loss: Correlation | MeanSquaredError, judged: tuple[str, ...] = ()
) -> Problem:
    # Another exposure, and something before the object.
    seen = 0.6 * PICTURE.rgb
    if isinstance(loss, Correlation):
        seen = seen.clone()
        seen[:, 21:23] = torch.tensor([0.9, 0.1, 0.4]).double()
    else:
        seen = PICTURE.rgb
    target = Target((view_of(seen),))
    return Problem(SCENE, target, parameters, EdgeRenderer(), {"loss": loss}, judged)


@dataclass(frozen=True)
class Constant(MeanSquaredError):
    """A loss that nothing changes."""

    def __call__(self, picture: Picture, view: View) -> Tensor:
        return torch.ones((), dtype=torch.float64)


def displaced(*change: float) -> dict[str, torch.Tensor]:
    return {"camera_pose": torch.tensor(change, dtype=torch.float64)}


def test_the_right_pose_stands_out_and_a_wrong_one_does_not() -> None:
    given = problem(POSE, Correlation(inside=0.5, windows=(0.1,), floor=0.005))
    right = weigh(given, [STAGE], displaced(0, 0, 0, 0, 0, 0))
    wrong = weigh(given, [STAGE], displaced(0.5, 0.6, -0.3, 0, 0, 0))
    assert right is not None
    assert wrong is not None
    assert right.holds
    assert not wrong.holds
    assert right.share < 0.7 * wrong.share


def test_the_evidence_is_the_same_however_tightly_a_loss_bounds_outliers() -> None:
    usual, tight = (
        weigh(problem(POSE, Correlation(windows=(0.1,), outlier=outlier)), [STAGE], displaced(0, 0, 0, 0, 0, 0))
        for outlier in (1.0, 0.3)
    )
    assert usual is not None
    assert usual == tight


def test_a_rival_is_as_good_by_its_correlation_alone() -> None:
    # By a tight bound, beside a loss that is the same for both, a wrong pose is hardly worse than the right one.
    robust = problem(POSE, Correlation(inside=0.5, windows=(0.1,), floor=0.005, outlier=0.3))
    flat = Constant(weight=1.0)
    given = replace(robust, losses={**robust.losses, "flat": flat})
    zero = displaced(0, 0, 0, 0, 0, 0)
    seeker = Seeker(given, (STAGE, STAGE), 1, 3.0, "camera_pose", given.poses["camera_pose"], zero)
    referee = Referee(seeker, [STAGE], zero)
    right, close, wrong = (
        seeker.measure(referee.objective, displaced(*change))
        for change in ((0, 0, 0, 0, 0, 0), (1e-4, 0, 0, 0, 0, 0), (0.5, 0.6, -0.3, 0, 0, 0))
    )
    assert wrong.loss <= AS_WELL * right.loss
    assert referee.keep_as_good(right, [close, wrong]) == [close]


def test_losses_that_are_not_robust_go_by_the_picture() -> None:
    assert weigh(problem(POSE, MeanSquaredError()), [STAGE], displaced(0, 0, 0, 0, 0, 0)) is None


def test_evidence_is_certain_holds_or_does_not() -> None:
    found = [Evidence(share, 1.0) for share in (0.9 * CERTAIN, 1.1 * CERTAIN, 1.1 * MOST)]
    assert [each.certain for each in found] == [True, False, False]
    assert [each.holds for each in found] == [True, True, False]
    assert "still" in found[2].words


def test_a_pose_is_determined_though_the_light_beside_it_is_not() -> None:
    # Of intensity and colour of a light only the product is seen.
    lights: dict[str, Parameter] = {"intensity": LightIntensity(["sun"]), "color": LightColor(["sun"])}
    parameters = {**POSE, **lights}
    given = problem(parameters, MeanSquaredError())
    raw = given.initial()
    verdict = judge(given, [STAGE], raw)
    assert given.counting == ["camera_pose"]
    assert verdict.status == "converged"
    assert verdict.unknowns["camera_pose"].status == "converged"
    assert {verdict.unknowns[name].status for name in lights} == {"unidentifiable"}
    assert "camera_pose" in verdict.error_bars
    assert not {"intensity", "color"} & set(verdict.error_bars)
    other = judge(replace(given, judged=("intensity",)), [STAGE], raw)
    assert other.status == "unidentifiable"
    assert "intensity together with color" in other.reason


def test_without_poses_all_unknowns_count() -> None:
    given = problem({"ambient": Ambient(), "intensity": LightIntensity()}, MeanSquaredError())
    assert given.counting == ["ambient", "intensity"]


def test_the_verdict_is_about_unknowns_that_are_there() -> None:
    with pytest.raises(UserError, match=r"verdict.of: 'lamp' is not among the unknowns, camera_pose"):
        problem(POSE, MeanSquaredError(), judged=("lamp",)).check()


@pytest.mark.parametrize("counts", [True, False])
def test_a_revised_judgement_is_the_verdicts_own_where_the_unknown_counts(counts: bool) -> None:
    good = Judgement("converged", "it is explained")
    verdict = Verdict("converged", good.reason, 0.0, unknowns={"pose": good, "light": good})
    revised = verdict.revise("pose", Judgement("ambiguous", "two of them"), ["light", "pose"] if counts else ["light"])
    assert revised.unknowns["pose"].status == "ambiguous"
    assert revised.unknowns["light"].status == "converged"
    assert revised.status == ("ambiguous" if counts else "converged")


def test_of_several_that_count_the_worst_judgement_stays_the_verdicts_own() -> None:
    good, falling = Judgement("converged", "it is explained"), Judgement("not_converged", "it was falling")
    verdict = Verdict("not_converged", falling.reason, 0.0, unknowns={"one": good, "other": falling})
    revised = verdict.revise("one", Judgement("ambiguous", "two of them"), ["one", "other"])
    assert (revised.status, revised.reason) == ("not_converged", "it was falling")
    assert revised.unknowns["one"].status == "ambiguous"


def test_turns_near_a_start_cover_what_is_near() -> None:
    found = sample_turns(200, None, torch.zeros(1).double(), radius=30.0)
    angles = found[:, :3].norm(dim=1).rad2deg()
    assert 150 <= len(found) <= 260
    assert float(angles.max()) <= 30
    # Rotations within half the angle are about an eighth of all.
    assert 0.06 < float((angles < 15).double().mean()) < 0.2
    assert float(found[:, 3:5].norm(dim=1).max()) <= 0.1 * 0.53
    assert torch.equal(found[:, 5], torch.zeros(len(found)).double())
    assert len(sample_turns(200, 10.0, torch.zeros(1).double(), radius=30.0)) < 30
