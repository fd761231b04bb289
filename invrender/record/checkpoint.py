"""The state of a run in its folder, from which the run and its records go on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
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


class Keeper:
    """Writes the state of a run at its start and every few seconds, and removes it when the run is finished.

    It comes after all other recorders, so that they have recorded all that the state has behind it. Of a run that is
    interrupted the latest state stays.
    """

    def __init__(self, folder: Path, recorders: Sequence[object], resumed: bool) -> None:
        """resumed: whether the run goes on, and its state is there."""
        self.folder = folder
        self.recorders = [each for each in recorders if isinstance(each, Remembering)]
        self.store = PlainFolder(folder / FOLDER / NAME)
        self.due = time.monotonic() + SECONDS if resumed else 0.0

    def keep(self, stopped: str | None, content: Callable[[], dict[str, Any]]) -> None:
        """Write what ``content`` says of a step, if it is time, with the memories of the recorders."""
        if stopped is None:
            if time.monotonic() >= self.due:
                self.write(content())
        elif stopped != "interrupted":
            remove_state(self.folder)

    def write(self, content: Mapping[str, Any]) -> None:
        """Write what goes on after a step."""
        began = time.monotonic()
        self.store.write({**content, "memories": {each.name: each.remember() for each in self.recorders}})
        ended = time.monotonic()
        self.due = ended + max(SECONDS, (ended - began) / SHARE)

    def close(self) -> None:
        """Nothing is open."""


class Checkpoint(Keeper):
    """Keeps the state of a fit."""

    def __init__(self, run: Run, recorders: Sequence[Recorder], resumed: Resumed | None = None) -> None:
        """resumed: of a fit that goes on, whose state is there."""
        super().__init__(run.folder, recorders, resumed is not None)
        self.run = run
        self.start = None if resumed is None else resumed.start

    def step(self, step: Step) -> None:
        """Record a step."""
        start = self.start = self.start or step
        self.keep(step.stopped_because, lambda: self.content(start, step))

    def content(self, start: Step, step: Step) -> dict[str, Any]:
        """What goes on after a step, and what the fit would leave if it ended there."""
        result = result_of(self.run, start, step)
        return {"iteration": step.iteration, "state": step.state.to_plain(), "result": result}


def read_state(folder: Path) -> Saved | None:
    """The state in a run's folder, None where the run has written none yet. Raises `UserError` for a damaged one."""
    with telling_damage(folder):
        content = read_content(folder)
        if content is None:
            return None
        state = State.from_plain(content["state"])
        return make_typed(Saved, {**{key: content[key] for key in ("iteration", "memories")}, "state": state})


def read_content(folder: Path) -> dict[str, Any] | None:
    """What a `Keeper` has written into a run's folder, None where it has written nothing yet.

    Raises `UserError` for files that are damaged.
    """
    path = folder / FOLDER / NAME
    return PlainFolder(path).read() if path.exists() else None


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
        raise UserError(f"--resume: {path} is damaged, not the state of a run; begin a new run") from error


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
