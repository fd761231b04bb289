"""The state of a fit between two steps, and its plain form for files."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from invrender.errors import UserError
from invrender.fitting.base import Meshes
from invrender.fitting.problem import Problem
from invrender.fitting.solve.base import Raw
from invrender.fitting.stopping import Stopping
from invrender.scene import map_tensors
from invrender.typed import make_typed


@dataclass(frozen=True)
class Best:
    """The best raw tensors so far. ``loss`` is measured as the stage ``stage`` measures it.

    meshes: of the base that the raw tensors are displacements from.
    """

    iteration: int
    stage: int
    loss: float
    raw: Raw
    meshes: Meshes = field(default_factory=dict)


@dataclass(frozen=True)
class Progress:
    """The fall of the loss within one stage. lowest: the last loss that counts as fallen. since: steps after that."""

    lowest: float = math.inf
    since: int = 0

    def follow(self, loss: float, stopping: Stopping) -> tuple[Progress, str | None]:
        """The progress after a step of this loss, and the reason to end the stage, or None."""
        fallen = loss < self.lowest * (1 - stopping.improvement)
        progress = Progress(loss) if fallen else replace(self, since=self.since + 1)
        if loss <= stopping.tolerance:
            return progress, "tolerance"
        return progress, "no_improvement" if progress.since >= stopping.patience else None


@dataclass(frozen=True)
class State:
    """All of a fit between two steps.

    problem: a stamp of what is fitted to what (`stamp`).
    raw: where all unknowns are.
    kept: the best of the start and of earlier attempts, as the last stage measures it.
    leading: the best step of this attempt's latest stage.
    attempt: 0, and 1 once a search has found another start.
    stage: the index of the stage of the next step; the number of stages once all are done.
    taken, iteration: steps taken in this stage, and in all.
    solver: the solver's own state in this stage; None where no step of it is taken.
    progress: of the loss in this stage.
    stopped: why the latest stage ended; "finished" where it has not, or where its steps ran out.
    seconds: spent fitting.
    meshes: of the base that ``raw`` is a displacement from.
    random: the states of PyTorch's generators by device.
    """

    problem: str
    raw: Raw
    kept: Best
    leading: Best
    attempt: int = 0
    stage: int = 0
    taken: int = 0
    iteration: int = 0
    solver: Any = None
    progress: Progress = field(default_factory=Progress)
    stopped: str = "finished"
    seconds: float = 0.0
    meshes: Meshes = field(default_factory=dict)
    random: Mapping[str, Tensor] = field(default_factory=dict)

    @classmethod
    def at_start(cls, problem: str, start: Best) -> State:
        """Before the first step."""
        return cls(problem, start.raw, start, start, meshes=start.meshes)

    def begin_again(self, raw: Raw, stage: int = 0) -> State:
        """Before the first step of another attempt, from ``raw`` on the best one's base and with a stage."""
        return replace(
            State.at_start(self.problem, self.kept),
            raw=raw,
            stage=stage,
            attempt=self.attempt + 1,
            iteration=self.iteration,
            seconds=self.seconds,
            random=self.random,
        )

    def is_over(self, stages: int) -> bool:
        """Whether the attempt is at its end, in a schedule of so many stages."""
        return self.stage >= stages or self.stopped in ("diverged", "budget")

    def to_plain(self) -> dict[str, Any]:
        """The same in dicts, lists, tensors, numbers, texts and None alone, which can be written without code."""
        parts = {name: vars(getattr(self, name)) for name in ("kept", "leading", "progress")}
        return {**vars(self), **parts}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> State:
        """The state whose plain form this is. Raises `UserError` where it is none."""
        try:
            best = {name: make_typed(Best, plain[name]) for name in ("kept", "leading")}
            return make_typed(cls, {**plain, **best, "progress": make_typed(Progress, plain["progress"])})
        except (KeyError, TypeError) as error:
            raise UserError(f"this is not the state of a fit: {error}") from error


def stamp(problem: Problem) -> str:
    """A digest of what is fitted to what: of the scene, the target's pictures and the unknowns' names."""
    return digest((problem.scene, problem.target.views), " ".join(problem.parameters))


def digest(tree: Any, words: str = "") -> str:
    """A digest of all tensors in nested dataclasses and containers, and of words."""
    found = hashlib.blake2b(digest_size=16)

    def add(tensor: Tensor) -> Tensor:
        found.update(f"{tensor.dtype} {tuple(tensor.shape)}".encode())
        found.update(tensor.detach().cpu().contiguous().numpy().tobytes())
        return tensor

    map_tensors(tree, add)
    found.update(words.encode())
    return found.hexdigest()


def read_generators() -> dict[str, Tensor]:
    """The states of PyTorch's generators by device."""
    found = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_available() and torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        found["cuda"] = torch.cuda.get_rng_state()
    return found


def restore_generators(states: Mapping[str, Tensor]) -> None:
    """Let PyTorch's generators go on from these states."""
    if "cpu" in states:
        torch.set_rng_state(states["cpu"])
    if "cuda" in states and torch.cuda.is_available():
        torch.cuda.set_rng_state(states["cuda"])
