"""Residuals and their pixels: blocks hold what belongs together, whatever losses are chosen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import pytest
import shapes
import tiny
import torch
from torch import Tensor

from invrender.fitting.judge.uncertainty import BLOCK, estimate_uncertainty, number_blocks, sum_by_block
from invrender.fitting.objective import Objective
from invrender.fitting.problem import Problem
from invrender.fitting.schedule import Stage
from invrender.fitting.solve.base import Linearized
from invrender.losses import Contrast, MeanSquaredError, Moments, Silhouette, TotalVariation
from invrender.losses.base import Loss, Residuals
from invrender.parameters import Ambient, LightIntensity
from invrender.render.embedded import EmbeddedRenderer
from invrender.scene import Picture, Scene, Target, view_of
from invrender.targets import render_target

TRUTH = shapes.seen_from_sides(tiny.scene(8))
RENDERER = EmbeddedRenderer(sigma=1e-3, samples=1, mipmaps=False)
UNKNOWNS = {"key": LightIntensity(lights=["key"], lr=1.0), "ambient": Ambient(lr=1.0)}
# Of each channel of each pixel, of each pixel, and of none.
PHOTO: Mapping[str, Loss] = {"contrast": Contrast(window=0.2, inside=0.0), "colors": MeanSquaredError()}
WITH_MOMENTS: Mapping[str, Loss] = {"moments": Moments(), **PHOTO, "outline": Silhouette()}


def objective_of(losses: Mapping[str, Loss], views: int = 1, blur: float = 0.0) -> Objective:
    target = render_target(TRUTH, ["camera", "right"][:views], samples=2, noise=0.05)
    return Problem(TRUTH, target, UNKNOWNS, RENDERER, losses).at(Stage(1, blur=blur))


def shown_apart(objective: Objective, pixel: tuple[int, int, int]) -> Tensor:
    """Which residuals [M] change with one pixel of one view's colours and silhouette, and with no other alone."""
    view, row, column = pixel

    def changed(size: float) -> Tensor:
        [comparisons] = objective.compare([objective.scene_at({n: u.initial(TRUTH) for n, u in UNKNOWNS.items()})])
        picture, target = comparisons[view]
        rgb, alpha = picture.rgb.clone(), picture.alpha.clone()
        rgb[row, column] += size
        alpha[row, column] += size
        comparisons[view] = (picture.with_channels(rgb=rgb, alpha=alpha), target)
        return torch.cat([each.values for each in objective.residuals_of(comparisons)])

    return (changed(1e-3) - changed(0.0)).abs() > 1e-9


@pytest.mark.parametrize("views", [1, 2])
def test_residuals_carry_the_pixel_that_changes_them(views: int) -> None:
    # Contrast compares windows, so that one pixel changes many of its residuals.
    losses = {"colors": MeanSquaredError(), "moments": Moments(), "outline": Silhouette()}
    objective = objective_of(losses, views)
    [local] = objective.linearize([{n: u.initial(TRUTH) for n, u in UNKNOWNS.items()}], ["key"])
    for pixel in [(0, 0, 3), (0, 5, 2), (views - 1, 7, 7)]:
        view, row, column = pixel
        belongs = local.pixel == 64 * view + 8 * row + column
        assert int(belongs.sum()) == 4
        assert torch.equal(shown_apart(objective, pixel) & (local.pixel >= 0), belongs)
    assert int((local.pixel < 0).sum()) == 3 * views


@pytest.mark.parametrize("losses", [PHOTO, WITH_MOMENTS], ids=["photo", "with moments"])
@pytest.mark.parametrize("views", [1, 2])
def test_blocks_of_several_losses_are_those_of_each_alone(losses: Mapping[str, Loss], views: int) -> None:
    objective = objective_of(losses, views)
    raw = {name: unknown.initial(TRUTH) for name, unknown in UNKNOWNS.items()}
    [local] = objective.linearize([raw], list(UNKNOWNS))
    scores = local.jacobian * (local.weights * local.residuals)[:, None]
    found = sum_by_block(scores, local.pixel, objective.sizes)
    expected = torch.zeros(4 * views, 2).double()
    alone = [
        replace(objective, losses={name: loss}).linearize([raw], list(UNKNOWNS))[0] for name, loss in losses.items()
    ]
    for each, loss in zip(alone, losses.values(), strict=True):
        if isinstance(loss, Moments):
            continue
        own = each.jacobian * (each.weights * each.residuals)[:, None]
        pictures = own.reshape(views, 8, 8, -1, 2)
        blocks = pictures.reshape(views, 2, BLOCK, 2, BLOCK, -1, 2).sum(dim=(2, 4, 5))
        expected += blocks.reshape(-1, 2)
    torch.testing.assert_close(found[: 4 * views], expected)
    assert len(found) == 4 * views + int((local.pixel < 0).sum())


def test_views_have_blocks_of_their_own() -> None:
    blocks = number_blocks([(5, 4), (4, 9)])
    assert blocks[:20].reshape(5, 4).tolist() == [[0] * 4] * 4 + [[1] * 4]
    assert blocks[20:].reshape(4, 9).tolist() == [[2] * 4 + [3] * 4 + [4]] * 4


def waves(height: int, width: int) -> Tensor:
    rows, columns = torch.meshgrid(torch.arange(height).double(), torch.arange(width).double(), indexing="ij")
    return torch.stack([torch.sin(rows / 5), torch.cos(columns / 7), torch.sin(rows / 9 + columns / 6)], dim=-1)


@pytest.mark.parametrize("with_moments", [False, True])
def test_error_bars_of_two_losses_hold_two_thirds_of_the_errors(with_moments: bool) -> None:
    # A linear model of a picture of which one loss sees the colours and another one their mean; the noise of a pixel is
    # in both, and that of a block is alike. Blocks that were wrong gave error bars that are too short.
    height, width = 48, 64
    basis = waves(height, width)
    pixel = torch.arange(height * width)
    colors = basis.reshape(-1, 1, 3).expand(-1, 3, 3).reshape(-1, 3)
    means = basis.reshape(-1, 3)
    measured = basis.mean(dim=(0, 1))[None]
    jacobian = torch.cat([colors, means, *([measured] if with_moments else [])])
    belongs = torch.cat([pixel.repeat_interleave(3), pixel, torch.full((int(with_moments),), -1)])
    weights = torch.ones(len(jacobian)).double() / len(jacobian)
    shapes = {"one": torch.Size([3])}
    within, random = 0, torch.Generator().manual_seed(0)
    for _ in range(200):
        coarse = 0.1 * torch.randn(height // BLOCK, width // BLOCK, 3, generator=random, dtype=torch.float64)
        errors = coarse.repeat_interleave(BLOCK, dim=0).repeat_interleave(BLOCK, dim=1).reshape(-1, 3)
        measured_error = errors.mean()[None] if with_moments else errors.new_zeros(0)
        noise = torch.cat([errors.reshape(-1), errors.mean(dim=1), measured_error])
        change = torch.linalg.lstsq(jacobian, -noise[:, None]).solution[:, 0]
        local = Linearized(shapes, noise + jacobian @ change, weights, belongs, jacobian)
        found = estimate_uncertainty(local, {"one": 0.1}, [(height, width)])
        within += int((change.abs() <= found.covariance.diagonal().sqrt()).sum())
    # Two standard deviations of a share of 600 are 4 per cent.
    assert within / 600 == pytest.approx(0.683, abs=0.04)


@dataclass
class Counted:
    """A prior on the scene that counts how often it is asked."""

    weight: float = 2.0
    asked: list[Scene] = field(default_factory=list)

    def check(self, scene: Scene) -> None:
        self.asked.append(scene)

    def __call__(self, scene: Scene, start: Scene) -> Tensor:
        self.asked.append(start)
        return (scene.lights["key"].intensity - start.lights["key"].intensity) ** 2

    def residuals(self, scene: Scene, start: Scene) -> Residuals:
        difference = (scene.lights["key"].intensity - start.lights["key"].intensity)[None]
        return Residuals.of_no_pixel(difference, torch.ones_like(difference))


def test_a_prior_counts_once_and_not_for_every_view() -> None:
    prior = Counted()
    objective = objective_of({"colors": MeanSquaredError(), "near": prior}, views=2)
    raw = {"key": torch.tensor([0.3]).double(), "ambient": torch.zeros(1).double()}
    evaluation = objective(raw)
    shift = float(evaluation.scene.lights["key"].intensity) - 0.3
    assert prior.asked == [TRUTH]
    assert float(evaluation.terms["near"]) == pytest.approx(2 * shift**2)
    assert list(evaluation.terms) == ["colors", "near"]
    [local] = objective.linearize([raw], ["key"])
    assert float(local.weights[-1] * local.residuals[-1] ** 2) == pytest.approx(2 * shift**2)
    assert (int(local.pixel[-1]), int((local.pixel < 0).sum())) == (-1, 1)
    assert local.squares(local.residuals) == pytest.approx(float(evaluation.loss))
    assert objective.scores([raw])[0] >= 2 * shift**2


def test_priors_alone_need_no_pictures() -> None:
    @dataclass(frozen=True)
    class Unable(EmbeddedRenderer):
        def render(self, shots: object, channels: object = None, quality: object = None) -> list[Picture]:
            raise AssertionError("nobody looks")

    problem = Problem(
        TRUTH, Target((view_of(torch.zeros(8, 8, 3).double()),)), UNKNOWNS, Unable(), {"s": TotalVariation()}
    )
    assert float(problem.at(Stage(1))(problem.initial()).loss) > 0
