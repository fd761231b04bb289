"""What a fit's answer is worth: whether it explains the picture, whether it alone does, and how precise it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor

from invrender.objective import Objective, Problem
from invrender.parameters.base import Parameters, Value
from invrender.pixels import gaussian_blur, windowed
from invrender.pyramid import Stage, chosen
from invrender.scene import Channels, Picture, View
from invrender.solve.base import MOST_NUMBERS, Linearized, Raw

Status = Literal["converged", "ambiguous", "unidentifiable", "not_converged"]
Values = Mapping[str, Mapping[str, Value]]

# Right answers were seen to leave at most 0.05 of the picture's local contrast, in noise and in photographs.
UNEXPLAINED = 0.08
# Standard deviation of the windows in which contrast is compared, as a share of the shorter side; and of the blur that
# takes out noise, in pixels.
WINDOW, SMOOTHED = 0.06, 1.0
# An answer explains the picture as well as another one whose loss is at most so many times as large.
AS_WELL = 1.3
# A combination of unknowns is not seen where it is uncertain by so many learning rates (for a pose half a radian, or
# half the distance), or where the picture hardly changes with it: a share of the change by the combination seen best.
UNSEEN, HARDLY = 25.0, 1e-7
# The share of the loss that one more step must not promise, unless it is shorter than so many learning rates.
STATIONARY, SHORT = 0.02, 0.01
# Neighbouring pixels err alike: the sides of the blocks within which errors may go together, in pixels.
BLOCK = 4


@dataclass(frozen=True)
class Verdict:
    """What is to be thought of an answer.

    unexplained: the share of the pictures that the answer leaves unexplained.
    deviations: one standard deviation of the unknowns' values, as `Parameter.value` has them.
    others: the values of other answers that explain the picture as well.
    unseen: the combinations of unknowns that the picture does not determine, each by its largest parts.
    """

    status: Status
    reason: str
    unexplained: float
    deviations: Values = field(default_factory=dict)
    others: Sequence[Values] = ()
    unseen: Sequence[Mapping[str, float]] = ()

    @property
    def error_bars(self) -> Values:
        """The deviations of the unknowns that have no part in what is not determined."""
        hidden = {name for parts in self.unseen for name in parts}
        return {name: values for name, values in self.deviations.items() if name not in hidden}


@dataclass(frozen=True)
class Precision:
    """What the Jacobian says at an answer.

    covariance: [K, K], of the changes of the unknowns. promised: the share of the loss that one more step would gain.
    remaining: how long that step is, in learning rates.
    unseen: the directions in which the picture does not determine them, by the names of the unknowns.
    """

    covariance: Tensor
    promised: float
    remaining: float
    unseen: Sequence[Mapping[str, float]]


def precision(local: Linearized, rates: Mapping[str, float], sizes: Sequence[Sequence[int]]) -> Precision:
    """The precision of unknowns at a minimum; directions count in learning rates.

    sizes: of the views, [H, W]. The covariance is that of least squares whose errors differ from pixel to pixel (White,
    1980) and go together within blocks of pixels (Liang and Zeger, 1986): renderings and pictures differ most along
    edges, and there alike.
    """
    scale = local.spread(rates)
    jacobian = local.jacobian.double() * scale
    weights, residuals = local.weights.double(), local.residuals.double()
    weighted = jacobian * weights[:, None]
    normal, slope = weighted.T @ jacobian, weighted.T @ residuals
    curvatures, directions = torch.linalg.eigh(normal)
    noisy = in_blocks(weighted * residuals[:, None], sizes)
    spread = ((noisy @ directions) ** 2).sum(dim=0).sqrt() / curvatures.clamp(min=1e-30)
    hidden = (curvatures <= HARDLY * curvatures[-1]) | (spread > UNSEEN)
    seen = directions[:, ~hidden]
    inverse = seen @ torch.diag(1 / curvatures[~hidden]) @ seen.T
    covariance = inverse @ (noisy.T @ noisy) @ inverse
    loss = float((weights * residuals**2).sum())
    names = [name for name, shape in local.shapes.items() for _ in range(shape.numel())]
    unseen = []
    for direction in directions[:, hidden].T:
        parts: dict[str, float] = {}
        for name, part in zip(names, direction.tolist(), strict=True):
            parts[name] = parts.get(name, 0.0) + part**2
        unseen.append({name: part for name, part in parts.items() if part > 0.01})
    step = inverse @ slope
    promised = float(slope @ step) / max(loss, 1e-30)
    return Precision(scale * covariance * scale[:, None], promised, float(step.abs().max()), unseen)


def in_blocks(values: Tensor, sizes: Sequence[Sequence[int]]) -> Tensor:
    """Sums of values [M, K] over blocks of pixels; M is made of pictures of the views' sizes, one after the other."""
    found, first = [], 0
    pixels = sum(height * width for height, width in sizes)
    if values.shape[0] % pixels:
        return values
    channels = values.shape[0] // pixels
    for height, width in sizes:
        own = values[first : first + height * width * channels]
        first += len(own)
        rows, columns = torch.arange(height) // BLOCK, torch.arange(width) // BLOCK
        block = (rows[:, None] * (int(columns[-1]) + 1) + columns).reshape(-1).repeat_interleave(channels)
        sums = values.new_zeros(int(block[-1]) + 1, values.shape[1])
        found.append(sums.index_add(0, block.to(values.device), own))
    return torch.cat(found)


def deviations(objective: Objective, raw: Raw, parameters: Parameters, local: Linearized, found: Precision) -> Values:
    """One standard deviation of each value that a person reads, by finite differences of the values themselves."""
    scene = objective.scene_at(raw)
    sizes = found.covariance.diagonal().clamp(min=0).sqrt()
    rows: dict[str, dict[str, list[list[float]]]] = {}
    steps = [max(1e-4, 1e-3 * float(size)) for size in sizes]
    for column, step in enumerate(steps):
        change = torch.zeros_like(sizes).index_fill(0, torch.tensor([column]), step)
        above, below = (objective.scene_at(objective.moved(raw, local.split(sign * change))[0]) for sign in (1, -1))
        for name in local.shapes:
            pairs = zip(parameters[name].value(above).items(), parameters[name].value(below).values(), strict=True)
            for (key, high), low in pairs:
                if high is not None and low is not None:
                    slopes = [(a - b) / (2 * step) for a, b in zip(numbers(high), numbers(low), strict=True)]
                    rows.setdefault(name, {}).setdefault(key, []).append(slopes)
    result: dict[str, dict[str, Value]] = {}
    for name, keys in rows.items():
        for key, columns in keys.items():
            jacobian = torch.tensor(columns, dtype=torch.float64)
            deviation = (jacobian.T @ found.covariance.cpu() @ jacobian).diagonal().clamp(min=0).sqrt().tolist()
            shown = parameters[name].value(scene)[key]
            result.setdefault(name, {})[key] = deviation if isinstance(shown, list) else deviation[0]
    return result


def numbers(value: float | list[float]) -> list[float]:
    """A value as a list."""
    return value if isinstance(value, list) else [value]


def unexplained(rendered: Picture, view: View, channels: Channels) -> float:
    """The share of a picture that a rendering leaves unexplained, whatever the light: 0 to 1.

    In colours, 1 − the squared correlation within small windows, their mean luminances apart, weighted by the target's
    contrast in them; in silhouettes, what they do not have in common. The larger of the two, of those that the losses
    compare.
    """
    shares = [0.0]
    if "rgb" in channels:
        shown = rendered.alpha if view.mask is None else rendered.alpha.maximum(view.mask)
        weights = shown if view.weight is None else shown * view.weight
        shares.append(1 - explained_contrast(rendered.rgb, view.rgb, weights))
    if "alpha" in channels and view.mask is not None:
        common = torch.minimum(rendered.alpha, view.mask).sum()
        shares.append(1 - float(common / torch.maximum(rendered.alpha, view.mask).sum().clamp(min=1e-12)))
    return max(shares)


def explained_contrast(found: Tensor, wanted: Tensor, weights: Tensor) -> float:
    """The share of the local contrast of ``wanted`` [H, W, 3] that ``found`` has too, where ``weights`` [H, W] are."""
    mean = windowed(weights, WINDOW * min(weights.shape))

    def local(values: Tensor) -> Tensor:
        return mean(values.mean(dim=-1))

    found, wanted = gaussian_blur(found, SMOOTHED), gaussian_blur(wanted, SMOOTHED)
    found, wanted = found - local(found)[..., None], wanted - local(wanted)[..., None]
    own, other, both = local(found**2), local(wanted**2), local(found * wanted)
    common = (both.clamp(min=0) ** 2 / own.clamp(min=1e-12)).minimum(other)
    return float((weights * common).sum() / (weights * other).sum().clamp(min=1e-12))


def judged(problem: Problem, stages: Sequence[Stage], raw: Raw) -> Verdict:
    """What is to be thought of an answer, from its picture as the last stage draws it, and from Jacobians.

    Each unknown is judged as the last stage in which it moves sees it.
    """
    final = problem.at(stages[-1])
    with torch.no_grad():
        pictures = zip(final.views, final.pictures(final.scene_at(raw)), strict=True)
        shares = [unexplained(picture, view, final.channels) for view, picture in pictures]
    left = sum(shares) / len(shares)
    if left > UNEXPLAINED:
        return Verdict("not_converged", f"{left:.0%} of the picture is left unexplained", left)
    explained = f"{1 - left:.1%} of the picture is explained"
    if any(value.numel() > MOST_NUMBERS for value in raw.values()):
        return Verdict("converged", explained, left)
    spread: dict[str, Mapping[str, Value]] = {}
    unseen: list[Mapping[str, float]] = []
    falling = False
    for stage in reversed(stages):
        moving = chosen(raw, stage.unknowns)
        if set(moving) <= set(spread):
            continue
        objective = problem.in_squares().at(stage, resting=raw)
        [local] = objective.linearized([moving], list(moving))
        found = precision(local, problem.rates, [view.rgb.shape[:2] for view in objective.views])
        unseen += found.unseen
        falling |= found.promised > STATIONARY and found.remaining > SHORT
        spread = {**deviations(objective, moving, problem.parameters, local, found), **spread}
    if unseen:
        told = dict.fromkeys(" together with ".join(parts) for parts in unseen)
        reason = f"the picture does not fully determine {', nor '.join(told)}"
        return Verdict("unidentifiable", reason, left, spread, unseen=unseen)
    if falling:
        return Verdict("not_converged", "the loss was still falling", left, spread)
    return Verdict("converged", explained, left, spread)
