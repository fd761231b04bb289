"""Patches of renderings are found again in a photograph, and say together how a pose is to change."""

from __future__ import annotations

import pytest
import tiny
import torch
from torch import Tensor

from invrender.fitting.problem import Problem
from invrender.fitting.schedule import Stage
from invrender.fitting.search.matching import HALF, NOTHING, PLAIN, REACH, Matching, correlate, gaussian_window
from invrender.fitting.search.seeker import Seeker, spread_changes
from invrender.losses import Correlation
from invrender.parameters import CameraPose
from invrender.render.base import render_scene
from invrender.render.edge import EdgeRenderer
from invrender.scene import Picture, Target, Truth, view_of

SIZE = 72


def noise(seed: int, size: int = SIZE) -> Tensor:
    return torch.rand(size, size, 3, generator=torch.Generator().manual_seed(seed))


def disc() -> Tensor:
    y, x = torch.meshgrid(torch.arange(SIZE), torch.arange(SIZE), indexing="ij")
    return ((x - 34) ** 2 + (y - 38) ** 2 < 20**2).float()


def rendering() -> Picture:
    return Picture({"rgb": noise(0), "alpha": disc()})


def photograph(right: int, down: int) -> Tensor:
    """Half as bright, before noise, with something else before its left part."""
    own, inside = (torch.roll(each, (down, right), (0, 1)) for each in (noise(0), disc()))
    seen = torch.where(inside[..., None] > 0, 0.1 + 0.5 * own, noise(1))
    seen[:, : 24 + right] = noise(2)[:, : 24 + right]
    return seen


def test_correlations_are_sums_over_squares() -> None:
    random = torch.Generator().manual_seed(0)
    own, there = (torch.rand(2, 3, side, side, generator=random) for side in (5, 9))
    window = torch.rand(2, 1, 5, 5, generator=random)
    scores, contrast = correlate(own, there, window)

    def centred(colors: Tensor, weights: Tensor) -> Tensor:
        return colors - (weights * colors).sum(dim=(1, 2), keepdim=True) / weights.sum()

    for patch in range(2):
        weights = window[patch] / window[patch].sum()
        mine = centred(own[patch], weights)
        variance = (weights * mine**2).sum()
        assert float(contrast[patch]) == pytest.approx(float(variance / (variance + PLAIN**2)), rel=1e-4)
        for row, column in ((0, 0), (1, 3), (4, 2)):
            other = centred(there[patch, :, row : row + 5, column : column + 5], weights)
            power = (variance + PLAIN**2) * ((weights * other**2).sum() + PLAIN**2)
            wanted = (weights * mine * other).sum() / power.sqrt()
            assert float(scores[patch, row, column]) == pytest.approx(float(wanted), abs=1e-5)


@pytest.mark.parametrize(("right", "down"), [(0, 0), (7, -4), (-9, 9)])
def test_most_patches_are_found_where_the_rendering_is_shifted(right: int, down: int) -> None:
    patches = Matching(view_of(photograph(right, down))).find(rendering())
    assert patches is not None
    places = patches.scores.flatten(1).argmax(dim=1)
    rows, columns = places // (2 * REACH + 1) - REACH, places % (2 * REACH + 1) - REACH
    found = (rows == down) & (columns == right)
    hidden = patches.columns + HALF < 24
    assert 0.6 < float(found.double().mean()) < 1
    assert not bool(found[hidden].any())


def test_pixels_without_weight_have_no_patches() -> None:
    weight = torch.ones(SIZE, SIZE)
    weight[:40] = 0
    patches = Matching(view_of(photograph(0, 0), weight=weight)).find(rendering())
    assert patches is not None
    middle = patches.scores[:, REACH, REACH]
    assert float(middle[patches.rows < 40].max()) == 0
    assert float(middle[(patches.rows > 46) & (patches.columns > 30)].min()) > 0.9 * (1 - NOTHING)


def test_too_little_is_not_matched() -> None:
    small = Picture({"rgb": noise(0), "alpha": torch.zeros(SIZE, SIZE)})
    small["alpha"][30:34, 30:34] = 1
    assert Matching(view_of(noise(1))).find(small) is None
    assert float(gaussian_window().max()) == 1


def test_patches_agree_on_a_shift_and_a_growth_though_many_are_misled() -> None:
    right, down = 6, -3
    patches = Matching(view_of(photograph(right, down))).find(rendering())
    assert patches is not None
    middles = torch.stack([patches.columns, patches.rows], dim=1) + 0.5
    # Shifts of the picture, and how it grows about its middle.
    slopes = torch.cat([torch.eye(2).expand(len(middles), 2, 2), (middles - SIZE / 2)[..., None]], dim=2)
    spread = spread_changes(slopes, patches.weights, 4.0, 100.0)
    found = patches.agree(slopes, spread, torch.Generator().manual_seed(0))
    assert found.tolist() == pytest.approx([right, down, 0.0], abs=0.35)


def test_changes_shift_points_by_as_many_pixels_but_for_those_that_hardly_show() -> None:
    random = torch.Generator().manual_seed(0)
    slopes, weights = torch.randn(9, 2, 3, generator=random), torch.rand(9, generator=random)
    slopes[..., 2] = 1e-4
    spread = spread_changes(slopes, weights, 2.0, 5.0)
    shifts = slopes @ spread
    squares = (weights[:, None, None] * shifts**2).sum(dim=(0, 1)) / weights.sum()
    assert float(spread.norm(dim=0).max()) == pytest.approx(5.0)
    assert sorted(squares.sqrt().tolist())[1:] == pytest.approx([2.0, 2.0], rel=1e-3)


def test_a_pose_that_is_ten_degrees_off_is_matched_in_two_rounds() -> None:
    change = torch.tensor([0.12, -0.1, 0.08, 0.02, -0.03, 0.06]).double()
    scene, pose = tiny.scene(96), CameraPose()
    target = Target((view_of(render_scene(EdgeRenderer(), scene).rgb),))
    start, losses = pose.apply(scene, change), {"correlation": Correlation()}
    problem = Problem(start, target, {"pose": pose}, EdgeRenderer(), losses)
    stage = Stage(1, size=96, sigma=0)
    seeker = Seeker(problem, [stage, stage], 3, 3.0, "pose", pose, problem.initial())
    raws, errors = [problem.initial()], []
    for pixels in (4.0, 2.0):
        raws = seeker.match(0, raws, pixels)
        found = pose.apply(start, raws[0]["pose"])
        errors.append(pose.error(found, Truth(scene, {}, {}))["rotation_deg"])
    assert errors[0] < 4
    assert errors[1] < 1.5
