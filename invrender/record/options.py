"""What a fit leaves in its folder, and what it shows."""

from __future__ import annotations

from dataclasses import dataclass

from invrender.errors import UserError


@dataclass
class RecordOptions:
    """What to record; the keys of ``record`` in a config.

    files: write the run's folder: result, pictures, history. gif: a progress.gif in it, of at most ``frames`` frames.
    report: all of them as one HTML file. tensorboard: events, with pictures every ``picture_every`` steps.
    bar: show progress on the terminal.

    Raises `UserError` for values out of range.
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
