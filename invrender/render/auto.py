"""The renderer `auto`: PyTorch3D where that is fast, the embedded one elsewhere."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from invrender.render.base import Renderer
from invrender.render.embedded import EmbeddedRenderer
from invrender.render.pytorch3d.loading import installed_version, problem
from invrender.render.pytorch3d.renderer import Background, PyTorch3DRenderer


@dataclass(frozen=True)
class Choice:
    """The option of the group renderer that `auto` stands for, and why."""

    name: str
    reason: str


def choice(device: str) -> Choice:
    """What `auto` takes for a fit on ``device``: auto, cpu or cuda."""
    if device == "cpu" or not torch.cuda.is_available():
        where = "the device is the CPU" if device == "cpu" else "PyTorch finds no CUDA device"
        return Choice("embedded", f"{where}, and PyTorch3D is made for CUDA")
    reason = problem("cuda")
    if reason is not None:
        return Choice("embedded", reason)
    return Choice("pytorch3d", f"PyTorch3D {installed_version()} and CUDA are here")


def automatic(
    device: str = "auto",
    sigma: float = 1e-4,
    gamma: float = 1e-4,
    samples: int = 1,
    background: Background = "composite",
    cull_backfaces: bool = False,
) -> Renderer:
    """The renderer of `choice`, with the settings that both have."""
    if choice(device).name == "pytorch3d":
        return PyTorch3DRenderer(
            sigma=sigma, gamma=gamma, samples=samples, background=background, cull_backfaces=cull_backfaces
        )
    return EmbeddedRenderer(
        sigma=sigma, gamma=gamma, samples=samples, background=background, cull_backfaces=cull_backfaces
    )


def in_use(option: str, renderer: Renderer, device: str) -> tuple[str, str | None]:
    """The name of the renderer that ``option`` stands for, and a note: PyTorch3D's version, or why `auto` takes it."""
    if option != "auto":
        return option, f"PyTorch3D {installed_version()}" if isinstance(renderer, PyTorch3DRenderer) else None
    chosen = choice(device)
    return chosen.name, f"auto: {chosen.reason}"
