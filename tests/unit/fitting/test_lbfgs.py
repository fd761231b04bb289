"""L-BFGS in units of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
import torch
from torch import Tensor

from invrender.fitting.solve import LBFGS

SETTINGS = {
    "lr": 1.0,
    "max_iter": 10,
    "line_search_fn": "strong_wolfe",
    "tolerance_grad": 1e-9,
    "tolerance_change": 1e-12,
}
CURVED = torch.tensor([[3.0, 1.0, 0.0], [1.0, 2.0, 0.5], [0.0, 0.5, 1.0]], dtype=torch.float64)
GOAL = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)


def bowl(place: Tensor) -> Tensor:
    """A quadratic, whose least value 0 is at `GOAL`."""
    return 0.5 * (place - GOAL) @ CURVED @ (place - GOAL)


def descend(
    loss: Callable[..., Tensor], leaves: Sequence[Tensor], steps: int, optimizer: torch.optim.Optimizer | None = None
) -> torch.optim.Optimizer:
    """So many steps of an optimizer, a new one unless one is given."""
    chosen = optimizer or LBFGS(list(leaves), **SETTINGS)

    def closure() -> float:
        chosen.zero_grad()
        value = loss(*leaves)
        value.backward()  # type: ignore[no-untyped-call]
        return float(value.detach())

    for _ in range(steps):
        chosen.step(closure)
    return chosen


def away(place: Tensor, goal: Tensor) -> float:
    """The largest difference."""
    return float((place.detach() - goal).abs().max())


def zeros(count: int = 3) -> Tensor:
    return torch.zeros(count, dtype=torch.float64, requires_grad=True)


@pytest.mark.parametrize("factor", [1e-12, 1e-6, 1e6])
def test_the_scale_of_the_loss_changes_nothing(factor: float) -> None:
    one, scaled = zeros(), zeros()
    descend(bowl, [one], 1)
    descend(lambda place: factor * bowl(place), [scaled], 1)
    assert away(one, GOAL) < 1e-6
    assert away(scaled, one.detach()) < 1e-9


def test_the_first_step_is_short_whatever_the_loss() -> None:
    place = zeros()
    descend(lambda place: 1e-8 * bowl(place), [place], 1, LBFGS([place], lr=0.1, max_iter=1))
    assert float(place.detach().abs().sum()) == pytest.approx(0.1)


def test_unknowns_with_small_gradients_move_with_those_that_have_large_ones() -> None:
    pose, texels = zeros(), zeros(200)
    wanted = torch.linspace(-1, 1, 200, dtype=torch.float64)

    def loss(pose: Tensor, texels: Tensor) -> Tensor:
        return bowl(pose) + 1e-5 * ((texels - wanted) ** 2).mean()

    descend(loss, [pose, texels], 3)
    assert away(pose, GOAL) < 1e-3
    assert away(texels, wanted) < 0.05


def test_the_curvature_is_learnt_from_where_tensors_really_went() -> None:
    place = zeros()
    optimizer = descend(bowl, [place], 1, LBFGS([place], **{**SETTINGS, "max_iter": 2}))
    with torch.no_grad():
        place += torch.tensor([0.3, -0.7, 2.0], dtype=torch.float64)
    descend(bowl, [place], 1, optimizer)
    state = optimizer.state[place]
    for step, change in zip(state["old_stps"], state["old_dirs"], strict=True):
        # In units, and of the scaled loss, as the optimizer sees both.
        assert torch.allclose(CURVED @ step * state["units"] ** 2 * state["scale"], change, rtol=1e-9)


def test_nothing_to_go_down_is_no_division_by_zero() -> None:
    place = zeros()
    descend(lambda place: 0 * place.sum(), [place], 2)
    assert torch.equal(place, torch.zeros_like(place))
