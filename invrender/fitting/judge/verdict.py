"""The verdict on an answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from invrender.fitting.judge.coverage import Coverage
from invrender.fitting.judge.precision import Precision
from invrender.parameters.base import Value

Status = Literal["converged", "ambiguous", "unidentifiable", "not_converged"]
Values = Mapping[str, Mapping[str, Value]]
LEAST_FIRST: Sequence[Status] = ("unidentifiable", "not_converged", "ambiguous", "converged")


@dataclass(frozen=True)
class Judgement:
    """What is to be thought of one unknown of an answer.

    explained: whether the answer explains the pictures that show it. certain: whether it does so well enough that no
    other start need be tried.
    """

    status: Status
    reason: str
    explained: bool = True
    certain: bool = True


@dataclass(frozen=True)
class Verdict:
    """What is to be thought of an answer.

    status, reason: of the unknowns that count. unknowns: of each by name.
    unexplained: the share of the pictures that the answer leaves unexplained. burnt_out: the share of the objects that
    the pictures show with a channel at the top of their range.
    deviations: one standard deviation of the unknowns' values, as `Parameter.value` has them.
    others: the values of other answers that explain the picture as well.
    unseen: the combinations of unknowns that the picture does not determine, each by its largest parts.
    coverage: of the unknowns of many numbers. precisions: of those over a grid.
    """

    status: Status
    reason: str
    unexplained: float
    burnt_out: float = 0.0
    deviations: Values = field(default_factory=dict)
    others: Sequence[Values] = ()
    unseen: Sequence[Mapping[str, float]] = ()
    unknowns: Mapping[str, Judgement] = field(default_factory=dict)
    coverage: Mapping[str, Coverage] = field(default_factory=dict)
    precisions: Mapping[str, Precision] = field(default_factory=dict)

    @property
    def explained(self) -> bool:
        """Whether the answer explains the pictures, all of them."""
        return all(each.explained for each in self.unknowns.values())

    @property
    def certain(self) -> bool:
        """Whether it does so well enough that no other start need be tried."""
        return all(each.certain for each in self.unknowns.values())

    def status_of(self, name: str) -> Status:
        """The status of one unknown."""
        return self.unknowns[name].status if name in self.unknowns else self.status

    def revise(self, name: str, judgement: Judgement, counting: Sequence[str], **changes: Any) -> Verdict:
        """The verdict with another judgement of one unknown.

        counting: the unknowns whose worst judgement is the verdict's own.
        """
        unknowns = {**self.unknowns, name: judgement}
        if worst([unknowns[each] for each in counting]) is judgement:
            changes |= {"status": judgement.status, "reason": judgement.reason}
        return replace(self, unknowns=unknowns, **changes)

    @property
    def error_bars(self) -> Values:
        """The deviations of the unknowns that have no part in what is not determined."""
        hidden = {name for parts in self.unseen for name in parts}
        return {name: values for name, values in self.deviations.items() if name not in hidden}


def worst(judgements: Sequence[Judgement]) -> Judgement:
    """The first of the judgements with the status that says least of the answer."""
    return min(judgements, key=lambda each: LEAST_FIRST.index(each.status))


def numbers(value: float | list[float]) -> list[float]:
    """A value as a list."""
    return value if isinstance(value, list) else [value]
