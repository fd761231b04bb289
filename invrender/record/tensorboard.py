"""A fit as TensorBoard shows it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from omegaconf import OmegaConf
from torch.utils.tensorboard import SummaryWriter
from torch.utils.tensorboard.summary import hparams

from invrender.fit import Step
from invrender.parameters.base import Value
from invrender.record.base import Run
from invrender.record.panels import step_panel

FOLDER = "tensorboard"
HYPERPARAMETERS = ("recover", "optimizer", "renderer", "loss", "seed")
FLUSH_SECONDS = 5


class TensorBoard:
    """Writes events: loss/TERM, error/UNKNOWN/NAME, value/UNKNOWN/NAME, the pictures `progression`, the configuration.

    The last step, the best scene, has the number of the step before it, and readers keep the later of the two.
    """

    def __init__(self, run: Run, picture_every: int) -> None:
        """picture_every: steps between pictures; there is always one of the start and one of the end."""
        self.run = run
        self.picture_every = picture_every
        self.writer = SummaryWriter(run.folder / FOLDER, flush_secs=FLUSH_SECONDS)
        self.events: Any = self.writer.file_writer
        self.session_end: Any = None

    def step(self, step: Step) -> None:
        """Record a step."""
        if self.session_end is None:
            self.begin(step)
        for tag, value in scalars(step, self.run).items():
            self.writer.add_scalar(tag, value, step.iteration)
        if step.iteration % self.picture_every == 0 or step.stopped_because is not None:
            picture = step_panel(step, self.run.target)
            self.writer.add_image("progression", picture, step.iteration, dataformats="HWC")
        if step.stopped_because is not None:
            self.events.add_summary(self.session_end)

    def begin(self, start: Step) -> None:
        """Record the configuration, and the hyperparameters, whose metrics are the final loss and errors."""
        self.writer.add_text("config", fenced(OmegaConf.to_yaml(OmegaConf.create(self.run.config)), "yaml"))
        self.writer.add_text("command", fenced(self.run.command, "sh"))
        settings = {name: self.run.config[name] for name in HYPERPARAMETERS if name in self.run.config}
        metrics = dict.fromkeys(["loss/total", *error_scalars(start)], 0.0)
        # SummaryWriter.add_hparams would put these into a run of its own.
        experiment, session_start, self.session_end = hparams(  # type: ignore[no-untyped-call]
            dict(flattened(settings)), metrics
        )
        self.events.add_summary(experiment)
        self.events.add_summary(session_start)

    def close(self) -> None:
        """Write what is pending."""
        self.writer.close()


def scalars(step: Step, run: Run) -> dict[str, float]:
    """All numbers of a step by tag."""
    values = {
        tag: number
        for unknown, parameter in run.parameters.items()
        for name, value in parameter.value(step.scene).items()
        for tag, number in value_scalars(f"value/{unknown}/{name}", value)
    }
    terms = {f"loss/{name}": term for name, term in step.terms.items()}
    return {"loss/total": step.loss, **terms, **error_scalars(step), **values}


def error_scalars(step: Step) -> dict[str, float]:
    """The errors of a step by tag."""
    return {f"error/{unknown}/{name}": e for unknown, errors in step.errors.items() for name, e in errors.items()}


def value_scalars(tag: str, value: Value) -> Iterator[tuple[str, float]]:
    """A value's numbers by tag: several are numbered, None has none."""
    if isinstance(value, list):
        yield from ((f"{tag}/{index}", number) for index, number in enumerate(value))
    elif value is not None:
        yield tag, value


def flattened(settings: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, bool | int | float | str]]:
    """Nested settings as ``a.b.c`` with plain values; lists as text, None left out."""
    for name, value in settings.items():
        if isinstance(value, Mapping):
            yield from flattened(value, f"{prefix}{name}.")
        elif value is not None:
            yield f"{prefix}{name}", value if isinstance(value, bool | int | float | str) else str(value)


def fenced(text: str, language: str) -> str:
    """Text as a block of code in Markdown."""
    return f"```{language}\n{text.rstrip()}\n```"
