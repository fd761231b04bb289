"""What benchmarks leave behind."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """They measure with several threads in the process that runs them."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)
