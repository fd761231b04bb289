"""A search's memory: an Optuna study in the sweep's folder, which several processes may use at a time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from hydra.core.override_parser.types import IntervalSweep, Override

from invrender.errors import UserError
from invrender.sweep.grid import Overrides
from invrender.sweep.summary import Job, higher_is_better

if TYPE_CHECKING:
    from optuna import Study
    from optuna.distributions import BaseDistribution
    from optuna.pruners import BasePruner

Spaces = dict[str, "BaseDistribution"]

NAME = "search"
STORAGE = "study.db"


def open_study(folder: Path, objectives: Sequence[str] = (), seed: int | None = None) -> Study:
    """The study in a sweep's folder, a new one where there is none.

    objectives: measures; decibels are maximized, all else is minimized. seed: of the sampler.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
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


def ask(study: Study, spaces: Spaces) -> tuple[int, dict[str, str]]:
    """A new trial's number, and its values as they would be typed."""
    trial = study.ask(dict(spaces))
    return trial.number, {key: typed(value) for key, value in trial.params.items()}


def drawn(study: Study) -> list[tuple[int, dict[str, str]]]:
    """All trials so far, as `ask` has given them."""
    return [(trial.number, {key: typed(value) for key, value in trial.params.items()}) for trial in study.trials]


def typed(value: object) -> str:
    """A drawn value as an override has it; six digits of a number are enough."""
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def tell(study: Study, job: Job, objectives: Sequence[str]) -> None:
    """Tell the study how a job has ended; a job that lacks an objective has failed."""
    from optuna.trial import TrialState

    values = [job.measure(each) for each in objectives]
    if job.status == "pruned":
        study.tell(job.number, state=TrialState.PRUNED)
    elif job.status == "finished" and None not in values:
        study.tell(job.number, [value for value in values if value is not None])
    else:
        study.tell(job.number, state=TrialState.FAIL)
