"""The command line: compose with Hydra, hand over to a command, say in a line what went wrong."""

from __future__ import annotations

import logging
import os
import shlex
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from invrender import __version__
from invrender.bench.command import run_bench
from invrender.commands import (
    BUG,
    DONE,
    INTERRUPTED,
    UNUSABLE,
    Job,
    run_board,
    run_doctor,
    run_fit,
    run_render,
    run_report,
)
from invrender.errors import NOTES, UserError, suggestion

if TYPE_CHECKING:
    from invrender.sweep.work import Outcome

# What a shell reports of a program that wrote into a pipe whose reader has gone.
PIPE_CLOSED = 141
TRACEBACK_WANTED = ("INVRENDER_TRACEBACK", "HYDRA_FULL_ERROR")


@dataclass(frozen=True)
class Command:
    """A subcommand: what it does in a line, the function that does it, and the key that plain arguments go to."""

    summary: str
    work: Callable[[Any, Job], int]
    positional: str | None = None


COMMANDS = {
    "fit": Command("recover what is unknown in a scene from pictures", run_fit),
    "sweep": Command("run many fits and compare them, or search for the best", run_fit),
    "render": Command("render one picture of a scene", run_render),
    "bench": Command("say how often, how well and how fast truths are found", run_bench),
    "board": Command("look at fits in TensorBoard", run_board, positional="runs"),
    "report": Command("write the report of a fit or a sweep anew", run_report, positional="runs"),
    "doctor": Command("say what is installed, and which renderers work", run_doctor),
}


@dataclass(frozen=True)
class Answer:
    """A subcommand that prints a text and has no config: what it does in a line, and the text for its arguments."""

    summary: str
    text: Callable[[Sequence[str]], str]


def scenes(arguments: Sequence[str]) -> str:
    """`invrender scenes`."""
    from invrender.listing import listing

    return listing("scene", config_folders(arguments))


def params(arguments: Sequence[str]) -> str:
    """`invrender params`."""
    from invrender.listing import listing

    return listing("recover", config_folders(arguments))


def completed(arguments: Sequence[str]) -> str:
    """`invrender completion`."""
    from invrender.completion import completion

    return completion(arguments, NAMES, run)


ANSWERS = {
    "scenes": Answer("list the scenes", scenes),
    "params": Answer("list what can be recovered", params),
    "completion": Answer("complete words in bash, zsh or fish", completed),
}
NAMES = (*COMMANDS, *ANSWERS)


def main() -> None:
    """The console script."""
    # Threads that wait for each other by spinning are several times slower where other programs want the cores, too.
    # It counts only where it is set before torch is imported.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        status = run(sys.argv[1:])
        sys.stdout.flush()
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            status = PIPE_CLOSED
        else:
            print(f"invrender: error: the output can't be written: {error.strerror}", file=sys.stderr)
            status = UNUSABLE
        # Python flushes what is left when it ends, which would fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(status)


def run(arguments: Sequence[str]) -> int:
    """Run the program with ``arguments`` and return its exit status, as `invrender.commands` lists them."""
    if not arguments or arguments[0] in ("--help", "-h", "help"):
        print(usage())
        return DONE
    name, *rest = arguments
    if name == "--version":
        print(f"invrender {__version__}")
        return DONE
    if name in ANSWERS:
        return answer(name, rest)
    if name not in COMMANDS:
        hint = suggestion(name, NAMES) or f"; known are {', '.join(NAMES)}"
        print(f"invrender: error: no command {name!r}{hint}", file=sys.stderr)
        return UNUSABLE
    invocation = Invocation(name, rest)
    try:
        with invocation.noting_interrupts():
            return invocation.run()
    except KeyboardInterrupt:
        return INTERRUPTED


def answer(name: str, arguments: Sequence[str]) -> int:
    """Print the text of a command without a config; the exit status."""
    try:
        if text := ANSWERS[name].text(arguments):
            print(text)
    except UserError as error:
        print(f"invrender {name}: error: {error}", file=sys.stderr)
        return UNUSABLE
    return DONE


def usage() -> str:
    """The program's own help."""
    every: dict[str, Command | Answer] = {**COMMANDS, **ANSWERS}
    commands = "\n".join(f"  {name:<12}{command.summary}" for name, command in every.items())
    return (
        "invrender: recover cameras, lights and textures from pictures.\n\n"
        f"usage: invrender COMMAND [GROUP=OPTION ...] [KEY=VALUE ...]\n\n{commands}\n\n"
        "  invrender COMMAND --help       a command's groups and examples\n"
        "  invrender COMMAND --cfg job    every key, with its value\n"
        "  invrender --version"
    )


class Teller(logging.Handler):
    """Shows on stderr what is told with `errors.note`, each line once."""

    def __init__(self, command: str) -> None:
        super().__init__(logging.WARNING)
        self.command = command
        self.shown: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        """Print a line, unless it was there before."""
        text = record.getMessage()
        if text not in self.shown:
            self.shown.add(text)
            with suppress(OSError):
                print(f"invrender {self.command}: note: {text}", file=sys.stderr, flush=True)


@contextmanager
def told(command: str) -> Iterator[None]:
    """Show notes on stderr, in the name of a command."""
    teller = Teller(command)
    NOTES.addHandler(teller)
    try:
        yield
    finally:
        NOTES.removeHandler(teller)


@dataclass
class Invocation:
    """One subcommand with its arguments; a sweep runs several jobs.

    typed: the arguments as given. statuses: of the jobs. files: the config files given as options, by their names.
    interrupted: whether Ctrl-C was pressed; a library that is being imported may turn that into an error of its own, or
    go on.
    """

    name: str
    arguments: list[str]
    typed: list[str] = field(init=False)
    statuses: list[int] = field(default_factory=list)
    files: dict[str, Path] = field(default_factory=dict)
    interrupted: bool = False
    wants_traceback: bool = field(default_factory=lambda: any(os.environ.get(each) == "1" for each in TRACEBACK_WANTED))

    def __post_init__(self) -> None:
        self.typed = self.arguments

    def run(self) -> int:
        """Compose and run; returns the highest exit status of the jobs."""
        from invrender.bench.arguments import bench_arguments
        from invrender.config import register_schemas
        from invrender.overrides import SHOWS_ONLY, rewrite, store
        from invrender.resources import register_resolvers
        from invrender.sweep.arguments import sweep_arguments

        register_schemas()
        made = register_resolvers(create=not any(each.partition("=")[0] in SHOWS_ONLY for each in self.arguments))
        try:
            if self.name == "sweep":
                self.name, self.arguments = "fit", sweep_arguments(self.arguments)
            rewritten = rewrite(self.arguments, self.options_of, COMMANDS[self.name].positional)
            self.files = {file.name: file.path for file in rewritten.files}
            store(rewritten.files)
            self.run_hydra(bench_arguments(rewritten.arguments) if self.name == "bench" else rewritten.arguments)
        except BrokenPipeError:
            raise
        except SystemExit as stop:
            return stop.code if isinstance(stop.code, int) else UNUSABLE
        except Exception as error:
            self.note(self.failed(error, in_job=False))
        finally:
            remove_empty(made)
        return max(self.statuses, default=DONE)

    def run_hydra(self, arguments: list[str]) -> None:
        """Hand over to Hydra, which reads `sys.argv` and calls `job`."""
        import hydra

        from invrender.overrides import MULTIRUN
        from invrender.resources import configs_folder

        application = hydra.main(config_path=str(configs_folder()), config_name=self.name, version_base="1.3")
        # A fit's jobs run in other processes, which say in files how they ended.
        task = self if self.name == "fit" and any(each in MULTIRUN for each in arguments) else self.job
        # With HYDRA_FULL_ERROR Hydra raises its errors instead of printing them.
        with environment("HYDRA_FULL_ERROR", "1"), argv([f"invrender {self.name}", *arguments]):
            application(task)()

    def job(self, config: Any) -> None:
        """One job in this process; its errors are reported here, so that the others go on."""
        outcome = self(config)
        self.note(outcome)
        if outcome.status == "interrupted":
            raise KeyboardInterrupt

    def __call__(self, config: Any, recorders: Sequence[Any] = ()) -> Outcome:
        """One job, with these recorders besides its own."""
        from invrender.sweep.work import Outcome, Pruned

        try:
            with told(self.name):
                status = COMMANDS[self.name].work(config, self.described(recorders))
        except BrokenPipeError:
            raise
        except Pruned as pruned:
            return Outcome("pruned", message=str(pruned))
        except Exception as error:
            return self.failed(error)
        return Outcome("interrupted" if status == INTERRUPTED else "finished", status)

    def note(self, outcome: Outcome) -> None:
        """Keep the exit status, and say what has failed."""
        if outcome.message is not None:
            told = "" if outcome.exit_status == BUG else "error: "
            print(f"invrender {self.name}: {told}{outcome.message}", file=sys.stderr)
        self.statuses.append(outcome.exit_status)

    def failed(self, error: Exception, in_job: bool = True) -> Outcome:
        """The outcome of a job, or of what comes before there is one, that ends with this error."""
        from invrender.sweep.work import Outcome

        status, message = self.explained(error, in_job)
        return Outcome("interrupted" if status == INTERRUPTED else "failed", status, message)

    @contextmanager
    def noting_interrupts(self) -> Iterator[None]:
        """Note Ctrl-C, which raises `KeyboardInterrupt` as before, unless somebody else looks after it."""
        before = signal.getsignal(signal.SIGINT)
        if before is not signal.default_int_handler or threading.current_thread() is not threading.main_thread():
            yield
            return

        def note(number: int, frame: FrameType | None) -> None:
            self.interrupted = True
            signal.default_int_handler(number, frame)

        signal.signal(signal.SIGINT, note)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    def described(self, recorders: Sequence[Any]) -> Job:
        """What Hydra knows of the job at hand."""
        from hydra.core.hydra_config import HydraConfig
        from hydra.types import RunMode

        settings = HydraConfig.get()
        overrides = list(settings.overrides.task)
        arguments = self.arguments
        if settings.mode == RunMode.MULTIRUN:
            folders = [each for folder in config_dirs(self.arguments) for each in ("--config-dir", str(folder))]
            arguments = [*folders, *(self.with_path(each) for each in overrides)]
        return Job(
            folder=Path(settings.runtime.output_dir),
            command=shlex.join(["invrender", self.name, *arguments]),
            overrides=overrides,
            choices=dict(settings.runtime.choices),
            files=self.files,
            interrupted=lambda: self.interrupted,
            recorders=recorders,
            sources=[Path(source.path) for source in settings.runtime.config_sources if source.schema == "file"],
        )

    def with_path(self, override: str) -> str:
        """An override with a file's path in place of the option that stands for it."""
        key, _, value = override.partition("=")
        return f"{key}={self.files[value]}" if value in self.files else override

    def options_of(self, group: str) -> set[str]:
        """The options of a group, of the user's config folder too."""
        return {path.stem for folder in config_folders(self.arguments) for path in (folder / group).glob("*.yaml")}

    def explained(self, error: Exception, in_job: bool) -> tuple[int, str | None]:
        """The exit status, and a line that says what can't be used, or that this is a bug."""
        from invrender.messages import explain
        from invrender.overrides import one_line

        if self.wants_traceback:
            traceback.print_exception(error)
        if self.interrupted and not isinstance(error, OSError):
            return INTERRUPTED, None
        # Hydra says with a bare ValueError, and before there is a job, that options of its own don't go together.
        message = one_line(str(error)) if type(error) is ValueError and not in_job else explain(error, self.options_of)
        if message is not None and isinstance(error, OSError) and error.strerror and not in_job:
            message = f"can't write the run's folder ({message}); set hydra.run.dir to a folder that can be written"
        if message is None:
            told = f"{type(error).__name__}: {one_line(str(error))}"
            return BUG, f"{told}; this is a bug; INVRENDER_TRACEBACK=1 shows where"
        for name, path in self.files.items():
            message = message.replace(name, str(path))
        return UNUSABLE, message


def config_folders(arguments: Sequence[str]) -> list[Path]:
    """Where groups are: the shipped ones, and the user's."""
    from invrender.resources import configs_folder

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
def argv(arguments: list[str]) -> Iterator[None]:
    """Other arguments in `sys.argv`, for a while."""
    before, sys.argv = sys.argv, arguments
    try:
        yield
    finally:
        sys.argv = before


def remove_empty(folders: Sequence[Path]) -> None:
    """Remove the folders made for jobs that wrote nothing."""
    for folder in reversed(folders):
        for each in folder.glob("*/"):
            with suppress(OSError):
                each.rmdir()
        # Hydra's own record of a sweep says nothing where no job has.
        if [path.name for path in folder.glob("*")] == ["multirun.yaml"]:
            (folder / "multirun.yaml").unlink()
        with suppress(OSError):
            folder.rmdir()
