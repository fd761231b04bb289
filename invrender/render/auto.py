"""The renderer `auto`: PyTorch3D where that is fast, the embedded one elsewhere."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from invrender.render.base import Renderer
from invrender.render.raster.blend import Background
from invrender.render.registry import REGISTRY


@dataclass(frozen=True)
class Choice:
    """The option of the group renderer that `auto` stands for, and why."""

    name: str
    reason: str


def choose(device: str) -> Choice:
    """What `auto` takes for a fit on ``device`` (auto, cpu or cuda): a renderer made for CUDA where both work."""
    for name, entry in REGISTRY.items():
        if entry.made_for != "cuda":
            continue
        if device == "cpu" or not torch.cuda.is_available():
            where = "the device is the CPU" if device == "cpu" else "PyTorch finds no CUDA device"
            return Choice("embedded", f"{where}, and {entry.title} is made for CUDA")
        reason = entry.problem("cuda")
        if reason is not None:
            return Choice("embedded", reason)
        return Choice(name, f"{entry.title} {entry.library()} and CUDA are here")
    return Choice("embedded", "there is no other")


def automatic(
    device: str = "auto",
    sigma: float = 1e-4,
    gamma: float = 1e-4,
    samples: int = 1,
    background: Background = "composite",
    cull_backfaces: bool = False,
) -> Renderer:
    """The renderer of `choose`, with the settings that all have."""
    return REGISTRY[choose(device).name].make(
        sigma=sigma, gamma=gamma, samples=samples, background=background, cull_backfaces=cull_backfaces
    )


def describe(option: str, device: str) -> tuple[str, str | None]:
    """The name of the renderer that ``option`` stands for, and a note: its version, or why `auto` takes it."""
    if option == "auto":
        chosen = choose(device)
        return chosen.name, f"auto: {chosen.reason}"
    entry = REGISTRY.get(option)
    version = entry.library() if entry is not None else None
    return option, f"{entry.title} {version}" if entry is not None and version else None
