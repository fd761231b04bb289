"""L-BFGS on a loss of any scale."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

SCALE = "scale"


class LBFGS(torch.optim.LBFGS):
    """`torch.optim.LBFGS` of the loss times a number, by which its first gradient's largest entry becomes 1.

    The method itself does not depend on the loss's scale, but PyTorch's first step and its thresholds do: a gradient
    that is small in numbers makes a step that is short in learning rates, and curvatures below 1e-10 are left out. So
    the changes of the first step add up to ``lr``, whatever the loss, and later steps are ``lr`` times the method's own,
    each with what the line search makes of it.
    """

    def step(self, closure: Callable[[], float]) -> Any:  # type: ignore[override]
        """As PyTorch's; ``closure`` computes the loss and its gradient."""
        state = self.state[self._params[0]]

        def scaled() -> float:
            loss = closure()
            gradients = [each.grad for each in self._params if each.grad is not None]
            scale = state.setdefault(SCALE, scale_of(gradients))
            for gradient in gradients:
                gradient *= scale
            return loss * scale

        return super().step(scaled)


def scale_of(gradients: list[Tensor]) -> float:
    """What makes the largest entry 1; 1 where all are zero."""
    largest = max((float(each.abs().max()) for each in gradients), default=0.0)
    return 1 / largest if 0 < largest < float("inf") else 1.0
