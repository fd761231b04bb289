"""Notes to the person at the terminal: what is ignored, assumed or mended."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from invrender.errors import NOTES


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
def show_notes(command: str) -> Iterator[None]:
    """Show notes on stderr, in the name of a command."""
    teller = Teller(command)
    NOTES.addHandler(teller)
    try:
        yield
    finally:
        NOTES.removeHandler(teller)
