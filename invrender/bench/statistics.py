"""How often, how well and how fast: the runs of a case in numbers."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from invrender.bench.trials import Run
from invrender.config.schema import RightConfig
from invrender.record.units import is_relative

DEGREES = (1.0, 2.0, 5.0, 10.0)
SHARES = (0.01, 0.05)
CONVERGED = "converged"


@dataclass(frozen=True)
class Score:
    """The errors of a run by kind, of several unknowns the worst; None where there is no error of the kind.

    degrees: of rotations. share: relative errors, such as of distances and intensities. decibels: of colours, where
    more is better. absolute: of colours' channels and other numbers that have no relative error beside it.
    """

    degrees: float | None
    share: float | None
    decibels: float | None
    absolute: float | None = None

    @classmethod
    def of(cls, errors: dict[str, float]) -> Score:
        """The score of errors by ``UNKNOWN.NAME``; what is not a number counts as infinitely bad."""
        kinds: dict[str, list[float]] = {"deg": [], "share": [], "db": [], "absolute": []}
        for key, error in errors.items():
            unknown, _, name = key.rpartition(".")
            if f"{unknown}.relative" in errors and name == "absolute":
                continue
            kind = "share" if is_relative(name) else name.rpartition("_")[2]
            if kind == "db":
                kinds[kind].append(-math.inf if math.isnan(error) else error)
            elif kind in kinds:
                kinds[kind].append(math.inf if math.isnan(error) else error)
        degrees, shares, decibels, absolute = kinds.values()
        most = [max(each, default=None) for each in (degrees, shares, absolute)]
        return cls(most[0], most[1], min(decibels, default=None), most[2])

    def is_right(self, limits: RightConfig) -> bool:
        """Whether every error there is lies within the limits."""
        return (
            (self.degrees is None or self.degrees <= limits.degrees)
            and (self.share is None or self.share <= limits.share)
            and (self.decibels is None or self.decibels >= limits.decibels)
            and (self.absolute is None or self.absolute <= limits.absolute)
        )


def is_right(run: Run, limits: RightConfig) -> bool:
    """Whether a run has found the truth; one that failed has not."""
    return run.message is None and Score.of(run.errors).is_right(limits)


@dataclass(frozen=True)
class Cell:
    """The runs of one case. Rates are shares of all its runs, and None where the case has no such error or verdict.

    failed: runs that ended with an error, which count as not found. degrees: by threshold, rates. share: likewise.
    right: the rate of those that are within all limits. errors: medians over what did not fail, at the end and at the
    start. renders, differentiated, seconds, cpu_seconds: medians. verdicts: how often each.
    converged_but_wrong: the rate. right_but_not_converged: as a share of the right ones.
    values: how many values of the right ones that say `converged` have error bars. within: the share of these values
        that are within one standard deviation of the truth, which is 0.68 of errors that are normally distributed.
    """

    task: str
    case: str
    runs: int
    failed: int
    degrees: dict[float, float] | None
    share: dict[float, float] | None
    right: float
    errors: Score
    errors_start: Score
    renders: float | None
    differentiated: float | None
    seconds: float | None
    seconds_max: float | None
    cpu_seconds: float | None
    verdicts: dict[str, int]
    converged_but_wrong: float | None
    right_but_not_converged: float | None
    values: int
    within: float | None


def cells_of(runs: Iterable[Run], limits: RightConfig) -> list[Cell]:
    """The cases in numbers, in the order in which they first appear."""
    grouped: dict[tuple[str, str], list[Run]] = {}
    for run in runs:
        grouped.setdefault((run.task, run.case), []).append(run)
    return [cell_of(task, case, group, limits) for (task, case), group in grouped.items()]


def cell_of(task: str, case: str, runs: Sequence[Run], limits: RightConfig) -> Cell:
    """One case in numbers."""
    done = [run for run in runs if run.message is None]
    scores = [Score.of(run.errors) for run in done]
    verdicts = Counter(run.verdict for run in done if run.verdict is not None)
    right = [run for run in done if is_right(run, limits)]
    converged = [run for run in done if run.verdict == CONVERGED]
    wrong = sum(not is_right(run, limits) for run in converged)
    missed = sum(run.verdict != CONVERGED for run in right)
    pulls = [pull for run in right if run.verdict == CONVERGED for pull in run.pulls]
    return Cell(
        task=task,
        case=case,
        runs=len(runs),
        failed=len(runs) - len(done),
        degrees=rates([score.degrees for score in scores], DEGREES, len(runs)),
        share=rates([score.share for score in scores], SHARES, len(runs)),
        right=len(right) / len(runs),
        errors=middle(scores),
        errors_start=middle([Score.of(run.errors_start) for run in done]),
        renders=middle_of(run.renders for run in done),
        differentiated=middle_of(run.differentiated for run in done),
        seconds=middle_of(run.seconds for run in done),
        cpu_seconds=middle_of(run.cpu_seconds for run in done),
        seconds_max=max((run.seconds for run in done if run.seconds is not None), default=None),
        verdicts=dict(verdicts),
        converged_but_wrong=wrong / len(runs) if verdicts else None,
        right_but_not_converged=missed / len(right) if verdicts and right else None,
        values=len(pulls),
        within=sum(abs(pull) <= 1 for pull in pulls) / len(pulls) if pulls else None,
    )


def rates(errors: Sequence[float | None], thresholds: Sequence[float], count: int) -> dict[float, float] | None:
    """By threshold, the share of ``count`` runs whose error is at most that; None where no run has such an error."""
    known = [error for error in errors if error is not None]
    if not known:
        return None
    return {threshold: sum(error <= threshold for error in known) / count for threshold in thresholds}


def middle(scores: Sequence[Score]) -> Score:
    """The medians by kind."""
    kinds: list[Callable[[Score], float | None]] = [
        lambda s: s.degrees,
        lambda s: s.share,
        lambda s: s.decibels,
        lambda s: s.absolute,
    ]
    return Score(*(middle_of(kind(score) for score in scores) for kind in kinds))


def middle_of(values: Iterable[float | None]) -> float | None:
    """The median of what is there."""
    known = [value for value in values if value is not None]
    return median(known) if known else None
