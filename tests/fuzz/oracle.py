"""What may never happen, whatever is given."""

from __future__ import annotations

import io
import re
import signal
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from invrender.cli import run
from invrender.config.messages import explain

STATUSES = (0, 2, 3, 4, 5, 6, 130)
MOST_SECONDS, MOST_BYTES, MOST_CHARACTERS = 20, 2 << 30, 1500
# Of the clock, on a machine that others keep busy; what waits for nothing takes that long, too.
MOST_SECONDS_IN_ALL, LOOK_SECONDS = 120, 5
STATUS = Path("/proc/self/status")
NOTE = re.compile(r"invrender \w+: note: .*|compiling the kernels .*|.*pixels are clipped at the top.*")


class TooLong(BaseException):
    """No `Exception`, so that nothing but the oracle catches it."""


@dataclass(frozen=True)
class Fault:
    """Something that may not happen, in a line, and more to look at."""

    told: str
    details: str = ""


def watch(work: Callable[[], Fault | None]) -> Fault | None:
    """What is wrong with a piece of work: its own account, or that it takes too long or too much, or warns."""
    before, started = reset_peak(), time.process_time()
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        # PyTorch's own, when forward mode is first used.
        warnings.filterwarnings("ignore", "`torch.jit.script` is deprecated", DeprecationWarning)
        try:
            with limited():
                fault = work()
        except TooLong:
            return Fault(f"it takes more than {MOST_SECONDS} s", traceback.format_exc())
    if fault is None and time.process_time() - started > MOST_SECONDS:
        return Fault(f"it takes more than {MOST_SECONDS} s")
    if fault is None and peak() - before > MOST_BYTES:
        return Fault(f"it takes {peak() - before >> 20} MiB")
    if fault is None and warned:
        return Fault(f"it warns: {warned[0].category.__name__}: {warned[0].message}", f"{warned[0].filename}")
    return fault


@contextmanager
def limited() -> Iterator[None]:
    """Raise `TooLong` when the time is over; in the main thread alone, since others get no signals."""
    worked, began = time.process_time(), time.monotonic()

    def stop(number: int, frame: FrameType | None) -> None:
        late = time.monotonic() - began > MOST_SECONDS_IN_ALL
        if late or time.process_time() - worked > MOST_SECONDS:
            raise TooLong
        signal.alarm(LOOK_SECONDS)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = signal.signal(signal.SIGALRM, stop)
    signal.alarm(MOST_SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, previous)


def reset_peak() -> int:
    """Forget the largest memory so far; what is used at present, in bytes."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return 1 << 60
    return peak()


def peak() -> int:
    """The largest memory that was used since, in bytes; 0 where the system does not tell."""
    found = re.search(r"VmHWM:\s+(\d+) kB", STATUS.read_text()) if STATUS.exists() else None
    return int(found[1]) << 10 if found else 0


def check_function(work: Callable[[], object]) -> Fault | None:
    """A function may return, or raise what the program tells in a line with status 2."""
    try:
        work()
    except Exception as error:
        told = explain(error)
        if told is None:
            return Fault(f"{type(error).__name__}: {str(error)[:200]}", traceback.format_exc())
        return check_line(told)
    return None


def check_line(told: str) -> Fault | None:
    """A message is one line, and not endless."""
    if "\n" in told or not told.strip():
        return Fault("the message is not a line", told)
    return Fault("the message is endless", told) if len(told) > MOST_CHARACTERS else None


def check_command(arguments: list[str], folder: Path) -> Fault | None:
    """The program may end with a known status; where it is 2 there is one line of error, and nothing is left."""
    before = set(folder.rglob("*"))
    out, err = io.StringIO(), io.StringIO()
    try:
        with redirect_stdout(out), redirect_stderr(err):
            status = run(arguments)
    except Exception as error:
        return Fault(f"{type(error).__name__} leaves the program", traceback.format_exc())
    told = err.getvalue()
    if status not in STATUSES:
        return Fault(f"status {status}: {told.strip()[-300:]}", told)
    if "Traceback" in told:
        return Fault("a traceback", told)
    errors = [line for line in told.splitlines() if line.strip() and not NOTE.fullmatch(line)]
    if status == 2 and len(errors) != 1:
        return Fault(f"{len(errors)} lines of error", told)
    left = {str(path.relative_to(folder)) for path in set(folder.rglob("*")) ^ before}
    if status == 2 and left:
        return Fault(f"left behind or gone: {', '.join(sorted(left))}", told)
    return check_line(errors[0]) if status == 2 else None
