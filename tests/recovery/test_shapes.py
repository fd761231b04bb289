"""The shipped experiment of shape, run as a user runs it, and what it leaves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import invrender
from invrender.cli import run
from invrender.config.resources import scenes_folder
from invrender.geometry.surfaces import compare_surfaces
from invrender.scene import Object

FILES = ("record=none", "record.files=true", "record.bar=false")
SMALL = (
    "camera.width=64",
    "camera.height=64",
    "optimizer.stages=[{steps: 30, size: 48, sigma: 1.0e-4}, {steps: 40, lr: 2, sigma: 0, "
    "before: {_target_: invrender.geometry.remeshing.Remesh, faces: 2000}}]",
)


def fitted(folder: Path, *arguments: str) -> dict[str, Any]:
    """Run the experiment and return its result.json."""
    assert run(["fit", "experiment=shape", *FILES, *arguments, f"hydra.run.dir={folder}"]) in (0, 4)
    result: dict[str, Any] = json.loads((folder / "result.json").read_text())
    return result


def only_object(scene: Any) -> Object:
    (obj,) = scene.objects.values()
    assert isinstance(obj, Object)
    return obj


def test_a_duck_is_found_from_a_sphere_and_read_again(tmp_path: Path) -> None:
    result = fitted(tmp_path / "fit", *SMALL)
    shape = result["parameters"]["vertices"]
    assert shape["error_start"]["mean_relative"] > 0.06
    assert shape["error"]["mean_relative"] < 0.006
    assert shape["error"]["largest_relative"] < 0.06
    assert shape["error"]["f_score"] > 0.8
    found = only_object(invrender.load_scene(str(tmp_path / "fit" / "recovered")))
    true = only_object(invrender.load_scene("mesh", f"scene.objects.shape.mesh={scenes_folder()}/shapes/duck.obj"))
    again = compare_surfaces(found, true)
    assert again["mean_relative"] == pytest.approx(shape["error"]["mean_relative"], rel=0.02)


@pytest.mark.long
def test_the_duck_is_found_as_precisely_as_is_said(tmp_path: Path) -> None:
    result = fitted(tmp_path / "fit")
    error = result["parameters"]["vertices"]["error"]
    assert error["mean_relative"] < 0.003
    assert error["largest_relative"] < 0.03
    assert error["normals_deg"] < 10
    assert error["f_score"] > 0.98
    assert result["verdict"]["status"] == "converged"
    assert result["verdict"]["coverage"]["vertices"]["well_seen"] > 0.95
