"""A clock that can be stopped."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Clock:
    """Measures the time that passes while it is not stopped. seconds: what has passed already."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.began = time.perf_counter() - seconds

    def seconds(self) -> float:
        """The time so far."""
        return time.perf_counter() - self.began

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Leave out what happens inside."""
        stopped = time.perf_counter()
        try:
            yield
        finally:
            self.began += time.perf_counter() - stopped
