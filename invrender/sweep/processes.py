"""Jobs on the cores of this machine."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from threading import Lock
from typing import TypeVar

from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

from invrender.errors import UserError
from invrender.sweep.compose import Compositions
from invrender.sweep.outcome import write_outcome
from invrender.sweep.work import Apart, Child, usable_cores

Item = TypeVar("Item")


class ProcessesLauncher(Launcher):
    """Runs ``n_jobs`` at a time, each in a process that is kept for the next; they share the cores. -1: one on each."""

    def __init__(self, n_jobs: int = -1) -> None:
        if n_jobs == 0 or n_jobs < -1:
            raise UserError(f"hydra.launcher.n_jobs is {n_jobs}, expected 1 or more, or -1 for one on each core")
        self.slots = usable_cores() if n_jobs == -1 else n_jobs
        threads = max(1, usable_cores() // self.slots)
        self.children = [Child(threads) for _ in range(self.slots)]

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Take what Hydra gives to a launcher."""
        assert isinstance(task_function, Apart)
        self.task = task_function.task
        self.folder = Path(config.hydra.sweep.dir).absolute()
        self.compositions = Compositions(hydra_context.config_loader, config)

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Run the jobs; each says how it ended in its folder."""
        composing = Lock()

        def run(overrides: Sequence[str], slot: int) -> None:
            own = [each for each in overrides if not each.startswith("hydra.sweep.")]
            folder = self.folder / subdir_of(overrides)
            folder.mkdir(parents=True, exist_ok=True)
            try:
                with composing:
                    job = self.compositions.prepared(own, folder)
            except Exception as error:
                write_outcome(folder, self.task.failed(error))
                return
            self.children[slot].run(self.task, job, slot)

        spread(self.children, job_overrides, run)
        return []


def subdir_of(overrides: Sequence[str]) -> str:
    """The job's folder inside the sweep's."""
    return next(each.partition("=")[2] for each in reversed(overrides) if each.startswith("hydra.sweep.subdir="))


def spread(children: Sequence[Child], items: Iterable[Item], work: Callable[[Item, int], None]) -> None:
    """Do ``work`` on every item, at one time on as many as there are children; it gets the number of the one to use.

    Ctrl-C, and whatever ``work`` raises, ends the children.
    """
    free: SimpleQueue[int] = SimpleQueue()
    for slot in range(len(children)):
        free.put(slot)

    def run(item: Item) -> None:
        slot = free.get()
        try:
            work(item, slot)
        finally:
            free.put(slot)

    with ThreadPoolExecutor(len(children)) as threads:
        try:
            for _ in threads.map(run, items):
                pass
        except BaseException:
            for child in children:
                child.kill()
            threads.shutdown(wait=False, cancel_futures=True)
            raise
