"""Several Markov chains side by side: their state, how it goes on, and how steps are fitted to what is found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from invrender.errors import UserError
from invrender.fitting.sampling.density import Charts, Points, Posterior
from invrender.fitting.sampling.kernels import Lengths, Transition, drift, leap
from invrender.typed import make_typed

# Every so many steps one goes by Jacobians, which take several pictures' time.
EVERY = 20
# Chains begin so many deviations wide, so that they have something to agree upon; where nothing may be there, nearer.
WIDE, NEARER = 1.5, 12
# The covariance by Gauss and Newton is worth so many moves for each number.
WORTH = 50
# Chains may stand still for so many steps.
PATIENCE = 10


@dataclass(frozen=True)
class Counts:
    """How often steps were tried and accepted, by kind."""

    tried: Mapping[str, int] = field(default_factory=dict)
    accepted: Mapping[str, int] = field(default_factory=dict)

    def add(self, kind: str, tried: Tensor, accepted: Tensor) -> Counts:
        """The counts after steps of a kind: which chains tried [N], and which were accepted [N]."""
        both = zip((self.tried, self.accepted), (tried, tried & accepted), strict=True)
        return Counts(*({**before, kind: before.get(kind, 0) + int(more.sum())} for before, more in both))

    @property
    def rates(self) -> dict[str, float]:
        """The share of steps that were accepted, by kind."""
        return {kind: self.accepted[kind] / tried for kind, tried in self.tried.items() if tried}


@dataclass(frozen=True, eq=False)
class Chains:
    """All of some chains between two steps.

    charts: tangent spaces with what is known of the density in each, [M]. points: where the chains are, [N].
    taken: steps so far. lengths: of steps. counts: of steps since the charts are what they are.
    charted, changes: of the steps since then, [T, N] and [T, N, K], and places [T, N, K], densities [T, N].
    random: the state of the generator.
    """

    charts: Charts
    points: Points
    random: Tensor
    taken: int = 0
    lengths: Lengths = field(default_factory=Lengths)
    counts: Counts = field(default_factory=Counts)
    charted: Tensor = field(default_factory=lambda: torch.zeros(0, 0, dtype=torch.int64))
    changes: Tensor = field(default_factory=lambda: torch.zeros(0, 0, 0, dtype=torch.float64))
    places: Tensor = field(default_factory=lambda: torch.zeros(0, 0, 0, dtype=torch.float64))
    densities: Tensor = field(default_factory=lambda: torch.zeros(0, 0, dtype=torch.float64))

    def to_plain(self) -> dict[str, Any]:
        """The same in dicts, tensors and numbers, which can be written without code."""
        parts = {name: vars(getattr(self, name)) for name in ("charts", "points", "counts")}
        return {**vars(self), **parts, "lengths": self.lengths.to_plain()}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Chains:
        """The chains whose plain form this is. Raises `UserError` where it is none."""
        try:
            kinds = {"charts": Charts, "points": Points, "counts": Counts}
            parts: dict[str, Any] = {name: make_typed(kind, plain[name]) for name, kind in kinds.items()}
            return make_typed(cls, {**plain, **parts, "lengths": Lengths.from_plain(plain["lengths"])})
        except (KeyError, TypeError) as error:
            raise UserError(f"this is not the state of chains: {error}") from error


def begin_chains(posterior: Posterior, charts: Charts, count: int, seed: int) -> Chains:
    """Chains that begin about the charts' centres, in turn. Raises `UserError` where nothing may be there."""
    random = torch.Generator().manual_seed(seed)
    chart = torch.arange(count) % len(charts)
    fresh = WIDE * torch.randn(count, charts.means.shape[1], generator=random, dtype=torch.float64)
    points = posterior.measure(charts, chart, charts.color(chart, fresh))
    for power in range(1, NEARER + 1):
        if bool(points.density.isfinite().all()):
            break
        nearer = posterior.measure(charts, chart, charts.color(chart, 0.5**power * fresh))
        points = points.where(~points.density.isfinite(), nearer)
    if not bool(points.density.isfinite().any()):
        raise UserError(
            "the likelihood is zero everywhere around the start: its logarithm is not finite; "
            "check sampler.sigma, and the scene's numbers"
        )
    # Chains that found nothing begin where others did.
    alive = points.density.isfinite().nonzero()[:, 0]
    source = torch.where(points.density.isfinite(), torch.arange(count), alive[torch.arange(count) % len(alive)])
    points = Points(points.chart[source], points.change[source], points.place[source], points.density[source])
    return Chains(charts, points, random.get_state())


def run_chains(posterior: Posterior, chains: Chains, burn_in: int, draws: int) -> Iterator[Chains]:
    """The chains after each step, until so many are drawn after those of the burn-in.

    In the burn-in lengths of steps follow how often they are accepted, and at its half and its end the charts take on
    the covariance of what was found. After that nothing changes any more, so that what is drawn is of the posterior.
    Raises `UserError` where no chain has moved in the burn-in.
    """
    while chains.taken < burn_in + draws:
        chains = step(posterior, chains, adapting=chains.taken < burn_in)
        if chains.taken in (max(1, burn_in // 2), burn_in) and chains.taken <= burn_in:
            check_moving(chains)
            chains = forget(adapt_charts(chains))
        yield chains


def step(posterior: Posterior, chains: Chains, adapting: bool) -> Chains:
    """The chains after one more step of each."""
    random = torch.Generator()
    random.set_state(chains.random)
    kind = "drift" if chains.taken % EVERY == EVERY - 1 else "leap"
    kernel = drift if kind == "drift" else leap
    found = kernel(posterior, chains.charts, chains.points, chains.lengths.of(kind), random)
    return replace(
        note(chains, kind, found),
        points=found.points,
        taken=chains.taken + 1,
        lengths=adapt_lengths(chains.lengths, kind, found) if adapting else chains.lengths,
        random=random.get_state(),
    )


def note(chains: Chains, kind: str, found: Transition) -> Chains:
    """The chains with what became of a step."""
    counts = chains.counts.add(kind, ~found.crossed, found.accepted)
    counts = counts.add("jump", found.crossed, found.accepted) if bool(found.crossed.any()) else counts
    points, count = found.points, len(found.points.chart)
    return replace(
        chains,
        counts=counts,
        charted=torch.cat([chains.charted.reshape(-1, count), points.chart[None]]),
        changes=torch.cat([chains.changes.reshape(-1, *points.change.shape), points.change[None]]),
        places=torch.cat([chains.places.reshape(-1, *points.place.shape), points.place[None]]),
        densities=torch.cat([chains.densities.reshape(-1, count), points.density[None]]),
    )


def adapt_lengths(lengths: Lengths, kind: str, found: Transition) -> Lengths:
    """The lengths after a step, by the chances of chains that stayed in their charts."""
    stayed = ~found.crossed
    return lengths.adapt(kind, float(found.chance[stayed].mean())) if bool(stayed.any()) else lengths


def adapt_charts(chains: Chains) -> Chains:
    """The chains whose charts have the mean and the covariance of the changes that were found in each.

    Together with what was known before, which counts as a few draws.
    """
    charts, size = chains.charts, chains.changes.shape[2]
    worth = WORTH * size
    means, spreads = charts.means.clone(), charts.spreads.clone()
    for index in range(len(charts)):
        found = chains.changes[chains.charted == index]
        moves = len(set(found[:, 0].tolist()))
        if moves <= 2 * size:
            continue
        share = moves / (moves + worth)
        means[index] = share * found.mean(dim=0) + (1 - share) * means[index]
        before = spreads[index] @ spreads[index].T
        spreads[index] = torch.linalg.cholesky(share * found.T.cov() + (1 - share) * before)
    return replace(chains, charts=Charts(charts.centers, means, spreads))


def forget(chains: Chains) -> Chains:
    """The chains as if their steps began here."""
    fresh = Chains(chains.charts, chains.points, chains.random)
    return replace(fresh, taken=chains.taken, lengths=chains.lengths)


def check_moving(chains: Chains) -> None:
    """Raise `UserError` where no step of any chain was accepted."""
    if chains.taken >= PATIENCE and not any(chains.counts.accepted.values()):
        raise UserError(
            f"no chain has moved in {chains.taken} steps: the density falls to nothing all around the start; "
            "check sampler.sigma and sampler.prior, or fit the start further"
        )
