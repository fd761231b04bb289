"""The precision of unknowns over a grid: error bars of each entry, from sparse Jacobians."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from invrender.fitting.objective import Objective
from invrender.fitting.solve.base import Raw
from invrender.fitting.solve.probing import Probes, linearize_sparsely
from invrender.parameters.base import Measured
from invrender.scene import Truth

# Of more numbers the covariance, which is dense, is not computed.
MOST_DENSE = 4096
# Of the largest curvature, what each number has at least: those that no picture shows have wide error bars.
FLOOR = 1e-9


@dataclass(frozen=True)
class Precision:
    """How well each entry of an unknown is known.

    deviations: [N C], one standard deviation of each number, in the unit of what people read. held: the share of the
    true numbers that lie within one of what was found; None where the truth is not known.
    """

    deviations: Tensor
    held: float | None = None

    @property
    def middle(self) -> float:
        """The median of the deviations."""
        return float(self.deviations.median())


def measure_precision(objective: Objective, raw: Raw, name: str, truth: Truth | None) -> Precision | None:
    """The precision of one unknown at ``raw`` by all pictures; None where it can't be measured.

    That is so of unknowns that are not over one grid, or are too large, and of pictures without forward mode.

    Each picture's information is Jᵀ W J over the variance that it leaves, as if errors of pixels were independent. As
    these may go together within blocks of pixels, all error bars are so much wider as those of the sandwich of Liang
    and Zeger (1986) are in the median; each of those by itself would be that of few blocks.
    """
    parameter = objective.parameters[name]
    if not isinstance(parameter, Measured) or raw[name].numel() > MOST_DENSE or not objective.data_terms:
        return None
    if len(parameter.names(objective.scene)) > 1 or not objective.renderer.supports.forward_mode:
        return None
    probes, moving = Probes.of(parameter, objective.scene), {name: raw[name]}
    information, noisy = np.zeros((2, *(raw[name].numel(),) * 2))
    for number in range(len(objective.views)):
        local = linearize_sparsely(objective.frame(number), moving, name, probes)
        variances = local.variances()
        information += local.normal_equations(variances)[0].toarray()
        pulls = local.pulls(variances)
        noisy += (pulls.T @ pulls).toarray()
    floor = FLOOR * max(float(information.diagonal().max()), 1e-30)
    covariance = np.linalg.inv(information + floor * np.eye(len(information)))
    variances = covariance.diagonal().clip(min=1e-30)
    wider = max(1.0, float(np.median(((covariance @ noisy) * covariance).sum(axis=1) / variances)))
    deviations = torch.from_numpy((wider * variances) ** 0.5) * parameter.unit(objective.scene)
    if truth is None:
        return Precision(deviations)
    errors = parameter.differences(objective.scene_at(raw), truth).double().cpu().reshape(-1)
    return Precision(deviations, float((errors.abs() <= deviations).double().mean()))
