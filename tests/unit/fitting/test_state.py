"""The state of a fit: wherever it is stopped, it goes on with the same bits."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
import tiny
import torch

from invrender.errors import UserError
from invrender.fitting.fit import fit
from invrender.fitting.problem import Problem
from invrender.fitting.schedule import Stage
from invrender.fitting.search import Search
from invrender.fitting.solve import LBFGS, FirstOrder, LevenbergMarquardt
from invrender.fitting.solve.base import Solver
from invrender.fitting.state import State
from invrender.fitting.step import Step
from invrender.losses import MeanSquaredError
from invrender.parameters import CameraPose, LightIntensity
from invrender.render.embedded import EmbeddedRenderer
from invrender.targets import render_target

STAGES = [Stage(3, size=8, blur=0.5, sigma=1e-3, unknowns=["key"]), Stage(4, size=12, sigma=1e-4)]
RATES = [Stage(3, size=8, sigma=1e-3), Stage(4, size=12, sigma=1e-4, lr={"pose": 0.3})]
SOLVERS: Mapping[str, Solver[Any]] = {
    "adam": FirstOrder(torch.optim.Adam, RATES),
    "lbfgs": FirstOrder(lambda leaves, lr: LBFGS(leaves, lr=lr, max_iter=3), STAGES, "constant"),
    "sgd": FirstOrder(lambda leaves, lr: torch.optim.SGD(leaves, lr=lr, momentum=0.9), STAGES, "exponential"),
    "lm": LevenbergMarquardt(STAGES, damping=1.0),
}
SEARCH = Search([Stage(1, size=8), Stage(1, size=12)], mode="off", poses=8, survivors=1, finalists=1, steps=1)


def problem() -> Problem:
    start = LightIntensity(lights=["key"]).apply(tiny.scene(12), torch.tensor([0.8]).double())
    start = CameraPose().apply(start, torch.tensor([0.03, 0.05, 0, 0, 0, 0.02]).double())
    unknowns = {"key": LightIntensity(lights=["key"], lr=0.2), "pose": CameraPose()}
    renderer = EmbeddedRenderer(sigma=1e-4, samples=1, mipmaps=False)
    return Problem(start, render_target(tiny.scene(12)), unknowns, renderer, {"mse": MeanSquaredError()})


def through_a_file(state: State) -> State:
    """The state as it is written and read, without any code in the file."""
    file = io.BytesIO()
    torch.save(state.to_plain(), file)
    file.seek(0)
    return State.from_plain(torch.load(file, weights_only=True))


def bits(step: Step) -> list[Any]:
    return [step.iteration, step.stage, step.loss, {name: raw.tolist() for name, raw in step.raw.items()}]


@pytest.mark.parametrize("name", SOLVERS)
def test_a_fit_goes_on_where_it_was_stopped(name: str) -> None:
    whole = list(fit(problem(), SOLVERS[name]))
    assert len(whole) >= 6
    # The states are read when all is over: steps that came later have left them as they were.
    for index, step in enumerate(whole[:-1]):
        resumed = list(fit(problem(), SOLVERS[name], state=through_a_file(step.state)))
        assert [bits(each) for each in resumed] == [bits(each) for each in whole[index + 1 :]]
        assert resumed[-1].stopped_because == whole[-1].stopped_because
        assert resumed[-1].best.loss == whole[-1].best.loss
        assert resumed[0].seconds >= step.state.seconds


def test_the_time_and_the_verdict_go_on_as_well() -> None:
    whole = list(fit(problem(), SOLVERS["lm"], search=SEARCH))
    *_, last = fit(problem(), SOLVERS["lm"], search=SEARCH, state=through_a_file(whole[3].state))
    assert last.verdict == whole[-1].verdict
    assert bits(last) == bits(whole[-1])


def test_random_numbers_go_on_as_well() -> None:
    torch.manual_seed(3)
    running = fit(problem(), SOLVERS["adam"])
    step = [next(running) for _ in range(3)][-1]
    expected = torch.rand(4)
    torch.manual_seed(4)
    next(fit(problem(), SOLVERS["adam"], state=through_a_file(step.state)))
    assert torch.equal(torch.rand(4), expected)


def test_the_state_of_another_fit_is_refused() -> None:
    state = next(fit(problem(), SOLVERS["adam"])).state
    brighter = LightIntensity(lights=["key"]).apply(problem().scene, torch.tensor([0.1]).double())
    with pytest.raises(UserError, match="the state is that of another fit"):
        next(fit(replace(problem(), scene=brighter), SOLVERS["adam"], state=state))
    with pytest.raises(UserError, match="this is not the state of a fit"):
        State.from_plain({"raw": {}})
