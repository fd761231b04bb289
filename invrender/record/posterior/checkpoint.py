"""The state of a sampling in its folder, from which it goes on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from invrender.errors import UserError
from invrender.fitting.sampling import SamplingState
from invrender.record.checkpoint import FOLDER, NAME, Keeper, read_content, remove_state


class Checkpoint(Keeper):
    """Keeps the state of a sampling."""

    def __init__(self, folder: Path, problem: str) -> None:
        """problem: a stamp of what was fitted to what."""
        super().__init__(folder, (), resumed=False)
        self.problem = problem

    def step(self, state: SamplingState) -> None:
        """Write a state, if it is time."""
        self.keep(None, lambda: self.content(state))

    def content(self, state: SamplingState) -> dict[str, Any]:
        """What goes on from a state."""
        return {"problem": self.problem, "state": state.to_plain()}


def read_checkpoint(folder: Path, problem: str) -> SamplingState | None:
    """The state in a folder, None where none was written yet. Raises `UserError` for that of another problem."""
    content: Any = read_content(folder)
    if content is None:
        return None
    path = folder / FOLDER / NAME
    if not isinstance(content, dict) or not isinstance(content.get("state"), dict):
        raise UserError(f"--resume: {path} is damaged, not the state of a sampling; begin anew without --resume")
    if content.get("problem") != problem:
        raise UserError(f"--resume: {path} is of another fit; begin anew without --resume")
    return SamplingState.from_plain(content["state"])


def remove_checkpoint(folder: Path) -> None:
    """Remove the state of a sampling, and its folder where nothing else is in it."""
    remove_state(folder)
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
