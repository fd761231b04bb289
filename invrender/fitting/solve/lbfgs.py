"""L-BFGS of a loss of any scale, in unknowns of several scales."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

UNITS, SCALE, LEFT = "units", "scale", "left"


class LBFGS(torch.optim.LBFGS):
    """`torch.optim.LBFGS` in units of its own, which its first gradient gives.

    The method learns how curved the loss is; until it has, it goes by the sizes of gradients. Those of poses are a
    thousand times those of texels, whose learning rates are as right. So each tensor counts in units in which a step
    down the first gradient is as long for all, by the largest entry of each. And the loss is multiplied by a number by
    which the largest entry of all is 1: PyTorch's first step and its thresholds are meant for such losses, and leave
    out curvatures below 1e-10.

    Between two calls of `step` somebody may have moved the tensors, into their ranges for instance. The curvature is
    then learnt from where they really went.
    """

    def step(self, closure: Callable[[], float]) -> Any:  # type: ignore[override]
        """As PyTorch's; ``closure`` computes the loss and its gradient."""
        state = self.state[self._params[0]]
        if LEFT in state and state.get("d") is not None:
            moved = (self.place() - state[LEFT]) / state[UNITS]
            state["d"], state["t"] = state["d"] * state["t"] + moved, 1.0

        def scaled() -> float:
            loss = closure()
            if UNITS not in state:
                state[UNITS], state[SCALE] = self.measure_units()
            return loss * float(state[SCALE])

        loss = super().step(scaled)  # type: ignore[no-untyped-call]
        state[LEFT] = self.place()
        return loss

    def measure_units(self) -> tuple[Tensor, float]:
        """The unit of each entry, and the factor on the loss, by the gradient at hand."""
        largest = [0.0 if each.grad is None else float(each.grad.abs().max()) for each in self._params]
        steepest = max(largest)
        if not 0 < steepest < math.inf:
            return torch.ones_like(self.place()), 1.0
        units = [math.sqrt(steepest / each) if each else 1.0 for each in largest]
        vectors = [torch.full_like(each, unit).reshape(-1) for each, unit in zip(self._params, units, strict=True)]
        return torch.cat(vectors), 1 / steepest

    def place(self) -> Tensor:
        """Where the tensors are, as one vector."""
        return torch.cat([each.detach().reshape(-1) for each in self._params])

    def _gather_flat_grad(self) -> Tensor:
        """The gradient of the scaled loss, in units."""
        state = self.state[self._params[0]]
        return super()._gather_flat_grad() * state[UNITS] * state[SCALE]  # type: ignore[no-any-return,no-untyped-call]

    def _add_grad(self, step_size: float, update: Tensor) -> None:
        """Move by an update in units."""
        super()._add_grad(step_size, update * self.state[self._params[0]][UNITS])
