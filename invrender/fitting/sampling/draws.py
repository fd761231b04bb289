"""What was drawn of a posterior: the values that people read, their intervals, modes, and whether chains agree."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from invrender.fitting.judge.verdict import Status, numbers
from invrender.fitting.sampling.diagnostics import bulk_size, rank_r_hat, tail_size
from invrender.fitting.sampling.noise import Noise
from invrender.fitting.sampling.sampling import Sampling, SamplingState
from invrender.fitting.solve.base import Raw
from invrender.scene import Scene

# Chains agree, and are worth something, where R-hat is at most this and each chain has so many effective draws
# (Vehtari et al., 2021, would have 1.01, and 50 for each chain, for summaries of four digits).
AGREED, WORTH = 1.05, 10
# A mode of less is not told; one of more is another answer.
LEAST, ANOTHER = 0.005, 0.05
SHARES = {"68": 0.68, "95": 0.95}


@dataclass(frozen=True)
class Column:
    """A number of a value: of which unknown, by which key, and the how-manieth of how many."""

    unknown: str
    key: str
    index: int
    of: int

    @property
    def name(self) -> str:
        """As a table heads it."""
        return f"{self.unknown}.{self.key}" + (f".{self.index}" if self.of > 1 else "")


@dataclass(frozen=True)
class Interval:
    """Of one number: its mean and standard deviation, and by share in per cent the ends of the middle of its draws."""

    mean: float
    deviation: float
    ends: Mapping[str, tuple[float, float]]

    @classmethod
    def of(cls, draws: Tensor) -> Interval:
        """Those of draws of any shape."""
        flat = draws.reshape(-1)
        ends = {}
        for name, share in SHARES.items():
            low, high = torch.quantile(flat, flat.new_tensor([(1 - share) / 2, (1 + share) / 2])).tolist()
            ends[name] = (low, high)
        return cls(float(flat.mean()), float(flat.std(correction=0)), ends)


@dataclass(frozen=True)
class Agreement:
    """Of one number: R-hat, and the effective sizes of the middle and of the tails."""

    r_hat: float
    bulk: float
    tail: float


@dataclass(frozen=True)
class Mode:
    """A mode: its number among the charts, the share of the draws in it, and its numbers' intervals."""

    number: int
    mass: float
    intervals: Mapping[Column, Interval]


@dataclass(frozen=True, eq=False)
class Draws:
    """The draws of a sampling that is over."""

    sampling: Sampling
    state: SamplingState

    @property
    def shape(self) -> tuple[int, int]:
        """Draws of each chain, and chains."""
        count, chains = self.charted.shape
        return count, chains

    @property
    def charted(self) -> Tensor:
        """The chart of each draw, [T, N]."""
        return self.state.chains.charted

    @property
    def places(self) -> Tensor:
        """Of the unknowns that are sampled, [T, N, K]."""
        return self.state.chains.places

    @cached_property
    def noise(self) -> Noise:
        """The noise that was taken to be in the pictures."""
        return self.sampling.noise_at(self.state.best)

    def raw(self, place: Tensor) -> Raw:
        """All raw tensors at a place [K]."""
        like = self.sampling.problem.scene.background
        return {**self.sampling.raw, **{n: v.to(like) for n, v in self.sampling.tangent.split(place).items()}}

    def scene(self, place: Tensor) -> Scene:
        """The scene at a place [K]."""
        return self.sampling.objective.scene_at(self.raw(place))

    def values_at(self, scene: Scene) -> dict[Column, float]:
        """The numbers of the unknowns that are sampled, as people read them."""
        found: dict[Column, float] = {}
        for name in self.sampling.names:
            for key, value in self.sampling.problem.parameters[name].value(scene).items():
                if value is not None:
                    each = numbers(value)
                    found |= {Column(name, key, i, len(each)): number for i, number in enumerate(each)}
        return found

    def numbers_at(self, scene: Scene) -> Tensor:
        """The same as [C], rotation vectors turned on as those of draws are."""
        return self.unwrap(torch.tensor([list(self.values_at(scene).values())], dtype=torch.float64))[0]

    @cached_property
    def columns(self) -> list[Column]:
        """The numbers that are told of each draw."""
        return list(self.values_at(self.scene(self.state.best)))

    @cached_property
    def values(self) -> Tensor:
        """The numbers of all draws, [T, N, C]; rotation vectors turn on from those of the best place."""
        count, chains, size = self.places.shape
        flat, known = self.places.reshape(-1, size), dict[tuple[float, ...], list[float]]()
        for place in flat:
            # A chain that stays is at the same place once more.
            if (key := tuple(place.tolist())) not in known:
                known[key] = list(self.values_at(self.scene(place)).values())
        rows = torch.tensor([known[tuple(place.tolist())] for place in flat], dtype=torch.float64)
        return self.unwrap(rows).reshape(count, chains, -1)

    def unwrap(self, rows: Tensor) -> Tensor:
        """Numbers [S, C] with those rotation vectors, in degrees, that come nearest to the best place's."""
        reference = rows.new_tensor(list(self.values_at(self.scene(self.state.best)).values()))
        found = rows.clone()
        for index, column in enumerate(self.columns):
            if column.key.endswith("rotation_deg") and column.index == 0 and column.of == 3:
                own = slice(index, index + 3)
                vector = rows[:, own]
                angle = vector.norm(dim=1, keepdim=True).clamp(min=1e-12)
                around = vector * (1 - 360 / angle)
                nearer = (around - reference[own]).norm(dim=1) < (vector - reference[own]).norm(dim=1)
                found[:, own] = torch.where(nearer[:, None], around, vector)
        return found

    @cached_property
    def intervals(self) -> dict[Column, Interval]:
        """Of all draws."""
        return {column: Interval.of(self.values[..., index]) for index, column in enumerate(self.columns)}

    @cached_property
    def agreement(self) -> dict[Column, Agreement]:
        """Of the chains, by number."""
        found = {}
        for index, column in enumerate(self.columns):
            draws = self.values[..., index]
            found[column] = Agreement(rank_r_hat(draws), bulk_size(draws), tail_size(draws))
        return found

    @cached_property
    def modes(self) -> list[Mode]:
        """The modes that draws were found in, those of the largest mass first."""
        found = []
        for number in sorted(set(self.charted.reshape(-1).tolist())):
            there = self.charted == number
            mass = float(there.double().mean())
            if mass >= LEAST:
                own = self.values[there]
                found.append(Mode(number, mass, {c: Interval.of(own[:, i]) for i, c in enumerate(self.columns)}))
        return sorted(found, key=lambda mode: -mode.mass)

    @property
    def least_size(self) -> float:
        """The effective sample size of the number that has least."""
        return min((each.bulk for each in self.agreement.values()), default=0.0)

    @property
    def verdict(self) -> tuple[Status, str]:
        """What is to be thought of the draws, and why."""
        column, worst = max(self.agreement.items(), key=lambda each: each[1].r_hat)
        chains = self.shape[1]
        if not worst.r_hat <= AGREED:
            return "not_converged", f"the chains do not agree: R-hat {worst.r_hat:.2f} of {column.name}"
        if self.least_size < WORTH * chains:
            return "not_converged", f"the draws are worth {self.least_size:.0f} independent ones, of {chains} chains"
        others = [mode for mode in self.modes if mode.mass >= ANOTHER]
        if len(others) > 1:
            masses = ", ".join(f"{mode.mass:.0%}" for mode in others)
            return "ambiguous", f"the posterior has {len(others)} modes, with {masses} of its mass"
        return "converged", f"{chains} chains agree, R-hat at most {worst.r_hat:.3f}"
