"""What runs on a card runs there: on one that is none, and refuses what a card refuses."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from torch.utils import backend_registration

from invrender import losses, parameters
from invrender.losses.base import DataTerm

# Of PyTorch's, and young.
HERE = hasattr(backend_registration, "_setup_privateuseone_for_python_backend")
# How often a step may wait for the card: where the number of faces, edges or pixels that count decides on shapes.
MOST_WAITS = {"soft": 3, "edge": 10}


@pytest.mark.skipif(not HERE, reason="needs a PyTorch whose devices can be written in Python")
def test_pictures_unknowns_losses_fits_and_waits_on_a_card_that_is_none() -> None:
    pytest.importorskip("triton", reason="needs Triton")
    script = Path(__file__).parents[1] / "run_on_fake_card.py"
    # A process that has such a device keeps it.
    surroundings = {**os.environ, "TRITON_INTERPRET": "1"}
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, env=surroundings)
    assert done.returncode == 0, done.stderr
    of_fits = {"first order", "least squares", "verdict"}
    of_pictures = {"soft", "edge", "hard", "bent", "soft by kernels", "edge by kernels"}
    unknowns = {*parameters.__all__} - {"CameraPoses", "Values"}
    terms = {name for name in losses.__all__ if isinstance(getattr(losses, name)(), DataTerm)}
    worked, waits = set[str](), dict[str, int]()
    for line in done.stdout.splitlines():
        name, told, count = line.partition(" waits: ")
        if told:
            waits[name] = int(count)
        else:
            worked.add(name)
    assert worked == of_pictures | unknowns | terms | of_fits
    assert waits.keys() == MOST_WAITS.keys()
    assert all(count <= MOST_WAITS[name] for name, count in waits.items()), waits
