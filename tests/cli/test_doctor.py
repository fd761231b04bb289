"""`invrender doctor`, and what `fit` says of the renderer."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from invrender.cli import doctor, run
from invrender.config.resources import PACKAGE

RULES = ["OpenDR's rule", "NMR's rule", "nvdiffrast's rule", "DRTK's rule"]
NAMES = ["Python", "torch", "threads", "CUDA", "embedded", "PyTorch3D", *RULES, "Numba", "Triton", "auto"]


def rows(text: str) -> dict[str, str]:
    return {line[:20].strip(): line[20:] for line in text.splitlines()}


def test_doctor(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(PACKAGE.parent))
    assert run(["doctor"]) == 0
    told = rows(capsys.readouterr().out)
    assert list(told) == NAMES
    assert {told[name][:23] for name in ("embedded", *RULES)} == {"draws a triangle on cpu"}
    expected = "draws a triangle on cpu" if find_spec("pytorch3d") else "not installed; its own guide is https://"
    assert expected in told["PyTorch3D"]
    assert list(tmp_path.iterdir()) == []


def test_doctor_survives_a_binary_that_does_not(tmp_path: Path) -> None:
    """A package that takes its process down with it takes the place of PyTorch3D."""
    (tmp_path / "pytorch3d").mkdir()
    (tmp_path / "pytorch3d" / "__init__.py").write_text("import os\nos.abort()\n")
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{PACKAGE.parent}"}
    command = [sys.executable, "-m", "invrender", "doctor"]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told = rows(done.stdout)
    assert "fails on cpu (ended by SIGABRT)" in told["PyTorch3D"]
    assert told["embedded"].startswith("draws a triangle on cpu")


def test_without_a_renderer_the_status_is_2(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "failure", lambda renderer, device: "broken")
    assert not doctor.works()
    assert run(["doctor"]) == 2


def test_a_fit_says_which_renderer_and_why(invrender, workspace: Path) -> None:
    quick = ["device=cpu", "optimizer.stages=[{steps: 1}]", "record=none", "record.bar=true"]
    chosen = invrender("fit", *quick).err.splitlines()[0]
    assert chosen == "renderer embedded (auto: the device is the CPU, and PyTorch3D is made for CUDA) on cpu"
    assert invrender("fit", "renderer=embedded", *quick).err.splitlines()[0] == "renderer embedded on cpu"


def test_a_fit_without_pytorch3d_is_refused(invrender, workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("invrender.render.adapters.pytorch3d.loading.is_installed", lambda: False)
    outcome = invrender("fit", "renderer=pytorch3d")
    assert outcome.status == 2
    assert "renderer=pytorch3d needs PyTorch3D, which is not installed: see" in outcome.error
    assert outcome.error.endswith("or choose renderer=embedded")
    assert not (workspace / "outputs").exists()


def test_a_fit_names_the_version_of_pytorch3d(invrender, workspace: Path) -> None:
    pytest.importorskip("pytorch3d", reason="PyTorch3D is not installed")
    from importlib.metadata import version

    quick = ["renderer=pytorch3d", "optimizer.stages=[{steps: 1}]", "record=none", "record.bar=true"]
    first = invrender("fit", *quick).err.splitlines()[0]
    assert first.startswith(f"renderer pytorch3d (PyTorch3D {version('pytorch3d')}) on ")
