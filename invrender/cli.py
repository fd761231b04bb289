"""The command line: compose with Hydra, hand over to a command, say in a line what went wrong."""

from __future__ import annotations

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
from typing import Any

from invrender import __version__
from invrender.commands import BUG, DONE, INTERRUPTED, UNUSABLE, Job, run_board, run_doctor, run_fit, run_render

SHOWS_ONLY = ("--cfg", "-c", "--info", "-i", "--help", "-h", "--hydra-help", "--shell-completion", "-sc")
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
    "render": Command("render one picture of a scene", run_render),
    "board": Command("look at fits in TensorBoard", run_board, positional="runs"),
    "doctor": Command("say what is installed, and which renderers work", run_doctor),
}


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
    if name not in COMMANDS:
        from invrender.errors import suggestion

        hint = suggestion(name, COMMANDS) or f"; known are {', '.join(COMMANDS)}"
        print(f"invrender: error: no command {name!r}{hint}", file=sys.stderr)
        return UNUSABLE
    invocation = Invocation(name, rest)
    try:
        with invocation.noting_interrupts():
            return invocation.run()
    except KeyboardInterrupt:
        return INTERRUPTED


def usage() -> str:
    """The program's own help."""
    commands = "\n".join(f"  {name:<8}{command.summary}" for name, command in COMMANDS.items())
    return (
        "invrender: recover cameras, lights and textures from pictures.\n\n"
        f"usage: invrender COMMAND [GROUP=OPTION ...] [KEY=VALUE ...]\n\n{commands}\n\n"
        "  invrender COMMAND --help       a command's groups and examples\n"
        "  invrender COMMAND --cfg job    every key, with its value\n"
        "  invrender --version"
    )


@dataclass
class Invocation:
    """One subcommand with its arguments; a sweep runs several jobs.

    statuses: of the jobs. files: the config files given as options, by the option's name.
    interrupted: whether Ctrl-C was pressed; a library that is being imported may turn that into an error of its own, or
    go on.
    """

    name: str
    arguments: list[str]
    statuses: list[int] = field(default_factory=list)
    files: dict[str, Path] = field(default_factory=dict)
    interrupted: bool = False
    wants_traceback: bool = field(default_factory=lambda: any(os.environ.get(each) == "1" for each in TRACEBACK_WANTED))

    def run(self) -> int:
        """Compose and run; returns the highest exit status of the jobs."""
        from invrender.config import register_schemas
        from invrender.overrides import rewrite, store
        from invrender.resources import register_resolvers

        register_schemas()
        made = register_resolvers(create=not any(each.partition("=")[0] in SHOWS_ONLY for each in self.arguments))
        try:
            rewritten = rewrite(self.arguments, self.options_of, COMMANDS[self.name].positional)
            self.files = {file.name: file.path for file in rewritten.files}
            store(rewritten.files)
            self.run_hydra(rewritten.arguments)
        except BrokenPipeError:
            raise
        except SystemExit as stop:
            return stop.code if isinstance(stop.code, int) else UNUSABLE
        except Exception as error:
            self.statuses.append(self.report(error, in_job=False))
        finally:
            remove_empty(made)
        return max(self.statuses, default=DONE)

    def run_hydra(self, arguments: list[str]) -> None:
        """Hand over to Hydra, which reads `sys.argv` and calls `job`."""
        import hydra

        from invrender.resources import configs_folder

        application = hydra.main(config_path=str(configs_folder()), config_name=self.name, version_base="1.3")
        # With HYDRA_FULL_ERROR Hydra raises its errors instead of printing them.
        with environment("HYDRA_FULL_ERROR", "1"), argv([f"invrender {self.name}", *arguments]):
            application(self.job)()

    def job(self, config: Any) -> None:
        """One job; its errors are reported here, so that a sweep goes on."""
        try:
            status = COMMANDS[self.name].work(config, self.described())
        except BrokenPipeError:
            raise
        except Exception as error:
            status = self.report(error, in_job=True)
        self.statuses.append(status)
        if status == INTERRUPTED:
            raise KeyboardInterrupt

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

    def described(self) -> Job:
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
            sources=[Path(source.path) for source in settings.runtime.config_sources if source.schema == "file"],
        )

    def with_path(self, override: str) -> str:
        """An override with a file's path in place of the option that stands for it."""
        key, _, value = override.partition("=")
        return f"{key}={self.files[value]}" if value in self.files else override

    def options_of(self, group: str) -> set[str]:
        """The options of a group, of the user's config folder too."""
        from invrender.resources import configs_folder

        folders = [configs_folder(), *config_dirs(self.arguments)]
        return {path.stem for folder in folders for path in (folder / group).glob("*.yaml")}

    def report(self, error: Exception, in_job: bool) -> int:
        """Say in a line what can't be used, or that this is a bug; returns the exit status."""
        from invrender.messages import explain
        from invrender.overrides import one_line

        if self.wants_traceback:
            traceback.print_exception(error)
        if self.interrupted and not isinstance(error, OSError):
            return INTERRUPTED
        # Hydra says with a bare ValueError, and before there is a job, that options of its own don't go together.
        message = one_line(str(error)) if type(error) is ValueError and not in_job else explain(error, self.options_of)
        if message is not None and isinstance(error, OSError) and not in_job:
            message = f"can't write the run's folder ({message}); set hydra.run.dir to a folder that can be written"
        if message is None:
            told = f"{type(error).__name__}: {one_line(str(error))}"
            advice = "this is a bug; INVRENDER_TRACEBACK=1 shows where"
            print(f"invrender {self.name}: {told}; {advice}", file=sys.stderr)
            return BUG
        for name, path in self.files.items():
            message = message.replace(name, str(path))
        print(f"invrender {self.name}: error: {message}", file=sys.stderr)
        return UNUSABLE


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
