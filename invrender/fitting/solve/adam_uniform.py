"""Adam with one scale for all numbers of a tensor."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

from invrender import checks
from invrender.errors import UserError


class AdamUniform(torch.optim.Optimizer):
    """Adam (Kingma and Ba, 2015) whose steps are divided by the largest second moment of a tensor, not by each its own.

    So a gradient keeps its direction: what `invrender.parameters.Vertices` makes smooth stays smooth, and vertices that
    no picture shows are not moved as far as those that matter (Nicolet, Jacobson and Jakob, 2021).

    betas: how slowly the first and the second moment follow. Raises `UserError` for numbers out of range.
    """

    def __init__(
        self, params: Iterable[Any], lr: float = 1.0, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-30
    ) -> None:
        checks.above_zero(lr=lr, eps=eps)
        if len(betas) != 2 or not all(0 <= beta < 1 for beta in betas):
            raise UserError(f"betas is {list(betas)}, expected two shares from 0 to below 1")
        super().__init__(params, {"lr": lr, "betas": tuple(betas), "eps": eps})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """One step; ``closure`` computes the gradients."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for tensor in group["params"]:
                if tensor.grad is not None:
                    self.move(tensor, tensor.grad, group)
        return loss

    def move(self, tensor: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        """Move one tensor, and remember its moments."""
        state = self.state[tensor] or {
            "taken": 0,
            "first": torch.zeros_like(tensor),
            "second": torch.zeros_like(tensor),
        }
        taken = state["taken"] + 1
        slow, slower = group["betas"]
        first = torch.lerp(gradient, state["first"], slow)
        second = torch.lerp(gradient.square(), state["second"], slower)
        scale = (second.max() / (1 - slower**taken)).sqrt() + group["eps"]
        tensor.sub_(group["lr"] * first / ((1 - slow**taken) * scale))
        self.state[tensor] = {"taken": taken, "first": first, "second": second}
