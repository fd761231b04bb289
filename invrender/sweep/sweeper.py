"""The sweep itself: jobs are handed to a launcher, and their folders tell what became of them."""

from __future__ import annotations

import shlex
import shutil
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from hydra.core.plugins import Plugins
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

from invrender.config.alternatives import quoted
from invrender.config.inputs import fingerprints
from invrender.config.origin import can_go_on
from invrender.config.overrides import MULTIRUN
from invrender.errors import UserError, shown
from invrender.io.lock import FolderLock
from invrender.record.report import write_report
from invrender.sweep.compose import Compositions
from invrender.sweep.display import Display, display_for, job_name, say_summary
from invrender.sweep.ending import TERMINATING, Ending, following_shell, noting_signals
from invrender.sweep.grid import Overrides
from invrender.sweep.inputs import inputs_of_jobs, tell_changes
from invrender.sweep.measures import check_measures
from invrender.sweep.pace import Paced
from invrender.sweep.plots import write_plots
from invrender.sweep.processes import ProcessesLauncher
from invrender.sweep.stored import check_overrides
from invrender.sweep.summary import NAME, Job, Summary, read_summary
from invrender.sweep.work import Apart, Task, usable_cores

LOOK_SECONDS = 0.2
# So long after its owner's end a process may still be there.
PATIENCE_SECONDS = 3.0
UNUSABLE = 2


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
        self.lock = FolderLock(self.folder)
        self.finish: Callable[[], None] = lambda: None
        # Our launcher composes what is checked here, of the same configs.
        if isinstance(self.launcher, ProcessesLauncher):
            self.compositions = self.launcher.compositions
        else:
            self.compositions = Compositions(self.loader, config)

    def sweep(self, arguments: list[str]) -> None:
        """Run the jobs. Ends with `SystemExit`: the highest exit status of the jobs, or 128 and the signal's number."""
        statuses: list[int] = []
        with noting_signals() as ending, following_shell():
            try:
                summary = self.planned([*self.from_files(), *arguments])
                self.run_shown(summary, ending)
                statuses = [job.exit_status for job in summary.jobs]
            except KeyboardInterrupt:
                raise SystemExit(ending.exit_status) from None
            finally:
                self.lock.release()
        raise SystemExit(max(statuses, default=0))

    def from_files(self) -> list[str]:
        """The overrides that an experiment brings. Raises `UserError` for those that no file may have."""
        given = [f"{key}={value}" for key, value in self.params.items()]
        check_overrides(given, "hydra.sweeper.params")
        return given

    def run_shown(self, summary: Summary, ending: Ending) -> None:
        """Run the jobs with the terminal showing how far they are. What is found is written before it is shown."""
        verbosity = str(self.config.verbosity)
        try:
            with display_for(summary, verbosity) as display, self.watched(summary, display):
                self.run(summary)
        finally:
            # The first time may have been interrupted; a second signal is not heard so soon.
            self.finish()
            # Who sends such a signal kills what is still there soon after; --resume draws it all.
            if ending.number not in TERMINATING:
                write_plots(summary)
                write_report(self.folder)
            # Who goes on with a sweep may be in another folder than the one it runs in.
            folder = str(self.folder) if self.resume else shown(self.folder)
            say_summary(summary, folder, verbosity, self.conclusion())
        summary.check_measure()

    def planned(self, arguments: list[str]) -> Summary:
        """The jobs, with what is there of them already; the folder is this process's own from here on.

        Raises `UserError` where a sweep to resume has others, where it runs already, and for jobs that don't go.
        """
        summary = self.plan(Overrides.parsed(arguments, self.loader))
        if self.resume:
            read_summary(self.folder)
            self.lock.hold(PATIENCE_SECONDS)
            before = read_summary(self.folder)
            self.go_on(summary, before)
            self.check(summary)
            summary.command, summary.arguments, summary.place = before.command, before.arguments, before.place
            summary.look()
            self.check_idle(summary)
            summary.inputs = before.inputs
            tell_changes(summary.inputs)
        else:
            self.check(summary)
            self.take_folder()
            summary.inputs = fingerprints(inputs_of_jobs(self.compositions, self.task.files.values(), self.config))
        summary.write()
        return summary

    def take_folder(self) -> None:
        """Make the folder, or take an empty one. Raises `UserError` where there is something in it."""

        def check_empty() -> None:
            if self.folder.exists() and any(each.name != self.lock.path.name for each in self.folder.iterdir()):
                mend = f"go on with --resume {self.folder}" if (self.folder / NAME).exists() else "give another"
                raise UserError(f"hydra.sweep.dir is {self.folder}, which is not empty; nothing is overwritten: {mend}")

        check_empty()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.lock.hold()
        check_empty()

    def check_idle(self, summary: Summary) -> None:
        """Raise `UserError` where a job of a sweep that is gone still runs, as it may on another machine."""
        for job in summary.jobs:
            lock = FolderLock(self.folder / job.folder)
            if job.status in ("missing", "failed") and lock.path.exists():
                lock.hold(PATIENCE_SECONDS).release()

    def plan(self, overrides: Overrides) -> Summary:
        """The sweep before anything has run."""
        jobs = overrides.grid()
        for job in jobs:
            self.name_files(job)
        return self.summary(list(overrides.swept()), jobs, len(jobs))

    def name_files(self, job: Job) -> None:
        """Have a job's values name files, and not the options that stand for them."""
        job.values = {
            key: self.task.with_path(f"{key}={value}").removeprefix(f"{key}=") for key, value in job.values.items()
        }

    def summary(self, swept: list[str], jobs: list[Job], expected: int) -> Summary:
        """A summary of these jobs."""
        typed = [each for each in self.task.typed if each not in MULTIRUN]
        command = shlex.join(["invrender", "sweep", *typed])
        return Summary(self.folder, command, typed, swept, jobs, self.rank, expected, place=str(Path.cwd()))

    def check(self, summary: Summary) -> None:
        """Raise `UserError` for the first job whose arguments don't go together, and for a measure that no job has."""
        for job in self.examples(summary):
            try:
                self.compositions.check(job.overrides)
            except Exception as error:
                outcome = self.task.failed(error)
                if outcome.message is None or outcome.exit_status != UNUSABLE:
                    raise
                raise UserError(f"{job_name(job)}: {outcome.message}") from error
        check_measures(self.measures(), self.task, self.compositions)

    def examples(self, summary: Summary) -> Iterable[Job]:
        """Jobs with all values that there are."""
        return summary.jobs

    def measures(self) -> dict[str, str | None]:
        """The measures that were asked for, by what has asked."""
        return {"hydra.sweeper.rank": self.rank}

    def go_on(self, summary: Summary, before: Summary) -> None:
        """Check that the sweep so far is the same one."""
        if [job.overrides for job in before.jobs] != [job.overrides for job in summary.jobs]:
            raise UserError(
                f"--resume: {self.folder} holds other jobs, of {before.command}; give no arguments to go on with it"
            )

    def run(self, summary: Summary) -> None:
        """Run what has not finished, failed jobs once more."""
        jobs = [job for job in summary.jobs if job.status in ("missing", "failed")]
        self.launch(summary, jobs)

    def launch(self, summary: Summary, jobs: Sequence[Job]) -> None:
        """Run jobs, so many at a time as the launcher can't limit by itself."""
        for job in jobs:
            self.clear(job)
        summary.recount()
        given = [self.overrides(job) for job in jobs]
        size = self.batch_size() or max(1, len(given))
        for first in range(0, len(given), size):
            self.launcher.launch(given[first : first + size], initial_job_idx=first)

    def clear(self, job: Job) -> None:
        """Remove what a job has left behind that is run again, and nothing outside of the sweep's folder.

        A fit that was cut off, and can go on from its state, stays.
        """
        folder = self.folder / job.folder
        if folder.is_symlink():
            folder.unlink()
        if job.status == "failed" or not can_go_on(folder):
            shutil.rmtree(folder, ignore_errors=True)
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
        over, looking = threading.Event(), threading.Lock()

        def look() -> None:
            with looking:
                for job in summary.look():
                    display.ended(job)
            display.tick()

        def watch() -> None:
            looks, writes = Paced(look), Paced(summary.write)
            while not over.wait(LOOK_SECONDS):
                looks()
                if summary.changed:
                    with looking:
                        writes()

        def finish() -> None:
            over.set()
            watcher.join()
            look()
            if summary.changed:
                summary.write()

        self.look = look
        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        self.finish = finish
        try:
            yield
        finally:
            finish()
