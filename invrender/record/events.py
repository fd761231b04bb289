"""TensorBoard's files of events in a run's folder."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf
from torch.utils.tensorboard import SummaryWriter

from invrender.record.board import EVENTS
from invrender.record.history import check_size, cut_off
from invrender.typed import check_type

FLUSH_SECONDS = 5
WAIT_SECONDS = 0.05


class Events:
    """Writes a file of events, one more where there are some of the run already.

    Of a run that goes on the files are cut back when the first event comes, so that none is where its state is refused.
    """

    def __init__(self, folder: Path, sizes: Any = None, iteration: int = 0) -> None:
        """sizes: of a run that goes on after the step ``iteration``, as `remember` had them.

        Raises `TypeError` for what are none, and `UserError` where a file is smaller.
        """
        self.folder = folder
        self.sizes: Mapping[str, int] | None = sizes
        self.iteration = iteration
        if sizes is not None:
            check_type("sizes", sizes, Mapping[str, int])
            for name, size in sizes.items():
                check_size(folder / Path(name).name, size)

    @cached_property
    def writer(self) -> SummaryWriter:
        """TensorBoard's own."""
        purged = None
        if self.sizes is not None:
            cut_events(self.folder, self.sizes)
            wait_for_name(self.folder)
            # Those who have read what is cut off drop it, too.
            purged = self.iteration + 1
        expect_failures_of_writers()
        return SummaryWriter(self.folder, flush_secs=FLUSH_SECONDS, purge_step=purged)

    def describe(self, config: dict[str, Any], command: str) -> None:
        """Record how the run was begun, as texts."""
        self.writer.add_text("config", fenced(OmegaConf.to_yaml(OmegaConf.create(config)), "yaml"))
        self.writer.add_text("command", fenced(command, "sh"))

    def remember(self) -> dict[str, int]:
        """The bytes of all files of events, by name."""
        with naming_events(self.folder):
            self.writer.flush()
        return {path.name: path.stat().st_size for path in self.folder.glob(EVENTS)}

    def close(self) -> None:
        """Write what is pending."""
        if "writer" in vars(self):
            with naming_events(self.folder):
                self.writer.close()


def fenced(text: str, language: str) -> str:
    """Text as a block of code in Markdown."""
    return f"```{language}\n{text.rstrip()}\n```"


def scalars_of(loss: float, terms: Mapping[str, float], errors: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """A loss, its terms and errors by tag."""
    return {
        "loss/total": loss,
        **{f"loss/{name}": term for name, term in terms.items()},
        **{f"error/{name}/{key}": error for name, each in errors.items() for key, error in each.items()},
    }


@contextmanager
def naming_events(folder: Path) -> Iterator[None]:
    """Tell of which file an error is that the writer's thread ran into: such an error names none."""
    try:
        yield
    except OSError as error:
        if error.filename is not None or error.errno is None:
            raise
        raise OSError(error.errno, os.strerror(error.errno), str(folder / EVENTS)) from error


def expect_failures_of_writers() -> None:
    """Let errors in writers' threads be told by whoever next writes, flushes or closes, and not by the thread, too."""
    told = threading.excepthook
    if getattr(told, "expects_writers", False):
        return

    def tell(arguments: threading.ExceptHookArgs) -> None:
        writes = type(arguments.thread).__module__.startswith("tensorboard.")
        if not (writes and issubclass(arguments.exc_type, OSError)):
            told(arguments)

    tell.expects_writers = True  # type: ignore[attr-defined]
    threading.excepthook = tell


def cut_events(folder: Path, sizes: Mapping[str, int]) -> None:
    """Cut the files of events in a folder back to these sizes, by name, and remove the others."""
    for path in folder.glob(EVENTS):
        if path.name not in sizes:
            path.unlink()
    for name, size in sizes.items():
        cut_off(folder / Path(name).name, size)


def wait_for_name(folder: Path) -> None:
    """Wait until a new file of events comes after the others: readers go by their names, and these by the second."""
    seconds = [path.name.split(".")[3] for path in folder.glob(EVENTS)]
    while str(int(time.time())) in seconds:
        time.sleep(WAIT_SECONDS)
