"""The uncertainty of an answer, by its Jacobian."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from invrender.fitting.judge.verdict import Values, numbers
from invrender.fitting.objective import Objective
from invrender.fitting.solve.base import Linearized, Raw
from invrender.parameters.base import Value

# A combination of unknowns is not seen where it is uncertain by so many learning rates (for a pose half a radian, or
# half the distance), or where the picture hardly changes with it: a share of the change by the combination seen best.
UNSEEN, HARDLY = 25.0, 1e-7
# The least part of a combination that is told.
LEAST_PART = 0.01
# Neighbouring pixels err alike: the sides of the blocks within which errors may go together, in pixels.
BLOCK = 4

Sizes = Sequence[tuple[int, int]]


@dataclass(frozen=True)
class Uncertainty:
    """What the Jacobian says at an answer.

    covariance: [K, K], of the changes of the unknowns; the step that remains counts as an error.
    promised: the share of the loss that one more step would gain.
    remaining: how long that step is, in learning rates.
    unseen: the directions in which the picture does not determine them, by the names of the unknowns.
    names: of all the unknowns.
    """

    covariance: Tensor
    promised: float
    remaining: float
    unseen: Sequence[Mapping[str, float]]
    names: Sequence[str]


def estimate_uncertainty(local: Linearized, rates: Mapping[str, float], sizes: Sizes) -> Uncertainty:
    """The uncertainty of unknowns at a minimum; directions count in learning rates.

    sizes: of the views, (H, W). The covariance is that of least squares whose errors differ from pixel to pixel (White,
    1980) and go together within blocks of pixels (Liang and Zeger, 1986): renderings and pictures differ most along
    edges, and there alike. What several losses make of one pixel is in one block.
    """
    scale = local.spread(rates)
    normal, slope = local.normal_equations()
    normal, slope = scale * normal * scale[:, None], scale * slope
    curvatures, directions = torch.linalg.eigh(normal)
    noisy = scale * sum_outer_products(local, sizes) * scale[:, None]
    spread = (directions * (noisy @ directions)).sum(dim=0).clamp(min=0).sqrt() / curvatures.clamp(min=1e-30)
    hidden = (curvatures <= HARDLY * curvatures[-1]) | (spread > UNSEEN)
    seen = directions[:, ~hidden]
    inverse = seen @ torch.diag(1 / curvatures[~hidden]) @ seen.T
    covariance = inverse @ noisy @ inverse
    loss = float((local.weights.double() * local.residuals.double() ** 2).sum())
    step = inverse @ slope
    covariance = covariance + torch.outer(step, step)
    return Uncertainty(
        covariance=scale * covariance * scale[:, None],
        promised=float(slope @ step) / max(loss, 1e-30),
        remaining=float(step.abs().max()),
        unseen=[name_parts(direction, local.shapes) for direction in directions[:, hidden].T],
        names=list(local.shapes),
    )


def sum_outer_products(local: Linearized, sizes: Sizes) -> Tensor:
    """Σ s sᵀ, [K, K], over blocks of pixels, s [K] what a block adds to half the gradient; no block is in two views.

    On the CPU, as the normal equations.
    """
    found = torch.zeros(local.size, local.size, dtype=torch.float64)
    for rows, columns, jacobian in local.blocks():
        pulls = jacobian * (local.weights[rows].double() * local.residuals[rows].double())[:, None]
        noisy = sum_by_block(pulls, local.pixel[rows], sizes)
        found[columns[:, None], columns] += (noisy.T @ noisy).cpu()
    return found


def name_parts(direction: Tensor, shapes: Mapping[str, torch.Size]) -> dict[str, float]:
    """The shares that unknowns have in a direction [K] of length 1, of those that have some."""
    sizes = [shape.numel() for shape in shapes.values()]
    parts = {name: float((part**2).sum()) for name, part in zip(shapes, torch.split(direction, sizes), strict=True)}
    return {name: part for name, part in parts.items() if part > LEAST_PART}


def sum_by_block(values: Tensor, pixel: Tensor, sizes: Sizes) -> Tensor:
    """Sums [B, K] of values [M, K] over blocks of pixels; what belongs to no pixel is a block of its own.

    pixel: [M], as in `Linearized`. sizes: of the views, (H, W).
    """
    blocks = number_blocks(sizes).to(pixel.device)
    none = pixel < 0
    count = int(blocks[-1]) + 1
    block = torch.where(none, count + none.cumsum(0) - 1, blocks[pixel.clamp(min=0)])
    return values.new_zeros(count + int(none.sum()), values.shape[1]).index_add(0, block, values)


def number_blocks(sizes: Sizes) -> Tensor:
    """The number of the block of each pixel of all views, one view after the other: [P] int64."""
    found, before = [], 0
    for height, width in sizes:
        rows, columns = torch.arange(height) // BLOCK, torch.arange(width) // BLOCK
        across = int(columns[-1]) + 1
        found.append((before + rows[:, None] * across + columns).reshape(-1))
        before += (int(rows[-1]) + 1) * across
    return torch.cat(found)


def find_deviations(objective: Objective, raw: Raw, local: Linearized, found: Uncertainty) -> Values:
    """One standard deviation of each value that a person reads, by finite differences of the values themselves."""
    covariance = found.covariance
    slopes = differentiate_values(objective, raw, local, covariance.diagonal().clamp(min=0).sqrt())
    scene = objective.scene_at(raw)
    result: dict[str, dict[str, Value]] = {}
    for (name, key), columns in slopes.items():
        chosen = torch.tensor(list(columns))
        jacobian = torch.tensor(list(columns.values()), dtype=torch.float64)
        own = covariance[chosen][:, chosen]
        deviation = (jacobian.T @ own @ jacobian).diagonal().clamp(min=0).sqrt().tolist()
        shown = objective.parameters[name].value(scene)[key]
        result.setdefault(name, {})[key] = deviation if isinstance(shown, list) else deviation[0]
    return result


def differentiate_values(
    objective: Objective, raw: Raw, local: Linearized, sizes: Tensor
) -> dict[tuple[str, str], dict[int, list[float]]]:
    """By unknown and key, the derivative of the value in each of the changes, whose sizes [K] are about these.

    Values of unknowns that show in no view together do not depend on each other's changes.
    """
    found: dict[tuple[str, str], dict[int, list[float]]] = {}
    reach = {name: set(objective.reach(name)) for name in local.shapes}
    changing = [name for name, shape in local.shapes.items() for _ in range(shape.numel())]
    for column, size in enumerate(sizes.tolist()):
        step = max(1e-4, 1e-3 * size)
        change = torch.zeros_like(sizes).index_fill(0, torch.tensor([column]), step)
        above, below = (objective.scene_at(objective.retract(raw, local.split(sign * change))[0]) for sign in (1, -1))
        for name in (each for each in local.shapes if reach[each] & reach[changing[column]]):
            parameter = objective.parameters[name]
            pairs = zip(parameter.value(above).items(), parameter.value(below).values(), strict=True)
            for (key, high), low in pairs:
                if high is not None and low is not None:
                    slopes = [(a - b) / (2 * step) for a, b in zip(numbers(high), numbers(low), strict=True)]
                    found.setdefault((name, key), {})[column] = slopes
    return found
