"""The records of a training: its folder, TensorBoard, and what the person at the terminal sees."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from omegaconf import OmegaConf

from invrender.io.atomic import atomic_write
from invrender.learning.base import Errors
from invrender.learning.training import TrainingStep
from invrender.learning.weights import write_weights
from invrender.record.board import EVENTS
from invrender.record.checkpoint import Keeper
from invrender.record.console import choose_progress, say
from invrender.record.display import write_png
from invrender.record.events import Events, naming_events, scalars_of
from invrender.record.history import History, cells_of
from invrender.record.results import only_finite, write_result
from invrender.record.units import errors_text

SCHEMA = 1
WEIGHTS, EXAMPLES = "weights.safetensors", "examples.png"
BEGINNINGS = ("config.yaml", "command.txt", "history.csv", EVENTS)
ENDS = ("result.json", WEIGHTS, EXAMPLES)
Memories = Mapping[str, Any]


@dataclass(frozen=True)
class TrainingRun:
    """A training and where its records go.

    config: resolved, of plain containers. command: the shell command that repeats it. device: cpu or cuda.
    """

    folder: Path
    config: dict[str, Any]
    command: str
    device: str
    seed: int


class TrainingFiles:
    """Writes a training's folder.

    At once: config.yaml, command.txt. With each step: history.csv. In the end: the weights, examples.png and, when all
    else is there, result.json.
    """

    name: ClassVar[str] = "files"

    def __init__(self, run: TrainingRun, memories: Memories | None = None) -> None:
        """memories: of a training that goes on in its folder."""
        self.run = run
        if memories is None:
            self.write_text("config.yaml", OmegaConf.to_yaml(OmegaConf.create(run.config)))
            self.write_text("command.txt", run.command + "\n")
        self.history = History(run.folder / "history.csv", None if memories is None else memories[self.name])

    def write_text(self, name: str, text: str) -> None:
        """Write a text file."""
        with atomic_write(self.run.folder / name) as partial:
            partial.write_text(text, encoding="utf-8")

    def step(self, step: TrainingStep) -> None:
        """Record a step."""
        head = {"iteration": step.iteration, "seconds": round(step.seconds, 6)}
        self.history.add({**head, **cells_of(step.loss, step.terms, step.errors)})
        if step.stopped_because is not None:
            folder = self.run.folder
            write_weights(folder / WEIGHTS, step.learner.network, step.learner.metadata())
            write_png(folder / EXAMPLES, step.learner.show())
            write_result(folder / "result.json", result_of(self.run, step))

    def remember(self) -> dict[str, Any]:
        """See `Remembering`."""
        return self.history.remember()

    def close(self) -> None:
        """Close what is open."""
        self.history.close()


class TrainingBoard:
    """Writes events into the training's folder: the loss, its terms, errors, and pictures whenever it is examined."""

    name: ClassVar[str] = "tensorboard"

    def __init__(self, run: TrainingRun, memories: Memories | None = None, iteration: int = 0) -> None:
        """memories: of a training that goes on after the step ``iteration``."""
        self.run = run
        self.events = Events(run.folder, None if memories is None else memories[self.name]["sizes"], iteration)
        if memories is None:
            self.events.describe(run.config, run.command)

    def step(self, step: TrainingStep) -> None:
        """Record a step."""
        with naming_events(self.run.folder):
            for tag, number in scalars_of(step.loss, step.terms, step.errors).items():
                self.events.writer.add_scalar(tag, number, step.iteration)
            if step.errors:
                self.events.writer.add_image("examples", step.learner.show(), step.iteration, dataformats="HWC")

    def remember(self) -> dict[str, Any]:
        """See `Remembering`; sizes: the bytes of all files of events, by name."""
        return {"sizes": self.events.remember()}

    def close(self) -> None:
        """Write what is pending."""
        self.events.close()


class TrainingConsole:
    """Shows progress on stderr, and in the end what was learned on stdout."""

    def __init__(self, run: TrainingRun, total: int, verbosity: str, bar: bool, resumed: int | None = None) -> None:
        """resumed: the step after which the training goes on."""
        self.run, self.total = run, total
        self.quiet = verbosity == "quiet"
        self.last: TrainingStep | None = None
        self.errors: Errors = {}
        self.progress = choose_progress(total, verbosity, bar)
        if resumed is not None and self.progress is not None:
            self.progress.begin(f"going on after step {resumed}")

    def step(self, step: TrainingStep) -> None:
        """Show a step."""
        if step.iteration == 0 and self.progress is not None and step.stopped_because is None:
            self.progress.begin(f"{count_weights(step)} weights on {self.run.device}")
        self.last, self.errors = step, step.errors or self.errors
        if self.progress is not None and step.stopped_because is None:
            self.progress.step(step.iteration, self.total, f"loss {step.loss:.3g}, {told(self.errors)}")

    def close(self) -> None:
        """Print what was learned, if the training came to an end."""
        if self.progress is not None:
            self.progress.close()
        last = self.last
        if last is None or last.stopped_because is None:
            return
        if not self.quiet:
            say(f"{last.stopped_because} after {last.iteration} steps, {last.seconds:.0f} s, loss {last.loss:.3g}")
            say(f"on pictures it has not seen: {told(last.errors)}")
        say(f"results in {self.run.folder}")


class TrainingCheckpoint(Keeper):
    """Keeps the state of a training."""

    def step(self, step: TrainingStep) -> None:
        """Record a step."""
        self.keep(step.stopped_because, lambda: {"iteration": step.iteration, "state": step.state.to_plain()})


def told(errors: Errors) -> str:
    """Errors in one line."""
    return ", ".join(f"{name} {errors_text(each)}" for name, each in errors.items())


def count_weights(step: TrainingStep) -> int:
    """How many numbers the network has."""
    return sum(each.numel() for each in step.learner.network.parameters())


def result_of(run: TrainingRun, last: TrainingStep) -> dict[str, Any]:
    """The content of ``result.json``; numbers that are not finite are None."""
    result: dict[str, Any] = only_finite(
        {
            "schema": SCHEMA,
            "device": run.device,
            "seed": run.seed,
            "weights": count_weights(last),
            "iterations": last.iteration,
            "seconds": {"total": last.seconds, "per_iteration": last.seconds / max(1, last.iteration)},
            "loss": {"start": last.start.get("loss"), "last": last.loss},
            "errors": {"start": last.start.get("errors"), "last": last.errors},
            "stopped_because": last.stopped_because,
        }
    )
    return result
