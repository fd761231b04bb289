"""A small world to run the program in: a working folder, and a config folder whose scene is a textured cube."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from cubes import write_cube

SCENE = """\
# @package _global_
defaults:
  - /camera@_global_.camera: perspective
  - /light@_global_.light: studio
  - _self_
camera: {azimuth: 30, elevation: 20, distance: 4.0, look_at: [0, 0, 0], fov: 40, width: 24, height: 16}
scene:
  folder: ../files
  background: [0.02, 0.02, 0.03]
  objects:
    cube: {mesh: cube.obj, texture: cube.png, albedo: [1, 1, 1], specular: [0.2, 0.2, 0.2], position: [0, 0, 0]}
"""


@dataclass
class Outcome:
    """How a command ended."""

    status: int
    out: str
    err: str

    @property
    def error(self) -> str:
        """The one line of an error."""
        assert self.err.count("\n") == 1, self.err
        return self.err.strip()


Invrender = Callable[..., Outcome]


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with the config folder ``cfg`` in it."""
    (tmp_path / "cfg" / "scene").mkdir(parents=True)
    write_cube(tmp_path / "cfg" / "files")
    (tmp_path / "cfg" / "scene" / "box.yaml").write_text(SCENE)
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if re.match("HYDRA_|INVRENDER_", name)]:
        monkeypatch.delenv(name)
    return tmp_path


@pytest.fixture
def invrender(workspace: Path, capfd: pytest.CaptureFixture[str]) -> Invrender:
    """Runs a command in the workspace, in this process; its scene is the cube unless another is given."""
    from invrender.cli import run

    def runs(name: str, *arguments: str) -> Outcome:
        capfd.readouterr()
        scene = [] if any(each.startswith("scene=") for each in arguments) else ["scene=box"]
        status = run([name, "--config-dir", "cfg", *scene, *arguments])
        captured = capfd.readouterr()
        return Outcome(status, captured.out, captured.err)

    return runs
