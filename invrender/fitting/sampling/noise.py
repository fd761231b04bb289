"""The noise of pictures: how likely residuals are, and how far neighbouring pixels err alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from invrender.fitting.judge.telling import LEAST_NOISE
from invrender.fitting.judge.uncertainty import HARDLY, Sizes, sum_by_block, sum_outer_products
from invrender.fitting.sampler import Correlation
from invrender.fitting.solve.base import Linearized
from invrender.images.blur import gaussian_blur

# Rounds in which the scale of Student's noise settles.
ROUNDS = 50
# An answer takes at most this much less than all of what is left in its blocks.
LEAST_FREE = 0.2


@dataclass(frozen=True, eq=False)
class Noise:
    """What pictures differ by from their renderings, at the truth.

    log p(r) = −Σ a ρ(r / σ) / κ, up to a constant, with ρ(u) = u² / 2 (Gaussian), or (n + 1) / 2 log(1 + u² / n)
    (Student).

    shares: [M], a, how much each residual counts, at most 1; the same wherever the unknowns are, since a likelihood is
    of the same pixels everywhere.
    sigma: of a residual that counts in full, in the residuals' unit; of Student's noise the scale.
    inflation: κ, how many residuals count as one, since neighbours err alike; at least 1.
    dof: n; None for Gaussian noise.
    """

    shares: Tensor
    sigma: float
    inflation: float = 1.0
    dof: float | None = None

    def stiffness(self, residuals: Tensor) -> Tensor:
        """ω [M], by which residuals pull less than those of Gaussian noise."""
        if self.dof is None:
            return torch.ones_like(residuals)
        return (self.dof + 1) / (self.dof + (residuals / self.sigma) ** 2)

    def log_likelihood(self, local: Linearized) -> float:
        """The logarithm of how likely residuals are; minus infinity where they are no numbers."""
        squares = (local.residuals.double() / self.sigma) ** 2
        if self.dof is not None:
            squares = (self.dof + 1) * torch.log1p(squares / self.dof)
        found = -0.5 * float((self.shares * squares).sum()) / self.inflation
        return found if found > -torch.inf else -torch.inf

    def weigh(self, local: Linearized) -> Linearized:
        """The residuals with weights of which Σ weights × residuals² / 2 has the slope of −log p."""
        weights = self.shares * self.stiffness(local.residuals.double()) / (self.inflation * self.sigma**2)
        return replace(local, weights=weights)


def estimate_noise(
    local: Linearized,
    sizes: Sizes,
    sigma: float | None = None,
    dof: float | None = None,
    correlation: Correlation = "blocks",
) -> Noise:
    """The noise in pictures, from what an answer leaves of them.

    sigma: where it is known. What is not known is the mean square of residuals where pictures tell of the unknowns, so
    that the covariance is right (White, 1980): Σ h r² / Σ h (1 − h), with the leverage h = a Jᵀ H⁻¹ J and H = Σ a J Jᵀ.

    With ``correlation`` "blocks" the variance is that of the error bars (`estimate_uncertainty`), in whose blocks of
    pixels errors go together: the likelihood is raised to the power 1 / κ, κ σ² = tr(H⁻¹ B) / (K − Σ |G|²), where B
    sums the squares of what blocks add to the gradient, and G is the block's part of H, by which an answer takes of
    what it leaves there (Bell and McCaffrey, 2002). That is the calibration of a composite likelihood by its magnitude
    (Ribatet, Cooley and Davison, 2012, doi:10.5705/ss.2009.248). That neighbours err against each other is chance,
    which small pictures have much of: κ is at least 1.
    """
    weights = local.weights.double()
    noise = Noise(weights / weights.max().clamp(min=1e-300), sigma or 1.0, dof=dof)
    if sigma is None:
        noise = replace(noise, sigma=max(LEAST_NOISE, settle_variance(local, noise) ** 0.5))
    if correlation == "none":
        return noise
    pulled = replace(local, weights=noise.shares * noise.stiffness(local.residuals.double()))
    inverse = invert(pulled)
    heights = leverages(pulled, inverse)
    together = float((inverse * sum_outer_products(pulled, sizes)).sum())
    together /= left_free(float(heights.sum()), sum_shares(pulled, inverse, sizes))
    apart = spread_apart(heights, pulled.weights, pulled.residuals)
    return replace(noise, inflation=max(1.0, together / apart) if apart > 0 else 1.0)


def settle_variance(local: Linearized, noise: Noise) -> float:
    """σ² from the residuals, of Student's noise by iteration."""
    residuals, variance = local.residuals.double(), 1.0
    counted = replace(local, weights=noise.shares)
    heights = leverages(counted, invert(counted))
    for _ in range(1 if noise.dof is None else ROUNDS):
        given = replace(noise, sigma=max(variance, LEAST_NOISE**2) ** 0.5)
        variance = spread_apart(heights, noise.shares * given.stiffness(residuals), residuals)
    return variance


def spread_apart(heights: Tensor, weights: Tensor, residuals: Tensor) -> float:
    """The variance of residuals where pictures tell of the unknowns, as if each erred alone. heights: leverages."""
    squares = float((heights * weights * residuals.double() ** 2).sum())
    return squares / left_free(float(heights.sum()), float(heights.square().sum()))


def left_free(whole: float, taken: float) -> float:
    """What is left of the sum of leverages where an answer takes some; not less than a part of it."""
    return max(whole - taken, LEAST_FREE * whole, 1e-300)


def sum_shares(local: Linearized, inverse: Tensor, sizes: Sizes) -> float:
    """Σ |G|² over blocks of pixels, G [K, K] what a block adds to H, in units in which H is one."""
    values, vectors = torch.linalg.eigh(inverse)
    root, total = vectors * values.clamp(min=0).sqrt(), 0.0
    for rows, columns, jacobian in local.blocks():
        white = (jacobian @ root[columns].to(jacobian)) * local.weights[rows].double().sqrt()[:, None]
        for column in white.T:
            total += float(sum_by_block(white * column[:, None], local.pixel[rows], sizes).square().sum())
    return total


def invert(local: Linearized) -> Tensor:
    """(Jᵀ W J)⁻¹, [K, K], in the directions that pictures show."""
    normal, _ = local.normal_equations()
    scale = normal.diagonal().clamp(min=1e-300).rsqrt()
    curvatures, directions = torch.linalg.eigh(scale * normal * scale[:, None])
    shown = curvatures > HARDLY * curvatures[-1]
    seen = directions[:, shown]
    inverse = seen @ torch.diag(1 / curvatures[shown]) @ seen.T
    found: Tensor = scale * inverse * scale[:, None]
    return found


def leverages(local: Linearized, inverse: Tensor) -> Tensor:
    """Weights × Jᵀ H⁻¹ J of each residual, [M]."""
    found = torch.zeros_like(local.weights, dtype=torch.float64)
    for rows, columns, jacobian in local.blocks():
        own = inverse[columns[:, None], columns].to(jacobian)
        found[rows] = local.weights[rows].double() * ((jacobian @ own) * jacobian).sum(dim=1)
    return found


def noise_after_blur(sigma: float, blur: float, sizes: Sequence[tuple[float, float]]) -> float:
    """σ of a pixel once pictures are reduced and blurred.

    blur: in pixels of the reduced picture. sizes: of a shorter side before and after, of each view.
    """
    reduced = sum(after / before for before, after in sizes) / len(sizes)
    return sigma * reduced * remaining_deviation(blur)


def remaining_deviation(blur: float) -> float:
    """The share that a blur by a Gaussian leaves of the standard deviation of white noise."""
    side = 2 * int(5 * blur + 2) + 1
    impulse = torch.zeros(side, side, dtype=torch.float64)
    impulse[side // 2, side // 2] = 1.0
    return float(gaussian_blur(impulse, blur).square().sum().sqrt())
