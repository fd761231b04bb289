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
from invrender.losses.depth import FAR_OFF, HARDLY_ANY
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
def test_it_is_the_mean_of_students_likelihood(where: str) -> None:
    rendered, view = pictures()
    loss = Depth(noise=0.05, growth=0.02, freedom=3.0, where=where)  # type: ignore[arg-type]
    total = counted = 0.0
    for row in range(4):
        for column in range(5):
            found, measured = (float(each.depth[row, column]) for each in (rendered, view.picture))
            if found == 0 or measured == 0:
                continue
            assert view.weight is not None and view.mask is not None
            weight = float(rendered.alpha[row, column] * view.weight[row, column])
            weight *= float(view.mask[row, column]) if where == "mask" else 1.0
            difference = (found - measured) / (0.05 + 0.02 * measured**2)
            total += weight * 2.0 * math.log(1 + difference**2 / 3)
            counted += weight
    missing = HARDLY_ANY * 20
    expected = (total + missing * 2.0 * math.log(1 + FAR_OFF**2 / 3)) / (counted + missing)
    assert counted > 1
    assert float(loss(rendered, view)) == pytest.approx(expected)


def test_what_was_not_measured_and_outliers_hardly_pull() -> None:
    rendered, view = pictures()
    depth = rendered.depth.clone().requires_grad_()
    loss = Depth(noise=0.01, growth=0.0)(rendered.with_channels(depth=depth), view)
    (slope,) = torch.autograd.grad(loss, depth)
    compared = (view.picture.depth > 0) & (rendered.depth > 0)
    assert bool((slope[~compared] == 0).all())
    # Student's influence falls with the distance, once that is some standard deviations.
    one = Depth(noise=0.01, growth=0.0)
    steps = torch.tensor([1.0, 2.0, 10.0, 100.0], dtype=torch.float64, requires_grad=True)
    influence = torch.autograd.grad(one.penalty(steps).sum(), steps)[0].tolist()
    assert influence[1] == pytest.approx(max(influence))
    assert influence[3] < 0.05 * influence[1]


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


def test_where_nothing_is_compared_the_loss_is_that_of_depths_far_off() -> None:
    rendered, view = pictures()
    nothing = rendered.with_channels(alpha=0 * rendered.alpha)
    loss = Depth()
    assert float(loss(nothing, view)) == pytest.approx(3 * math.log(1 + FAR_OFF**2 / 5))
    assert float(loss(rendered, view)) < float(loss(nothing, view))


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
    view = view_of(torch.zeros(4, 5, 3), **given, **({} if depth is None else {"depth": depth}))  # type: ignore[arg-type]
    with pytest.raises(UserError, match=message):
        Depth(where="mask").check(view)


@pytest.mark.parametrize("given", [{"noise": 0.0}, {"growth": -1.0}, {"freedom": 0.0}, {"where": "everywhere"}])
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
