"""One step of a fit, as its consumers see it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import torch

from invrender.fitting.judge.verdict import Verdict, numbers
from invrender.fitting.solve.base import Raw
from invrender.fitting.state import Best, State
from invrender.parameters.base import Parameters
from invrender.scene import Picture, Scene, Target

Errors = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True)
class Step:
    """One iteration.

    seconds: spent fitting so far; what the consumer does with a step does not count.
    iteration: counts the steps taken; the first yielded step is iteration 0, the start.
    stage: the index of the solver's stage; the start and the last step are measured at the last stage.
    loss, terms: the total and its named terms, at ``scene``.
    show: renders a picture for each view of the target, at the stage's resolution.
    errors: by unknown, against the truth; empty where there is none. pulls: by unknown, how many standard deviations
        its values are from the true ones; empty where either is not known.
    best: the best raw tensors so far.
    state: what the fit goes on from after this step.
    stopped_because: None, or the reason on the last step, whose scene is the best one.
    verdict: on the last step, what is to be thought of the answer; None where the fit was not asked to judge it.
    """

    iteration: int
    stage: int
    seconds: float
    loss: float
    terms: Mapping[str, float]
    scene: Scene
    raw: Raw
    show: Callable[[Scene], tuple[Picture, ...]]
    errors: Errors
    best: Best
    state: State
    stopped_because: str | None = None
    verdict: Verdict | None = None
    pulls: Mapping[str, Sequence[float]] = field(default_factory=dict)

    @cached_property
    def rendered(self) -> tuple[Picture, ...]:
        """A picture for each view of the target, rendered when it is first asked for."""
        with torch.no_grad():
            return self.show(self.scene)


def measure_errors(parameters: Parameters, scene: Scene, target: Target) -> Errors:
    """By unknown, how far ``scene`` is from the target's truth; empty where the truth is not known."""
    if target.truth is None:
        return {}
    return {name: parameter.error(scene, target.truth) for name, parameter in parameters.items()}


def measure_pulls(
    parameters: Parameters, scene: Scene, target: Target, verdict: Verdict | None
) -> dict[str, list[float]]:
    """By unknown, how many standard deviations its values are from the true ones; empty where there is no truth."""
    found: dict[str, list[float]] = {}
    if target.truth is None or verdict is None:
        return found
    for name, deviations in verdict.error_bars.items():
        values, true = parameters[name].value(scene), parameters[name].value(target.truth.scene)
        for key, deviation in deviations.items():
            value, wanted = values[key], true.get(key)
            if value is not None and wanted is not None and deviation is not None:
                triples = zip(numbers(value), numbers(wanted), numbers(deviation), strict=True)
                found.setdefault(name, []).extend((one - other) / unit for one, other, unit in triples if unit > 0)
    return found
