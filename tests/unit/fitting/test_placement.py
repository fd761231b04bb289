"""Renderings are found again in a photograph, wherever they lie in it and whatever the light."""

from __future__ import annotations

import math

import pytest
import tiny
import torch
from torch import Tensor

from invrender.fitting.problem import Problem
from invrender.fitting.schedule import Stage
from invrender.fitting.search import Search
from invrender.fitting.search.placement import Placement, fields, moved, wrapped
from invrender.fitting.search.seeker import Seeker, offsets_around
from invrender.losses import Correlation, Separation
from invrender.parameters import CameraPose, CameraPosition, ObjectPose
from invrender.parameters.base import Pose
from invrender.render.base import render_scene
from invrender.render.edge import EdgeRenderer
from invrender.scene import Picture, Target, view_of

SIZE = 40


def blob(seed: int = 0) -> tuple[Tensor, Tensor]:
    """Colours and the silhouette of something round in the middle of a picture."""
    random = torch.Generator().manual_seed(seed)
    y, x = torch.meshgrid(torch.arange(SIZE), torch.arange(SIZE), indexing="ij")
    alpha = ((x - 20) ** 2 + (y - 18) ** 2 < 49).double()
    return torch.rand(SIZE, SIZE, 3, generator=random, dtype=torch.float64), alpha


def photograph(right: int, down: int, gain: float = 1.0) -> Tensor:
    """The same thing elsewhere, before something else."""
    rgb, alpha = blob()
    behind = torch.rand(SIZE, SIZE, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    moved, mask = (torch.roll(each, (down, right), (0, 1)) for each in (rgb, alpha))
    return gain * torch.where(mask[..., None] > 0, moved, behind)


@pytest.mark.parametrize(("right", "down"), [(0, 0), (9, -5), (-12, 13)])
@pytest.mark.parametrize("gain", [1.0, 0.4])
def test_a_rendering_is_found_where_it_lies(right: int, down: int, gain: float) -> None:
    rgb, alpha = blob()
    placed = Placement(view_of(photograph(right, down, gain))).place(Picture({"rgb": rgb, "alpha": alpha}))
    assert (placed.right, placed.down) == (right, down)
    # Noise has no colours of its own, so that half of how it is separated counts.
    assert 0.3 < placed.score <= 1 + 1e-9


def test_another_thing_scores_less() -> None:
    (rgb, alpha), (other, _) = blob(), blob(5)
    placement = Placement(view_of(photograph(4, 4)))
    same, wrong = (placement.place(Picture({"rgb": each, "alpha": alpha})).score for each in (rgb, other))
    assert wrong < 0.6 * same


def test_of_two_silhouettes_the_one_that_separates_the_colours_is_better() -> None:
    # Both are plain within, and lie where the photograph is red.
    y, x = torch.meshgrid(torch.arange(SIZE), torch.arange(SIZE), indexing="ij")
    whole = ((x - 20) ** 2 + (y - 20) ** 2 < 81).double()
    half = whole * (x < 20)
    colors = torch.tensor([[0.1, 0.3, 0.1], [0.8, 0.1, 0.1]]).double()
    view = view_of(colors[whole.long()])
    mixed = [Separation()(Picture({"alpha": each}), view) for each in (whole, half)]
    assert mixed[0] < 0.5 * mixed[1]
    pictures = [Picture({"rgb": colors[each.long()], "alpha": each}) for each in (whole, half)]
    found = [Placement(view).place(picture).score for picture in pictures]
    assert found[0] > found[1]


@pytest.mark.parametrize(("right", "down"), [(0, 0), (3, -2), (-4, 1)])
def test_a_picture_moves_and_leaves_zeros(right: int, down: int) -> None:
    picture = torch.rand(6, 7, generator=torch.Generator().manual_seed(2))
    around = torch.nn.functional.pad(picture, (7, 7, 7, 7))
    assert moved(picture, right, down).equal(torch.roll(around, (down, right), (0, 1))[7:-7, 7:-7])


def test_scores_are_sums_over_shifted_pictures() -> None:
    # What the transforms stand for, written out for one shift.
    rgb, alpha = blob()
    view = view_of(photograph(3, -2))
    found = Placement(view).scores(Picture({"rgb": rgb, "alpha": alpha}))[-2, 3]
    wanted = torch.zeros(()).double()
    own, other = fields(rgb, alpha), fields(view.rgb, torch.ones_like(alpha))
    for mine, seen in zip(own, other, strict=True):
        there = torch.roll(seen, (2, -3), (0, 1))
        product, power, total = ((alpha[..., None] * each).sum() for each in (mine * there, there**2, mine**2))
        wanted += product / (power * total).sqrt() / len(own)
    assert float(found) == pytest.approx(float(wanted), abs=1e-9)


def test_what_would_leave_the_picture_is_not_placed_there() -> None:
    rgb, alpha = blob()
    scores = Placement(view_of(photograph(0, 0))).scores(Picture({"rgb": rgb, "alpha": alpha}))
    assert float(scores[0, 30]) == -1.0
    assert wrapped(0, 40) == 0
    assert wrapped(79, 40) == -1


def test_masked_pixels_do_not_count() -> None:
    rgb, alpha = blob()
    seen = photograph(6, 0)
    mask = torch.zeros(SIZE, SIZE).double()
    mask[:, 18:] = 1
    spoilt = torch.where(mask[..., None] > 0, seen, torch.rand(SIZE, SIZE, 3).double())
    placed = Placement(view_of(spoilt, mask=mask)).place(Picture({"rgb": rgb, "alpha": alpha}))
    assert (placed.right, placed.down) == (6, 0)


def seeker(pose: Pose, scene_shift: tuple[float, float]) -> Seeker:
    """Of a pose whose target was taken from a shifted camera."""
    scene = tiny.scene(48)
    start = CameraPose().apply(scene, torch.tensor([0, 0, 0, *scene_shift, 0]).double())
    target = Target((view_of(render_scene(EdgeRenderer(), scene).rgb),))
    problem = Problem(start, target, {"pose": pose}, EdgeRenderer(), {"correlation": Correlation()})
    stage = Stage(1, size=32, sigma=0)
    return Seeker(problem, [stage, stage], 3, 3.0, "pose", pose, problem.initial())


def test_poses_are_shifted_to_where_their_renderings_lie_best() -> None:
    sought = seeker(CameraPose(), (0.12, -0.09))
    [placed] = sought.place([{"pose": torch.zeros(6).double()}])
    found = placed.raw
    # A pixel is 0.02; and what is nearer moves by more.
    assert found["pose"][:3].tolist() == [0, 0, 0]
    assert found["pose"][3:5].tolist() == pytest.approx([-0.12, 0.09], abs=0.03)


def test_the_best_placed_come_first_and_the_distinct_ones_stay() -> None:
    sought = seeker(CameraPose(), (0.05, 0.0))
    turned = [{"pose": torch.tensor([0, 0, angle, 0, 0, 0]).double()} for angle in (2.0, 0.02, -1.0)]
    best, *others = sought.keep_distinct(sought.place(turned))
    assert float(best.raw["pose"][2]) == pytest.approx(0.02)
    assert all(best.loss < other.loss for other in others)
    assert sought.keep_distinct(sought.place(turned), most=1)[0].loss == best.loss
    assert len(sought.keep_distinct(sought.place(turned), apart=180.0)) == 1


def test_one_of_several_objects_stays() -> None:
    sought = seeker(ObjectPose("textured"), (0.1, 0.0))
    assert sought.placement is None


def test_a_camera_that_looks_at_its_point_does_not_shift() -> None:
    sought = seeker(CameraPosition(), (0.1, 0.0))
    assert len(sought.shifts(sought.resting, [[0.1, 0, 0]])) == 0
    search = Search(sought.stages, radius=30.0, nearby=20, survivors=2, finalists=1, steps=1)
    assert search.look_around(sought)


def test_patterns_may_repeat_all_around() -> None:
    offsets = offsets_around()
    assert offsets.shape == (24, 3)
    assert float(offsets.sum(dim=0).abs().max()) < 1e-6
    assert sorted({round(math.hypot(*each[:2]), 3) for each in offsets.tolist()}) == [0.15, 0.3, 0.5]
    sought = seeker(CameraPose(), (0.0, 0.0))
    lengths = {round(float(each["pose"][3:].norm()), 6) for each in sought.repeat(sought.resting)}
    assert len(lengths) == 3
