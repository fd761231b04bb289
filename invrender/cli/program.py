"""The subcommands, and what the program does with its arguments."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from invrender import __version__
from invrender.cli.completion import completion
from invrender.cli.invocation import Invocation, config_folders
from invrender.cli.job import DONE, UNUSABLE
from invrender.cli.listing import listing
from invrender.cli.resuming import RESUMABLE
from invrender.errors import UserError, shortened, suggestion
from invrender.sweep.ending import TERMINATING, noting_signals
from invrender.typed import HALVES

# What a shell reports of a program that wrote into a pipe whose reader has gone.
PIPE_CLOSED = 141

# By name, what a subcommand does in a line.
COMMANDS = {
    "fit": "recover what is unknown in a scene from pictures",
    "sample": "sample the posterior about a fit's answer",
    "sweep": "run many fits and compare them, or search for the best",
    "render": "render one picture of a scene",
    "convert": "write a camera file in another format",
    "gradients": "hold estimators of a gradient against finite differences, side by side",
    "train": "teach a network to say what a scene is, through the renderer",
    "bench": "say how often, how well and how fast truths are found",
    "board": "look at fits in TensorBoard",
    "report": "write the report of a fit or a sweep anew",
    "doctor": "say what may be wrong with a fit, or what is installed",
}


@dataclass(frozen=True)
class Answer:
    """A subcommand that prints a text and has no config: what it does in a line, and the text for its arguments."""

    summary: str
    text: Callable[[Sequence[str]], str]


NAMES = (*COMMANDS, "scenes", "params", "completion")
ANSWERS = {
    "scenes": Answer("list the scenes", lambda given: listing("scene", config_folders(given))),
    "params": Answer("list what can be recovered", lambda given: listing("recover", config_folders(given))),
    "completion": Answer("complete words in bash, zsh or fish", lambda given: completion(given, NAMES, run)),
}


def run_and_report(arguments: Sequence[str]) -> int:
    """Run the program; its exit status, also where nobody can read its output any more."""
    open_streams()
    try:
        status = run(arguments)
        sys.stdout.flush()
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            status = PIPE_CLOSED
        else:
            print(f"invrender: error: the output can't be written: {error.strerror}", file=sys.stderr)
            status = UNUSABLE
        # Python flushes what is left when it ends, which would fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return status


def open_streams() -> None:
    """Make the standard streams take whatever is written: closed ones lose it, and no encoding lacks a character."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the first number that is free
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
        stream = getattr(sys, name)
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def run(arguments: Sequence[str]) -> int:
    """Run the program with ``arguments`` and return its exit status, as `invrender.cli.job` lists them."""
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
    if (reason := hindrance(rest)) is not None:
        print(f"invrender {name}: error: {reason}", file=sys.stderr)
        return UNUSABLE
    invocation = Invocation(name, rest)
    with noting_signals(TERMINATING if name in RESUMABLE else (), invocation.interrupt) as ending:
        try:
            with invocation.noting_interrupts():
                return invocation.run()
        except KeyboardInterrupt:
            return ending.exit_status


def hindrance(arguments: Sequence[str]) -> str | None:
    """Why no command can work, whatever it is; None where nothing is in its way."""
    try:
        words = (*arguments, os.getcwd())
    except FileNotFoundError:
        return "the working folder is no longer there; go to another one"
    for word in words:
        # Bytes that are none of the system's encoding, as Python has them.
        if HALVES.search(word):
            return f"{shortened(word)} can't be written as text; rename that file or folder, or set PYTHONUTF8=1"
    return None


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
    every = {**COMMANDS, **{name: each.summary for name, each in ANSWERS.items()}}
    commands = "\n".join(f"  {name:<12}{summary}" for name, summary in every.items())
    return (
        "invrender: recover cameras, lights and textures from pictures.\n\n"
        f"usage: invrender COMMAND [GROUP=OPTION ...] [KEY=VALUE ...]\n\n{commands}\n\n"
        "  invrender COMMAND --help       a command's groups and examples\n"
        "  invrender COMMAND --cfg job    every key, with its value\n"
        "  invrender --version"
    )
