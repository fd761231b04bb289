"""What happens where a sweep's job runs: a process of its own, its share of the machine, what it leaves behind."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from multiprocessing import Pipe
from multiprocessing.util import Finalize
from pathlib import Path
from threading import Event, Lock
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from omegaconf import DictConfig

from invrender.io.lock import FolderLock
from invrender.sweep.ending import follow, follow_lock
from invrender.sweep.outcome import Outcome, read_outcome, write_outcome

if TYPE_CHECKING:
    from loky import ProcessPoolExecutor

    from invrender.record.base import Recorder

LOG = "log.txt"
Result = TypeVar("Result")


class Died(Exception):
    """A process is no more; the message says why, in a line."""


class Prepared(Protocol):
    """A job that is ready to run. Must survive pickling."""

    @property
    def folder(self) -> Path:
        """The job's folder."""
        ...

    def configs(self) -> tuple[DictConfig, DictConfig]:
        """The task's config, and what Hydra keeps, with the node ``hydra``."""
        ...


@dataclass(frozen=True)
class Ready:
    """A job whose configs are there."""

    folder: Path
    config: DictConfig
    hydra: DictConfig

    def configs(self) -> tuple[DictConfig, DictConfig]:
        """See `Prepared`."""
        return self.config, self.hydra


class Task(Protocol):
    """What a job does. Must survive pickling.

    typed: the arguments of the whole sweep, as they were given. files: the configs among them that are files, by name.
    """

    typed: list[str]
    files: dict[str, Path]

    def __call__(self, config: DictConfig, recorders: Sequence[Recorder] = ()) -> Outcome:
        """Run the job with these recorders besides its own; ``HydraConfig`` is set. Raises nothing but bugs."""
        ...

    def failed(self, error: Exception) -> Outcome:
        """The outcome of a job that met with this error before it could run."""
        ...

    def measures(self, config: DictConfig) -> list[str]:
        """The errors that a job with this config will tell, as UNKNOWN.ERROR; ``HydraConfig`` is set."""
        ...

    def with_path(self, override: str) -> str:
        """An override as it was typed, with a file's name."""
        ...


@dataclass
class Child:
    """A process that does one piece of work after another. One that brings it down fails, the next gets a new process.

    It ends with the process that started it, however that ends. threads: of PyTorch in it.
    """

    threads: int
    pool: ProcessPoolExecutor | None = field(default=None, init=False)
    ended: Event = field(default_factory=Event, init=False)
    starting: Lock = field(default_factory=Lock, init=False)

    @property
    def killed(self) -> bool:
        """Whether the process was ended for good."""
        return self.ended.is_set()

    def call(self, function: Callable[..., Result], *arguments: Any) -> Result:
        """What the function returns or raises in the process. Raises `Died` where that came to its end."""
        from loky.process_executor import BrokenProcessPool

        try:
            with self.starting:
                future = self.started().submit(function, *arguments)
            result: Result = future.result()
        except BrokenProcessPool as error:
            self.pool = None
            if ENDED.search(str(error)):
                # A signal that ends this process, too, may reach it a little later.
                self.ended.wait(PATIENCE_SECONDS)
            raise Died(cause_of_death(error)) from error
        return result

    def started(self) -> ProcessPoolExecutor:
        """The process, a new one where there is none."""
        from loky import ProcessPoolExecutor

        if self.killed:
            raise Died("the process was ended")
        if self.pool is None:
            # A launcher's process waits for its children before it calls what atexit knows of.
            Finalize(None, self.kill, exitpriority=100)
            watched, self.watching = Pipe(duplex=False)
            environment = {"OMP_NUM_THREADS": self.threads, "OMP_WAIT_POLICY": "PASSIVE"}
            self.pool = ProcessPoolExecutor(1, env=environment, initializer=follow, initargs=(watched,))
        return self.pool

    def run(self, task: Task, job: Prepared, slot: int) -> Outcome:
        """Run a job; its outcome is in its folder then. slot: picks the GPU."""
        try:
            return self.call(at_work, task, job, slot)
        except Exception as error:
            # What has finished has finished, whatever became of the process then.
            if (left := read_outcome(job.folder)) is not None:
                return left
            if self.killed:
                return Outcome("interrupted")
            outcome = Outcome("failed", 1, str(error)) if isinstance(error, Died) else task.failed(error)
        write_outcome(job.folder, outcome)
        return outcome

    def kill(self) -> None:
        """End the process at once, for good."""
        self.ended.set()
        with self.starting:
            pool, self.pool = self.pool, None
        if pool is not None:
            pool.shutdown(kill_workers=True)


# What a person or a scheduler sends to a sweep and all of its processes.
ENDED = re.compile(r"SIG(INT|TERM|HUP)\b")
PATIENCE_SECONDS = 1.0


def cause_of_death(error: Exception) -> str:
    """Why a process is no more, in a line."""
    told = str(error)
    if "SIGKILL" in told:
        return "the job was killed (SIGKILL), most often because memory has run out: run fewer jobs at a time"
    codes = told.partition("exit codes of the workers are ")[2].strip()
    return f"the job's process died {codes or type(error).__name__}"


def at_work(task: Task, job: Prepared, slot: int) -> Outcome:
    """In the child: run the job with its output in its log, and leave its outcome in its folder."""
    from hydra.core.hydra_config import HydraConfig
    from hydra.core.utils import setup_globals

    begin(slot)
    setup_globals()
    with FolderLock(job.folder), (job.folder / LOG).open("a", encoding="utf-8") as log:
        with redirect_stdout(log), redirect_stderr(log):
            try:
                config, hydra = job.configs()
                # set_config copies what is this job's own already, which takes longer than all the rest.
                settings: Any = HydraConfig.instance()
                settings.cfg = hydra
                outcome = task(config, watchers(hydra))
            except Exception as error:
                outcome = task.failed(error)
            if outcome.message is not None:
                print(outcome.message)
        write_outcome(job.folder, outcome)
    return outcome


def begin(slot: int) -> None:
    """In the child: what is so for every piece of work. slot: picks the GPU."""
    import signal

    import torch

    from invrender.config.resources import register_resolvers

    # Ctrl-C reaches every process of the terminal. The one that started this one decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    register_resolvers(create=False)
    if torch.cuda.device_count() > 1:
        torch.cuda.set_device(slot % torch.cuda.device_count())


def watchers(hydra: DictConfig) -> list[Recorder]:
    """The recorders that the sweeper adds to a job's own."""
    if "trials" not in hydra.hydra.sweeper:
        return []
    from invrender.sweep.pruning import pruners

    return pruners(hydra.hydra.sweeper, folder_of(hydra))


@dataclass(frozen=True)
class Apart:
    """What Hydra's launchers run: the task in a process of its own, so that they never see it die."""

    task: Task

    def __call__(self, config: DictConfig) -> None:
        """Run a job; ``HydraConfig`` is set."""
        from hydra.core.hydra_config import HydraConfig

        hydra: Any = HydraConfig.instance().cfg
        if os.getpid() not in CHILDREN:
            child = CHILDREN[os.getpid()] = Child(threads_of(hydra.hydra.launcher))
            follow_lock(Path(hydra.hydra.sweep.dir), child.kill)
        CHILDREN[os.getpid()].run(self.task, Ready(folder_of(hydra), config, hydra), int(hydra.hydra.sweep.subdir))


# A launcher's process that runs several jobs keeps the child, which has imported torch.
CHILDREN: dict[int, Child] = {}


def threads_of(launcher: Any) -> int:
    """The threads of a job, as whoever started this process has set them, else one."""
    for name in ("OMP_NUM_THREADS", "SLURM_CPUS_PER_TASK"):
        if os.environ.get(name, "").isdigit():
            return int(os.environ[name])
    return int(launcher.get("cpus_per_task") or 1)


def usable_cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def folder_of(hydra: DictConfig) -> Path:
    """The folder of the job at hand."""
    return Path(hydra.hydra.runtime.output_dir)
