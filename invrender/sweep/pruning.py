"""In a search's job: report every step to Optuna, and give up a fit that is hopeless."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from invrender.record.units import find_error
from invrender.sweep.outcome import Pruned

if TYPE_CHECKING:
    from optuna import Trial

    from invrender.fitting.step import Step
    from invrender.record.base import Recorder


def pruners(settings: Any, folder: Path) -> list[Recorder]:
    """The recorder that prunes, if the search has one objective and prunes at all.

    settings: of the search. folder: of the job.
    """
    if not settings.prune or len(settings.objectives) > 1:
        return []
    import optuna

    from invrender.sweep.study import open_study, trials_by_job

    study = open_study(folder.parent)
    trial = optuna.Trial(study, trials_by_job(study)[int(folder.name)]._trial_id)
    return [Pruner(trial, settings.objectives[0], settings.warmup)]


class Pruner:
    """Reports the objective at every step, and ends the fit where Optuna has seen enough.

    warmup: so many steps are taken in any case.
    """

    def __init__(self, trial: Trial, objective: str, warmup: int) -> None:
        self.trial = trial
        self.objective = objective
        self.warmup = warmup

    def step(self, step: Step) -> None:
        """Report a step. Raises `Pruned`."""
        value = measure(step, self.objective)
        if value is None or step.stopped_because is not None:
            return
        self.trial.report(value, step.iteration)
        if step.iteration >= self.warmup and self.trial.should_prune():
            raise Pruned(f"{self.objective} is {value:.3g} after {step.iteration} steps, worse than others were")

    def close(self) -> None:
        """Nothing to let go of."""


def measure(step: Step, objective: str) -> float | None:
    """An objective of the fit so far; None where steps don't tell it, as of seconds."""
    if objective == "loss":
        return step.loss
    return find_error(step.errors, objective)
