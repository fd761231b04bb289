"""A sweep that is interrupted where it hurts."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from invrender.io.lock import FolderLock
from invrender.sweep.outcome import Outcome, write_outcome
from invrender.sweep.summary import Job, Summary
from invrender.sweep.sweeper import Sweep


class Interrupted(Summary):
    """A summary during whose last writing a signal comes."""

    signalled = False

    def write(self) -> None:
        if not self.signalled:
            self.signalled = True
            signal.raise_signal(signal.SIGTERM)
        super().write()


class Failing(Sweep):
    """A sweep of one job, which fails."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder, self.lock = folder, FolderLock(folder)
        self.config: Any = OmegaConf.create({"verbosity": "quiet"})
        self.finish = lambda: None

    def planned(self, arguments: list[str]) -> Summary:
        self.lock.hold()
        summary = Interrupted(self.folder, "", [], ["seed"], [Job(0, [], {"seed": "1"})])
        Summary.write(summary)
        return summary

    def run(self, summary: Summary) -> None:
        (self.folder / "0").mkdir()
        write_outcome(self.folder / "0", Outcome("failed", 2, "no good"))


def test_a_signal_amid_the_last_writing_loses_nothing(tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as stop:
        Failing(tmp_path).sweep([])
    assert stop.value.code == 128 + signal.SIGTERM
    jobs = json.loads((tmp_path / "summary.json").read_text())["jobs"]
    assert [job["message"] for job in jobs] == ["no good"]
    assert not (tmp_path / ".lock").exists()
