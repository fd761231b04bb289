"""What a search draws, and what it is told."""

from __future__ import annotations

from pathlib import Path

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from invrender.errors import UserError
from invrender.sweep.grid import Overrides
from invrender.sweep.summary import Job
from invrender.sweep.work import Pruned

optuna = pytest.importorskip("optuna", reason="needs Optuna")

from invrender.sweep.pruning import Pruner  # noqa: E402
from invrender.sweep.study import ask, drawn, open_study, spaces_of, tell  # noqa: E402


def parsed(*arguments: str) -> Overrides:
    return Overrides({each.get_key_element(): each for each in OverridesParser.create().parse_overrides([*arguments])})


def test_spaces() -> None:
    given = (
        "a=interval(0.5,2)",
        "b=tag(log,interval(0.01,1.0))",
        "c=int(interval(1,5))",
        "d=x,y",
        "e=range(1,4)",
        "f=1",
    )
    spaces = spaces_of(parsed(*given))
    assert spaces == {
        "a": optuna.distributions.FloatDistribution(0.5, 2.0),
        "b": optuna.distributions.FloatDistribution(0.01, 1.0, log=True),
        "c": optuna.distributions.IntDistribution(1, 5),
        "d": optuna.distributions.CategoricalDistribution(["x", "y"]),
        "e": optuna.distributions.CategoricalDistribution(["1", "2", "3"]),
    }


@pytest.mark.parametrize("argument", ["a=interval(2,1)", "a=tag(log,interval(0.0,1.0))"])
def test_empty_spaces_are_refused(argument: str) -> None:
    with pytest.raises(UserError, match="a="):
        spaces_of(parsed(argument))


def test_a_study_remembers_and_finds_the_best(tmp_path: Path) -> None:
    spaces = spaces_of(parsed("a=interval(0.0,1.0)"))
    study = open_study(tmp_path, ["texture.psnr_db"], seed=0)
    for value in (20.0, 30.0, None):
        number, values = ask(study, spaces)
        job = Job(number, [], values, status="finished", errors={"texture": {"psnr_db": value}})
        tell(study, job, ["texture.psnr_db"])
    again = open_study(tmp_path)
    assert (again.best_trial.number, again.best_value) == (1, 30.0)
    assert [trial.state.name for trial in again.trials] == ["COMPLETE", "COMPLETE", "FAIL"]
    assert drawn(again) == drawn(study)


class Step:
    """What a pruner asks of a step."""

    stopped_because = None

    def __init__(self, iteration: int, loss: float) -> None:
        self.iteration, self.loss = iteration, loss


def test_a_hopeless_fit_is_given_up_but_not_before_the_warmup(tmp_path: Path) -> None:
    study = open_study(tmp_path, ["loss"], seed=0)
    for _ in range(6):
        good = study.ask()
        for iteration in range(10):
            good.report(1.0, iteration)
        study.tell(good, 1.0)
    pruner = Pruner(study.ask(), "loss", warmup=3)
    for iteration in range(3):
        pruner.step(Step(iteration, 5.0))  # type: ignore[arg-type]
    with pytest.raises(Pruned, match="loss is 5 after 3 steps"):
        pruner.step(Step(3, 5.0))  # type: ignore[arg-type]
