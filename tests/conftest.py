"""What holds for every test."""

from __future__ import annotations

import os
import signal

import pytest

# Each worker, and each process it starts, is one of several: one thread keeps them out of each other's way. It counts
# only where it is set before torch is imported.
os.environ["OMP_NUM_THREADS"] = "1"


def pytest_configure() -> None:
    """Have Triton interpret its kernels where no card can run them, before it is imported; and Ctrl-C interrupt."""
    import torch

    if not torch.cuda.is_available():
        os.environ["TRITON_INTERPRET"] = "1"
    # A shell has what it starts in the background ignore Ctrl-C, which some tests press.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("gpu"):
        import torch

        if not torch.cuda.is_available():
            pytest.skip("needs an NVIDIA GPU")
