"""The sampler: from an answer, or from the prior, to chains whose draws are of the posterior."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from invrender.errors import UserError, note
from invrender.fitting.objective import Objective
from invrender.fitting.problem import Problem
from invrender.fitting.sampler import Sampler
from invrender.fitting.sampling.chains import Chains, begin_chains, run_chains
from invrender.fitting.sampling.density import Posterior
from invrender.fitting.sampling.modes import chart_modes, find_alike
from invrender.fitting.sampling.noise import Noise, estimate_noise, noise_after_blur
from invrender.fitting.sampling.prior import Prior
from invrender.fitting.sampling.tangent import Tangent
from invrender.fitting.sampling.tempering import Tempering, refine
from invrender.fitting.schedule import Stage, select
from invrender.fitting.search.search import Search
from invrender.fitting.solve.base import Raw, few_numbers
from invrender.losses import Huber, MeanAbsoluteError
from invrender.losses.base import DataTerm
from invrender.typed import make_typed


@dataclass(frozen=True, eq=False)
class Sampling:
    """A posterior that is about to be sampled.

    problem: of losses of pictures that are sums of squares. stages: of the solver that has found the answer.
    raw: where the unknowns are that the fit has found, and those that are not sampled stay.
    """

    problem: Problem
    stages: Sequence[Stage]
    search: Search
    sampler: Sampler
    raw: Raw

    @classmethod
    def of(cls, problem: Problem, stages: Sequence[Stage], search: Search, sampler: Sampler, raw: Raw) -> Sampling:
        """That of a fit's answer. Raises `UserError` for what can't be sampled."""
        if problem.renderer.supports.depends_on_loss:
            raise UserError("sampler: it needs derivatives of pictures, and this renderer's depend on the loss")
        squares = problem.in_squares().losses
        kept = {name: loss for name, loss in squares.items() if isinstance(loss, DataTerm)}
        found = cls(replace(problem, losses=kept), stages, search, sampler, raw)
        found.check(set(problem.losses) - set(kept))
        return found

    def check(self, left_out: set[str]) -> None:
        """Raise `UserError` for a loss that is no noise, and where nothing is left to sample; note what is left out."""
        counting = select(self.problem.losses, self.stage.losses)
        for name, loss in counting.items():
            if isinstance(loss, Huber | MeanAbsoluteError):
                raise UserError(f"loss.{name} is no noise to sample by; set loss=mse with sampler.noise=student")
        if not counting:
            raise UserError("sampler: no loss of pictures is a sum of squares, as noise is; add one, such as loss=mse")
        if dropped := sorted(left_out & set(self.stage.losses or left_out)):
            note(f"loss.{', loss.'.join(dropped)} has no part in the posterior; sampler.prior can say what is known")

    @cached_property
    def stage(self) -> Stage:
        """The last stage in which what the verdict is about moves."""
        counting = self.problem.counting
        moving = [stage for stage in self.stages if select(dict.fromkeys(counting), stage.unknowns)]
        return moving[-1] if moving else self.stages[-1]

    @cached_property
    def names(self) -> list[str]:
        """The unknowns that are sampled. Raises `UserError` where there are none."""
        found = few_numbers(select(self.raw, self.stage.unknowns))
        chosen = select(found, self.sampler.unknowns or None)
        if not chosen:
            told = ", ".join(self.sampler.unknowns) or "none is of few numbers"
            raise UserError(f"sampler.unknowns: {told}; those that can be sampled are {', '.join(found) or 'none'}")
        return list(chosen)

    @cached_property
    def tangent(self) -> Tangent:
        """The unknowns that are sampled, as vectors."""
        return Tangent.of(self.problem.scene, self.problem.parameters, self.names, self.raw)

    @cached_property
    def prior(self) -> Prior:
        """What is known of them before."""
        return Prior.of(self.tangent, self.sampler.prior)

    @cached_property
    def objective(self) -> Objective:
        """The losses by which they are sampled."""
        return self.problem.at(self.stage, self.raw)

    def begin(self, seed: int) -> SamplingState:
        """Chains at the posterior's modes. Raises `UserError` where nothing may be there."""
        raws = self.find_raws(seed)
        best = self.tangent.flatten(raws[0])
        self.prior.check(best)
        posterior = self.posterior_at(best)
        places = torch.stack([self.tangent.flatten(raw) for raw in raws])
        modes = chart_modes(posterior, places[self.prior.log_density(places).isfinite()])
        return SamplingState(best, modes.parts, begin_chains(posterior, modes.charts, self.sampler.chains, seed))

    def find_raws(self, seed: int) -> list[Raw]:
        """Raw tensors of what may be modes, the best first."""
        if self.sampler.start == "answer":
            alike = self.sampler.modes
            return find_alike(self.problem, self.search, self.objective, self.raw) if alike else [self.raw]
        coarse, finer = (
            self.problem.at(replace(stage, losses=self.stage.losses, unknowns=self.names), self.raw)
            for stage in self.search.stages
        )
        tempering = Tempering(coarse, self.tangent, self.prior, self.known_sigma(coarse))
        particles = tempering.run(self.sampler.particles, torch.Generator().manual_seed(seed))
        refined = refine([finer, self.objective], particles, self.tangent)
        inside = [raw for raw in refined if self.is_inside(raw)]
        if not inside:
            raise UserError(
                "sampler: from the prior all particles have come to places that it forbids; widen it, or give "
                "more sampler.particles"
            )
        losses = self.objective.scores(inside)
        return [inside[index] for index in sorted(range(len(inside)), key=losses.__getitem__)]

    def is_inside(self, raw: Raw) -> bool:
        """Whether the prior allows raw tensors."""
        return bool(self.prior.log_density(self.tangent.flatten(raw)[None]).isfinite()[0])

    def posterior_at(self, place: Tensor) -> Posterior:
        """The posterior, with the noise that a place [K] leaves."""
        return Posterior(self.objective, self.tangent, self.noise_at(place), self.prior)

    def noise_at(self, place: Tensor) -> Noise:
        """The noise, from what a place [K] leaves. Raises `UserError` where pictures say nothing there."""
        like = self.problem.scene.background
        moving = {name: each.to(like) for name, each in self.tangent.split(place).items()}
        with torch.no_grad():
            [local] = self.objective.linearize([moving], self.names)
        if not bool(local.residuals.isfinite().all() and local.jacobian.isfinite().all()):
            raise UserError("the likelihood is zero everywhere around the start: its picture has numbers not finite")
        if not bool((local.jacobian * local.weights[:, None] != 0).any()):
            raise UserError("the likelihood is the same all around the start: no pixel that counts depends on it")
        dof = self.sampler.dof if self.sampler.noise == "student" else None
        return estimate_noise(
            local, self.objective.sizes, self.known_sigma(self.objective), dof, self.sampler.correlation
        )

    def known_sigma(self, objective: Objective) -> float | None:
        """The noise that is given, in pictures as an objective has them."""
        if self.sampler.sigma is None:
            return None
        pairs = zip(self.problem.target.views, objective.sizes, strict=True)
        sizes = [(min(view.size), min(drawn)) for view, drawn in pairs]
        return noise_after_blur(self.sampler.sigma, objective.stage.blur, sizes)

    def run(self, state: SamplingState) -> Iterator[SamplingState]:
        """The states after each further step, until all are drawn."""
        posterior = self.posterior_at(state.best)
        began = time.monotonic() - state.seconds
        for chains in run_chains(posterior, state.chains, self.sampler.burn_in, self.sampler.draws):
            state = replace(state, chains=chains, seconds=time.monotonic() - began)
            yield state

    @property
    def steps(self) -> int:
        """Of each chain, in all."""
        return self.sampler.burn_in + self.sampler.draws


@dataclass(frozen=True, eq=False)
class SamplingState:
    """All of a sampling between two steps.

    best: the place [K] whose residuals tell the noise. parts: [M], of the modes, by their heights and widths.
    seconds: spent with steps.
    """

    best: Tensor
    parts: Tensor
    chains: Chains
    seconds: float = 0.0

    def to_plain(self) -> dict[str, Any]:
        """The same in dicts, tensors and numbers, which can be written without code."""
        return {**vars(self), "chains": self.chains.to_plain()}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> SamplingState:
        """The state whose plain form this is. Raises `UserError` where it is none."""
        try:
            return make_typed(cls, {**plain, "chains": Chains.from_plain(plain["chains"])})
        except (KeyError, TypeError) as error:
            raise UserError(f"this is not the state of a sampling: {error}") from error
