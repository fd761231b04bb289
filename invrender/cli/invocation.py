"""One run of the program with a config: composed with Hydra, handed over to a command, its errors told in a line."""

from __future__ import annotations

import os
import shlex
import signal
import sys
import threading
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from invrender.bench.arguments import bench_arguments
from invrender.cli.imports import keeping_all
from invrender.cli.job import BUG, DONE, INTERRUPTED, UNUSABLE, Job
from invrender.cli.leftovers import Leftovers
from invrender.cli.notes import show_notes
from invrender.cli.resuming import RESUMABLE, Finished, arguments_to_resume, resumes
from invrender.config.compose import Composition, check_interpolations, check_keys
from invrender.config.files import check_folder, store
from invrender.config.messages import bounded, explain
from invrender.config.origin import has_origin
from invrender.config.overrides import MULTIRUN, SHOWS_ONLY, rewrite
from invrender.config.resources import configs_folder, options_in, register_resolvers
from invrender.config.schema import register_schemas
from invrender.errors import one_line
from invrender.sweep.arguments import sweep_arguments

if TYPE_CHECKING:
    from invrender.sweep.outcome import Outcome

TRACEBACK_WANTED = ("INVRENDER_TRACEBACK", "HYDRA_FULL_ERROR")
PARSERS = ("hydra", "omegaconf", "antlr4", "yaml")
# By command, the key that plain arguments go to.
POSITIONAL = {"board": "runs", "convert": "files", "doctor": "runs", "report": "runs", "sample": "runs"}


@dataclass
class Invocation:
    """One subcommand with its arguments; a sweep runs several jobs.

    typed: the arguments as given. statuses: of the jobs. files: the config files given as options, by their names.
    resumed: whether it goes on with a fit.
    interrupted: whether Ctrl-C was pressed; a library that is being imported may turn that into an error of its own, or
    go on.
    """

    name: str
    arguments: list[str]
    typed: list[str] = field(init=False)
    statuses: list[int] = field(default_factory=list)
    files: dict[str, Path] = field(default_factory=dict)
    interrupted: bool = False
    resumed: bool = False
    wants_traceback: bool = field(default_factory=lambda: any(os.environ.get(each) == "1" for each in TRACEBACK_WANTED))

    def __post_init__(self) -> None:
        self.typed = self.arguments

    def run(self) -> int:
        """Compose and run; returns the highest exit status of the jobs."""
        register_schemas()
        here = Path.cwd()
        shows = any(each.partition("=")[0] in SHOWS_ONLY for each in self.arguments)
        leftovers = Leftovers(register_resolvers(create=not shows))
        try:
            if self.name == "sweep":
                self.name, self.arguments = "fit", sweep_arguments(self.arguments)
            elif self.name in RESUMABLE and resumes(self.arguments):
                self.arguments, self.resumed = arguments_to_resume(self.name, self.arguments), True
            leftovers.expect(self.arguments)
            self.run_hydra(self.rewritten())
        except BrokenPipeError:
            raise
        except Finished as finished:
            print(f"invrender {self.name}: {finished}", file=sys.stderr)
        except SystemExit as stop:
            return stop.code if isinstance(stop.code, int) else UNUSABLE
        except Exception as error:
            self.note(self.failed(error, in_job=False))
        finally:
            leftovers.remove()
            # Who resumes a fit or a sweep goes to the folder that it began in.
            os.chdir(here)
        return max(self.statuses, default=DONE)

    def rewritten(self) -> list[str]:
        """The arguments for Hydra, which has been told of the files that they name."""
        for folder in config_dirs(self.arguments):
            check_folder(folder)
        with show_notes(self.name):
            rewritten = rewrite(self.arguments, self.options_of, POSITIONAL.get(self.name))
        self.files = {file.name: file.path for file in rewritten.files}
        store(rewritten.files)
        return bench_arguments(rewritten.arguments) if self.name == "bench" else rewritten.arguments

    def run_hydra(self, arguments: list[str]) -> None:
        """Hand over to Hydra, which reads `sys.argv` and calls `job`."""
        import hydra
        from hydra._internal.hydra import Hydra

        application = hydra.main(config_path=str(configs_folder()), config_name=self.name, version_base="1.3")
        # A fit's jobs run in other processes, which say in files how they ended.
        task = self if self.name == "fit" and any(each in MULTIRUN for each in arguments) else self.job
        # With HYDRA_FULL_ERROR Hydra raises its errors instead of printing them. To learn its mode, which nobody may
        # give (`check_chosen`), it would compose everything once more.
        titled = [f"invrender {self.name}", *arguments]
        with environment("HYDRA_FULL_ERROR", "1"), argv(titled), patch(Hydra, "get_mode", lambda *_, **__: None):
            application(task)()

    def job(self, config: Any) -> None:
        """One job in this process; its errors are reported here, so that the others go on."""
        outcome = self(config)
        self.note(outcome)
        if outcome.status == "interrupted":
            raise KeyboardInterrupt

    def __call__(self, config: Any, recorders: Sequence[Any] = ()) -> Outcome:
        """One job, with these recorders besides its own."""
        from invrender.sweep.outcome import Outcome, Pruned

        try:
            command = self.command()
            check_keys(config)
            check_interpolations(config)
            with show_notes(self.name):
                status = command.run(self.described(config, recorders))
        except BrokenPipeError:
            raise
        except Pruned as pruned:
            return Outcome("pruned", message=str(pruned))
        except Exception as error:
            return self.failed(error)
        return Outcome("interrupted" if status == INTERRUPTED else "finished", status)

    def command(self) -> Any:
        """The module of the subcommand, which brings PyTorch with it."""
        name = f"invrender.cli.commands.{self.name}"
        with nullcontext() if name in sys.modules else keeping_all():
            return import_module(name)

    def measures(self, config: Any) -> list[str]:
        """The errors that a fit with this config will tell."""
        from invrender.config.assemble import measures_of

        return measures_of(self.described(config, ()).composed)

    def note(self, outcome: Outcome) -> None:
        """Keep the exit status, and say what has failed."""
        if outcome.message is not None:
            told = "" if outcome.exit_status == BUG else "error: "
            print(f"invrender {self.name}: {told}{outcome.message}", file=sys.stderr)
        self.statuses.append(outcome.exit_status)

    def failed(self, error: Exception, in_job: bool = True) -> Outcome:
        """The outcome of a job, or of what comes before there is one, that ends with this error."""
        from invrender.sweep.outcome import Outcome

        status, message = self.explained(error, in_job)
        return Outcome("interrupted" if status == INTERRUPTED else "failed", status, message)

    @contextmanager
    def noting_interrupts(self) -> Iterator[None]:
        """Note Ctrl-C, which raises `KeyboardInterrupt` as before, unless somebody else looks after it."""
        before = signal.getsignal(signal.SIGINT)
        if before is not signal.default_int_handler or threading.current_thread() is not threading.main_thread():
            yield
            return

        signal.signal(signal.SIGINT, self.interrupt)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    def interrupt(self, number: int, frame: FrameType | None) -> None:
        """Note Ctrl-C, or what acts like it. Raises `KeyboardInterrupt`."""
        self.interrupted = True
        signal.default_int_handler(signal.SIGINT, frame)

    def described(self, config: Any, recorders: Sequence[Any]) -> Job:
        """What Hydra knows of the job at hand."""
        from hydra.core.hydra_config import HydraConfig
        from hydra.types import RunMode
        from omegaconf import OmegaConf

        settings = HydraConfig.get()
        overrides = list(settings.overrides.task)
        arguments, in_sweep = self.arguments, settings.mode == RunMode.MULTIRUN
        if in_sweep:
            folders = [each for folder in config_dirs(self.arguments) for each in ("--config-dir", str(folder))]
            arguments = [*folders, *(self.with_path(each) for each in overrides)]
        # Names of folders are no interpolations, whatever they look like.
        runtime: Any = OmegaConf.to_container(settings.runtime, resolve=False)
        sources = [Path(source["path"]) for source in runtime["config_sources"] if source["schema"] == "file"]
        folder = Path(runtime["output_dir"])
        return Job(
            folder=folder,
            command=shlex.join(["invrender", self.name, *arguments]),
            arguments=arguments,
            composed=Composition(config, overrides, runtime["choices"], self.files, sources),
            interrupted=lambda: self.interrupted,
            recorders=recorders,
            # A sweep leaves in a job's folder what the job can go on from, and nothing else.
            resumed=has_origin(folder) if in_sweep else self.resumed,
            in_sweep=in_sweep,
        )

    def with_path(self, override: str) -> str:
        """An override with a file's path in place of the option that stands for it."""
        key, _, value = override.partition("=")
        return f"{key}={self.files[value]}" if value in self.files else override

    def options_of(self, group: str) -> set[str]:
        """The options of a group, of the user's config folder too."""
        return options_in(config_folders(self.arguments), group)

    def explained(self, error: Exception, in_job: bool) -> tuple[int, str | None]:
        """The exit status, and a line that says what can't be used, or that this is a bug."""
        if self.wants_traceback:
            traceback.print_exception(error)
        if self.interrupted and not isinstance(error, OSError):
            return INTERRUPTED, None
        # Hydra says in many ways, before there is a job, that it can't use what is given.
        given = not in_job and is_of_hydra(error)
        message = explain(error, self.options_of) or (refusal(error) if given else None)
        if message is not None and isinstance(error, OSError) and error.strerror and not in_job:
            message = f"can't write the run's folder ({message}); set hydra.run.dir to a folder that can be written"
        if message is None:
            told = f"{type(error).__name__}: {one_line(str(error))}"
            return BUG, f"{told}; this is a bug; INVRENDER_TRACEBACK=1 shows where"
        for name, path in self.files.items():
            message = message.replace(name, str(path))
        return UNUSABLE, message


def is_of_hydra(error: Exception) -> bool:
    """Whether an error was raised in Hydra or in what it parses with."""
    raised = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    return bool(raised) and str(raised[-1].f_globals.get("__name__")).partition(".")[0] in PARSERS


def refusal(error: Exception) -> str:
    """A line for an error of Hydra's that says little."""
    if type(error) is ValueError:
        return bounded(one_line(str(error)))
    return f"Hydra can't use these arguments ({one_line(f'{type(error).__name__}: {error}')[:200]})"


def config_folders(arguments: Sequence[str]) -> list[Path]:
    """Where groups are: the shipped ones, and the user's."""
    return [configs_folder(), *config_dirs(arguments)]


def config_dirs(arguments: Sequence[str]) -> list[Path]:
    """The folders given with --config-dir."""
    joined = [Path(each.partition("=")[2]) for each in arguments if each.startswith("--config-dir=")]
    pairs = pairwise(arguments)
    return joined + [Path(value) for option, value in pairs if option in ("--config-dir", "-cd")]


@contextmanager
def environment(name: str, value: str) -> Iterator[None]:
    """A variable of the environment, for a while."""
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


@contextmanager
def patch(owner: Any, name: str, value: Any) -> Iterator[None]:
    """Another attribute in place of one, for a while."""
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)


@contextmanager
def argv(arguments: list[str]) -> Iterator[None]:
    """Other arguments in `sys.argv`, for a while."""
    before, sys.argv = sys.argv, arguments
    try:
        yield
    finally:
        sys.argv = before
