"""Steps of rivals, timed in turns in a process each, so that each one's memory is its own."""

from __future__ import annotations

import ctypes
import gc
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from subjects import Case, Step

MEGABYTE = 2**20
STATUS = Path("/proc/self/status")

step: Step  # in a rival's own process
idle: int


@dataclass(frozen=True)
class Result:
    """The median of a rival's steps, how many there were, the most memory above the idle process, and the picture."""

    seconds: float
    laps: int
    megabytes: float | None
    picture: np.ndarray[Any, Any]

    def row(self, ours: Result) -> dict[str, Any]:
        """As data, beside ours."""
        same = self is not ours and self.picture.shape == ours.picture.shape
        return {
            "seconds": self.seconds,
            "laps": self.laps,
            "megabytes": self.megabytes,
            "ratio": self.seconds / ours.seconds,
            "difference": float(np.abs(self.picture - ours.picture).mean()) if same else None,
        }


def prepare(make: Callable[[Case], Step], case: Case) -> None:
    """Import, read and compile all that a rival's steps need, and forget how much memory that took."""
    global step, idle
    make(case.tiny())()
    step = make(case)
    if STATUS.exists():
        gc.collect()
        ctypes.CDLL(None).malloc_trim(0)  # give back what is free, or steps that reuse it seem to need nothing
        Path("/proc/self/clear_refs").write_text("5")
        idle = memory("VmRSS")


def lap() -> tuple[float, np.ndarray[Any, Any]]:
    """The seconds of one step, and its picture."""
    begin = time.perf_counter()
    picture = step()
    return time.perf_counter() - begin, picture.numpy()


def peak() -> float | None:
    """The most memory since `prepare`, in megabytes above what there was then; None where the system doesn't say."""
    return (memory("VmHWM") - idle) / MEGABYTE if STATUS.exists() else None


def memory(key: str) -> int:
    """A line of Linux's /proc/self/status in bytes."""
    (line,) = (line for line in STATUS.read_text().splitlines() if line.startswith(key))
    return 1024 * int(line.split()[1])


@contextmanager
def rival(make: Callable[[Case], Step], case: Case) -> Iterator[ProcessPoolExecutor]:
    """A process that is ready for its first lap."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        process.submit(prepare, make, case).result()
        yield process


def race(makers: Mapping[str, Callable[[Case], Step]], case: Case, laps: int, patience: float) -> dict[str, Result]:
    """Each rival's `Result`, from ``laps`` laps in turns after one to warm up.

    patience: seconds after which a rival starts no further lap; if it has run but one by then, that one counts.
    """
    found: dict[str, Result] = {}
    with ExitStack() as stack:
        processes = {name: stack.enter_context(rival(make, case)) for name, make in makers.items()}
        seconds: dict[str, list[float]] = {name: [] for name in makers}
        pictures = {}
        for _ in range(laps + 1):
            for name, process in processes.items():
                if sum(seconds[name]) < patience:
                    taken, pictures[name] = process.submit(lap).result()
                    seconds[name].append(taken)
        for name, process in processes.items():
            counted = seconds[name][1:] or seconds[name]
            found[name] = Result(median(counted), len(counted), process.submit(peak).result(), pictures[name])
    return found
