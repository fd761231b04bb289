"""Least squares on problems that are written out, without a renderer."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

import pytest
import tiny
import torch
from torch import Tensor
from torch.func import jacfwd

from invrender.errors import UserError
from invrender.fitting.schedule import Stage
from invrender.fitting.solve import LevenbergMarquardt
from invrender.fitting.solve.base import Changes, Evaluation, Linearized, Raw, Routine, run_batched
from invrender.fitting.solve.least_squares import settle

ANYWHERE = (-1e9, 1e9)


@dataclass
class SumOfSquares:
    """Σ difference(raw)², with the unknowns that the difference is linear in and the ranges of all."""

    difference: Callable[[Mapping[str, Tensor]], Tensor]
    straight: Collection[str] = ()
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    stage: Stage = field(default_factory=lambda: Stage(30))
    rates: Mapping[str, float] = field(default_factory=lambda: defaultdict(lambda: 0.1))
    linearizations: int = 0
    requests: list[int] = field(default_factory=list)
    has_jacobian = True

    def __call__(self, raw: Mapping[str, Tensor]) -> Evaluation:
        loss = (self.difference(raw) ** 2).sum()
        return Evaluation(loss, {"all": loss}, tiny.scene(8))

    def linear(self, names: Collection[str]) -> list[str]:
        return [name for name in names if name in self.straight]

    def linearize(self, raws: Sequence[Mapping[str, Tensor]], names: Sequence[str]) -> list[Linearized]:
        self.requests += [len(raws)]
        self.linearizations += bool(names) * len(raws)
        return [self.linearize_at(raw, names) for raw in raws]

    def linearize_at(self, raw: Mapping[str, Tensor], names: Sequence[str]) -> Linearized:
        shapes = {name: raw[name].shape for name in names}
        sizes = [shape.numel() for shape in shapes.values()]

        def residuals(change: Tensor) -> Tensor:
            parts = zip(shapes.items(), torch.split(change, sizes), strict=True)
            return self.difference({**raw, **{name: raw[name] + part.reshape(shape) for (name, shape), part in parts}})

        change = torch.zeros(sum(sizes), dtype=torch.float64)
        values = residuals(change)
        jacobian = jacfwd(residuals)(change) if names else values.new_zeros(len(values), 0)
        return Linearized(shapes, values, torch.ones_like(values), torch.arange(len(values)), jacobian)

    def retract(self, raw: Mapping[str, Tensor], changes: Changes) -> tuple[Raw, dict[str, Tensor]]:
        moved = {name: raw[name] + change for name, change in changes.items()}
        kept = {name: value.clamp(*self.ranges.get(name, ANYWHERE)) for name, value in moved.items()}
        return {**raw, **kept}, {name: kept[name] != moved[name] for name in moved}


def doubles(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


TIMES = torch.linspace(0, 2, 20, dtype=torch.float64)


TRUE = doubles(1.3, 2.1)


def curve(numbers: Tensor) -> Tensor:
    """A decaying oscillation."""
    return torch.exp(-numbers[0] * TIMES) * torch.sin(numbers[1] * TIMES)


def decay(raw: Mapping[str, Tensor]) -> Tensor:
    """How far the oscillation is from the true one."""
    return curve(raw["x"]) - curve(TRUE)


def descended(problem: SumOfSquares, raw: Raw, solver: LevenbergMarquardt, steps: int) -> list[Raw]:
    """The raw tensors from the start on, until the solver has finished."""
    state = solver.init(problem, raw)
    found = [raw]
    for _ in range(steps):
        _, raw, state = solver.step(problem, raw, state)
        found.append(raw)
        if solver.done(state):
            break
    return found


def settled(problem: SumOfSquares, raw: Raw) -> Raw:
    return run_batched([settle(problem, raw)], problem)[0]


def test_convergence_is_quadratic() -> None:
    solver = LevenbergMarquardt([Stage(20)], damping=1e-9, accuracy=1e-12)
    path = descended(SumOfSquares(decay), {"x": doubles(1.1, 1.9)}, solver, 20)
    errors = [float((raw["x"] - TRUE).norm()) for raw in path]
    assert errors[-1] < 1e-12
    large = [error for error in errors if error > 1e-7]
    assert len(large) >= 3
    assert all(after < 2 * before**2 for before, after in itertools.pairwise(large))


def test_every_step_lowers_the_loss_from_a_start_where_newton_would_jump_away() -> None:
    problem = SumOfSquares(decay)
    path = descended(problem, {"x": doubles(4.0, 0.2)}, LevenbergMarquardt([Stage(60)], accuracy=1e-9), 60)
    losses = [float(problem(raw).loss) for raw in path]
    assert all(after <= before for before, after in itertools.pairwise(losses))
    torch.testing.assert_close(path[-1]["x"], TRUE, rtol=0, atol=1e-6)


def test_no_step_is_longer_than_the_radius() -> None:
    far = SumOfSquares(lambda raw: raw["x"] - 100.0)
    solver = LevenbergMarquardt([Stage(5)], damping=1e-9, radius=3.0)
    path = descended(far, {"x": doubles(0.0, 50.0)}, solver, 5)
    for before, after in itertools.pairwise(path):
        # In learning rates, which are 0.1 here.
        assert float((after["x"] - before["x"]).abs().max()) == pytest.approx(0.3)


def test_steps_end_where_ranges_do() -> None:
    problem = SumOfSquares(decay, ranges={"x": (1.5, 5.0)})
    path = descended(problem, {"x": doubles(2.5, 2.5)}, LevenbergMarquardt([Stage(40)]), 40)
    assert all(float(raw["x"].min()) >= 1.5 for raw in path)
    assert float(path[-1]["x"][0]) == 1.5


def test_a_factor_of_the_stage_counts_for_its_unknown() -> None:
    stage = Stage(5, lr={"y": 0.5})
    far = SumOfSquares(lambda raw: torch.cat([raw["x"] - 100.0, raw["y"] - 100.0]), stage=stage)
    solver = LevenbergMarquardt([stage], damping=1e-9, radius=3.0)
    _, after = descended(far, {"x": doubles(0.0), "y": doubles(0.0)}, solver, 1)
    # Both have the same way to go; the one whose rate is halved comes to the radius first.
    assert float(after["y"]) == pytest.approx(0.15)


def random_problem(seed: int) -> tuple[Tensor, Tensor]:
    random = torch.Generator().manual_seed(seed)
    matrix = torch.randn(8, 3, generator=random, dtype=torch.float64)
    return matrix, 3 * torch.randn(8, generator=random, dtype=torch.float64)


def bounded(matrix: Tensor, wanted: Tensor, lower: float, upper: float) -> Tensor:
    """The least squares within bounds, by trying every choice of numbers that lie at a bound."""
    best, least = torch.zeros(3).double(), float("inf")
    for choice in itertools.product([None, lower, upper], repeat=3):
        found = torch.tensor([0.0 if each is None else each for each in choice], dtype=torch.float64)
        free = torch.tensor([each is None for each in choice])
        if bool(free.any()):
            rest = wanted - matrix[:, ~free] @ found[~free]
            found[free] = torch.linalg.lstsq(matrix[:, free], rest[:, None]).solution[:, 0]
        loss = float(((matrix @ found - wanted) ** 2).sum())
        if bool(((found >= lower) & (found <= upper)).all()) and loss < least:
            best, least = found, loss
    return best


@pytest.mark.parametrize("seed", range(20))
def test_linear_unknowns_are_solved_for_within_their_ranges(seed: int) -> None:
    matrix, wanted = random_problem(seed)
    problem = SumOfSquares(lambda raw: matrix @ raw["x"] - wanted, ["x"], {"x": (0.0, 1.0)})
    found = settled(problem, {"x": doubles(0.5, 0.5, 0.5)})
    expected = bounded(matrix, wanted, 0.0, 1.0)
    torch.testing.assert_close(found["x"], expected, rtol=0, atol=1e-9)


def test_one_step_solves_for_unknowns_that_are_all_linear() -> None:
    matrix, wanted = random_problem(0)
    problem = SumOfSquares(lambda raw: matrix @ torch.cat([raw["x"], raw["y"]]) - wanted, ["x", "y"])
    path = descended(problem, {"x": doubles(4.0), "y": doubles(0.1, -7.0)}, LevenbergMarquardt([Stage(9)]), 9)
    assert len(path) == 2
    expected = torch.linalg.lstsq(matrix, wanted[:, None]).solution[:, 0]
    torch.testing.assert_close(torch.cat([path[1]["x"], path[1]["y"]]), expected)


def test_what_the_picture_does_not_see_stays_where_it_is() -> None:
    matrix, wanted = random_problem(0)
    matrix = matrix * doubles(1.0, 0.0, 1.0)
    found = settled(SumOfSquares(lambda raw: matrix @ raw["x"] - wanted, ["x"]), {"x": doubles(4.0, 0.3, -7.0)})
    assert float(found["x"][1]) == 0.3
    torch.testing.assert_close(matrix.T @ (matrix @ found["x"]), matrix.T @ wanted)


def test_ways_down_that_ask_together_end_where_they_end_alone() -> None:
    starts = [{"x": doubles(1.2, 2.2)}, {"x": doubles(4.0, 0.2)}, {"x": TRUE}]

    def way(raw: Raw, objective: SumOfSquares) -> Routine[Raw]:
        solver = LevenbergMarquardt([Stage(30)])
        state = solver.init(objective, raw)
        for _ in range(30):
            raw, state = yield from solver.descend(objective, raw, state)
            if solver.done(state):
                break
        return raw

    together, alone = SumOfSquares(decay), SumOfSquares(decay)
    found = run_batched([way(raw, together) for raw in starts], together)
    expected = [run_batched([way(raw, alone)], alone)[0] for raw in starts]
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0)
    assert set(alone.requests) == {1}
    assert together.requests[:2] == [3, 3]
    assert sum(together.requests) == sum(alone.requests)
    assert run_batched([], together) == []


def brightened(raw: Mapping[str, Tensor]) -> Tensor:
    """How far the oscillation is from the true one, which is 40 times as bright."""
    return raw["light"] * curve(raw["x"]) - 40.0 * curve(TRUE)


def test_linear_unknowns_follow_the_others() -> None:
    problem = SumOfSquares(brightened, ["light"])
    start = {"x": doubles(1.0, 2.4), "light": doubles(0.01)}
    path = descended(problem, start, LevenbergMarquardt([Stage(30)], accuracy=1e-9), 30)
    torch.testing.assert_close(path[-1]["x"], TRUE, rtol=0, atol=1e-7)
    assert float(path[-1]["light"]) == pytest.approx(40.0)
    for raw in path[1:]:
        again = settled(problem, raw)
        assert float(again["light"]) == pytest.approx(float(raw["light"]))


def test_what_is_solved_for_is_not_solved_for_again() -> None:
    problem = SumOfSquares(brightened, ["light"])
    solver = LevenbergMarquardt([Stage(30)])
    raw = {"x": doubles(1.2, 2.2), "light": doubles(35.0)}
    _, raw, state = solver.step(problem, raw, solver.init(problem, raw))
    first, problem.linearizations = problem.linearizations, 0
    # The raw tensors are passed on in other dictionaries, as fits do.
    solver.step(problem, {name: value.clone() for name, value in raw.items()}, state)
    assert (first, problem.linearizations) == (3, 2)


def test_maps_are_too_large() -> None:
    raw = {"texture": torch.zeros(100, 3)}
    solver = LevenbergMarquardt([Stage(1)])
    with pytest.raises(UserError, match=r"at most 64 numbers, and recover.texture has 300; set optimizer=adam"):
        solver.init(SumOfSquares(decay), raw)


@pytest.mark.parametrize("given", [{"damping": 0.0}, {"radius": -1.0}, {"accuracy": float("inf")}])
def test_options_are_checked(given: dict[str, float]) -> None:
    with pytest.raises(UserError, match=rf"optimizer.{next(iter(given))} is .*, expected a number above 0"):
        LevenbergMarquardt([Stage(1)], **given)


def test_stages_are_needed() -> None:
    with pytest.raises(UserError, match=r"optimizer\.stages is empty"):
        LevenbergMarquardt([])
