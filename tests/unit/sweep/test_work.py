"""A process that jobs run in."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from hydra.conf import HydraConf
from omegaconf import OmegaConf

from invrender.sweep.outcome import Outcome, read_outcome
from invrender.sweep.work import Child, Ready, begin, threads_of


class Tasks:
    """Does what its config says."""

    def __call__(self, config: Any, recorders: Any = ()) -> Outcome:
        if config.do == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        print(f"threads {os.environ['OMP_NUM_THREADS']}, process {os.getpid()}")
        return Outcome("failed", 2, "as told") if config.do == "fail" else Outcome("finished")

    def failed(self, error: Exception) -> Outcome:
        return Outcome("failed", 1, str(error))


def test_a_job_that_dies_fails_and_the_next_one_runs(tmp_path: Path) -> None:
    child = Child(threads=3)
    logs = []
    for number, do in enumerate(("work", "fail", "die", "work")):
        folder = tmp_path / str(number)
        folder.mkdir()
        hydra: Any = OmegaConf.create({"hydra": OmegaConf.structured(HydraConf(sweeper={}))})
        hydra.hydra.runtime.output_dir = str(folder)
        child.run(Tasks(), Ready(folder, OmegaConf.create({"do": do}), hydra), slot=0)
        logs.append((folder / "log.txt").read_text())
    child.kill()
    outcomes = [read_outcome(tmp_path / str(number)) for number in range(4)]
    assert [outcome and outcome.status for outcome in outcomes] == ["finished", "failed", "failed", "finished"]
    assert outcomes[2] is not None and "SIGKILL" in str(outcomes[2].message)
    assert logs[0].startswith("threads 3, ")
    assert logs[1] == logs[0] + "as told\n"
    assert logs[3] != logs[0]


@pytest.mark.parametrize(
    ("environment", "launcher", "threads"),
    [
        ({"OMP_NUM_THREADS": "4", "SLURM_CPUS_PER_TASK": "8"}, {}, 4),
        ({"SLURM_CPUS_PER_TASK": "8"}, {"cpus_per_task": 2}, 8),
        ({}, {"cpus_per_task": 2}, 2),
        ({}, {"cpus_per_task": None}, 1),
    ],
)
def test_threads_of_a_slot(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], launcher: dict[str, Any], threads: int
) -> None:
    for name in ("OMP_NUM_THREADS", "SLURM_CPUS_PER_TASK"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert threads_of(launcher) == threads


@pytest.mark.parametrize(("cards", "taken"), [(0, []), (1, []), (2, [0, 1, 0, 1]), (3, [0, 1, 2, 0])])
def test_a_job_takes_the_card_of_its_slot(monkeypatch: pytest.MonkeyPatch, cards: int, taken: list[int]) -> None:
    chosen: list[int] = []
    monkeypatch.setattr(torch.cuda, "device_count", lambda: cards)
    monkeypatch.setattr(torch.cuda, "set_device", chosen.append)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    for slot in range(4):
        begin(slot)
    assert chosen == taken
