"""What a search draws, and what it is told."""

from __future__ import annotations

from pathlib import Path

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from invrender.errors import UserError
from invrender.sweep.grid import Overrides
from invrender.sweep.outcome import Pruned
from invrender.sweep.summary import Job

optuna = pytest.importorskip("optuna", reason="needs Optuna")

from invrender.sweep.pruning import Pruner  # noqa: E402
from invrender.sweep.study import (  # noqa: E402
    ask,
    ask_again,
    close,
    drawn,
    extremes,
    open_study,
    spaces_of,
    trials_by_job,
)


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


def test_extremes_are_the_values_that_a_space_ends_with() -> None:
    spaces = spaces_of(parsed("a=interval(0.5,2)", "b=x,y,z"))
    assert {key: extremes(space) for key, space in spaces.items()} == {"a": ["0.5", "2"], "b": ["x", "y", "z"]}


def end(study: optuna.Study, number: int, status: str, value: float | None = None) -> None:
    """A job ends, and the study is told."""
    job = Job(number, [], {}, status=status, errors={"texture": {"psnr_db": value}})
    close(study, trials_by_job(study)[number], job, ["texture.psnr_db"])


def test_a_study_remembers_and_finds_the_best(tmp_path: Path) -> None:
    spaces = spaces_of(parsed("a=interval(0.0,1.0)"))
    study = open_study(tmp_path, ["texture.psnr_db"], seed=0)
    for number, value in enumerate((20.0, 30.0, None)):
        ask(study, spaces, number)
        end(study, number, "finished", value)
    again = open_study(tmp_path)
    assert (again.best_trial.number, again.best_value) == (1, 30.0)
    assert [trial.state.name for trial in again.trials] == ["COMPLETE", "COMPLETE", "FAIL"]
    assert drawn(again) == drawn(study)


def test_a_trial_that_died_is_closed_and_its_job_gets_another(tmp_path: Path) -> None:
    spaces = spaces_of(parsed("a=interval(0.0,1.0)"))
    study = open_study(tmp_path, ["texture.psnr_db"], seed=0)
    before = [ask(study, spaces, number) for number in range(3)]
    end(study, 0, "finished", 20.0)
    end(study, 1, "missing")
    # A process came to its end between enqueueing a trial and asking for it.
    study.enqueue_trial(study.trials[2].params, user_attrs={"job": 2})
    ask_again(study, spaces, 1, study.trials[1].params)
    assert drawn(study) == before
    assert trials_by_job(study)[1].number == 4
    before.append(ask(study, spaces, 3))
    assert drawn(open_study(tmp_path)) == before
    end(study, 1, "finished", 10.0)
    assert [trial.state.name for trial in study.trials] == [
        "COMPLETE",
        "FAIL",
        "RUNNING",
        "FAIL",
        "COMPLETE",
        "RUNNING",
    ]


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
