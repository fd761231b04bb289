"""A fit writes the same bits on any number of threads."""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from invrender.config.resources import PACKAGE

# Large enough that torch would divide sums among its threads: it does from 2^15 numbers on.
SIZE = ("camera.width=200", "camera.height=190", "target.camera.azimuth=40", "renderer.samples=1")
FIRST_ORDER = (*SIZE, "recover=[camera_pose,texture,light_intensity]", "search=off")
STAGES = "optimizer.stages=[{steps: 2, size: 64, blur: 1.0, sigma: 1.0e-3}, {steps: 2, sigma: 0}]"
FITS = {
    "adam": (*FIRST_ORDER, "optimizer=adam", STAGES),
    "lbfgs": (*FIRST_ORDER, "optimizer=lbfgs", STAGES),
    "lm": (*SIZE, "recover=[camera_pose,light_intensity]", "optimizer=lm", "search=off", STAGES.replace("1.0e-3", "0")),
}
PROGRAM = """
import json, sys
from invrender.cli import run
for arguments in json.loads(sys.argv[1]):
    assert run(arguments) in (0, 4, 5, 6)
"""


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """By number of threads, the folder in which the fits have written."""
    found = {}
    for threads in (1, 3):
        folder = found[threads] = tmp_path_factory.mktemp(f"threads-{threads}")
        environment = {**os.environ, "PYTHONPATH": str(PACKAGE.parent), "OMP_NUM_THREADS": str(threads)}
        fits = [["fit", *given, "scene=teapot", f"hydra.run.dir={name}", "-q"] for name, given in FITS.items()]
        command = [sys.executable, "-W", "error::UserWarning", "-c", PROGRAM, json.dumps(fits)]
        subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)
    return found


def events(folder: Path) -> dict[str, list[tuple[int, object]]]:
    """What TensorBoard shows, by tag: steps with their numbers and pictures."""
    found = EventAccumulator(str(folder), size_guidance={"scalars": 0, "images": 0}).Reload()
    scalars = {tag: [(each.step, each.value) for each in found.Scalars(tag)] for tag in found.Tags()["scalars"]}
    pictures = {
        tag: [(each.step, each.encoded_image_string) for each in found.Images(tag)] for tag in found.Tags()["images"]
    }
    assert "loss/total" in scalars and "progression" in pictures, (list(scalars), list(pictures))
    return {**scalars, **pictures}


def without_times(path: Path) -> object:
    """What is in a file, but for when and how fast it was written."""
    if path.name == "history.csv":
        return [{**row, "seconds": ""} for row in csv.DictReader(path.read_text().splitlines())]
    if path.name == "result.json":
        return {**json.loads(path.read_text()), "seconds": None}
    return path.read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("name", FITS)
def test_a_fit_writes_the_same_bits_on_any_number_of_threads(written: dict[int, Path], name: str) -> None:
    one, many = (written[count] / name for count in (1, 3))
    # Reports are full of times; their numbers are those of the other files.
    named = re.compile(r"report\.html|events\.out\..*")
    paths = sorted(
        path.relative_to(one) for path in one.rglob("*") if path.is_file() and not named.fullmatch(path.name)
    )
    assert {Path("history.csv"), Path("result.json"), Path("recovered/scene.yaml"), Path("geometry.glb")} <= set(paths)
    for path in paths:
        assert without_times(one / path) == without_times(many / path), path
    assert events(one) == events(many)
