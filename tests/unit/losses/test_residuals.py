"""Losses as sums of squares: the residuals that least squares work on stand for the loss itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import tiny
import torch
from torch import Tensor

from invrender import losses
from invrender.errors import UserError
from invrender.losses import (
    Contrast,
    Correlation,
    Depth,
    Huber,
    MeanAbsoluteError,
    MeanSquaredError,
    Moments,
    Normals,
    Separation,
    Silhouette,
)
from invrender.losses.base import Loss
from invrender.losses.silhouettes import moments
from invrender.scene import Picture, View, view_of

SCENE = tiny.scene()
SQUARED = [
    MeanSquaredError(),
    MeanSquaredError(space="srgb", where="object"),
    Silhouette(),
    Moments(),
    Normals(),
]
# Besides its sum of squares it counts how little is shown, which has no gradient.
CONTRAST = Contrast(window=0.15, inside=0.0)
# Beyond its sum of squares it counts what is not explained.
DEPTH = Depth(noise=0.05, growth=0.02, lateral=0.0)
CORRELATION = Correlation(windows=(0.15, 0.3), inside=0.0, outlier=0.7)
EXPLAINED = Correlation(windows=(0.2,), inside=0.0, outlier=0.7, background=0.8)
SEPARATION = Separation(levels=4)
ROBUST = [MeanAbsoluteError(), MeanAbsoluteError(where="mask"), Huber(delta=0.3), Huber(delta=0.05, space="srgb")]


def pictures(seed: int = 0) -> tuple[Picture, View]:
    """A rendering and a view, both noise; nowhere is their difference below 1 / 250."""
    random = torch.Generator().manual_seed(seed)

    def uniform(*shape: int) -> Tensor:
        return 0.1 + torch.randint(101, shape, generator=random).double() / 125

    rendered = Picture({"rgb": uniform(12, 16, 3) + 1 / 250, "alpha": uniform(12, 16), "depth": uniform(12, 16)})
    view = view_of(uniform(12, 16, 3), mask=uniform(12, 16), weight=uniform(12, 16), depth=uniform(12, 16))
    view = replace(view, picture=view.picture.with_channels(normal=uniform(12, 16, 3)))
    return rendered.with_channels(normal=uniform(12, 16, 3)), view


def slopes(function: Callable[[Picture], Tensor], rendered: Picture) -> list[Tensor]:
    """The gradient of a number in the colours, in the silhouette and in the depths."""
    leaves = {name: each.clone().requires_grad_() for name, each in rendered.channels.items()}
    found = torch.autograd.grad(function(Picture(leaves)), list(leaves.values()), allow_unused=True)
    return [
        torch.zeros_like(each) if slope is None else slope for each, slope in zip(leaves.values(), found, strict=True)
    ]


def sum_of_squares(loss: Loss, rendered: Picture, view: View) -> Tensor:
    found = loss.residuals(rendered, view)  # type: ignore[union-attr]
    return replace(found, weights=found.weights.detach()).sum_of_squares


def test_these_are_all_losses_that_least_squares_can_lower() -> None:
    kinds = {kind for name in losses.__all__ if hasattr(kind := getattr(losses, name), "residuals")}
    kinds = {kind for kind in kinds if "channels" in dir(kind)}  # the others are priors
    assert kinds == {type(loss) for loss in (*SQUARED, *ROBUST, CONTRAST, CORRELATION, SEPARATION, DEPTH)}


@pytest.mark.parametrize("loss", [*SQUARED, *ROBUST, CONTRAST, CORRELATION, EXPLAINED, SEPARATION, DEPTH], ids=str)
def test_the_sum_of_squares_has_the_gradient_of_the_loss(loss: Loss) -> None:
    rendered, view = pictures()
    expected = slopes(lambda given: loss(given, view), rendered)
    found = slopes(lambda given: sum_of_squares(loss, given, view), rendered)
    assert max(float(each.abs().max()) for each in expected) > 1e-5
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("loss", SQUARED, ids=str)
def test_the_sum_of_squares_is_the_loss_where_it_is_one(loss: Loss) -> None:
    rendered, view = pictures()
    torch.testing.assert_close(sum_of_squares(loss, rendered, view), loss(rendered, view))


@pytest.mark.parametrize("loss", ROBUST, ids=str)
def test_the_sum_of_squares_lies_above_a_robust_loss(loss: Loss) -> None:
    # So what lowers the sum of squares lowers the loss (Huber, 1981, on iteratively reweighted least squares).
    rendered, view = pictures()
    found = loss.residuals(rendered, view)  # type: ignore[union-attr]
    above = loss(rendered, view) - found.sum_of_squares
    for seed in range(1, 6):
        other, _ = pictures(seed)
        moved = loss.residuals(other, view)  # type: ignore[union-attr]
        assert float(loss(other, view)) <= float(replace(moved, weights=found.weights).sum_of_squares + above) + 1e-12


@pytest.mark.parametrize("loss", [CONTRAST, CORRELATION, Moments(), DEPTH], ids=str)
def test_gradients_are_finite_differences(loss: Loss) -> None:
    rendered, view = pictures()
    _, other = pictures(1)
    slope = slopes(lambda given: loss(given, view), rendered)
    # The silhouette says which pixels the contrast is compared at, and has no part in its gradient.
    alpha = other.rgb[..., 0] if isinstance(loss, Moments) else torch.zeros_like(rendered.alpha)
    ahead, back = (
        Picture(
            {
                "rgb": rendered.rgb + step * other.rgb,
                "alpha": rendered.alpha + step * alpha,
                "depth": rendered.depth + step * other.picture.depth,
            }
        )
        for step in (1e-6, -1e-6)
    )
    difference = (loss(ahead, view) - loss(back, view)) / 2e-6
    expected = (slope[0] * other.rgb).sum() + (slope[1] * alpha).sum() + (slope[2] * other.picture.depth).sum()
    assert abs(float(expected)) > 1e-5
    assert float(difference) == pytest.approx(float(expected), rel=1e-6)


def pattern(height: int = 40, width: int = 48) -> Tensor:
    """A picture [H, W, 3] of stripes and a slope."""
    rows, columns = torch.meshgrid(torch.arange(height).double(), torch.arange(width).double(), indexing="ij")
    grey = 0.3 + 0.15 * torch.sin(rows) * torch.cos(0.7 * columns) + 0.002 * columns
    return grey[..., None] * torch.tensor([1.0, 0.8, 0.6], dtype=torch.float64)


def shown(rgb: Tensor) -> Picture:
    return Picture({"rgb": rgb, "alpha": torch.ones_like(rgb[..., 0]), "depth": torch.ones_like(rgb[..., 0])})


def contrast(rgb: Tensor) -> float:
    return float(Contrast(floor=1e-3)(shown(rgb), view_of(pattern())))


def test_contrast_sees_patterns_and_not_the_light_on_them() -> None:
    other = contrast(pattern().roll(2, dims=1))
    sideways = torch.linspace(0, 0.2, 48, dtype=torch.float64)[:, None]
    least = contrast(pattern())
    assert least < 0.01 * other
    for gain, offset in ((0.2, 0.0), (5.0, 0.0), (1.0, 0.3), (0.5, -0.1)):
        assert contrast(gain * pattern() + offset) - least < 0.001 * other
    assert contrast(pattern() + sideways) - least < 0.01 * other
    assert contrast((1 + sideways) * pattern()) - least < 0.01 * other


def test_contrast_looks_at_the_objects_alone() -> None:
    view = view_of(pattern())
    inside = torch.zeros(40, 48).double()
    inside[10:30, 12:36] = 1
    clutter = torch.where(inside[..., None] > 0, pattern(), 0.9 * torch.rand(40, 48, 3).double())
    found, without = (float(Contrast()(shown(rgb).with_channels(alpha=inside), view)) for rgb in (clutter, pattern()))
    assert found == pytest.approx(without, abs=1e-12)


def test_where_nothing_is_shown_contrast_is_that_of_pictures_with_nothing_in_common() -> None:
    nothing = shown(pattern()).with_channels(alpha=torch.zeros(40, 48).double())
    assert float(Contrast()(nothing, view_of(pattern()))) == 2.0


def disc(x: float, y: float, radius: float, height: int = 24, width: int = 36) -> Tensor:
    """The silhouette of a disc, soft within a pixel."""
    rows, columns = torch.meshgrid(torch.arange(height).double(), torch.arange(width).double(), indexing="ij")
    return (radius - torch.hypot(columns + 0.5 - x, rows + 0.5 - y) + 0.5).clamp(0, 1)


def test_moments_are_the_centre_and_the_size() -> None:
    x, y, size = moments(disc(25.0, 7.0, 5.0)).tolist()
    assert (x, y) == pytest.approx(((25 - 18) / 24, (7 - 12) / 24), rel=2e-3)
    assert size == pytest.approx(5 * torch.pi**0.5 / 24, rel=5e-3)


def test_moments_pull_where_silhouettes_do_not_overlap() -> None:
    view = view_of(torch.zeros(24, 36, 3).double(), mask=disc(28.0, 12.0, 4.0))
    assert view.mask is not None

    def slope(loss: Loss, *place: float) -> list[float]:
        """The derivatives in x, y and the radius of a disc."""
        given = torch.tensor(place, dtype=torch.float64, requires_grad=True)
        alpha = disc(*given)  # type: ignore[arg-type]
        assert not (alpha * view.mask).any()
        value = loss(Picture({"rgb": alpha[..., None].expand(-1, -1, 3), "alpha": alpha, "depth": alpha}), view)
        return list(torch.autograd.grad(value, given)[0].tolist())

    x, y, radius = slope(Moments(), 8.0, 17.0, 2.5)
    assert x < -0.001
    assert y > 0.001
    assert radius < -0.001
    # Pixels have nothing to say about where the disc should go.
    assert slope(Silhouette(), 8.0, 17.0, 2.5)[:2] == pytest.approx([0.0, 0.0], abs=1e-9)


def test_an_empty_silhouette_has_moments_and_no_nan() -> None:
    mask = torch.zeros(24, 36, dtype=torch.float64, requires_grad=True)
    x, y, size = moments(mask)
    assert (x.item(), y.item(), size.item()) == pytest.approx((0.0, 0.0, 0.01))
    (gradient,) = torch.autograd.grad(x + y + size, mask)
    assert bool(gradient.isfinite().all())


def test_moments_need_a_mask() -> None:
    with pytest.raises(UserError, match=r"target\.mask="):
        Moments().check(view_of(torch.zeros(2, 2, 3)))


@pytest.mark.parametrize("given", [{"window": 0.0}, {"floor": -1.0}, {"weight": -1.0}])
def test_options_of_contrast_are_checked(given: dict[str, float]) -> None:
    with pytest.raises(UserError, match=f"{next(iter(given))} is "):
        Contrast(**given)
