"""How kernels are compiled, and how their work is divided among threads."""

from __future__ import annotations

import itertools
import logging
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import numba
import torch
from numba.core import event

log = logging.getLogger(__name__)

# No fused multiply-add: a b − c d must change its sign exactly with its terms, or neighbouring faces leave gaps.
OPTIONS: dict[str, Any] = {"nogil": True, "cache": True, "error_model": "numpy", "fastmath": {"nsz"}}


class Announcement(event.Listener):
    """Says once that kernels are being compiled, and not loaded from an earlier time."""

    def __init__(self) -> None:
        self.made = False

    def on_start(self, event: event.Event) -> None:
        """The compiler begins with a kernel."""
        if not self.made:
            self.made = True
            log.warning("compiling the kernels for this processor; this takes up to a minute, and only this once")

    def on_end(self, event: event.Event) -> None:
        """The compiler is done with a kernel."""


event.register("numba:compile", Announcement())


def kernel(function: Callable[..., Any]) -> Any:
    """Compile a function with Numba when it is first called; the machine code is kept on disk."""
    return numba.njit(**OPTIONS)(function)


@cache
def pool(process: int) -> ThreadPoolExecutor:
    """The threads of a process; a forked child makes its own."""
    return ThreadPoolExecutor(max_workers=os.cpu_count(), thread_name_prefix=f"invrender-{process}")


def divided(run: Callable[[int], None], parts: int) -> None:
    """``run(0)`` … ``run(parts − 1)``, on as many threads as torch may use; each takes the next when it is free."""
    threads = min(torch.get_num_threads(), parts)
    if threads <= 1:
        for part in range(parts):
            run(part)
        return
    following = itertools.count()

    def work() -> None:
        while (part := next(following)) < parts:
            run(part)

    helpers = [pool(os.getpid()).submit(work) for _ in range(threads - 1)]
    try:
        work()
    finally:
        for helper in helpers:
            helper.result()
