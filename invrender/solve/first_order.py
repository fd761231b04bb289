"""Gradient descent with any optimizer of `torch.optim`."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from invrender.errors import UserError
from invrender.pyramid import Stage
from invrender.solve.base import Evaluation, Objective

Schedule = Literal["constant", "cosine", "exponential"]


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
    schedule: Schedule = "cosine"
    final_lr: float = 0.05

    def __post_init__(self) -> None:
        if not self.stages:
            raise UserError("optimizer.stages is empty, expected at least one stage")
        if self.schedule not in ("constant", "cosine", "exponential"):
            raise UserError(f"optimizer.schedule is {self.schedule!r}, expected constant, cosine or exponential")
        if not 0 < self.final_lr <= 1:
            raise UserError(f"optimizer.final_lr is {self.final_lr}, expected a share above 0 and at most 1")
        for stage in self.stages:
            try:
                self.optimizer({name: torch.zeros(1, requires_grad=True) for name in ("one", "another")}, stage)
            except (TypeError, ValueError) as error:
                raise UserError(f"optimizer.algorithm can't be used: {error}") from error

    def begin(self, stage: Stage, raw: Mapping[str, Tensor], rates: Mapping[str, float]) -> TorchDescent:
        """Start a stage at ``raw`` with a fresh optimizer."""
        leaves = {name: (value.detach() / rates[name]).requires_grad_() for name, value in raw.items()}
        optimizer = self.optimizer(leaves, stage)
        scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda taken: self.rate(taken / stage.steps))
        return TorchDescent(leaves, dict(rates), optimizer, scheduler)

    def optimizer(self, leaves: Mapping[str, Tensor], stage: Stage) -> torch.optim.Optimizer:
        """A fresh optimizer of the leaves, at the stage's rate for all or at its rate for each."""
        if not isinstance(stage.lr, Mapping):
            return self.algorithm(list(leaves.values()), lr=stage.lr)
        groups = [{"params": [leaf], "lr": stage.lr.get(name, 1.0)} for name, leaf in leaves.items()]
        return self.algorithm(groups, lr=1.0)

    def rate(self, progress: float) -> float:
        """The factor on the learning rate at ``progress`` in [0, 1] of a stage."""
        if self.schedule == "constant":
            return 1.0
        if self.schedule == "exponential":
            return float(self.final_lr**progress)
        return self.final_lr + (1 - self.final_lr) * 0.5 * (1 + math.cos(math.pi * progress))


@dataclass
class TorchDescent:
    """A `torch.optim` optimizer at work on one stage."""

    leaves: dict[str, Tensor]
    rates: dict[str, float]
    optimizer: torch.optim.Optimizer
    scheduler: torch.optim.lr_scheduler.LRScheduler
    finished: bool = False

    def raw(self) -> dict[str, Tensor]:
        """The raw tensors where the optimizer stands."""
        return {name: leaf * self.rates[name] for name, leaf in self.leaves.items()}

    def step(self, objective: Objective, raw: dict[str, Tensor]) -> tuple[Evaluation, dict[str, Tensor]]:
        """One step of the optimizer from ``raw``; algorithms that evaluate more than once do so here."""
        first: list[Evaluation] = []
        with torch.no_grad():
            for name, leaf in self.leaves.items():
                leaf.copy_(raw[name] / self.rates[name])

        def closure() -> float:
            self.optimizer.zero_grad()
            evaluation = objective(self.raw())
            first.append(evaluation)
            evaluation.loss.backward()  # type: ignore[no-untyped-call]
            return float(evaluation.loss.detach())

        self.optimizer.step(closure)
        self.scheduler.step()
        return first[0], {name: value.detach() for name, value in self.raw().items()}
