"""The choice of a solver by the problem."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest
import tiny
import torch

from invrender.errors import UserError
from invrender.fitting.auto import AutoSolver, choose_solver
from invrender.fitting.problem import Problem
from invrender.fitting.schedule import Stage
from invrender.fitting.solve import AdamUniform, FirstOrder, LevenbergMarquardt
from invrender.losses import MeanAbsoluteError, MeanSquaredError, TotalVariation
from invrender.losses.base import Loss
from invrender.parameters import Albedo, CameraPose, LightIntensity, ObjectPose, Texture, Vertices
from invrender.parameters.base import Parameter
from invrender.render.approximate.renderer import RULES, ApproximateRenderer
from invrender.render.embedded import EmbeddedRenderer
from invrender.scene import Target, view_of

ADAM = partial(torch.optim.Adam, betas=[0.7, 0.9])
IN_TURNS = [Stage(1, unknowns=["camera_pose"]), Stage(2, unknowns=["texture"]), Stage(3)]
AUTO = AutoSolver(
    lm=LevenbergMarquardt([Stage(12)]),
    adam=FirstOrder(ADAM, [Stage(100)]),
    adam_staged=FirstOrder(ADAM, IN_TURNS),
    adam_uniform=FirstOrder(AdamUniform, [Stage(200)]),
    algorithm=partial(torch.optim.Adam, betas=[0.7, 0.9]),
)
SQUARES: dict[str, Loss] = {"mse": MeanSquaredError(), "l1": MeanAbsoluteError()}


def problem(*unknowns: Parameter, losses: dict[str, Loss] = SQUARES) -> Problem:
    target = Target((view_of(torch.zeros(24, 24, 3).double()),))
    named = {type(each).__name__: each for each in unknowns}
    return Problem(tiny.scene(), target, named, EmbeddedRenderer(), losses)


def test_few_numbers_go_to_least_squares() -> None:
    choice = choose_solver(AUTO, "auto", problem(CameraPose(), LightIntensity(), Albedo()))
    assert (choice.name, choice.reason) == ("lm", "auto: few numbers are unknown")
    assert choice.solver == AUTO.lm


def test_maps_go_to_adam() -> None:
    choice = choose_solver(AUTO, "auto", problem(Texture()))
    assert (choice.name, choice.reason) == ("adam", "auto: Texture has more than 64 numbers")
    assert choice.solver.stages == [Stage(100)]


def test_shapes_have_one_scale_for_all_vertices_also_beside_others() -> None:
    for unknowns in ((Vertices(),), (Vertices(), LightIntensity())):
        choice = choose_solver(AUTO, "auto", problem(*unknowns))
        assert (choice.name, choice.reason) == ("adam_uniform", "auto: Vertices is a shape")
        assert choice.solver.stages == [Stage(200)]
    given = replace(AUTO, algorithm=partial(torch.optim.Adam, betas=[0.5, 0.9]))
    assert choose_solver(given, "auto", problem(Vertices())).name == "adam"


def test_other_losses_go_to_adam() -> None:
    choice = choose_solver(AUTO, "auto", problem(CameraPose(), losses={**SQUARES, "smooth": TotalVariation()}))
    assert (choice.name, choice.reason) == ("adam", "auto: smooth is no sum of squares")


def test_gradients_that_depend_on_the_loss_go_to_adam() -> None:
    found = {
        rule: choose_solver(AUTO, "auto", replace(problem(CameraPose()), renderer=ApproximateRenderer(rule)))
        for rule in RULES
    }
    assert {rule: choice.name for rule, choice in found.items()} == {
        "opendr": "lm",
        "nmr": "adam",
        "nvdiffrast": "lm",
        "drtk": "lm",
    }
    assert found["nmr"].reason == "auto: this renderer's gradient depends on the loss"


def test_poses_and_maps_take_turns() -> None:
    unknowns = (ObjectPose(object="textured"), LightIntensity(), Texture())
    choice = choose_solver(AUTO, "auto", problem(*unknowns))
    assert choice.name == "adam_staged"
    assert choice.reason == "auto: Texture has more than 64 numbers, ObjectPose has not"
    assert [stage.unknowns for stage in choice.solver.stages] == [["ObjectPose", "LightIntensity"], ["Texture"], None]
    assert [stage.steps for stage in choice.solver.stages] == [1, 2, 3]


def test_settings_of_adam_go_to_adam() -> None:
    for given in (
        {"final_lr": 0.5},
        {"schedule": "constant"},
        {"algorithm": partial(torch.optim.Adam, betas=[0.9, 0.9])},
    ):
        auto = replace(AUTO, **given)
        choice = choose_solver(auto, "auto", problem(CameraPose()))
        assert (choice.name, choice.reason) == ("adam", "auto: its settings are given")
        assert choice.solver == replace(AUTO.adam, **{"algorithm": auto.algorithm, **given})


def test_stages_go_to_whatever_is_chosen() -> None:
    given = replace(AUTO, stages=[Stage(7)])
    for unknown in (CameraPose(), Texture()):
        choice = choose_solver(given, "auto", problem(unknown))
        assert choice.solver.stages == [Stage(7)]


def test_what_is_given_is_taken() -> None:
    choice = choose_solver(AUTO.adam, "mine", problem(CameraPose()))
    assert (choice.solver, choice.name, choice.reason) == (AUTO.adam, "mine", None)


def test_what_can_not_be_fitted_is_refused_first() -> None:
    with pytest.raises(UserError, match="which object"):
        choose_solver(AUTO, "auto", problem(ObjectPose()))
