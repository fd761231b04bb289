"""A run that takes turns with the program that it is part of."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np

from invrender import checks
from invrender.config.device import deterministic, seed_all
from invrender.fitting.state import read_generators, restore_generators


class Turns:
    """A run that takes turns with somebody else in one process, and is `repeatable` all the same.

    The other's random numbers are not touched, and torch works for them as it did.
    """

    def __init__(self, seed: int, device: str) -> None:
        self.seed, self.device = checks.seed("seed", seed), device
        self.own: Generators | None = None

    @contextmanager
    def take(self) -> Iterator[None]:
        """The run's turn."""
        others = Generators.read()
        if self.own is None:
            seed_all(self.seed)
        else:
            self.own.restore()
        try:
            with deterministic() if self.device == "cpu" else nullcontext():
                yield
        finally:
            self.own = Generators.read()
            others.restore()


@dataclass(frozen=True)
class Generators:
    """The states of Python's, NumPy's and PyTorch's random numbers."""

    python: Any
    numpy: Any
    torch: Mapping[str, Any]

    @classmethod
    def read(cls) -> Generators:
        """As they are."""
        return cls(random.getstate(), np.random.get_state(), read_generators())

    def restore(self) -> None:
        """Let all go on from here."""
        random.setstate(self.python)
        np.random.set_state(self.numpy)
        restore_generators(self.torch)
