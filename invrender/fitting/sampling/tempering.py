"""Sequential Monte Carlo from the prior to the posterior, by tempering: where no start is given."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from invrender.errors import UserError
from invrender.fitting.judge.telling import LEAST_NOISE
from invrender.fitting.objective import Objective
from invrender.fitting.sampling.prior import Prior
from invrender.fitting.sampling.tangent import Tangent
from invrender.fitting.solve.base import Raw, Routine, run_batched
from invrender.fitting.solve.least_squares import LevenbergMarquardt

log = logging.getLogger("invrender.fitting.search")

# A power is as large as leaves so many of the particles; each is followed by so many moves.
REMAINING, MOVES, MOST_POWERS = 0.5, 3, 60
# Moves are so many learning rates long, each particle's drawn anew.
LENGTHS = (10.0, 3.0, 1.0, 0.3, 0.1)
# Rounds of Newton's method for the change that leads back; it is nearly the negative of the one that led there. It
# leads nowhere where what is left is more than this share of a learning rate.
ROUNDS, LEFT = 4, 1e-3
# So many particles are refined, by so many steps.
REFINED, STEPS = 12, 12


@dataclass(frozen=True, eq=False)
class Particles:
    """Places [N, K], the logarithm of their prior, [N], and half the sum of squares that they leave, [N]."""

    place: Tensor
    prior: Tensor
    energy: Tensor

    def take(self, index: Tensor) -> Particles:
        """Some of the particles, maybe several times."""
        return Particles(self.place[index], self.prior[index], self.energy[index])


@dataclass(frozen=True, eq=False)
class Tempering:
    """A way from the prior to the posterior of small and blurred pictures (Del Moral, Doucet and Jasra, 2006).

    Densities are prior × exp(−power × energy), each power as large as leaves half of the particles (Jasra, Stephens,
    Doucet and Tsagaris, 2011, doi:10.1111/j.1467-9469.2010.00723.x). Then particles are drawn by their weights, and
    moved by Metropolis steps in tangent spaces.

    sigma: of the noise in these pictures; None for what the best particle leaves, which is known on the way.
    """

    objective: Objective
    tangent: Tangent
    prior: Prior
    sigma: float | None = None

    def run(self, count: int, random: torch.Generator) -> Particles:
        """So many particles at the last power. Raises `UserError` where none has a likelihood."""
        log.info("drawing %d poses from the prior, and following them to the posterior", count)
        places = self.prior.draw(count, random)
        particles = Particles(places, self.prior.log_density(places), self.energies(places))
        if not bool(particles.energy.isfinite().any()):
            raise UserError("the likelihood is zero everywhere: no draw from the prior has a picture of finite numbers")
        power = 0.0
        for _ in range(MOST_POWERS):
            last = self.last_power(particles)
            following = min(last, next_power(particles.energy, power))
            particles = particles.take(resample((power - following) * particles.energy, random))
            power = following
            for _ in range(MOVES):
                particles = self.move(particles, power, random)
            if power >= last:
                break
        return particles

    def energies(self, places: Tensor) -> Tensor:
        """Half the sums of squares at places [N, K], of shares of residuals; infinity where there are no numbers."""
        like = self.objective.scene.background
        raws = [{name: each.to(like) for name, each in self.tangent.split(place).items()} for place in places]
        with torch.no_grad():
            local = self.objective.linearize(raws, ()) if raws else []
        found = [0.5 * each.squares(each.residuals) / max(float(each.weights.max()), 1e-300) for each in local]
        return torch.tensor(found, dtype=torch.float64).nan_to_num(nan=math.inf)

    def last_power(self, particles: Particles) -> float:
        """1 / κ σ²; κ, how many pixels count as one, is what the blur makes of independent ones."""
        pixels = sum(height * width for height, width in self.objective.sizes)
        left = 2 * float(particles.energy.min()) / pixels
        variance = max(left, LEAST_NOISE**2) if self.sigma is None else self.sigma**2
        return 1 / (variance * max(1.0, 4 * math.pi * self.objective.stage.blur**2))

    def move(self, particles: Particles, power: float, random: torch.Generator) -> Particles:
        """The particles after a Metropolis step of each, in its own tangent space."""
        place = particles.place
        choice = torch.randint(len(LENGTHS), (len(place),), generator=random)
        deviations = torch.tensor(LENGTHS, dtype=torch.float64)[choice, None] * self.tangent.rates
        change = deviations * torch.randn(place.shape, generator=random, dtype=torch.float64)
        there = self.tangent.retract(place, change)
        back = self.find_way(there, place, -change)
        returned = ((self.tangent.retract(there, back) - place).abs() <= LEFT * self.tangent.rates).all(dim=1)
        prior = torch.where(returned, self.prior.log_density(there), -math.inf)
        energy = torch.full_like(prior, math.inf)
        energy[prior.isfinite()] = self.energies(there[prior.isfinite()])
        forward, backward = self.log_chance(place, change, deviations), self.log_chance(there, back, deviations)
        gain = prior - particles.prior - power * (energy - particles.energy) + backward - forward
        taken = torch.rand(len(place), generator=random, dtype=torch.float64).log() < gain
        return Particles(
            torch.where(taken[:, None], there, place),
            torch.where(taken, prior, particles.prior),
            torch.where(taken, energy, particles.energy),
        )

    def find_way(self, start: Tensor, end: Tensor, guess: Tensor) -> Tensor:
        """The changes [N, K] that lead from places to other ones, by Newton's method from near ones."""
        change = guess
        for _ in range(ROUNDS):
            slopes = self.tangent.differentiate(start, change)
            missing = end - self.tangent.retract(start, change)
            change = change + torch.linalg.solve_ex(slopes, missing[..., None])[0][..., 0]
        return change

    def log_chance(self, place: Tensor, change: Tensor, deviations: Tensor) -> Tensor:
        """The logarithm of how likely a change of a place is, by the volume of changes where it leads, [N]."""
        there = self.tangent.retract(place, change)
        along = self.tangent.differentiate(place, change).det().abs().log()
        here = self.tangent.differentiate(there, torch.zeros_like(change)).det().abs().log()
        return here - along - 0.5 * (change / deviations).square().sum(dim=1)


def next_power(energy: Tensor, power: float) -> float:
    """The power at which weights leave so many of the particles, by bisection; at most 1e12 times as large."""

    def remaining(step: float) -> float:
        weights = torch.softmax(-step * energy, dim=0)
        return 1 / float(weights.square().sum()) / len(energy)

    low, high = 0.0, 1.0
    while remaining(high) > REMAINING and high < 1e12:
        low, high = high, 4 * high
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if remaining(middle) > REMAINING else (low, middle)
    return power + high


def resample(log_weights: Tensor, random: torch.Generator) -> Tensor:
    """Which of the particles are taken, each about as often as its weight says [N] (systematic resampling)."""
    ends = torch.softmax(log_weights, dim=0).cumsum(dim=0)
    count = len(ends)
    marks = (torch.arange(count, dtype=torch.float64) + torch.rand(1, generator=random, dtype=torch.float64)) / count
    return torch.searchsorted(ends, marks).clamp(max=count - 1)


def refine(objectives: Sequence[Objective], particles: Particles, tangent: Tangent) -> list[Raw]:
    """Raw tensors of some particles, the best among them, after least squares by each of the objectives in turn."""
    order = particles.energy.argsort()
    chosen = order[:: max(1, len(order) // REFINED)][:REFINED]
    like = objectives[0].scene.background
    raws = [{name: each.to(like) for name, each in tangent.split(particles.place[index]).items()} for index in chosen]
    for objective in objectives:
        solver = LevenbergMarquardt([objective.stage], accuracy=0.05)
        raws = run_batched([descent(solver, objective, raw) for raw in raws], objective)
    return raws


def descent(solver: LevenbergMarquardt, objective: Objective, raw: Raw) -> Routine[Raw]:
    """The requests of some steps of least squares."""
    state = solver.init(objective, raw)
    for _ in range(STEPS):
        raw, state = yield from solver.descend(objective, raw, state)
        if solver.done(state):
            break
    return raw
