"""Where a run computes, and the randomness that it has."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from invrender import checks
from invrender.errors import UserError, shortened


def choose_device(name: str) -> str:
    """cpu or cuda. Raises `UserError` where there is no such device."""
    import torch

    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if name not in ("cpu", "cuda"):
        raise UserError(f"device is {shortened(name)}, expected auto, cpu or cuda")
    if name == "cuda" and not torch.cuda.is_available():
        raise UserError("device is cuda, but PyTorch finds no CUDA device here; set device=cpu")
    return name


@contextmanager
def repeatable(seed: int, device: str) -> Iterator[None]:
    """Seed every source of randomness; on the CPU every run gives the same bits, on any number of threads."""
    seed_all(seed)
    with deterministic() if device == "cpu" else nullcontext():
        yield


def seed_all(seed: int) -> None:
    """Seed every source of randomness."""
    import numpy as np
    import torch

    checks.seed("seed", seed)
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


@contextmanager
def deterministic() -> Iterator[None]:
    """Have torch add in the same order every time."""
    import torch

    from invrender.render.threads import torch_on_one_thread

    memory: Any = torch.utils.deterministic
    before = torch.get_deterministic_debug_mode(), memory.fill_uninitialized_memory
    # `use_deterministic_algorithms` does the same, and imports PyTorch's compiler, which takes seconds.
    torch.set_deterministic_debug_mode("error")
    # Filling memory that is about to be written anyway costs time and decides nothing.
    memory.fill_uninitialized_memory = False
    try:
        with torch_on_one_thread():
            yield
    finally:
        torch.set_deterministic_debug_mode(before[0])
        memory.fill_uninitialized_memory = before[1]
