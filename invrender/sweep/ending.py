"""The end of a fit or a sweep from outside: signals, a shell that is gone, and processes that outlive nobody."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from invrender.io.lock import FolderLock

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

# What schedulers and terminals send to end a program. Windows has no SIGHUP.
TERMINATING = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
ENDING = [signal.SIGINT, *TERMINATING]
# Schedulers and terminals often send several signals at once; they are one.
AT_ONCE_SECONDS = 3.0
LOOK_SECONDS = 0.5


Interrupt = Callable[[int, FrameType | None], object]


@dataclass
class Ending:
    """Notes a signal that ends what runs; ``number`` is None as long as there was none.

    interrupt: what Ctrl-C did so far. terminals: the standard streams that are one.
    """

    interrupt: Interrupt
    terminals: Sequence[int]
    number: int | None = None
    at: float = field(default=0.0, repr=False)

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """The handler. Raises `KeyboardInterrupt`."""
        now = time.monotonic()
        if self.number is not None and now < self.at + AT_ONCE_SECONDS:
            return
        self.number, self.at = self.number or number, now
        if number == getattr(signal, "SIGHUP", None):
            self.leave_terminal()
        self.interrupt(number, frame)
        raise KeyboardInterrupt

    def leave_terminal(self) -> None:
        """Have what is still said go nowhere: to write to a terminal that is gone is an error."""
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for stream in self.terminals:
            os.dup2(nowhere, stream)
        os.close(nowhere)

    @property
    def exit_status(self) -> int:
        """What a shell reports of a program that was ended by the signal."""
        return 128 + (self.number or signal.SIGINT)


@contextmanager
def noting_signals(numbers: Sequence[int] = ENDING, interrupt: Interrupt | None = None) -> Iterator[Ending]:
    """Have these signals act as Ctrl-C does; what is ignored, as SIGHUP below nohup, stays so.

    interrupt: what Ctrl-C does, where that is not what is set for it.
    """
    before = {number: signal.getsignal(number) for number in numbers}
    handler = interrupt or signal.getsignal(signal.SIGINT)
    terminals = [stream for stream in (1, 2) if os.isatty(stream)]
    ending = Ending(handler if callable(handler) else signal.default_int_handler, terminals)
    if threading.current_thread() is not threading.main_thread():
        yield ending
        return
    taken = [number for number, handler in before.items() if handler is not signal.SIG_IGN]
    for number in taken:
        signal.signal(number, ending)
    try:
        yield ending
    finally:
        for number in taken:
            signal.signal(number, before[number])


@contextmanager
def following_shell() -> Iterator[None]:
    """End as by SIGHUP when the process that started this one is gone, unless this one was put in the background."""
    alone = threading.current_thread() is not threading.main_thread()
    if alone or not hasattr(signal, "SIGHUP") or not in_foreground():
        yield
        return
    parent, over = os.getppid(), threading.Event()

    def watch() -> None:
        while not over.wait(LOOK_SECONDS):
            if os.getppid() != parent:
                os.kill(os.getpid(), signal.SIGHUP)
                return

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


def in_foreground() -> bool:
    """Whether this process belongs to the one that started it: neither nohup, setsid, ``&`` nor a shell's own job."""
    ignored = any(signal.getsignal(number) is signal.SIG_IGN for number in (signal.SIGINT, signal.SIGHUP))
    try:
        return not ignored and os.getpgid(os.getppid()) == os.getpgrp()
    except OSError:
        return False


def follow(owner: Connection) -> None:
    """End this process when the one that holds the other end of the pipe is gone."""

    def wait() -> None:
        try:
            owner.poll(None)
        finally:
            os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def follow_lock(folder: Path, end: Callable[[], None]) -> None:
    """Call ``end``, and end this process, when nobody on this machine holds the folder's lock any more.

    On other machines a launcher's jobs go on without the process that has launched them.
    """
    lock = FolderLock(folder)
    if not lock.holder().endswith(f" on {socket.gethostname()}"):
        return

    def watch() -> None:
        while not lock.acquire():
            time.sleep(LOOK_SECONDS)
        lock.release()
        end()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
