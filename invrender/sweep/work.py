"""What happens where a sweep's job runs: a process of its own, its share of the machine, what it leaves behind."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import asdict, dataclass, field
from multiprocessing.util import Finalize
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar

from omegaconf import DictConfig, OmegaConf, open_dict, read_write

from invrender.io.atomic import atomic_write

if TYPE_CHECKING:
    from hydra.core.config_loader import ConfigLoader
    from loky import ProcessPoolExecutor

    from invrender.record.base import Recorder

OUTCOME = "outcome.json"
LOG = "log.txt"
Result = TypeVar("Result")


@dataclass(frozen=True)
class Outcome:
    """How a job ended. exit_status: of the command. message: why it failed, in a line."""

    status: Literal["finished", "failed", "pruned", "interrupted"]
    exit_status: int = 0
    message: str | None = None


class Pruned(Exception):
    """A search gives up a fit."""


class Died(Exception):
    """A process is no more; the message says why, in a line."""


class Task(Protocol):
    """What a job does. Must survive pickling. typed: the arguments of the whole sweep, as they were given."""

    typed: list[str]

    def __call__(self, config: DictConfig, recorders: Sequence[Recorder] = ()) -> Outcome:
        """Run the job with these recorders besides its own; ``HydraConfig`` is set. Raises nothing but bugs."""
        ...

    def failed(self, error: Exception) -> Outcome:
        """The outcome of a job that met with this error before it could run."""
        ...

    def with_path(self, override: str) -> str:
        """An override as it was typed, with a file's name."""
        ...


@dataclass
class Child:
    """A process that does one piece of work after another. One that brings it down fails, the next gets a new process.

    threads: of PyTorch in it.
    """

    threads: int
    pool: ProcessPoolExecutor | None = field(default=None, init=False)
    killed: bool = field(default=False, init=False)

    def call(self, function: Callable[..., Result], *arguments: Any) -> Result:
        """What the function returns or raises in the process. Raises `Died` where that came to its end."""
        from loky import ProcessPoolExecutor
        from loky.process_executor import BrokenProcessPool

        if self.killed:
            raise Died("the process was ended")
        if self.pool is None:
            # A launcher's process waits for its children before it calls what atexit knows of.
            Finalize(None, self.kill, exitpriority=100)
            self.pool = ProcessPoolExecutor(1, env={"OMP_NUM_THREADS": self.threads, "OMP_WAIT_POLICY": "PASSIVE"})
        try:
            result: Result = self.pool.submit(function, *arguments).result()
        except BrokenProcessPool as error:
            self.pool = None
            raise Died(cause_of_death(error)) from error
        return result

    def run(self, task: Task, config: DictConfig, hydra: DictConfig, slot: int) -> Outcome:
        """Run a job, and leave its outcome in its folder.

        config: of the task. hydra: with the node ``hydra``, whose runtime has the folder. slot: picks the GPU.
        """
        try:
            outcome = self.call(at_work, task, config, hydra, slot)
        except Exception as error:
            if self.killed:
                return Outcome("interrupted")
            outcome = Outcome("failed", 1, str(error)) if isinstance(error, Died) else task.failed(error)
        write_outcome(folder_of(hydra), outcome)
        return outcome

    def kill(self) -> None:
        """End the process at once, for good."""
        self.killed = True
        if self.pool is not None:
            self.pool.shutdown(kill_workers=True)
            self.pool = None


def cause_of_death(error: Exception) -> str:
    """Why a process is no more, in a line."""
    told = str(error)
    if "SIGKILL" in told:
        return "the job was killed (SIGKILL), most often because memory has run out: run fewer jobs at a time"
    codes = told.partition("exit codes of the workers are ")[2].strip()
    return f"the job's process died {codes or type(error).__name__}"


def at_work(task: Task, config: DictConfig, hydra: DictConfig, slot: int) -> Outcome:
    """In the child: run the job with its output in its log."""
    from hydra.core.hydra_config import HydraConfig
    from hydra.core.utils import setup_globals

    begin(slot)
    setup_globals()
    HydraConfig.instance().set_config(hydra)
    with (folder_of(hydra) / LOG).open("w", encoding="utf-8") as log, redirect_stdout(log), redirect_stderr(log):
        outcome = task(config, watchers(hydra))
        if outcome.message is not None:
            print(outcome.message)
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
        child = CHILDREN.setdefault(os.getpid(), Child(threads_of(hydra.hydra.launcher)))
        child.run(self.task, config, hydra, int(hydra.hydra.sweep.subdir))


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


def composed(task: Task, loader: ConfigLoader, master: DictConfig, overrides: Sequence[str]) -> DictConfig | None:
    """A job's config, its folder made; None, with the failure recorded, where the overrides don't go together."""
    folder = Path(str(master.hydra.sweep.dir)).absolute() / subdir_of(overrides)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        config = loader.load_sweep_config(master, list(overrides))
    except Exception as error:
        write_outcome(folder, task.failed(error))
        return None
    with read_write(config), open_dict(config):
        config.hydra.runtime.output_dir = str(folder)
    return config


def subdir_of(overrides: Sequence[str]) -> str:
    """The job's folder inside the sweep's."""
    return next(each.partition("=")[2] for each in reversed(overrides) if each.startswith("hydra.sweep.subdir="))


def split(config: DictConfig) -> tuple[DictConfig, DictConfig]:
    """A job's config as what the task gets and what Hydra keeps."""
    task = copy.deepcopy(config)
    with read_write(task), open_dict(task):
        del task["hydra"]
    return task, OmegaConf.masked_copy(config, ["hydra"])


def write_outcome(folder: Path, outcome: Outcome) -> None:
    """Leave a job's outcome in its folder; an interrupted job has none, as if it had not been run."""
    if outcome.status == "interrupted":
        return
    with atomic_write(folder / OUTCOME) as partial:
        partial.write_text(json.dumps(asdict(outcome), indent=2) + "\n", encoding="utf-8")


def read_outcome(folder: Path) -> Outcome | None:
    """The outcome of the job in a folder, None where it has not ended."""
    try:
        return Outcome(**json.loads((folder / OUTCOME).read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
