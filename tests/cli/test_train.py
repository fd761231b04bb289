"""`invrender train`: its files, the same bits after it was cut off, and what it refuses."""

from __future__ import annotations

import csv
import json
import math
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from invrender.cli import run
from invrender.config.resources import PACKAGE
from invrender.learning.training import Current
from invrender.record import checkpoint

TINY = (
    *("lesson.size=16", "lesson.width=4", "lesson.hypotheses=12", "lesson.fresh=2", "lesson.pool=6"),
    *("lesson.rendered=2", "lesson.unseen=4", "training.batch=4", "training.examine_every=2", "record.bar=false"),
)
COMMAND = ("train", "--config-dir", "cfg", "scene=box", *TINY, "training.steps=5", "hydra.run.dir=run")


def contents(folder: Path) -> dict[str, Any]:
    """What is in a training's folder, without times."""
    result = json.loads((folder / "result.json").read_text())
    del result["seconds"]
    rows = [row[:1] + row[2:] for row in csv.reader((folder / "history.csv").read_text().splitlines())]
    events = EventAccumulator(str(folder), size_guidance={"scalars": 0, "images": 0}).Reload()
    scalars = {tag: [(each.step, each.value) for each in events.Scalars(tag)] for tag in events.Tags()["scalars"]}
    images = {tag: [each.step for each in events.Images(tag)] for tag in events.Tags()["images"]}
    files = {name: (folder / name).read_bytes() for name in ("weights.safetensors", "examples.png", "config.yaml")}
    return {**files, "result": result, "rows": rows, "scalars": scalars, "images": images}


@pytest.fixture
def every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """The state is written after each step."""
    monkeypatch.setattr(checkpoint, "SECONDS", 0.0)
    monkeypatch.setattr(checkpoint, "SHARE", math.inf)


def end_at(number: int, patch: pytest.MonkeyPatch, end: Callable[[], None]) -> None:
    """Come to an end when the step of this number is about to be taken."""
    advance = Current.advance

    def ending(training: Current) -> bool:
        if training.iteration == number:
            end()
        return advance(training)

    patch.setattr(Current, "advance", ending)


def test_a_training_goes_on_with_the_same_bits(
    workspace: Path, every_step: None, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """After Ctrl-C and after SIGTERM; and its folder has what a training leaves."""
    assert run(COMMAND) == 0
    folder = (workspace / "run").rename(workspace / "whole")
    whole = contents(folder)
    assert whole["result"]["iterations"] == 5 and whole["result"]["stopped_because"] == "finished"
    assert [row[0] for row in whole["rows"]] == ["iteration", *"0123455"]
    assert {"loss/total", "loss/score", "loss/picture", "error/pose/rotation_deg"} <= whole["scalars"].keys()
    assert whole["images"] == {"examples": [0, 2, 4, 5]}
    weights = load_file(folder / "weights.safetensors")
    assert sum(each.numel() for each in weights.values()) == whole["result"]["weights"]
    assert not (folder / "state").exists()
    with Image.open(folder / "examples.png") as sheet:
        assert sheet.height == 3 * 96

    for number, name in ((2, "SIGINT"), (4, "SIGTERM")):
        with monkeypatch.context() as patch:
            end_at(number, patch, lambda name=name: signal.raise_signal(getattr(signal, name)))  # type: ignore[misc]
            given = COMMAND if number == 2 else ["train", "--resume", "run", "-q"]
            assert run(given) == 128 + getattr(signal, name)
        assert json.loads((workspace / "run" / "result.json").read_text())["stopped_because"] == "interrupted"
    capfd.readouterr()
    assert run(["fit", "--resume", "run"]) == 2
    assert "run is of invrender 'train', and this is invrender fit" in capfd.readouterr().err
    assert run(["train", "--resume", "run"]) == 0
    assert contents(workspace / "run") == whole
    assert run(["train", "--resume", "run"]) == 0
    assert "is finished, and nothing is left to do" in capfd.readouterr().err


# Is killed when the file of a state gets its name for the third time.
KILLED = """
import math, os, signal, sys
from pathlib import Path
from invrender.cli import run
from invrender.record import checkpoint
checkpoint.SECONDS, checkpoint.SHARE = 0.0, math.inf
replace, calls = Path.replace, []
def fatal(path, target):
    calls.append(Path(target).name)
    if calls.count("state.json") == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return replace(path, target)
Path.replace = fatal
run(sys.argv[1:])
"""


@pytest.mark.long
def test_a_training_that_was_killed_goes_on_with_the_same_bits(workspace: Path, every_step: None) -> None:
    assert run(COMMAND) == 0
    whole = contents((workspace / "run").rename(workspace / "whole"))
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE.parent)}
    done = subprocess.run([sys.executable, "-c", KILLED, *COMMAND], env=environment, capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL
    assert run(["train", "--resume", "run"]) == 0
    assert contents(workspace / "run") == whole


def test_numbers_that_are_not_finite_end_it_with_the_weights_before(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from invrender.learning.pose import lesson

    difference, calls = lesson.picture_difference, list[int]()

    def diverging(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        calls.append(1)
        return difference(first, second) * (math.nan if len(calls) == 4 else 1)

    monkeypatch.setattr(lesson, "picture_difference", diverging)
    assert run(COMMAND) == 3
    result = json.loads((workspace / "run" / "result.json").read_text())
    assert (result["stopped_because"], result["iterations"]) == ("diverged", 2)
    weights = load_file(workspace / "run" / "weights.safetensors")
    assert all(bool(each.isfinite().all()) for each in weights.values())


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["lesson.size=20"], "lesson.size is 20, expected 16, 32, 48"),
        (["lesson.near=2"], "expected [lower, upper]"),
        (["training.steps=0"], "training.steps is 0, expected 1 or more"),
        (["training.lr=-1"], "training.lr is -1.0, expected a number above 0"),
        (["camera=orthographic"], "lesson: the scene's camera has a lens or is orthographic"),
        (["light=ambient"], "it has no point or directional light"),
        (["lesson.widht=3"], "did you mean 'width'"),
        (["experiment=camera_pose"], "experiment"),
    ],
)
def test_what_is_refused(invrender, workspace: Path, words: list[str], told: str) -> None:
    outcome = invrender("train", *TINY, "hydra.run.dir=run", *words)
    assert outcome.status == 2
    assert told in outcome.error
    assert not (workspace / "run").exists()
