"""Which recorders a fit has."""

from __future__ import annotations

from dataclasses import dataclass

from invrender.errors import UserError
from invrender.record.base import Recorder, Run
from invrender.record.console import Console
from invrender.record.files import Files, WriteScene
from invrender.record.report import Report


@dataclass(frozen=True)
class RecordOptions:
    """What to record.

    files: write the run's folder. gif: a progress.gif in it, of at most ``frames`` frames.
    report: a report.html in it.
    tensorboard: write events, with pictures every ``picture_every`` steps.
    bar: show progress on the terminal.
    """

    files: bool = True
    gif: bool = True
    frames: int = 60
    report: bool = True
    tensorboard: bool = True
    picture_every: int = 10
    bar: bool = True

    def __post_init__(self) -> None:
        if self.frames < 2:
            raise UserError(f"record.frames is {self.frames}, expected 2 or more (for no animation: record.gif=false)")
        if self.picture_every < 1:
            raise UserError(f"record.picture_every is {self.picture_every}, expected 1 or more steps")


def recorders(
    run: Run, options: RecordOptions, total_steps: int, write_scene: WriteScene, verbosity: str = "normal"
) -> list[Recorder]:
    """The recorders that the options ask for.

    total_steps: of all the solver's stages. write_scene: writes a scene into a new folder. verbosity: of the terminal.
    Raises `UserError` where the run's folder already holds a run.
    """
    kept = run.folder if options.files or options.tensorboard else None
    chosen: list[Recorder] = [Console(run, total_steps, options.bar, kept, verbosity)]
    if options.files:
        chosen.append(Files(run, write_scene, options.frames if options.gif else None))
    if options.tensorboard:
        from invrender.record.tensorboard import TensorBoard  # takes a while to import

        chosen.append(TensorBoard(run, options.picture_every))
    if options.files and options.report:
        chosen.append(Report(run))
    return chosen
