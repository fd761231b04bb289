"""Fits that are killed at any moment and gone on with: the same bits as of fits that were not."""

from __future__ import annotations

import csv
import json
import random
import time
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import forked
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

KILLS = 50
LOCK, STATE = ".lock", "state/state.json"
LIMIT_SECONDS = 300.0
COMMON = ("scene=box", "target.samples=1", "renderer.samples=1")
RECORDS = ("record.bar=false", "record.report=false", "record.frames=5", "record.picture_every=4")
FEW = ("search.poses=12", "search.survivors=2", "search.finalists=2", "search.steps=2")
BLANK = "scene.objects.cube={mesh: cube.obj, texture: blank, texture_size: [64, 64]}"
FITS = {
    "adam": ("recover=camera_pose", "optimizer=adam", "optimizer.stages=[{steps: 20, size: 12}, {steps: 20}]"),
    "lm": (
        *("recover=[camera_pose,light_intensity]", "optimizer=lm", "target.light.key.intensity=0.5", "search=off"),
        "optimizer.stages=[{steps: 8, size: 12}, {steps: 8}]",
    ),
    "search": ("recover=camera_pose", "optimizer=lm", "search=on", "optimizer.stages=[{steps: 3}]", *FEW),
    "texture": ("recover=texture", "optimizer=adam", "optimizer.stages=[{steps: 40}]", BLANK),
    "views": (
        *("recover=[texture,light_intensity]", "optimizer=adam", "optimizer.stages=[{steps: 20}]", BLANK),
        "target.views=[{azimuth: 30}, {azimuth: 120}, {elevation: 60}]",
    ),
}


def command(name: str) -> list[str]:
    truth = ["target.camera.azimuth=40"] if BLANK not in FITS[name] else ["target.scene.objects.cube.texture=cube.png"]
    return ["fit", "--config-dir", "../cfg", *COMMON, *FITS[name], *truth, *RECORDS, "hydra.run.dir=run"]


def begin(folder: Path, arguments: list[str], awaited: str) -> BaseProcess:
    """Start the program, and wait until a file is in its folder."""
    process = forked.start(folder, arguments, 0.05)
    while process.is_alive() and not (folder / "run" / awaited).exists():
        time.sleep(0.002)
    return process


def finish(folder: Path, arguments: list[str], awaited: str = LOCK) -> tuple[int, float]:
    """Run the program to its end; its status, and the seconds that it took since a file was in its folder."""
    process = begin(folder, arguments, awaited)
    began = time.monotonic()
    process.join(LIMIT_SECONDS)
    assert process.exitcode is not None
    return process.exitcode, time.monotonic() - began


def kill(folder: Path, arguments: list[str], awaited: str, moment: float) -> None:
    """Run the program and kill it so many seconds after a file was in its folder, if it is still there."""
    process = begin(folder, arguments, awaited)
    process.join(moment)
    process.kill()
    process.join()


def records(folder: Path) -> dict[str, Any]:
    """All that a run leaves behind, but for times and for reports, which tell them."""
    paths = [path for path in folder.rglob("*") if path.is_file() and path.name != "report.html"]
    found: dict[str, Any] = {
        str(path.relative_to(folder)): path.read_bytes() for path in paths if "tfevents" not in path.name
    }
    result = json.loads(found["result.json"])
    del result["seconds"]
    rows = [row[:1] + row[2:] for row in csv.reader((folder / "history.csv").read_text().splitlines())]
    events = EventAccumulator(str(folder), size_guidance={"scalars": 0, "images": 0, "tensors": 0}).Reload()
    scalars = {tag: [(each.step, each.value) for each in events.Scalars(tag)] for tag in events.Tags()["scalars"]}
    images = {tag: [each.step for each in events.Images(tag)] for tag in events.Tags()["images"]}
    return {**found, "result.json": result, "history.csv": rows, "scalars": scalars, "images": images}


@pytest.mark.long
@pytest.mark.parametrize("name", FITS)
def test_a_fit_that_is_killed_at_any_moment_goes_on_with_the_same_bits(workspace: Path, name: str) -> None:
    """Now and then it is killed a second time. What was killed before it had begun is begun again."""
    drawn = random.Random(name)
    seconds, found = {}, []
    for awaited in (LOCK, STATE):
        folder = workspace / f"whole-{len(found)}"
        folder.mkdir()
        status, seconds[awaited] = finish(folder, command(name), awaited)
        assert status in (0, 4, 5, 6)
        found.append(records(folder / "run"))
    whole = found[0]
    assert found[1] == whole
    moments, failed = {"before": 0, "start": 0, "middle": 0, "finished": 0}, list[str]()
    for number in range(KILLS):
        folder = workspace / str(number)
        folder.mkdir()
        given = command(name)
        for _ in range(1 + (number % 5 == 0)):
            awaited = drawn.choice((LOCK, STATE, STATE))
            kill(folder, given, awaited, drawn.uniform(0, seconds[awaited]))
            state = folder / "run" / "state"
            begun, finished = (state / "run.json").exists(), (folder / "run" / "result.json").exists()
            iteration = json.loads(text)["iteration"] if (text := read(state / "state.json")) else 0
            moments["middle" if iteration else "start" if begun else "finished" if finished else "before"] += 1
            given = ["fit", "--resume", "run"] if begun or finished else command(name)
        ended, _ = finish(folder, given)
        same = ended in (status, 0 if finished and not begun else status) and records(folder / "run") == whole
        if not same:
            failed.append(f"{folder}: {moments}, {ended}")
    print(f"{name}: {seconds[LOCK]:.2f} s, killed {moments}, {KILLS - len(failed)} of {KILLS} to the same bits")
    assert failed == []
    assert moments["middle"] >= KILLS // 5


def read(path: Path) -> str:
    """A text file, empty where there is none."""
    return path.read_text(encoding="utf-8") if path.exists() else ""
