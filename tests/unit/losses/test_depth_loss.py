"""The loss of depths against its formula, pixel by pixel, and what it asks of a view."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from invrender.errors import UserError
from invrender.fitting.judge.explained import measure_unexplained
from invrender.losses import Depth
from invrender.losses.base import HARDLY_ANY
from invrender.losses.depth import NOTHING, measure_slope
from invrender.scene import Picture, View, view_of


def pictures() -> tuple[Picture, View]:
    """A rendering that shows an object in half of it, and a view of which a third was measured."""
    random = torch.Generator().manual_seed(0)

    def uniform(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=random, dtype=torch.float64)

    alpha = uniform(4, 5) * (uniform(4, 5) < 0.6)
    rendered = Picture({"alpha": alpha, "depth": (2 + uniform(4, 5)) * (alpha > 0)})
    depth = (2 + uniform(4, 5)) * (uniform(4, 5) < 0.7)
    return rendered, view_of(uniform(4, 5, 3), mask=uniform(4, 5), weight=uniform(4, 5), depth=depth)


@pytest.mark.parametrize("where", ["object", "mask"])
def test_it_is_the_mean_likelihood(where: str) -> None:
    rendered, view = pictures()
    loss = Depth(noise=0.05, growth=0.02, lateral=0.0, freedom=3.0, where=where)  # type: ignore[arg-type]
    scale = float(loss.scale(loss.difference(rendered, view), loss.shares(rendered, view)))
    assert scale > 1.5
    total = counted = 0.0
    for row in range(4):
        for column in range(5):
            found, measured = (float(each.depth[row, column]) for each in (rendered, view.picture))
            if float(rendered.alpha[row, column]) <= 0.5 or measured == 0:
                continue
            assert view.weight is not None and view.mask is not None
            weight = float(view.weight[row, column]) * (float(view.mask[row, column]) if where == "mask" else 1.0)
            difference = (found - measured) / (0.05 + 0.02 * measured**2) / scale
            likelihood = (1 + difference**2 / 3) ** -2 / scale + 0.01
            total -= weight * math.log(likelihood)
            counted += weight
    missing = HARDLY_ANY * 20
    assert counted > 0.5
    assert float(loss(rendered, view)) == pytest.approx((total - missing * math.log(0.01)) / (counted + missing))


def test_the_scale_is_the_likeliest_of_one_or_more() -> None:
    random = torch.Generator().manual_seed(0)
    shares = torch.full((1000,), 1e-3, dtype=torch.float64)
    spread = torch.randn(1000, generator=random, dtype=torch.float64)
    loss = Depth()
    assert float(loss.scale(0.3 * spread, shares)) == 1.0
    for size in (3.0, 20.0):
        found = loss.scale(size * spread, shares)
        around = [float((shares * loss.penalty(size * spread, found * by)).sum()) for by in (0.99, 1.0, 1.01)]
        assert around[1] == min(around)
        assert 0.6 * size < float(found) < size
    # A tenth that is far off hardly changes it.
    hidden = torch.where(torch.arange(1000) < 100, 500.0, 3.0 * spread)
    assert float(loss.scale(hidden, shares)) < 1.5 * float(loss.scale(3.0 * spread, shares))


def test_what_was_not_measured_and_outliers_hardly_pull() -> None:
    rendered, view = pictures()
    depth = rendered.depth.clone().requires_grad_()
    loss = Depth(noise=0.01, growth=0.0)(rendered.with_channels(depth=depth), view)
    (slope,) = torch.autograd.grad(loss, depth)
    compared = (view.picture.depth > 0) & (rendered.alpha > 0.5)
    assert bool((slope[~compared] == 0).all())
    assert bool((slope[compared] != 0).all())
    steps = torch.tensor([1.0, 2.0, 10.0, 100.0], dtype=torch.float64, requires_grad=True)
    influence = torch.autograd.grad(Depth().penalty(steps, torch.ones(())).sum(), steps)[0].tolist()
    assert influence[1] == pytest.approx(max(influence))
    assert influence[3] < 0.001 * influence[1]


def test_steep_depths_count_less() -> None:
    """A slope of 1 a pixel and a step of 9 add to the deviation; what was not measured is no step."""
    depth = torch.tensor([[2.0, 3.0, 4.0, 0.0, 7.0, 16.0]], dtype=torch.float64)
    assert measure_slope(depth).tolist() == [[1.0, 1.0, 1.0, 0.0, 9.0, 9.0]]
    view = view_of(torch.zeros(1, 6, 3), depth=depth)
    rendered = Picture({"depth": depth.clamp(max=4.0)})
    found = Depth(noise=1.0, growth=0.0, lateral=2.0).deviation(rendered, view)
    slopes = measure_slope(depth) ** 2 + measure_slope(rendered.depth) ** 2
    torch.testing.assert_close(found, (1 + 4 * slopes).sqrt())


def test_far_depths_count_less() -> None:
    """By the noise that a sensor of disparities has: twice as far, four times the deviation."""
    ones = torch.ones(2, 2, dtype=torch.float64)
    loss = Depth(noise=1e-9, growth=0.01)
    found = [
        float(
            loss.difference(
                Picture({"depth": (far + 0.02) * ones}), view_of(ones[..., None].expand(-1, -1, 3), depth=far * ones)
            )[0, 0]
        )
        for far in (1.0, 2.0)
    ]
    assert found == pytest.approx([2.0, 0.5])


def test_where_nothing_is_compared_the_loss_is_that_of_what_is_not_explained() -> None:
    rendered, view = pictures()
    nothing = rendered.with_channels(alpha=0 * rendered.alpha)
    assert float(Depth()(nothing, view)) == pytest.approx(NOTHING)
    assert float(Depth()(rendered, view)) < NOTHING


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"depth": None}, r"target\.depth=depth\.png"),
        ({"mask": None}, r"target\.mask=mask\.png"),
        ({"depth": torch.zeros(4, 5)}, "no pixel counts"),
        ({"weight": torch.zeros(4, 5)}, "no pixel counts"),
    ],
)
def test_a_view_without_what_is_compared_is_refused(change: dict[str, Tensor | None], message: str) -> None:
    given = {"mask": torch.ones(4, 5), "weight": None, "depth": torch.ones(4, 5), **change}
    depth = given.pop("depth")
    depths = {} if depth is None else {"depth": depth}
    view = view_of(torch.zeros(4, 5, 3), **given, **depths)  # type: ignore[arg-type]
    with pytest.raises(UserError, match=message):
        Depth(where="mask").check(view)


@pytest.mark.parametrize(
    "given", [{"noise": 0.0}, {"growth": -1.0}, {"lateral": -1.0}, {"freedom": 0.0}, {"where": "everywhere"}]
)
def test_options_are_checked(given: dict[str, float]) -> None:
    with pytest.raises(UserError, match=f"{next(iter(given))} is "):
        Depth(**given)  # type: ignore[arg-type]


def test_pixels_that_show_another_surface_are_unexplained() -> None:
    ones = torch.ones(4, 5, dtype=torch.float64)
    view = view_of(torch.zeros(4, 5, 3), depth=2 * ones)
    found = Picture({"alpha": ones, "depth": 2.01 * ones})
    depths = frozenset(("depth", "alpha"))
    assert measure_unexplained(found, view, depths) == 0
    found.depth[0] = 2.5
    assert measure_unexplained(found, view, depths) == pytest.approx(0.25)
    unmeasured = replace(view, picture=view.picture.with_channels(depth=torch.where(found.depth > 2.1, 0, 2 * ones)))
    assert measure_unexplained(found, unmeasured, depths) == 0
