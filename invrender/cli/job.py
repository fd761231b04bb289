"""One run of a subcommand: where it writes, and how it ends."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from invrender.checks import one_of
from invrender.config.compose import Composition
from invrender.errors import UserError, shortened, shown
from invrender.io.lock import FolderLock

if TYPE_CHECKING:
    from invrender.record.base import Recorder

# Exit statuses: of a command, and of a fit whose answer was judged.
DONE, BUG, UNUSABLE, DIVERGED, INTERRUPTED = 0, 1, 2, 3, 130
VERDICTS = {"converged": DONE, "not_converged": 4, "ambiguous": 5, "unidentifiable": 6}
VERBOSITIES = ("quiet", "normal", "verbose")
RESULTS = (
    *("result.json", "config.yaml", "command.txt", "history.csv", "recovered", "events.out.tfevents.*", "progress.gif"),
    *("target.png", "start.png", "final.png", "difference.png", "overlay.png", "loss.png", "geometry.glb"),
    *("seen.glb", "report.html", "doctor.png", "state/run.json"),
    *("picture.png", "mask.png", "depth.npy", "answer", "samples.*", "corner.png", "spread.png", "sampling"),
)


@dataclass(frozen=True)
class Job:
    """One run of a subcommand.

    folder: where it writes. command: repeats it. arguments: of the command. interrupted: whether Ctrl-C was pressed.
    recorders: of the fit, besides those that its config asks for. resumed: whether it goes on with the run in its
    folder. in_sweep: whether it is one of many; then the sweep looks after its folder's lock.
    """

    folder: Path
    command: str
    arguments: Sequence[str]
    composed: Composition
    interrupted: Callable[[], bool]
    recorders: Sequence[Recorder] = ()
    resumed: bool = False
    in_sweep: bool = False

    def lock(self) -> AbstractContextManager[object]:
        """The right to write in the folder, for as long as the job runs. Raises `UserError` where another has it."""
        return nullcontext() if self.in_sweep else FolderLock(self.folder).hold()


def check_unused(folder: Path, results: Sequence[str]) -> None:
    """Raise `UserError` where a run's folder holds results; these are patterns of names."""
    for found in (path for pattern in results for path in folder.glob(pattern)):
        raise UserError(
            f"hydra.run.dir is {shown(folder)}, which holds {found.name}; nothing is overwritten: "
            "give a folder that is empty or not there"
        )


def check_runs(runs: Sequence[object]) -> list[Path]:
    """The folders of runs. Raises `UserError` for what is no name."""
    for each in runs:
        if not isinstance(each, str):
            raise UserError(f"runs has {shortened(each)}, expected the name of a folder")
    return [Path(str(each)) for each in runs]


def check_verbosity(verbosity: str) -> str:
    """How much to say. Raises `UserError` for another word."""
    return one_of("verbosity", verbosity, VERBOSITIES)
