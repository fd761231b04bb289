"""The verdict on an answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from invrender.parameters.base import Value

Status = Literal["converged", "ambiguous", "unidentifiable", "not_converged"]
Values = Mapping[str, Mapping[str, Value]]


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

    status, reason: of the unknowns that count. unknowns: of each by name. explained: whether the answer explains the
    pictures at all. certain: whether it does so well enough that no other start need be tried.
    unexplained: the share of the pictures that the answer leaves unexplained. burnt_out: the share of the objects that
    the pictures show with a channel at the top of their range.
    deviations: one standard deviation of the unknowns' values, as `Parameter.value` has them.
    others: the values of other answers that explain the picture as well.
    unseen: the combinations of unknowns that the picture does not determine, each by its largest parts.
    """

    status: Status
    reason: str
    unexplained: float
    burnt_out: float = 0.0
    deviations: Values = field(default_factory=dict)
    others: Sequence[Values] = ()
    unseen: Sequence[Mapping[str, float]] = ()
    unknowns: Mapping[str, Judgement] = field(default_factory=dict)
    explained: bool = True
    certain: bool = True

    def status_of(self, name: str) -> Status:
        """The status of one unknown."""
        return self.unknowns[name].status if name in self.unknowns else self.status

    def revise(self, name: str, judgement: Judgement, counts: bool, **changes: Any) -> Verdict:
        """The verdict with another judgement of one unknown, which is the verdict's own where the unknown counts."""
        own: dict[str, Any] = {"status": judgement.status, "reason": judgement.reason} if counts else {}
        return replace(self, unknowns={**self.unknowns, name: judgement}, **own, **changes)

    @property
    def error_bars(self) -> Values:
        """The deviations of the unknowns that have no part in what is not determined."""
        hidden = {name for parts in self.unseen for name in parts}
        return {name: values for name, values in self.deviations.items() if name not in hidden}


def numbers(value: float | list[float]) -> list[float]:
    """A value as a list."""
    return value if isinstance(value, list) else [value]
