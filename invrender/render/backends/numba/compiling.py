"""How kernels are compiled, and how their work is divided among threads."""

from __future__ import annotations

import itertools
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import numba
from numba.core import event
from numba.core.caching import FunctionCache
from numba.core.runtime.nrt import rtsys
from numba.core.types import unliteral

from invrender.render.threads import kernel_threads

log = logging.getLogger(__name__)

STRETCHES = 4  # for each thread, so that all end at about the same time

# No fused multiply-add: a b − c d must change its sign exactly with its terms, or neighbouring faces leave gaps.
# A kernel needs no wrapper for callers in C, which would be compiled, too.
OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy", "fastmath": {"nsz"}, "no_cfunc_wrapper": True}

# A call would hand over a dozen arrays by value, and cost more than what most kernels do.
INLINED = {**OPTIONS, "forceinline": True, "no_cpython_wrapper": True}

# Arrays are the caller's: counting references to them takes atomic operations, which cost as much as some kernels do.
BORROWING = {**INLINED, "_nrt": False}


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


SOURCES = sha256(b"".join(path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py")))).hexdigest()


class Cache(FunctionCache):
    """Machine code on disk that is used for as long as no kernel's source has changed.

    Numba's own looks at one file, and kernels contain others from other files.
    """

    def load_overload(self, signature: Any, context: Any) -> Any:
        """The machine code for these types, None where it has not been compiled yet.

        Numba's own first learns all that may be compiled, which takes longer than to load what has been.
        """
        rtsys.initialize(context)  # for kernels that make arrays
        with self._guard_against_spurious_io_errors():
            return self._load_overload(signature, context)

    def _index_key(self, signature: Any, codegen: Any) -> tuple[Any, ...]:
        return (*super()._index_key(signature, codegen), SOURCES)


def entry_point(function: Callable[..., Any]) -> Any:
    """Compile a kernel that Python calls, when it is first called; the machine code is kept on disk."""
    return compile_function(function, OPTIONS)


def kernel(function: Callable[..., Any]) -> Any:
    """Compile a function that becomes part of the kernels that call it."""
    return compile_function(function, BORROWING)


def allocating(function: Callable[..., Any]) -> Any:
    """As `kernel`, for functions that make arrays."""
    return compile_function(function, INLINED)


def adding(function: Callable[..., Any]) -> Any:
    """As `kernel`, for sums whose terms may be added in any order: so that there are vector instructions for them.

    The order is that of the machine code, the same on every thread.
    """
    return compile_function(function, {**BORROWING, "fastmath": {"nsz", "reassoc"}})


def compile_function(function: Callable[..., Any], options: dict[str, Any]) -> Any:
    """Numba's function, with our cache."""
    dispatcher = numba.njit(**options)(function)
    dispatcher._cache = Cache(function)
    forget_literals(dispatcher)
    return dispatcher


def forget_literals(dispatcher: Any) -> None:
    """Have kernels that call a function tell it the types of its arguments, and not which numbers they are.

    Numba would compile it for each number that is written down, among them what a loop's variables begin with. It
    becomes part of those that call it, where LLVM knows the numbers.
    """
    by_arguments = dispatcher.get_call_template

    def get_call_template(arguments: Sequence[Any], named: Mapping[str, Any]) -> Any:
        types = [unliteral(each) for each in arguments]
        return by_arguments(types, {name: unliteral(each) for name, each in named.items()})

    dispatcher.get_call_template = get_call_template


@cache
def pool(process: int) -> ThreadPoolExecutor:
    """The threads of a process; a forked child makes its own."""
    return ThreadPoolExecutor(max_workers=os.cpu_count(), thread_name_prefix=f"invrender-{process}")


def divide_work(run: Callable[[int, int], None], parts: int, alone: bool = False) -> None:
    """``run(first, last)`` for stretches that make up parts 0 … ``parts`` − 1, on `kernel_threads`.

    Each thread takes the next stretch when it is free. Calls of kernels are not free, so stretches are long.
    alone: whether the work is so little that it is done before another thread is awake.
    """
    threads = 1 if alone else min(kernel_threads(), parts)
    if threads <= 1:
        if parts:
            run(0, parts)
        return
    length = -(-parts // (STRETCHES * threads))
    following = itertools.count(0, length)

    def work() -> None:
        while (first := next(following)) < parts:
            run(first, min(first + length, parts))

    helpers = [pool(os.getpid()).submit(work) for _ in range(threads - 1)]
    try:
        work()
    finally:
        for helper in helpers:
            helper.result()
