"""Work that is done again and again, and yet never takes more than a small share of the time."""

from __future__ import annotations

import time
from collections.abc import Callable

SHARE = 0.05


class Paced:
    """Does ``work`` when it is called, but not so soon after the last time that it took more than a share of the time.

    What grows with the number of jobs, and is done while they run, costs no more than their number so.
    """

    def __init__(self, work: Callable[[], None], share: float = SHARE) -> None:
        self.work = work
        self.share = share
        self.due = 0.0

    def __call__(self) -> None:
        """Do the work if it is time."""
        if time.monotonic() >= self.due:
            self.now()

    def now(self) -> None:
        """Do the work in any case."""
        began = time.monotonic()
        self.work()
        ended = time.monotonic()
        self.due = ended + (ended - began) / self.share
