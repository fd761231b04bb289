"""Gradient descent with any optimizer of `torch.optim`."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Literal, TypedDict, get_args

import torch
from torch import Tensor

from invrender.checks import one_of
from invrender.errors import UserError
from invrender.fitting.schedule import Stage
from invrender.fitting.solve.base import Evaluation, Objective, Raw

Decay = Literal["constant", "cosine", "exponential"]


class Moments(TypedDict):
    """taken: steps in the stage. moments: by unknown, what the optimizer remembers of it."""

    taken: int
    moments: dict[str, dict[str, Any]]


@dataclass(frozen=True)
class FirstOrder:
    """First-order descent on the raw tensors, each divided by its unknown's learning rate.

    In these units a step of 1 is what the unknown calls its learning rate, so one rate serves all of them, and
    algorithms without parameter groups (L-BFGS) or with a sense of direction (momentum) see unknowns on one scale.

    algorithm: makes a `torch.optim.Optimizer` from a list of tensors and ``lr``.
    stages: the coarse-to-fine schedule.
    schedule: how the learning rate falls over each stage's steps, to ``final_lr`` of where it began.
    """

    algorithm: Callable[..., torch.optim.Optimizer]
    stages: Sequence[Stage]
    schedule: Decay = "cosine"
    final_lr: float = 0.05

    def __post_init__(self) -> None:
        if not self.stages:
            raise UserError("optimizer.stages is empty, expected at least one stage")
        one_of("optimizer.schedule", self.schedule, get_args(Decay))
        if not 0 < self.final_lr <= 1:
            raise UserError(f"optimizer.final_lr is {self.final_lr}, expected a share above 0 and at most 1")

    def init(self, objective: Objective, raw: Raw) -> Moments:
        """Nothing is remembered at the start of a stage. Raises `UserError` for an algorithm with useless settings."""
        # Not before it is known that this solver is taken: PyTorch imports its compiler for the first optimizer.
        try:
            self.optimizer({name: torch.zeros(1, requires_grad=True) for name in ("one", "another")}, objective.stage)
        except (TypeError, ValueError) as error:
            raise UserError(f"optimizer.algorithm can't be used: {error}") from error
        return {"taken": 0, "moments": {}}

    def step(self, objective: Objective, raw: Raw, state: Moments) -> tuple[Evaluation, Raw, Moments]:
        """One step of the optimizer from ``raw``; algorithms that evaluate more than once do so here."""
        rates, first = objective.rates, list[Evaluation]()
        leaves = {name: (value.detach() / rates[name]).requires_grad_() for name, value in raw.items()}
        optimizer = self.resume(leaves, objective.stage, state)

        def closure() -> float:
            optimizer.zero_grad()
            evaluation = objective({name: leaf * rates[name] for name, leaf in leaves.items()})
            first.append(evaluation)
            evaluation.loss.backward()  # type: ignore[no-untyped-call]
            return float(evaluation.loss.detach())

        optimizer.step(closure)
        moments = {name: dict(optimizer.state[leaf]) for name, leaf in leaves.items() if leaf in optimizer.state}
        following = {name: leaf.detach() * rates[name] for name, leaf in leaves.items()}
        return first[0], following, {"taken": state["taken"] + 1, "moments": moments}

    def done(self, state: Moments) -> bool:
        """A gradient always changes something."""
        return False

    def resume(self, leaves: Mapping[str, Tensor], stage: Stage, state: Moments) -> torch.optim.Optimizer:
        """The optimizer of the leaves as it was after so many steps."""
        optimizer = self.optimizer(leaves, stage)
        factor = self.rate(state["taken"] / stage.steps)
        for group in optimizer.param_groups:
            group["lr"] *= factor
        # Optimizers write into what they remember, and the state that is given stays as it is.
        for name, remembered in deepcopy(state["moments"]).items():
            optimizer.state[leaves[name]] = remembered
        return optimizer

    def optimizer(self, leaves: Mapping[str, Tensor], stage: Stage) -> torch.optim.Optimizer:
        """A fresh optimizer of the leaves, at the stage's rate for all or at its rate for each."""
        if not isinstance(stage.lr, Mapping):
            return self.algorithm(list(leaves.values()), lr=stage.lr)
        groups = [{"params": [leaf], "lr": stage.factor(name)} for name, leaf in leaves.items()]
        return self.algorithm(groups, lr=1.0)

    def rate(self, progress: float) -> float:
        """The factor on the learning rate at ``progress`` in [0, 1] of a stage."""
        if self.schedule == "constant":
            return 1.0
        if self.schedule == "exponential":
            return float(self.final_lr**progress)
        return self.final_lr + (1 - self.final_lr) * 0.5 * (1 + math.cos(math.pi * progress))
