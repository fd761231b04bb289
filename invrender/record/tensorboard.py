"""A fit as TensorBoard shows it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar

import torch
from torch.utils.tensorboard.summary import hparams

from invrender.fitting.step import Step
from invrender.parameters.base import Value
from invrender.record.base import Resumed, Run
from invrender.record.display import srgb_picture
from invrender.record.events import Events, fenced, naming_events, scalars_of
from invrender.record.panels import step_panel
from invrender.record.paths import Paths
from invrender.record.summary import verdict_lines


class TensorBoard:
    """Writes events into the run's folder, which so becomes the run's name.

    Scalars loss/TERM, error/UNKNOWN/NAME and value/UNKNOWN/NAME, and custom charts of them by unknown; the pictures
    `progression` and, of textures that change, texture/OBJECT; in the end the mesh `geometry`, with the cameras and
    their path; the configuration and the verdict as text; what was typed as hyperparameters, which makes a table of
    several runs.

    The last step, the best scene, has the number of the step before it, and readers keep the later of the two.
    """

    name: ClassVar[str] = "tensorboard"

    def __init__(self, run: Run, picture_every: int, resumed: Resumed | None = None) -> None:
        """picture_every: steps between pictures; there is always one of the start and one of the end.

        resumed: of a fit whose folder it goes on in, in a further file of events.
        """
        self.run = run
        self.picture_every = picture_every
        self.paths = Paths()
        self.begun = resumed is not None
        if resumed is None:
            self.events = Events(run.folder)
        else:
            memory = resumed.memories[self.name]
            self.events = Events(run.folder, memory["sizes"], resumed.iteration)
            self.paths.resume(memory["paths"])
        # SummaryWriter.add_hparams would put these into a run of its own. The first, which lists the columns, is left
        # out: TensorBoard would take those of one run for all; without it, it finds out what there is in any.
        _, self.session_start, self.session_end = hparams(  # type: ignore[no-untyped-call]
            {key: plain(text) for key, text in self.run.given.items()}, {}
        )

    def step(self, step: Step) -> None:
        """Record a step."""
        with naming_events(self.run.folder):
            self.add_step(step)

    def add_step(self, step: Step) -> None:
        """Record all that a step has for readers."""
        numbers = scalars(step, self.run)
        if not self.begun:
            self.begin(numbers)
            self.begun = True
        for tag, value in numbers.items():
            self.events.writer.add_scalar(tag, value, step.iteration)
        self.paths.step(step)
        if step.iteration % self.picture_every == 0 or step.stopped_because is not None:
            self.add_pictures(step)
        if step.stopped_because is not None:
            self.add_geometry(step)
            if lines := verdict_lines(self.run, step):
                self.events.writer.add_text("verdict", fenced("\n".join(lines).strip(), "text"), step.iteration)
            self.add_summary(self.session_end)

    def begin(self, numbers: Mapping[str, float]) -> None:
        """Record the configuration, the hyperparameters, and which scalars go together."""
        self.events.describe(self.run.config, self.run.command)
        self.events.writer.add_custom_scalars(layout(numbers))
        self.add_summary(self.session_start)

    def remember(self) -> dict[str, Any]:
        """See `Remembering`; sizes: the bytes of all files of events, by name."""
        return {"sizes": self.events.remember(), "paths": self.paths.remember()}

    def add_summary(self, summary: Any) -> None:
        """Record what the writer has no method for."""
        writer: Any = self.events.writer.file_writer
        writer.add_summary(summary)

    def add_pictures(self, step: Step) -> None:
        """Record target, rendering and difference, and the textures that are no longer what they were."""
        panel = step_panel(step, self.run.target)
        self.events.writer.add_image("progression", panel, step.iteration, dataformats="HWC")
        for name, obj in step.scene.objects.items():
            before, now = self.run.scene.objects[name].material.texture, obj.material.texture
            if before is not None and now is not None and not torch.equal(before, now):
                self.events.writer.add_image(f"texture/{name}", srgb_picture(now), step.iteration, dataformats="HWC")

    def add_geometry(self, last: Step) -> None:
        """Record the mesh as found, with the cameras and their path."""
        from invrender.record.geometry import colored_triangles  # takes a while to import

        found = colored_triangles(self.run.scene, last.scene, self.run.target, self.paths.named())
        vertices, colors, faces = (torch.from_numpy(array)[None] for array in found)
        self.events.writer.add_mesh("geometry", vertices.float(), colors, faces.int(), global_step=last.iteration)

    def close(self) -> None:
        """Write what is pending."""
        self.events.close()


def layout(tags: Iterable[str]) -> dict[str, dict[str, list[Any]]]:
    """Charts for the custom scalars page: by unknown one for each error and each value, and one of all losses."""
    charts: dict[str, dict[str, list[Any]]] = {}
    for tag in tags:
        kind, *path = tag.split("/")
        group, title = ("loss", "loss") if kind == "loss" else (path[0], f"{kind} {path[1]}")
        chart = charts.setdefault(group, {}).setdefault(title, ["Multiline", []])
        chart[1].append(f"^{re.escape(tag)}$")
    return charts


def scalars(step: Step, run: Run) -> dict[str, float]:
    """All numbers of a step by tag."""
    values = {
        tag: number
        for unknown, parameter in run.parameters.items()
        for name, value in parameter.value(step.scene).items()
        for tag, number in value_scalars(f"value/{unknown}/{name}", value)
    }
    return {**scalars_of(step.loss, step.terms, step.errors), **values}


def value_scalars(tag: str, value: Value) -> Iterator[tuple[str, float]]:
    """A value's numbers by tag: several are numbered, None has none."""
    if isinstance(value, list):
        yield from ((f"{tag}/{index}", number) for index, number in enumerate(value))
    elif value is not None:
        yield tag, value


def plain(text: str) -> float | str:
    """A typed value as a number, where it is a finite one, so that tables sort by it."""
    try:
        number = float(text)
    except ValueError:
        return text
    return number if math.isfinite(number) else text
