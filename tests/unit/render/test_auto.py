"""Which renderer `auto` takes, and what is said of it."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from invrender.render import auto
from invrender.render.embedded import EmbeddedRenderer

SETTINGS = {"sigma": 1e-5, "gamma": 1e-3, "samples": 3, "background": "softmax", "cull_backfaces": True}


@pytest.mark.parametrize(
    ("device", "cuda", "problem", "name", "reason"),
    [
        ("auto", False, None, "embedded", "PyTorch finds no CUDA device, and PyTorch3D is made for CUDA"),
        ("cpu", True, None, "embedded", "the device is the CPU, and PyTorch3D is made for CUDA"),
        ("auto", True, "PyTorch3D is not installed", "embedded", "PyTorch3D is not installed"),
        ("cuda", True, "PyTorch3D 1.2 does not load (why)", "embedded", "PyTorch3D 1.2 does not load (why)"),
        ("auto", True, None, "pytorch3d", "PyTorch3D 1.2 and CUDA are here"),
    ],
)
def test_choice(
    device: str, cuda: bool, problem: str | None, name: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    taken: list[dict[str, object]] = []
    entry = replace(
        auto.REGISTRY["pytorch3d"],
        make=lambda **settings: taken.append(settings),
        problem=lambda device: problem,
        library=lambda: "1.2",
    )
    monkeypatch.setattr(auto, "REGISTRY", {**auto.REGISTRY, "pytorch3d": entry})
    assert auto.choose(device) == auto.Choice(name, reason)
    renderer = auto.automatic(device=device, **SETTINGS)
    assert taken == ([SETTINGS] if name == "pytorch3d" else [])
    assert isinstance(renderer, EmbeddedRenderer) == (name == "embedded")


def test_auto_hands_its_settings_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert auto.automatic(**SETTINGS) == EmbeddedRenderer(**SETTINGS)


def test_a_renderer_by_name_needs_no_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert auto.describe("embedded", "auto") == ("embedded", None)
    name, note = auto.describe("auto", "auto")
    assert (name, note) == ("embedded", "auto: PyTorch finds no CUDA device, and PyTorch3D is made for CUDA")
