"""What is installed, and which renderers work."""

from __future__ import annotations

import platform
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from importlib.metadata import PackageNotFoundError, version

import torch

from invrender.render.auto import choice
from invrender.render.embedded import EmbeddedRenderer
from invrender.render.pytorch3d.loading import GUIDE, installed_version, is_installed, problem
from invrender.scene import AmbientLight, Camera, Material, Mesh, Object, Scene

Trial = Callable[[str], str | None]
PATIENCE_SECONDS = 120.0


def findings() -> Iterator[tuple[str, str]]:
    """Names and what there is to say of each, in a line."""
    yield "Python", f"{platform.python_version()}, {sys.executable}"
    yield "torch", version("torch")
    yield "threads", str(torch.get_num_threads())
    cuda = torch.cuda.is_available()
    yield "CUDA", f"{torch.version.cuda}, {torch.cuda.get_device_name()}" if cuda else "PyTorch finds no CUDA device"
    yield "embedded", outcomes(embedded_problem)
    guide = f"not installed; its own guide is {GUIDE}"
    yield "PyTorch3D", f"{installed_version()}, {outcomes(problem)}" if is_installed() else guide
    yield "Numba", installed("numba")
    yield "Triton", installed("triton")
    chosen = choice("auto")
    yield "auto", f"{chosen.name}: {chosen.reason}"


def works() -> bool:
    """Whether some renderer draws a triangle on some device."""
    return any(failure(trial, device) is None for trial in (embedded_problem, problem) for device in devices())


def devices() -> list[str]:
    """The devices that torch finds."""
    return ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]


def installed(package: str) -> str:
    """A package's version."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def embedded_problem(device: str) -> str | None:
    """What is wrong with the embedded renderer on ``device``: None where it draws a triangle."""
    one, white, faces = torch.tensor(1.0), torch.ones(3), torch.tensor([[0, 1, 2]])
    mesh = Mesh(torch.tensor([[-1.0, 1.0, 2.0], [1.0, 1.0, 2.0], [0.0, -1.0, 2.0]]), faces, faces)
    intrinsics = torch.tensor([[4.0, 0.0, 4.0], [0.0, 4.0, 4.0], [0.0, 0.0, 1.0]])
    scene = Scene(
        objects={"triangle": Object(mesh, Material(white, torch.zeros(3), one), torch.eye(4))},
        camera=Camera(intrinsics, torch.eye(4), torch.zeros(3), white, width=8, height=8),
        lights={"ambient": AmbientLight(white, one)},
        background=torch.zeros(3),
    )
    covered = float(EmbeddedRenderer().render(scene.to(device)).alpha.max()) > 0.5
    return None if covered else "it draws nothing"


def outcomes(trial: Trial) -> str:
    """What comes of a trial on each device."""
    told = []
    for device in devices():
        reason = failure(trial, device)
        told.append(f"draws a triangle on {device}" if reason is None else f"fails on {device} ({reason})")
    return ", ".join(told)


@cache
def failure(trial: Trial, device: str) -> str | None:
    """What is wrong, as told by a trial in a process of its own: a broken binary takes that down and not us."""
    name = trial.__name__
    code = f"import sys; from {trial.__module__} import {name}; sys.exit({name}(sys.argv[1]))"
    command = [sys.executable, "-c", code, device]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return f"no answer within {PATIENCE_SECONDS:.0f} s"
    if done.returncode < 0:
        return f"ended by {signal.Signals(-done.returncode).name}"
    last_words = done.stderr.strip().splitlines()[-1:]
    return "".join(last_words) or f"exit status {done.returncode}" if done.returncode else None
