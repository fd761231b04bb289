"""How a job ended, in its folder."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from invrender.io.atomic import atomic_write, read_own
from invrender.typed import make_typed

OUTCOME = "outcome.json"
# Of a bug, and of what can't be used.
FAILURES = (1, 2)
Status = Literal["finished", "failed", "pruned", "interrupted"]


@dataclass(frozen=True)
class Outcome:
    """How a job ended. exit_status: of the command. message: why it failed, in a line."""

    status: Status
    exit_status: int = 0
    message: str | None = None


class Pruned(Exception):
    """A search gives up a fit."""


def write_outcome(folder: Path, outcome: Outcome) -> None:
    """Leave a job's outcome in its folder; an interrupted job has none, as if it had not been run."""
    if outcome.status == "interrupted":
        return
    with atomic_write(folder / OUTCOME) as partial:
        partial.write_text(json.dumps(asdict(outcome), indent=2) + "\n", encoding="utf-8")


def read_outcome(folder: Path) -> Outcome | None:
    """The outcome of the job in a folder, None where it has not ended, and where none is like this."""
    try:
        found = make_typed(Outcome, json.loads(read_own(folder / OUTCOME)))
    except (FileNotFoundError, ValueError, TypeError, RecursionError):
        return None
    fits = found.exit_status in range(256) and (found.exit_status in FAILURES) == (found.status == "failed")
    return found if fits else None
