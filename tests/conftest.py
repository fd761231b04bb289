"""What holds for every test."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

# Each worker, and each process it starts, is one of several: one thread keeps them out of each other's way. It counts
# only where it is set before torch is imported.
os.environ["OMP_NUM_THREADS"] = "1"

# Where there is no card, Triton interprets its kernels; this, too, counts only where it is set before the import.
if not Path("/dev/nvidiactl").exists():
    os.environ["TRITON_INTERPRET"] = "1"


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("gpu"):
        import torch

        if not torch.cuda.is_available():
            pytest.skip("needs an NVIDIA GPU")
