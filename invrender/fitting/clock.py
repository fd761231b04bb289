"""A clock that can be stopped."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Clock:
    """Measures the time that passes while it is not stopped. seconds: what has passed already."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.began = time.perf_counter() - seconds
        self.halted: float | None = None

    def seconds(self) -> float:
        """The time so far; it stands still while the clock is stopped."""
        return (time.perf_counter() if self.halted is None else self.halted) - self.began

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Leave out what happens inside."""
        self.halted = time.perf_counter()
        try:
            yield
        finally:
            self.began += time.perf_counter() - self.halted
            self.halted = None
