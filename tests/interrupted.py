"""A fit that was interrupted, and the folder that it has left."""

from __future__ import annotations

import math
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cubes import write_box

from invrender.cli import run
from invrender.fitting.fit import Fitting
from invrender.record import checkpoint

FIT = (
    *("scene=box", "recover=[camera_pose,texture]", "optimizer=adam"),
    *("optimizer.stages=[{steps: 3, size: 12}, {steps: 3}]", "target.samples=1", "renderer.samples=1"),
    *("target.camera.azimuth=35", "record.bar=false", "record.report=false", "record.gif=false"),
)


def interrupt_at(number: int, patch: pytest.MonkeyPatch, end: Callable[[], None]) -> None:
    """Come to an end when the step of this number is about to be taken."""
    advance, calls = Fitting.advance, list[int]()

    def ending(fitting: Fitting, state: Any) -> Any:
        calls.append(1)
        if len(calls) == number:
            end()
        return advance(fitting, state)

    patch.setattr(Fitting, "advance", ending)


def leave_interrupted_fit(place: Path, *arguments: str) -> None:
    """Make a working folder with the config folder ``cfg`` and the fit ``run``, interrupted at its third step."""
    write_box(place)
    here = Path.cwd()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoint, "SECONDS", 0.0)
        patch.setattr(checkpoint, "SHARE", math.inf)
        interrupt_at(4, patch, lambda: signal.raise_signal(signal.SIGINT))
        # A shell's background jobs ignore it.
        handler = signal.signal(signal.SIGINT, signal.default_int_handler)
        os.chdir(place)
        try:
            assert run(["fit", "--config-dir", "cfg", *FIT, "hydra.run.dir=run", "-q", *arguments]) == 130
        finally:
            os.chdir(here)
            signal.signal(signal.SIGINT, handler)
