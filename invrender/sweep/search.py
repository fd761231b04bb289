"""A search: Optuna chooses the values of jobs by what those before have found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from invrender.errors import UserError
from invrender.sweep.grid import Overrides
from invrender.sweep.stored import check_overrides
from invrender.sweep.summary import NAME, Job, Summary
from invrender.sweep.sweeper import Sweep
from invrender.sweep.work import usable_cores

if TYPE_CHECKING:
    from optuna import Study


class SearchSweep(Sweep):
    """So many trials, in a study that is kept in the sweep's folder.

    trials: how many in all. objectives: measures, see `Sweep`; decibels are maximized, all else is minimized.
    prune: whether to give up hopeless fits, which Optuna can with one objective only; warmup: after so many steps at
    the earliest. parallel: so many trials are drawn and run together, one for each core where it is None. seed: of what
    is drawn.
    """

    def __init__(
        self,
        trials: int,
        objectives: list[str],
        prune: bool,
        warmup: int,
        parallel: int | None,
        seed: int,
        **settings: Any,
    ) -> None:
        super().__init__(**settings)
        for key, value in (("trials", trials), ("parallel", parallel)):
            if value is not None and value < 1:
                raise UserError(f"hydra.sweeper.{key} is {value}, expected 1 or more")
        if not objectives:
            raise UserError("hydra.sweeper.objectives is empty, expected loss, seconds or UNKNOWN.ERROR")
        self.trials = trials
        self.objectives = list(objectives)
        self.parallel = parallel or usable_cores()
        self.seed = seed
        self.unbeaten: list[int] = []
        self.rank = self.rank or self.objectives[0]

    def plan(self, overrides: Overrides) -> Summary:
        """No jobs yet. Raises `UserError` where there is nothing to draw from."""
        from invrender.sweep.study import spaces_of

        self.spaces = spaces_of(overrides)
        self.job_of = overrides.job
        if not self.spaces:
            raise UserError("there is nothing to search in; give KEY=interval(LOW,HIGH) or KEY=VALUE,VALUE")
        return self.summary(list(self.spaces), [], self.trials)

    def examples(self, summary: Summary) -> Iterator[Job]:
        """Jobs with the first value of each key but one, which has each of its own, or the ends of its interval."""
        from invrender.sweep.study import extremes

        values = {key: extremes(space) for key, space in self.spaces.items()}
        first = {key: each[0] for key, each in values.items()}
        for key, each in values.items():
            yield from (self.job_of(0, {**first, key: value}) for value in each)

    def measures(self) -> dict[str, str | None]:
        """The measures that were asked for, by what has asked."""
        objectives: dict[str, str | None] = {
            f"hydra.sweeper.objectives[{i}]": each for i, each in enumerate(self.objectives)
        }
        return {**objectives, **super().measures()}

    def go_on(self, summary: Summary, before: Summary) -> None:
        """Take over the trials of the search so far. Raises `UserError` where it drew from other keys."""
        if before.swept != summary.swept:
            raise UserError(
                f"--resume: {self.folder} holds a search in {', '.join(before.swept)}; "
                "give no arguments to go on with it"
            )
        for job in before.jobs:
            check_values(job.values, self.folder / NAME)
        summary.jobs = [self.job_of(job.number, job.values) for job in before.jobs]
        summary.expected = max(self.trials, len(before.jobs))
        summary.recount()

    def run(self, summary: Summary) -> None:
        """Run what an interruption has left, and what has failed, then draw until there are enough."""
        from invrender.sweep.study import STORAGE, ask, drawn, open_study, unbeaten

        # A sampler that begins anew with the same seed would draw the same values again.
        study = open_study(self.folder, self.objectives, self.seed + len(summary.jobs))
        for number, values in drawn(study)[len(summary.jobs) :]:
            check_values(values, self.folder / STORAGE)
            summary.jobs.append(self.job_of(number, values))
        summary.expected = max(summary.expected, len(summary.jobs))
        batch = self.left(study, summary)
        while batch or len(summary.jobs) < self.trials:
            if not batch:
                first = len(summary.jobs)
                last = min(first + self.parallel, self.trials)
                batch = [self.job_of(*ask(study, self.spaces, number)) for number in range(first, last)]
                summary.jobs += batch
            summary.recount()
            summary.write()
            self.launch(summary, batch)
            self.settle(study, batch)
            batch = []
        if len(self.objectives) > 1:
            self.unbeaten = unbeaten(study)

    def left(self, study: Study, summary: Summary) -> list[Job]:
        """What is to be run again of the search so far: each with a new trial, for the one that it had is closed."""
        from invrender.sweep.study import ask_again, close, trials_by_job

        trials = trials_by_job(study)
        again = [job for job in summary.jobs if job.status in ("missing", "failed")]
        if unknown := [job.number for job in summary.jobs if job.number not in trials]:
            raise UserError(f"--resume: {self.folder} has no trial of job {unknown[0]} in its study")
        for job in summary.jobs:
            close(study, trials[job.number], job, self.objectives)
        for job in again:
            ask_again(study, self.spaces, job.number, trials[job.number].params)
        return again

    def settle(self, study: Study, batch: list[Job]) -> None:
        """Tell the study what has become of its trials."""
        from invrender.sweep.study import close, trials_by_job

        self.look()
        trials = trials_by_job(study)
        for job in batch:
            close(study, trials[job.number], job, self.objectives)

    def conclusion(self) -> str | None:
        """With several objectives, the jobs that no other one beats in all of them."""
        jobs = ", ".join(map(str, self.unbeaten))
        return f"unbeaten in {' and '.join(self.objectives)}: jobs {jobs}" if jobs else None


def check_values(values: Mapping[str, str], source: Path) -> None:
    """Raise `UserError` for values from a file, which anybody may have written, that are none of a key of a fit."""
    check_overrides([f"{key}={value}" for key, value in values.items()], str(source))
