"""Fits in processes of their own that can be killed, started from one that has imported all that they need."""

from __future__ import annotations

import math
import multiprocessing
import os
import sys
from collections.abc import Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path

PRELOADED = ("invrender.cli.commands.fit", "invrender.record.tensorboard", "hydra._internal.utils", "numba")


def start(folder: Path, arguments: Sequence[str], seconds: float = 0.0) -> BaseProcess:
    """Start the program in a working folder. seconds: between two writes of a fit's state."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(PRELOADED))
    process = context.Process(target=run, args=(folder, arguments, seconds))
    process.start()
    return process


def run(folder: Path, arguments: Sequence[str], seconds: float) -> None:
    """In the process: run the program, with what it says in a file."""
    from invrender import cli
    from invrender.record import checkpoint

    checkpoint.SECONDS, checkpoint.SHARE = seconds, math.inf
    os.chdir(folder)
    with Path("log.txt").open("a", encoding="utf-8") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    sys.exit(cli.run(arguments))
