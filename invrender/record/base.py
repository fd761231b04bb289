"""What a fit looks like to those who record it."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeVar, runtime_checkable

from invrender.fitting.step import Step
from invrender.parameters.base import Parameters
from invrender.scene import Scene, Target

Heard = TypeVar("Heard", contravariant=True)
Taken = TypeVar("Taken")


@dataclass(frozen=True)
class Run:
    """A fit and where its records go.

    folder: of this run alone.
    config: resolved, of plain containers.
    given: the settings that were typed, by key, as they were typed.
    command: the shell command that repeats the run.
    scene: the start.
    renderer, optimizer, device: names, as "embedded", "lm" and "cpu".
    renderer_note: the version of the library behind the renderer, or why `auto` has chosen it; None if there is nothing
        to say.
    optimizer_note: why `auto` has chosen the optimizer, or None.
    """

    folder: Path
    config: dict[str, Any]
    given: Mapping[str, str]
    command: str
    parameters: Parameters
    target: Target
    scene: Scene
    renderer: str
    device: str
    seed: int
    renderer_note: str | None = None
    optimizer: str = ""
    optimizer_note: str | None = None

    @property
    def renderer_text(self) -> str:
        """The renderer with what is to be said of it."""
        return with_note(self.renderer, self.renderer_note)

    @property
    def optimizer_text(self) -> str:
        """The optimizer with what is to be said of it."""
        return with_note(self.optimizer, self.optimizer_note)


def with_note(name: str, note: str | None) -> str:
    """A name with what is to be said of it."""
    return f"{name} ({note})" if note else name


class Recording(Protocol[Heard]):
    """Consumes the steps of one run. The first is the start, the last has ``stopped_because``."""

    def step(self, step: Heard) -> None:
        """Record a step."""
        ...

    def close(self) -> None:
        """Let go of files; called once, also where the fit has failed and no last step came."""
        ...


class Recorder(Recording[Step], Protocol):
    """Consumes the steps of one fit."""


@runtime_checkable
class Remembering(Protocol):
    """A recorder that goes on where it was when a fit is resumed.

    name: its own among recorders.
    """

    name: ClassVar[str]

    def remember(self) -> dict[str, Any]:
        """What it has to know of the steps so far, in plain values; arrays in them are not changed later."""
        ...


@dataclass(frozen=True)
class Resumed:
    """What has been recorded of a fit that is resumed.

    start: its first step. iteration: of the last step before it goes on. memories: by recorder, what it remembers.
    """

    start: Step
    iteration: int
    memories: Mapping[str, Any]


def follow(steps: Iterator[Taken], recorders: Sequence[Recording[Taken]]) -> Taken:
    """Feed the steps of a fit, or of another run, to the recorders and return the last one.

    Ctrl-C, wherever it strikes, makes the fit end with its best scene so far, and that is recorded too. Recorders are
    closed in any case, the first of them last. Raises `KeyboardInterrupt` where no such scene can be had: the fit has
    not begun or is over, or Ctrl-C is pressed again.
    """
    with ExitStack() as stack:
        for recorder in recorders:
            stack.callback(recorder.close)
        try:
            last = fed(steps, recorders)
        except KeyboardInterrupt:
            if not isinstance(steps, Generator):
                raise
            last = steps.throw(KeyboardInterrupt())
            for recorder in recorders:
                recorder.step(last)
    return last


def fed(steps: Iterator[Taken], recorders: Sequence[Recording[Taken]]) -> Taken:
    """Feed every step to every recorder; the last step."""
    step = None
    for step in steps:
        for recorder in recorders:
            recorder.step(step)
    if step is None:
        raise ValueError("a fit yields at least its start")
    return step
