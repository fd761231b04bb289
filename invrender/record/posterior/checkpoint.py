"""The state of a sampling in its run's folder, from which it goes on."""

from __future__ import annotations

import time
from pathlib import Path

from invrender.errors import UserError
from invrender.fitting.sampling import SamplingState
from invrender.io.plain import PlainFolder
from invrender.record.checkpoint import FOLDER, NAME, SECONDS, SHARE, remove_state

PLACE = "sampling"


class Checkpoint:
    """Writes the state of a sampling at its start and every few seconds."""

    def __init__(self, folder: Path, problem: str) -> None:
        """folder: of the run. problem: a stamp of what was fitted to what."""
        self.problem = problem
        self.store = PlainFolder(folder / PLACE / FOLDER / NAME)
        self.due = 0.0

    def step(self, state: SamplingState) -> None:
        """Write a state, if it is time."""
        if time.monotonic() >= self.due:
            self.write(state)

    def write(self, state: SamplingState) -> None:
        """Write a state."""
        began = time.monotonic()
        self.store.write({"problem": self.problem, "state": state.to_plain()})
        ended = time.monotonic()
        self.due = ended + max(SECONDS, (ended - began) / SHARE)


def read_checkpoint(folder: Path, problem: str) -> SamplingState | None:
    """The state in a run's folder, None where none was written yet. Raises `UserError` for that of another problem."""
    path = folder / PLACE / FOLDER / NAME
    if not path.exists():
        return None
    content = PlainFolder(path).read()
    if not isinstance(content, dict) or not isinstance(content.get("state"), dict):
        raise UserError(f"--resume: {path} is damaged, not the state of a sampling; begin anew without --resume")
    if content.get("problem") != problem:
        raise UserError(f"--resume: {path} is of another fit; begin anew without --resume")
    return SamplingState.from_plain(content["state"])


def remove_checkpoint(folder: Path) -> None:
    """Remove the state of a sampling."""
    remove_state(folder / PLACE)
    if (folder / PLACE).is_dir() and not any((folder / PLACE).iterdir()):
        (folder / PLACE).rmdir()
