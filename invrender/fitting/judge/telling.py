"""The comparison of two answers: whether the picture tells one from the other."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from invrender.fitting.judge.uncertainty import Sizes, sum_by_block
from invrender.fitting.solve.base import Linearized

# Pictures and renderings are not trusted further than this: one of 256 levels, alike within a block of pixels.
LEAST_NOISE = 1 / 255
# So many standard deviations are no accident.
SIGMAS = 3.0
# The damping of the last step, as a share of the largest curvature, and how far it goes, in learning rates.
DAMPING, FARTHEST = 1e-9, 1.0


def tells_apart(answer: Linearized, other: Linearized, rates: Tensor, sizes: Sizes) -> bool:
    """Whether the picture tells an answer from another one: whether the other leaves more, in units of the noise.

    If the answer is the truth, what it leaves is noise n, and the other, whose picture differs by d, leaves n + d. The
    sum of squares grows by Σ w d² + 2 Σ w d n, whose deviation is that of the second part: by the sandwich of blocks
    (`estimate_uncertainty`), and not less than by noise of one level of 256: also the pictures of a shape that is
    symmetric differ a little along its edges, since its triangles are others.

    rates: [K], the learning rate of each number. Both are taken to their minimum, which is at most a step away.
    """
    left, others = (remaining_residuals(each, rates) for each in (answer, other))
    weights = answer.weights.double()
    difference = others - left
    worse = float((other.weights.double() * others**2).sum() - (weights * left**2).sum())
    noise = sum_by_block((weights * difference * left)[:, None], answer.pixel, sizes).square().sum()
    blocks = sum_by_block((weights * difference).abs()[:, None], answer.pixel, sizes)
    noise = noise + LEAST_NOISE**2 * blocks.square().sum()
    return worse > SIGMAS * 2 * math.sqrt(float(noise))


def least_loss(local: Linearized) -> float:
    """The loss that the least noise alone leaves."""
    return LEAST_NOISE**2 * float(local.weights.sum())


def remaining_residuals(local: Linearized, rates: Tensor) -> Tensor:
    """The residuals [M] after one more step, which is a short one near a minimum."""
    normal, slope = local.normal_equations()
    normal, slope = rates * normal * rates[:, None], rates * slope
    damping = DAMPING * normal.diagonal().max() + 1e-30
    step = -torch.linalg.solve(normal + damping * torch.eye(len(slope)).to(normal), slope)
    step = step * min(1.0, FARTHEST / max(float(step.abs().max()), 1e-30))
    return local.follow(rates * step)
