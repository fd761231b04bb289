"""`invrender doctor`: what is installed, and which renderers work."""

from __future__ import annotations

from invrender.cli.doctor import findings, works
from invrender.cli.job import DONE, UNUSABLE, Job


def run(job: Job) -> int:
    """Print a line for each thing that was found; returns the exit status."""
    for name, told in findings():
        print(f"{name:<12}{told}", flush=True)
    return DONE if works() else UNUSABLE
