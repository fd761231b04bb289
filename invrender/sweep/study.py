"""A search's memory: an Optuna study in the sweep's folder, which several processes may use at a time."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from hydra.core.override_parser.types import IntervalSweep, Override

from invrender.errors import UserError
from invrender.io.atomic import is_own
from invrender.sweep.grid import Overrides
from invrender.sweep.summary import Job, higher_is_better

if TYPE_CHECKING:
    from optuna import Study
    from optuna.distributions import BaseDistribution
    from optuna.pruners import BasePruner
    from optuna.trial import FrozenTrial

Spaces = dict[str, "BaseDistribution"]

NAME = "search"
STORAGE = "study.db"
# Where a trial of a job that is run again keeps the job's number. All others are of a job each, in their order.
JOB = "job"


def open_study(folder: Path, objectives: Sequence[str] = (), seed: int | None = None) -> Study:
    """The study in a sweep's folder, a new one where there is none.

    objectives: measures; decibels are maximized, all else is minimized. seed: of the sampler.

    Raises `UserError` for one that lies elsewhere.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    if (folder / STORAGE).exists() and not is_own(folder / STORAGE):
        raise UserError(f"{folder / STORAGE} is a link or no file; remove it: nothing is written through it")
    storage = f"sqlite:///{(folder / STORAGE).absolute()}"
    if not objectives:
        return optuna.load_study(study_name=NAME, storage=storage, pruner=pruner())
    return optuna.create_study(
        study_name=NAME,
        storage=storage,
        load_if_exists=True,
        directions=["maximize" if higher_is_better(each) else "minimize" for each in objectives],
        sampler=optuna.samplers.TPESampler(seed=seed, constant_liar=True),
        pruner=pruner(),
    )


def pruner() -> BasePruner:
    """Gives up what is in the worse half of all fits at the same step, once there are a few to compare with."""
    import optuna

    return optuna.pruners.MedianPruner(n_startup_trials=4)


def spaces_of(overrides: Overrides) -> Spaces:
    """By key, what a search draws from: lists, ``interval(a,b)``, also in ``int(…)`` or ``tag(log,…)``."""
    return {key: distribution(override) for key, override in overrides.swept().items()}


def distribution(override: Override) -> BaseDistribution:
    """What a search draws the value of a key from. Raises `UserError` for what it can't draw from."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    sweep: Any = override.value()
    try:
        if isinstance(sweep, IntervalSweep):
            low, high = cast(float, sweep.start), cast(float, sweep.end)
            if isinstance(low, int) and isinstance(high, int):
                return IntDistribution(low, high, log="log" in sweep.tags)
            return FloatDistribution(low, high, log="log" in sweep.tags)
        if override.is_discrete_sweep():
            return CategoricalDistribution(list(override.sweep_string_iterator()))
    except (TypeError, ValueError) as error:
        raise UserError(f"{override.input_line}: {error}") from error
    raise UserError(f"{override.input_line}: a search draws from interval(low,high) or from a list of values")


def extremes(space: BaseDistribution) -> list[str]:
    """The values of a list, or the ends of an interval, as they would be typed."""
    from optuna.distributions import CategoricalDistribution

    values = space.choices if isinstance(space, CategoricalDistribution) else (space.low, space.high)  # type: ignore[attr-defined]
    return [typed(value) for value in values]


def ask(study: Study, spaces: Spaces, number: int) -> tuple[int, dict[str, str]]:
    """A new trial for the job of this number; the number, and the job's values as they would be typed."""
    return number, values_of(study.ask(dict(spaces)).params)


def ask_again(study: Study, spaces: Spaces, number: int, parameters: dict[str, Any]) -> None:
    """A further trial for a job whose trial is closed, with the same values."""
    from optuna.trial import TrialState

    study.enqueue_trial(parameters, user_attrs={JOB: number})
    while (trial := study.ask(dict(spaces))).user_attrs[JOB] != number:
        # Another process came to its end between these two lines.
        study.tell(trial, state=TrialState.FAIL)


def trials_by_job(study: Study) -> dict[int, FrozenTrial]:
    """The latest trial of each job, by the job's number."""
    from optuna.trial import TrialState

    found: dict[int, FrozenTrial] = {}
    new = count()
    for trial in study.get_trials(deepcopy=False):
        if trial.state != TrialState.WAITING:
            found[trial.user_attrs[JOB] if JOB in trial.user_attrs else next(new)] = trial
    return found


def drawn(study: Study) -> list[tuple[int, dict[str, str]]]:
    """All jobs so far, by number, as `ask` has given them."""
    return [(number, values_of(trial.params)) for number, trial in sorted(trials_by_job(study).items())]


def values_of(parameters: dict[str, Any]) -> dict[str, str]:
    """Drawn values as they would be typed."""
    return {key: typed(value) for key, value in parameters.items()}


def typed(value: object) -> str:
    """A drawn value as an override has it; six digits of a number are enough."""
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def close(study: Study, trial: FrozenTrial, job: Job, objectives: Sequence[str]) -> None:
    """Tell the study how a trial's job has ended, if it does not know; without an objective it has failed."""
    from optuna.trial import TrialState

    if trial.state.is_finished():
        return
    values = [job.measure(each) for each in objectives]
    if job.status == "pruned":
        study.tell(trial.number, state=TrialState.PRUNED)
    elif job.status == "finished" and None not in values:
        study.tell(trial.number, [value for value in values if value is not None])
    else:
        study.tell(trial.number, state=TrialState.FAIL)


def unbeaten(study: Study) -> list[int]:
    """The jobs that no other one beats in all objectives."""
    best = {trial.number for trial in study.best_trials}
    return [number for number, trial in sorted(trials_by_job(study).items()) if trial.number in best]
