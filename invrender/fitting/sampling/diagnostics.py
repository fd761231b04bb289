"""Whether chains agree, and how many independent draws theirs are worth.

The numbers of Vehtari, Gelman, Simpson, Carpenter and Bürkner, "Rank-normalization, folding, and localization: an
improved R-hat" (2021, doi:10.1214/20-BA1221). Draws are [T, N], of N chains one beside the other.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

# Of a quantity that never changes there is nothing to disagree about.
STILL = 1e-12


def rank_r_hat(draws: Tensor) -> float:
    """R-hat of ranks: the larger of that of the draws and of their distances from the median; 1 where chains agree."""
    halves = split_chains(draws)
    folded = (halves - halves.median()).abs()
    return max(r_hat(normalize_ranks(halves)), r_hat(normalize_ranks(folded)))


def bulk_size(draws: Tensor) -> float:
    """The effective sample size of ranks: of the middle of the distribution."""
    return effective_size(normalize_ranks(split_chains(draws)))


def tail_size(draws: Tensor) -> float:
    """The effective sample size of the 5 % and 95 % quantiles, of which the smaller."""
    halves = split_chains(draws)
    ends = torch.quantile(halves.reshape(-1), halves.new_tensor([0.05, 0.95]))
    return min(effective_size((halves <= end).double()) for end in ends)


def split_chains(draws: Tensor) -> Tensor:
    """The halves [T / 2, 2 N] of chains."""
    half = len(draws) // 2
    return torch.cat([draws[:half], draws[len(draws) - half :]], dim=1).double()


def normalize_ranks(draws: Tensor) -> Tensor:
    """Normal scores of the ranks among all draws; those that are equal get their mean rank."""
    flat = draws.reshape(-1)
    _, inverse, counts = torch.unique(flat, return_inverse=True, return_counts=True)
    last = counts.cumsum(0)
    ranks = (last - (counts - 1) / 2.0)[inverse]
    return torch.as_tensor(torch.special.ndtri((ranks - 0.375) / (len(flat) + 0.25))).reshape(draws.shape)


def r_hat(draws: Tensor) -> float:
    """√(pooled variance / variance within chains)."""
    length, within = len(draws), draws.var(dim=0).mean()
    between = length * draws.mean(dim=0).var()
    if float(within) <= STILL:
        return 1.0 if float(between) <= STILL else float("inf")
    return float((((length - 1) / length * within + between / length) / within).sqrt())


def effective_size(draws: Tensor) -> float:
    """The effective sample size by Geyer's initial monotone sequence (1992, doi:10.1214/ss/1177011137)."""
    length, chains = draws.shape
    covariances = autocovariances(draws)
    within = float(covariances[0].mean()) * length / (length - 1)
    pooled = within * (length - 1) / length + (float(draws.mean(dim=0).var()) if chains > 1 else 0.0)
    if pooled <= STILL:
        return float(length * chains)
    correlations = 1 - (within - covariances.mean(dim=1)) / pooled
    correlations[0] = 1.0
    pairs = correlations[: length // 2 * 2].reshape(-1, 2).sum(dim=1)
    negative = (pairs < 0).nonzero()
    pairs = pairs[: int(negative[0]) if len(negative) else len(pairs)]
    time = max(-1 + 2 * float(pairs.cummin(dim=0).values.sum()), 1 / math.log10(length * chains))
    return float(length * chains / time)


def autocovariances(draws: Tensor) -> Tensor:
    """Of each chain at each lag, [T, N], by Fourier transforms."""
    length = len(draws)
    centered = draws - draws.mean(dim=0)
    powers = torch.fft.rfft(centered, n=2 * length, dim=0).abs() ** 2
    return torch.as_tensor(torch.fft.irfft(powers, n=2 * length, dim=0))[:length] / length
