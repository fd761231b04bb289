"""How a posterior is sampled, as a config has it: read with every fit, so it needs nothing of what samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

from invrender.checks import above, count, one_of
from invrender.errors import UserError

Start = Literal["answer", "prior"]
Kind = Literal["gaussian", "student"]
Correlation = Literal["blocks", "none"]
Given = Mapping[str, Mapping[str, float | Sequence[float]]]


@dataclass(frozen=True)
class Sampler:
    """How a posterior is sampled.

    start: from the "answer" of a fit, or from the "prior", by tempered sequential Monte Carlo.
    chains: so many, side by side. burn_in, draws: steps of each, before and after steps are what they stay.
    particles: so many begin at the prior. modes: whether what looks like the answer is looked for.
    noise: "gaussian" or "student", of ``dof`` degrees of freedom. sigma: its scale in a pixel of the target, linear,
        before any blur; None for what the answer leaves. correlation: "blocks", neighbouring pixels err alike, as the
        error bars have it; or "none".
    prior: by unknown, ``deviation`` of a normal distribution about the fit's start, or ``half_width`` around it,
        numbers or one for all, in the unit of its raw tensor. Ranges of unknowns count besides; all else is flat.
    unknowns: the names of some of those that move in the last stage in which poses do; none for all of them.
    """

    start: Start = "answer"
    chains: int = 8
    draws: int = 500
    burn_in: int = 200
    particles: int = 192
    modes: bool = True
    noise: Kind = "gaussian"
    sigma: float | None = None
    dof: float = 4.0
    correlation: Correlation = "blocks"
    prior: Given = field(default_factory=dict)
    unknowns: Sequence[str] = ()

    def __post_init__(self) -> None:
        for name, kinds in (("start", Start), ("noise", Kind), ("correlation", Correlation)):
            one_of(f"sampler.{name}", getattr(self, name), get_args(kinds))
        for name in ("chains", "draws", "burn_in", "particles"):
            count(f"sampler.{name}", getattr(self, name))
        if self.draws < 4:
            raise UserError(f"sampler.draws is {self.draws}, expected 4 or more, of which halves are compared")
        above("sampler.dof", self.dof, 0)
        if self.sigma is not None:
            above("sampler.sigma", self.sigma, 0)
