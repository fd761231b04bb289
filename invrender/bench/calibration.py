"""The calibration of verdicts: how often they are wrong, by unknown and optimizer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from invrender.bench.statistics import CONVERGED, Score
from invrender.bench.trials import Run
from invrender.config.schema import RightConfig


@dataclass(frozen=True)
class Calibration:
    """What the verdicts on one unknown by one optimizer are worth.

    judged: how many there are. right: how many of the answers are. converged_but_wrong: of all, and
    right_but_not_converged: of the right ones, how many.
    """

    unknown: str
    optimizer: str
    judged: int
    right: int
    converged_but_wrong: int
    right_but_not_converged: int


@dataclass(frozen=True)
class Answer:
    """One unknown of one run: its verdict, and whether it is right."""

    unknown: str
    optimizer: str
    converged: bool
    right: bool


def calibrate(runs: Iterable[Run], limits: RightConfig) -> list[Calibration]:
    """The calibration by unknown and optimizer, in the order in which they first appear."""
    grouped: dict[tuple[str, str], list[Answer]] = {}
    for run in runs:
        for answer in answers_of(run, limits):
            grouped.setdefault((answer.unknown, answer.optimizer), []).append(answer)
    return [count(*key, answers) for key, answers in grouped.items()]


def answers_of(run: Run, limits: RightConfig) -> Iterator[Answer]:
    """The unknowns of a run that were judged and whose truth is known; of maps, what is well seen counts."""
    for name, status in run.statuses.items():
        every = {**run.errors, **run.errors_seen}
        errors = {key: error for key, error in every.items() if key.startswith(f"{name}.")}
        if errors:
            right = Score.of(errors).is_right(limits)
            yield Answer(name, run.optimizer or "", status == CONVERGED, right)


def count(unknown: str, optimizer: str, answers: Iterable[Answer]) -> Calibration:
    """The calibration of some answers."""
    given = list(answers)
    return Calibration(
        unknown,
        optimizer,
        judged=len(given),
        right=sum(each.right for each in given),
        converged_but_wrong=sum(each.converged and not each.right for each in given),
        right_but_not_converged=sum(each.right and not each.converged for each in given),
    )


def add_up(calibrations: Iterable[Calibration]) -> Calibration:
    """All of them together."""
    every = list(calibrations)
    numbers = ("judged", "right", "converged_but_wrong", "right_but_not_converged")
    return Calibration("all", "", *(sum(getattr(each, name) for each in every) for name in numbers))
