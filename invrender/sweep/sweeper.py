"""The sweep itself: jobs are handed to a launcher, and their folders tell what became of them."""

from __future__ import annotations

import shlex
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hydra.core.plugins import Plugins
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

from invrender.errors import UserError
from invrender.overrides import MULTIRUN, quoted
from invrender.record.report import write_report
from invrender.sweep.display import Display, display_for, say_summary
from invrender.sweep.grid import grid, parsed
from invrender.sweep.plots import write_plots
from invrender.sweep.summary import Job, Summary, read_summary, same_jobs
from invrender.sweep.work import Apart, Task, usable_cores, write_outcome

LOOK_SECONDS = 0.2
INTERRUPTED = 130


class Sweep(Sweeper):
    """Every combination of the values given.

    rank: the measure to rank by: loss, seconds or UNKNOWN.ERROR; by default the first error, or the loss where the
    truth is not known. resume: whether the folder holds a sweep to go on with. params: further values by key, as on
    the command line, for experiments that bring their own.
    """

    def __init__(self, rank: str | None = None, resume: bool = False, params: dict[str, Any] | None = None) -> None:
        self.rank = rank
        self.resume = resume
        self.params = params or {}

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Take what Hydra gives to a sweeper."""
        self.task: Task = task_function
        self.config = config
        self.loader = hydra_context.config_loader
        self.launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=Apart(self.task), config=config
        )
        self.folder = Path(config.hydra.sweep.dir).absolute()

    def sweep(self, arguments: list[str]) -> None:
        """Run the jobs. Ends with `SystemExit`: the highest exit status of the jobs, or 130 where some are missing."""
        summary = self.planned([*(f"{key}={value}" for key, value in self.params.items()), *arguments])
        display = display_for(summary, str(self.config.verbosity))
        interrupted = False
        try:
            with display, self.watched(summary, display):
                self.run(summary, summary.missing())
        except KeyboardInterrupt:
            interrupted = True
        finally:
            write_plots(summary)
            write_report(self.folder)
            say_summary(summary, str(self.config.verbosity))
        summary.check_measure()
        status = max((job.exit_status for job in summary.jobs), default=0)
        raise SystemExit(INTERRUPTED if interrupted else status)

    def planned(self, arguments: list[str]) -> Summary:
        """The jobs, with what is there of them already. Raises `UserError` where a sweep to resume has others."""
        swept, jobs = grid(parsed(arguments, self.loader))
        for job in jobs:
            pairs = (self.task.with_path(f"{key}={value}").partition("=") for key, value in job.values.items())
            job.values = {key: value for key, _, value in pairs}
        typed = [each for each in self.task.typed if each not in MULTIRUN]
        summary = Summary(self.folder, shlex.join(["invrender", "sweep", *typed]), typed, swept, jobs, self.rank)
        if self.resume:
            before = read_summary(self.folder)
            if not same_jobs(before.jobs, jobs):
                raise UserError(
                    f"--resume: {self.folder} holds other jobs, of {before.command}; give no arguments to go on with it"
                )
            summary.command, summary.arguments = before.command, before.arguments
            summary.update(job.number for job in jobs)
            summary.clear(summary.missing())
        elif (self.folder / "summary.json").exists():
            raise UserError(f"hydra.sweep.dir is {self.folder}, which holds a sweep; go on with it with --resume")
        self.folder.mkdir(parents=True, exist_ok=True)
        summary.write()
        return summary

    def run(self, summary: Summary, jobs: Sequence[Job]) -> None:
        """Run jobs, so many at a time as the launcher can't limit by itself."""
        good = [overrides for job in jobs if (overrides := self.composable(summary, job)) is not None]
        size = self.batch_size() or max(1, len(good))
        for first in range(0, len(good), size):
            self.launcher.launch(good[first : first + size], initial_job_idx=first)

    def batch_size(self) -> int | None:
        """The most jobs to hand over together; submitit would start all of them on this machine at once."""
        if not str(self.config.hydra.launcher._target_).endswith("submitit_launcher.LocalLauncher"):
            return None
        return max(1, usable_cores() // (self.config.hydra.launcher.cpus_per_task or 1))

    def composable(self, summary: Summary, job: Job) -> list[str] | None:
        """A job's arguments for a launcher; None, with the failure recorded, where they don't go together."""
        folder = self.folder / job.folder
        overrides = [*job.overrides, f"hydra.sweep.dir={quoted(str(self.folder))}", f"hydra.sweep.subdir={job.folder}"]
        try:
            self.loader.load_sweep_config(self.config, overrides)
        except Exception as error:
            folder.mkdir(parents=True, exist_ok=True)
            write_outcome(folder, self.task.failed(error))
            return None
        return overrides

    @contextmanager
    def watched(self, summary: Summary, display: Display) -> Iterator[None]:
        """Look at the jobs' folders while they run, and once more in the end."""
        ended = threading.Event()

        def look() -> None:
            for job in summary.update([job.number for job in summary.jobs if job.status == "missing"]):
                display.ended(job)

        def watch() -> None:
            while not ended.wait(LOOK_SECONDS):
                look()
                display.tick()

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        try:
            yield
        finally:
            ended.set()
            watcher.join()
            look()
