"""`invrender board`: TensorBoard on the fits in some folders."""

from __future__ import annotations

from invrender.cli.job import Job, check_runs
from invrender.errors import UserError
from invrender.record import board

OPENS = {"auto": None, "true": True, "false": False}


def run(job: Job) -> int:
    """Serve until Ctrl-C; returns the exit status."""
    config = job.composed.config
    choice = str(config.open).lower()
    if choice not in OPENS:
        raise UserError(f"open is {config.open!r}, expected auto, true or false")
    if not 1 <= config.port <= 65535:
        raise UserError(f"port is {config.port}, expected 1 to 65535")
    return board.serve(check_runs(config.runs), config.port, OPENS[choice])
