"""Gradient descent with any optimizer of `torch.optim`."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from invrender.pyramid import Stage
from invrender.solve.base import Evaluation, Objective

Schedule = Literal["constant", "cosine", "exponential"]


@dataclass(frozen=True)
class FirstOrder:
    """First-order descent.

    algorithm: makes a `torch.optim.Optimizer` from parameter groups, each with its own learning rate.
    stages: the coarse-to-fine schedule.
    schedule: how the learning rates fall over each stage's steps, to ``final_lr`` of where they began.
    """

    algorithm: Callable[[list[dict[str, object]]], torch.optim.Optimizer]
    stages: Sequence[Stage]
    schedule: Schedule = "cosine"
    final_lr: float = 0.05

    def begin(self, stage: Stage, raw: Mapping[str, Tensor], rates: Mapping[str, float]) -> TorchDescent:
        """Start a stage at ``raw`` with a fresh optimizer."""
        leaves = {name: value.detach().clone().requires_grad_() for name, value in raw.items()}
        groups: list[dict[str, object]] = [{"params": [leaves[n]], "lr": stage.lr * rates[n]} for n in leaves]
        optimizer = self.algorithm(groups)
        scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda taken: self.rate(taken / stage.steps))
        return TorchDescent(leaves, optimizer, scheduler)

    def rate(self, progress: float) -> float:
        """The factor on the learning rates at ``progress`` in [0, 1] of a stage."""
        if self.schedule == "constant":
            return 1.0
        if self.schedule == "exponential":
            return float(self.final_lr**progress)
        return self.final_lr + (1 - self.final_lr) * 0.5 * (1 + math.cos(math.pi * progress))


@dataclass
class TorchDescent:
    """A `torch.optim` optimizer at work on one stage."""

    leaves: dict[str, Tensor]
    optimizer: torch.optim.Optimizer
    scheduler: torch.optim.lr_scheduler.LRScheduler

    def step(self, objective: Objective, raw: dict[str, Tensor]) -> tuple[Evaluation, dict[str, Tensor]]:
        """One step of the optimizer from ``raw``; algorithms that evaluate more than once do so here."""
        first: list[Evaluation] = []
        with torch.no_grad():
            for name, leaf in self.leaves.items():
                leaf.copy_(raw[name])

        def closure() -> float:
            self.optimizer.zero_grad()
            evaluation = objective(self.leaves)
            first.append(evaluation)
            evaluation.loss.backward()
            return float(evaluation.loss.detach())

        self.optimizer.step(closure)
        self.scheduler.step()
        return first[0], {name: leaf.detach().clone() for name, leaf in self.leaves.items()}
