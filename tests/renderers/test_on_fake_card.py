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


@pytest.mark.skipif(not HERE, reason="needs a PyTorch whose devices can be written in Python")
def test_pictures_unknowns_losses_and_fits_on_a_card_that_is_none() -> None:
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
    assert set(done.stdout.splitlines()) == of_pictures | unknowns | terms | of_fits
