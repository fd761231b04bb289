"""The command line. Nothing is imported before it is known what to do when Ctrl-C is pressed."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence


def main() -> None:
    """The console script."""
    # A library that is being imported turns Ctrl-C into whatever it likes.
    interrupts = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if interrupts:
        signal.signal(signal.SIGINT, lambda *_: os._exit(130))
    from invrender.cli.program import run_and_report

    if interrupts:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.exit(run_and_report(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run the program with ``arguments`` and return its exit status."""
    from invrender.cli import program

    return program.run(arguments)
