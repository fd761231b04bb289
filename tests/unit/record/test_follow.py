"""Feeding recorders, and Ctrl-C."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from invrender.fitting.step import Step
from invrender.record.base import follow


@dataclass
class Heard:
    """Remembers what it is fed; ``trouble`` is called with each step."""

    trouble: Callable[[Step], None] = lambda step: None
    steps: list[Step] = field(default_factory=list)
    closed: int = 0

    def step(self, step: Step) -> None:
        self.steps.append(step)
        self.trouble(step)

    def close(self) -> None:
        self.closed += 1


def at_iteration(iteration: int, error: BaseException, times: int = 1) -> Callable[[Step], None]:
    """Raise ``error`` at a step, the first so many times that it comes."""
    left = [times]

    def trouble(step: Step) -> None:
        if step.iteration == iteration and left[0]:
            left[0] -= 1
            raise error

    return trouble


def test_every_recorder_hears_every_step(make_fit) -> None:
    first, second = Heard(), Heard()
    last = follow(make_fit(step_count=5).steps(), [first, second])
    assert [step.iteration for step in first.steps] == [0, 1, 2, 3, 4, 5, 5]
    assert second.steps == first.steps
    assert last is first.steps[-1]
    assert last.stopped_because == "finished"
    assert (first.closed, second.closed) == (1, 1)


def test_interrupt_in_a_recorder_ends_the_fit_with_its_best_scene(make_fit) -> None:
    troubled, calm = Heard(at_iteration(3, KeyboardInterrupt())), Heard()
    last = follow(make_fit(step_count=10).steps(), [troubled, calm])
    assert last.stopped_because == "interrupted"
    assert [step.iteration for step in troubled.steps] == [0, 1, 2, 3, 3]
    assert [step.iteration for step in calm.steps] == [0, 1, 2, 3]
    assert (troubled.closed, calm.closed) == (1, 1)


@pytest.mark.parametrize("iteration", [0, 5], ids=["at the start", "at the end"])
def test_interrupt_where_the_fit_cannot_be_ended_goes_on(make_fit, iteration: int) -> None:
    recorder = Heard(at_iteration(iteration, KeyboardInterrupt(), times=2))
    fit = make_fit(step_count=5)
    with pytest.raises(KeyboardInterrupt):
        follow(fit.steps(), [recorder])
    assert recorder.closed == 1


def test_recorders_are_closed_after_an_error_even_if_closing_fails(make_fit) -> None:
    class Stuck(Heard):
        def close(self) -> None:
            super().close()
            raise OSError("disk full")

    calm, stuck = Heard(), Stuck()
    broken = Heard(at_iteration(2, OSError("no such folder")))
    with pytest.raises(OSError, match="disk full"):
        follow(make_fit().steps(), [calm, broken, stuck])
    assert (calm.closed, broken.closed, stuck.closed) == (1, 1, 1)


def test_the_first_recorder_is_closed_last(make_fit) -> None:
    order: list[str] = []

    @dataclass
    class Named(Heard):
        name: str = ""

        def close(self) -> None:
            order.append(self.name)

    follow(make_fit().steps(), [Named(name="first"), Named(name="second")])
    assert order == ["second", "first"]


def test_steps_that_cannot_be_ended_from_outside(make_fit) -> None:
    def steps() -> Iterator[Step]:
        return iter(list(make_fit(step_count=5).steps()))

    with pytest.raises(KeyboardInterrupt):
        follow(steps(), [Heard(at_iteration(3, KeyboardInterrupt()))])
