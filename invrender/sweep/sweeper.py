"""The sweep itself: jobs are handed to a launcher, and their folders tell what became of them."""

from __future__ import annotations

import shlex
import shutil
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from hydra.core.plugins import Plugins
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

from invrender.config.overrides import MULTIRUN, quoted
from invrender.errors import UserError
from invrender.record.report import write_report
from invrender.sweep.display import Display, display_for, say_summary
from invrender.sweep.grid import Overrides
from invrender.sweep.plots import write_plots
from invrender.sweep.processes import ProcessesLauncher
from invrender.sweep.summary import NAME, Job, Summary, read_summary
from invrender.sweep.work import Apart, Task, composed, usable_cores

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
        self.task: Task = cast(Task, task_function)
        self.config: Any = config
        self.loader = hydra_context.config_loader
        self.launcher: Any = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=Apart(self.task), config=config
        )
        self.folder = Path(config.hydra.sweep.dir).absolute()

    def sweep(self, arguments: list[str]) -> None:
        """Run the jobs. Ends with `SystemExit`: the highest exit status of the jobs, or 130 if it was interrupted."""
        summary = self.planned([*(f"{key}={value}" for key, value in self.params.items()), *arguments])
        verbosity = str(self.config.verbosity)
        interrupted = False
        try:
            with display_for(summary, verbosity) as display, self.watched(summary, display):
                self.run(summary)
        except KeyboardInterrupt:
            interrupted = True
        finally:
            write_plots(summary)
            write_report(self.folder)
            say_summary(summary, verbosity, self.conclusion())
        summary.check_measure()
        raise SystemExit(INTERRUPTED if interrupted else max((job.exit_status for job in summary.jobs), default=0))

    def planned(self, arguments: list[str]) -> Summary:
        """The jobs, with what is there of them already. Raises `UserError` where a sweep to resume has others."""
        summary = self.plan(Overrides.parsed(arguments, self.loader))
        if self.resume:
            before = read_summary(self.folder)
            self.go_on(summary, before)
            summary.command, summary.arguments = before.command, before.arguments
            summary.update(job.number for job in summary.jobs)
        elif self.folder.exists() and any(self.folder.iterdir()):
            mend = f"go on with --resume {self.folder}" if (self.folder / NAME).exists() else "give another"
            raise UserError(f"hydra.sweep.dir is {self.folder}, which is not empty; nothing is overwritten: {mend}")
        self.folder.mkdir(parents=True, exist_ok=True)
        summary.write()
        return summary

    def plan(self, overrides: Overrides) -> Summary:
        """The sweep before anything has run."""
        jobs = overrides.grid()
        for job in jobs:
            for key, value in job.values.items():
                job.values[key] = self.task.with_path(f"{key}={value}").removeprefix(f"{key}=")
        return self.summary(list(overrides.swept()), jobs, len(jobs))

    def summary(self, swept: list[str], jobs: list[Job], expected: int) -> Summary:
        """A summary of these jobs."""
        typed = [each for each in self.task.typed if each not in MULTIRUN]
        command = shlex.join(["invrender", "sweep", *typed])
        return Summary(self.folder, command, typed, swept, jobs, self.rank, expected)

    def go_on(self, summary: Summary, before: Summary) -> None:
        """Check that the sweep so far is the same one."""
        if [job.overrides for job in before.jobs] != [job.overrides for job in summary.jobs]:
            raise UserError(
                f"--resume: {self.folder} holds other jobs, of {before.command}; give no arguments to go on with it"
            )

    def run(self, summary: Summary) -> None:
        """Run what has not finished, failed jobs once more."""
        jobs = [job for job in summary.jobs if job.status in ("missing", "failed")]
        self.launch(jobs)

    def launch(self, jobs: Sequence[Job]) -> None:
        """Run jobs, so many at a time as the launcher can't limit by itself."""
        for job in jobs:
            self.clear(job)
        given = [self.overrides(job) for job in jobs]
        if not isinstance(self.launcher, ProcessesLauncher):
            # What does not go together would end the whole launch elsewhere.
            given = [each for each in given if composed(self.task, self.loader, self.config, each) is not None]
        size = self.batch_size() or max(1, len(given))
        for first in range(0, len(given), size):
            self.launcher.launch(given[first : first + size], initial_job_idx=first)

    def clear(self, job: Job) -> None:
        """Remove what a job has left behind that is run again."""
        shutil.rmtree(self.folder / job.folder, ignore_errors=True)
        job.status, job.message, job.exit_status = "missing", None, 0

    def overrides(self, job: Job) -> list[str]:
        """A job's arguments for a launcher, its folder among them."""
        return [*job.overrides, f"hydra.sweep.dir={quoted(str(self.folder))}", f"hydra.sweep.subdir={job.folder}"]

    def conclusion(self) -> str | None:
        """What there is to say of the sweep besides its table."""
        return None

    def batch_size(self) -> int | None:
        """The most jobs to hand over together; submitit would start all of them on this machine at once."""
        if not str(self.config.hydra.launcher._target_).endswith("submitit_launcher.LocalLauncher"):
            return None
        return max(1, usable_cores() // (self.config.hydra.launcher.cpus_per_task or 1))

    @contextmanager
    def watched(self, summary: Summary, display: Display) -> Iterator[None]:
        """Look at the jobs' folders while they run, and once more in the end."""
        ended, looking = threading.Event(), threading.Lock()

        def look() -> None:
            with looking:
                for job in summary.update([job.number for job in summary.jobs if job.status == "missing"]):
                    display.ended(job)

        def watch() -> None:
            while not ended.wait(LOOK_SECONDS):
                look()
                display.tick()

        self.look = look
        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        try:
            yield
        finally:
            ended.set()
            watcher.join()
            look()
