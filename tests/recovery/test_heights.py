"""The shipped experiments of heights, run as a user runs them."""

from __future__ import annotations

import csv
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from invrender.cli import run

FILES = ("record=none", "record.files=true", "record.bar=false")


def fitted(folder: Path, *arguments: str) -> dict[str, Any]:
    """Run a fit and return its result.json."""
    assert run(["fit", *FILES, *arguments, f"hydra.run.dir={folder}"]) == 0
    result: dict[str, Any] = json.loads((folder / "result.json").read_text())
    return result


def test_land_is_found_from_one_picture(tmp_path: Path) -> None:
    small = ("scene.objects.ground.grid=[22,26]", "camera.width=96", "camera.height=72", "optimizer.stages.0.size=36")
    result = fitted(tmp_path / "fit", "experiment=height_map", *small)
    heights = result["parameters"]["height_map"]
    assert heights["error_start"]["rms_relative"] > 0.2
    assert heights["error"]["rms_relative"] < 0.02
    assert result["verdict"]["status"] == "converged"


@pytest.mark.long
def test_land_is_found_to_a_hundredth_of_its_range(tmp_path: Path) -> None:
    result = fitted(tmp_path / "fit", "experiment=height_map")
    assert result["parameters"]["height_map"]["error"]["rms_relative"] < 0.01


@pytest.mark.long
def test_each_picture_of_a_flight_adds_to_what_is_known_and_the_error_bars_hold(tmp_path: Path) -> None:
    result = fitted(tmp_path / "fit", "experiment=height_map_fusion")
    rows = list(csv.DictReader((tmp_path / "fit" / "history.csv").open()))
    (key,) = [key for key in rows[0] if key.endswith("height_map.rms_relative")]
    errors = [float(row[key]) for row in rows]
    assert all(after < before for before, after in pairwise(errors[2:11]))
    assert result["parameters"]["height_map"]["error"]["rms_relative"] < 0.006
    assert 0.6 <= result["verdict"]["precision"]["height_map"]["held"] <= 0.76
