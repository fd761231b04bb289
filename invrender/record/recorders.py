"""Which recorders a fit has."""

from __future__ import annotations

from contextlib import ExitStack

from invrender.record.base import Recorder, Resumed, Run
from invrender.record.console import Console
from invrender.record.files import Files, WriteScene
from invrender.record.options import RecordOptions
from invrender.record.report import Report


def recorders(
    run: Run,
    options: RecordOptions,
    total_steps: int,
    write_scene: WriteScene,
    verbosity: str = "normal",
    resumed: Resumed | None = None,
) -> list[Recorder]:
    """The recorders that the options ask for.

    total_steps: of all the solver's stages. write_scene: writes a scene into a new folder. verbosity: of the terminal.
    resumed: of a fit whose records go on.
    Raises `UserError` where the run's folder already holds a run, or lacks what a resumed one had recorded.
    """
    kept = run.folder if options.files or options.tensorboard else None
    with ExitStack() as opened:
        chosen: list[Recorder] = [Console(run, total_steps, options.bar, kept, verbosity, resumed)]
        if options.files:
            chosen.append(Files(run, write_scene, options.frames if options.gif else None, resumed))
            # What comes after it may be refused.
            opened.callback(chosen[-1].close)
        if options.tensorboard:
            from invrender.record.tensorboard import TensorBoard  # takes a while to import

            chosen.append(TensorBoard(run, options.picture_every, resumed))
        if options.files and options.report:
            chosen.append(Report(run))
        opened.pop_all()
    return chosen
