"""The state of a fit in its run's folder, from which the fit and its records go on."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from invrender.errors import UserError
from invrender.fitting.state import State
from invrender.fitting.step import Step
from invrender.io.atomic import partial_of, remove
from invrender.io.plain import PlainFolder
from invrender.record.base import Recorder, Remembering, Resumed, Run
from invrender.record.results import result_of
from invrender.typed import make_typed

FOLDER = "state"
NAME = "state.json"
# The state is written no sooner than this after the last time, and takes no larger share of the time.
SECONDS = 2.0
SHARE = 0.005
# What a fit writes when it ends, and what it writes before.
ENDS = (
    *("result.json", "report.html", "final.png", "difference.png", "overlay.png", "loss.png", "geometry.glb"),
    *("seen.glb", "progress.gif", "recovered", "answer"),
)
BEGINNINGS = ("config.yaml", "command.txt", "history.csv", "target.png", "start.png", "events.out.tfevents.*")


@dataclass(frozen=True)
class Saved:
    """A state that was read. iteration: of the last step before it. memories: by recorder, what it remembers."""

    state: State
    iteration: int
    memories: Mapping[str, Any]

    def resumed(self, start: Step) -> Resumed:
        """What has been recorded of the fit, whose first step is ``start``."""
        return Resumed(start, self.iteration, self.memories)


class Checkpoint:
    """Writes the state of a fit at its start and every few seconds, and removes it when the fit is finished.

    It comes after all other recorders, so that they have recorded all that the state has behind it. Of a fit that is
    interrupted the latest state stays.
    """

    def __init__(self, run: Run, recorders: Sequence[Recorder], resumed: Resumed | None = None) -> None:
        """resumed: of a fit that goes on, whose state is there."""
        self.run = run
        self.recorders = [each for each in recorders if isinstance(each, Remembering)]
        self.start = None if resumed is None else resumed.start
        self.store = PlainFolder(run.folder / FOLDER / NAME)
        self.due = 0.0 if resumed is None else time.monotonic() + SECONDS

    def step(self, step: Step) -> None:
        """Record a step."""
        self.start = self.start or step
        if step.stopped_because is None:
            if time.monotonic() >= self.due:
                self.write(self.start, step)
        elif step.stopped_because != "interrupted":
            remove_state(self.run.folder)

    def write(self, start: Step, step: Step) -> None:
        """Write what goes on after a step."""
        began = time.monotonic()
        self.store.write(
            {
                "iteration": step.iteration,
                "state": step.state.to_plain(),
                "memories": {each.name: each.remember() for each in self.recorders},
                "result": result_of(self.run, start, step),
            }
        )
        ended = time.monotonic()
        self.due = ended + max(SECONDS, (ended - began) / SHARE)

    def close(self) -> None:
        """Nothing is open."""


def read_state(folder: Path) -> Saved | None:
    """The state in a run's folder, None where the run has written none yet. Raises `UserError` for a damaged one."""
    path = folder / FOLDER / NAME
    if not path.exists():
        return None
    with telling_damage(folder):
        content = PlainFolder(path).read()
        state = State.from_plain(content["state"])
        return make_typed(Saved, {**{key: content[key] for key in ("iteration", "memories")}, "state": state})


@contextmanager
def telling_damage(folder: Path) -> Iterator[None]:
    """Raise `UserError` where what is read of a run's folder is not what a fit has written."""
    try:
        yield
    except UserError as error:
        told = str(error)
        raise UserError(told if told.startswith("--resume") else f"--resume: {told}; begin a new run") from error
    except (KeyError, IndexError, TypeError, ValueError, ArithmeticError, AttributeError) as error:
        path = folder / FOLDER / NAME
        raise UserError(f"--resume: {path} is damaged, not the state of a fit; begin a new run") from error


def remove_state(folder: Path) -> None:
    """Remove the state of a run, and how it began, the files that say that there is one first."""
    for pattern in (NAME, "*.json", "*.npy", ".partial-*"):
        for path in (folder / FOLDER).glob(pattern):
            path.unlink(missing_ok=True)
    with suppress(OSError):
        (folder / FOLDER).rmdir()


def remove_records(folder: Path, names: Sequence[str]) -> None:
    """Remove what a run has written under these names or begun to write, and links without what they lead to."""
    for name in names:
        for path in (*folder.glob(name), partial_of(folder / name)):
            remove(path)
