"""The training of a network: a generator of steps that does no input or output."""

from __future__ import annotations

import math
from collections.abc import Generator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from invrender.errors import UserError
from invrender.fitting.clock import Clock
from invrender.fitting.state import read_generators, restore_generators
from invrender.learning.base import Errors, Learner
from invrender.learning.options import Training
from invrender.typed import make_typed


@dataclass(frozen=True)
class TrainingState:
    """All of a training between two steps.

    learner: its ``state_dict``. moments: AdamW's own tensors, by weight and name. start: the loss and the errors that
    it began with. random: the states of PyTorch's generators by device.
    """

    iteration: int
    seconds: float
    learner: Mapping[str, Tensor]
    moments: Mapping[str, Mapping[str, Tensor]]
    start: Mapping[str, Any]
    random: Mapping[str, Tensor]

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> TrainingState:
        """The state whose plain form this is. Raises `UserError` where it is none."""
        try:
            return make_typed(cls, plain)
        except TypeError as error:
            raise UserError(f"this is not the state of a training: {error}") from error


@dataclass(frozen=True)
class TrainingStep:
    """One step of a training, as recorders see it.

    loss, terms: of the pictures that the step was taken by; those of the start are not learned from.
    errors: on pictures that the network never learns from; none where it was not examined after this step.
    start: the loss and the errors of the start. state: of the training after the step, as long as no other is taken.
    stopped_because: "finished", "diverged" or "interrupted", of the last one.
    """

    iteration: int
    seconds: float
    loss: float
    terms: Mapping[str, float]
    errors: Errors
    start: Mapping[str, Any]
    learner: Learner
    state: Current
    stopped_because: str | None = None


Steps = Generator[TrainingStep, None, None]


def train(learner: Learner, options: Training, state: TrainingState | None = None) -> Steps:
    """Teach a learner's network.

    Yields the start (iteration 0), then every step, then the last one once more, examined, with ``stopped_because``.
    Ctrl-C ends it with the weights as they are by then; numbers that are not finite, with those before them.

    state: of a step of the same training, which goes on from there, on the CPU with the same bits.

    Raises `UserError` for the state of another training.
    """
    current = Current(learner, options)
    if state is not None:
        current.restore(state)
    return current.steps(begun=state is not None)


class Current:
    """A training under way."""

    def __init__(self, learner: Learner, options: Training) -> None:
        self.learner, self.options = learner, options
        self.weights = dict(learner.network.named_parameters())
        self.optimizer = torch.optim.AdamW(self.weights.values(), lr=options.lr, weight_decay=options.decay)
        self.clock = Clock()
        self.iteration = 0
        self.start: Mapping[str, Any] = {}
        self.loss, self.terms = math.nan, dict[str, float]()

    def steps(self, begun: bool) -> Steps:
        """All steps, or those that come after the state where it has begun."""
        stopped = "finished"
        try:
            if not begun:
                yield self.begin()
            while self.iteration < self.options.steps:
                if not self.advance():
                    stopped = "diverged"
                    break
                yield self.report(self.iteration % self.options.examine_every == 0)
        except KeyboardInterrupt:
            stopped = "interrupted"
        yield self.report(True, stopped)

    def begin(self) -> TrainingStep:
        """The start, examined. Raises `UserError` where its loss is not a number."""
        with torch.no_grad():
            self.note(self.learner.terms(self.options.batch))
        if not math.isfinite(self.loss):
            raise UserError(
                f"the loss at the start is {self.loss}: check the scene's numbers (sizes, intensities, camera)"
            )
        step = self.report(True)
        self.start = {"loss": self.loss, "errors": step.errors}
        return replace(step, start=self.start)

    def advance(self) -> bool:
        """Take a step; False, and nothing is changed, where numbers are not finite."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.options.lr * share_of_rate(self.iteration, self.options)
        terms = self.learner.terms(self.options.batch)
        self.optimizer.zero_grad()
        torch.stack(list(terms.values())).sum().backward()  # type: ignore[no-untyped-call]
        length = nn.utils.clip_grad_norm_(self.weights.values(), self.options.clip)
        if not math.isfinite(float(length)):
            return False
        self.optimizer.step()
        self.note(terms)
        self.iteration += 1
        return True

    def note(self, terms: Mapping[str, Tensor]) -> None:
        """Keep what the loss was."""
        self.terms = {name: float(term.detach()) for name, term in terms.items()}
        self.loss = sum(self.terms.values())

    def report(self, examined: bool, stopped: str | None = None) -> TrainingStep:
        """The step as consumers see it."""
        with self.clock.stopped():
            errors = self.learner.examine() if examined else {}
        seconds = self.clock.seconds()
        return TrainingStep(
            self.iteration, seconds, self.loss, self.terms, errors, self.start, self.learner, self, stopped
        )

    def to_plain(self) -> dict[str, Any]:
        """The state in plain values, in tensors of their own."""
        own = self.optimizer.state_dict()["state"]
        moments = {name: copy(own[index]) for index, name in enumerate(self.weights) if index in own}
        learner = copy(self.learner.state_dict())
        state = TrainingState(self.iteration, self.clock.seconds(), learner, moments, self.start, read_generators())
        return vars(state)

    def restore(self, state: TrainingState) -> None:
        """Go on from a state. Raises `UserError` for that of another training."""
        try:
            self.learner.load_state_dict(dict(state.learner))
        except RuntimeError as error:
            raise UserError("the state is that of another training: its network differs") from error
        held = self.optimizer.state_dict()
        held["state"] = {
            index: dict(state.moments[name]) for index, name in enumerate(self.weights) if name in state.moments
        }
        self.optimizer.load_state_dict(held)
        self.iteration, self.start = state.iteration, state.start
        self.clock = Clock(state.seconds)
        restore_generators(state.random)


def copy(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors that stay as they are now."""
    return {name: each.detach().clone() for name, each in tensors.items()}


def share_of_rate(iteration: int, options: Training) -> float:
    """The learning rate after so many steps, as a share of its largest value: linear, then half a cosine."""
    if iteration < options.warmup:
        return (iteration + 1) / options.warmup
    gone = (iteration - options.warmup) / max(1, options.steps - options.warmup)
    return 0.5 * (1 + math.cos(math.pi * gone))
