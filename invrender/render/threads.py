"""How many threads there are for kernels, apart from those of torch.

Torch divides sums over large tensors among its threads, so that their last bits depend on how many there are. Our own
kernels give the same bits on any number.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch

KERNELS: ContextVar[int | None] = ContextVar("KERNELS", default=None)


def kernel_threads() -> int:
    """So many threads may a kernel use: as many as torch, or as torch could before `torch_on_one_thread`."""
    return KERNELS.get() or torch.get_num_threads()


@contextmanager
def torch_on_one_thread() -> Iterator[None]:
    """Have torch work on one thread for a while, so that it gives the same bits on every machine of a kind."""
    threads = torch.get_num_threads()
    token = KERNELS.set(kernel_threads())
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        KERNELS.reset(token)
