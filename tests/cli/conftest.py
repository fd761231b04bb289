"""A small world to run the program in: a working folder, and a config folder whose scene is a textured cube."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from cubes import write_box


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
    write_box(tmp_path)
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
