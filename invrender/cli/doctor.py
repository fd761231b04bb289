"""What is installed, and which renderers work."""

from __future__ import annotations

import os
import platform
import signal
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from importlib.metadata import PackageNotFoundError, version

import torch

from invrender.render.auto import choose
from invrender.render.registry import REGISTRY

PATIENCE_SECONDS = 120.0


def findings() -> Iterator[tuple[str, str]]:
    """Names and what there is to say of each, in a line."""
    yield "Python", f"{platform.python_version()}, {sys.executable}"
    yield "torch", version("torch")
    yield "threads", str(torch.get_num_threads())
    cuda = torch.cuda.is_available()
    yield "CUDA", f"{torch.version.cuda}, {torch.cuda.get_device_name()}" if cuda else "PyTorch finds no CUDA device"
    for name, entry in REGISTRY.items():
        library = entry.library()
        missing = library is None
        told = f"not installed; its own guide is {entry.guide}" if missing else outcomes(name)
        yield entry.title, f"{library}, {told}" if library else told
    yield "Numba", installed("numba")
    yield "Triton", installed("triton")
    chosen = choose("auto")
    yield "auto", f"{chosen.name}: {chosen.reason}"


def works() -> bool:
    """Whether some renderer draws a triangle on some device."""
    return any(failure(name, device) is None for name in REGISTRY for device in devices())


def devices() -> list[str]:
    """The devices that torch finds."""
    return ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]


def installed(package: str) -> str:
    """A package's version."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def outcomes(renderer: str) -> str:
    """What comes of a trial of a renderer on each device."""
    told = []
    for device in devices():
        reason = failure(renderer, device)
        told.append(f"draws a triangle on {device}" if reason is None else f"fails on {device} ({reason})")
    return ", ".join(told)


def failure(renderer: str, device: str) -> str | None:
    """What is wrong with a renderer on a device, None where it works; those of one kind are tried together."""
    tried = next(name for name, entry in REGISTRY.items() if entry.problem is REGISTRY[renderer].problem)
    return trial(tried, device)


@cache
def trial(renderer: str, device: str) -> str | None:
    """What is wrong, as told by a trial in a process of its own: a broken binary takes that down and not us."""
    code = "import sys; from invrender.render.registry import problem; sys.exit(problem(*sys.argv[1:]))"
    # Not what happens to lie in the working directory.
    command = [sys.executable, "-P", "-c", code, renderer, device]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return f"no answer within {PATIENCE_SECONDS:.0f} s"
    if done.returncode < 0:
        return f"ended by {signal.Signals(-done.returncode).name}"
    last_words = done.stderr.strip().splitlines()[-1:]
    return "".join(last_words) or f"exit status {done.returncode}" if done.returncode else None
