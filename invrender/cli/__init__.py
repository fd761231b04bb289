"""The command line. Nothing is imported before it is known what to do when Ctrl-C is pressed."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence

INTERRUPTED = 130


def main() -> None:
    """The console script."""
    # A library that is being imported turns Ctrl-C into whatever it likes.
    interrupts = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if interrupts:
        signal.signal(signal.SIGINT, lambda *_: os._exit(INTERRUPTED))
    # What this program starts must not import from the working directory, which may be a folder from elsewhere.
    os.environ.setdefault("PYTHONSAFEPATH", "1")
    # Threads that wait for each other by spinning are several times slower where other programs want the cores, too.
    # It counts only where it is set before torch's libraries are loaded.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from invrender.cli.imports import keeping_all
    from invrender.cli.libraries import load_ahead, wants_torch

    with keeping_all():
        from invrender.cli.program import run_and_report
    if wants_torch(sys.argv[1:]):
        load_ahead()

    try:
        if interrupts:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        status = run_and_report(sys.argv[1:])
    except KeyboardInterrupt:
        status = INTERRUPTED
    sys.exit(status)


def run(arguments: Sequence[str]) -> int:
    """Run the program with ``arguments`` and return its exit status."""
    from invrender.cli import program

    return program.run(arguments)
