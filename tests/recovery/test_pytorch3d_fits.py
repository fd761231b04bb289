"""PyTorch3D finds what the embedded renderer finds, and its tutorials run with either."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from invrender.cli import run
from invrender.config.resources import scenes_folder

pytestmark = pytest.mark.slow


MESH = f"scene.objects.shape.mesh={scenes_folder() / 'teapot' / 'teapot.obj'}"


def fitted(folder: Path, experiment: str, *arguments: str, status: int = 0) -> dict[str, Any]:
    """Run a small fit and return its result.json."""
    small = [*arguments, "record=none", "record.files=true", "record.bar=false", f"hydra.run.dir={folder}"]
    assert run(["fit", f"experiment={experiment}", *small]) == status
    result: dict[str, Any] = json.loads((folder / "result.json").read_text())
    return result


def both(folder: Path, experiment: str, *arguments: str) -> list[dict[str, Any]]:
    """The unknowns as found by the embedded renderer and by PyTorch3D; small pictures have many faces in each pixel."""
    pytest.importorskip("pytorch3d", reason="PyTorch3D is not installed")
    chosen = {
        "embedded": ["renderer=embedded", "++renderer.mipmaps=false"],
        "pytorch3d": ["renderer=pytorch3d", "renderer.faces_per_pixel=100"],
    }
    found = [fitted(folder / name, experiment, *settings, *arguments) for name, settings in chosen.items()]
    return [result["parameters"] for result in found]


def test_the_same_light(tmp_path: Path) -> None:
    quick = ["camera.width=24", "camera.height=24", "renderer.samples=1", "optimizer.stages=[{steps: 25, lr: 2.0}]"]
    ours, theirs = (found["light_intensity"]["value"]["key"] for found in both(tmp_path, "light_intensity", *quick))
    assert ours > 5 * 5000
    assert theirs == pytest.approx(ours, rel=1e-3)


def test_the_same_camera(tmp_path: Path) -> None:
    near = ["camera.azimuth=33", "camera.elevation=23", "camera.distance=3.6", "camera.width=24", "camera.height=24"]
    quick = ["renderer.samples=1", "optimizer.stages=[{steps: 40, lr: 0.3, blur: 1.0, sigma: 1.0e-4}]"]
    ours, theirs = (found["camera_position"] for found in both(tmp_path, "camera_position", *near, *quick))
    assert ours["error"]["rotation_deg"] < 0.5 * ours["error_start"]["rotation_deg"]
    for name in ("azimuth_deg", "elevation_deg"):
        assert theirs["value"][name] == pytest.approx(ours["value"][name], abs=0.1)
    assert theirs["value"]["distance"] == pytest.approx(ours["value"]["distance"], rel=1e-3)


def test_the_tutorial_on_camera_positions(tmp_path: Path) -> None:
    quick = ["camera.width=48", "camera.height=48", "loss.silhouette.weight=2304", "stopping.tolerance=0"]
    result = fitted(tmp_path / "fit", "pytorch3d_camera_position", MESH, *quick)
    camera = result["parameters"]["camera_position"]
    assert camera["start"]["position"] == pytest.approx([3, 6.9, 2.5])
    assert camera["truth"]["position"] == pytest.approx([0, 2.2981, 1.9284], abs=1e-3)
    assert camera["error_start"]["rotation_deg"] > 50
    assert camera["error"]["rotation_deg"] < 5
    assert camera["error"]["position_relative"] < 0.1


def test_the_tutorial_on_textured_meshes(tmp_path: Path) -> None:
    """Its true colours are in a texture, so only the pictures tell how good the colours of the vertices are."""
    views = "target.views=[{azimuth: 0, elevation: 20}, {azimuth: 120}, {azimuth: 240}]"
    quick = ["camera.width=32", "camera.height=32", views, "optimizer.stages=[{steps: 30}]"]
    # After 30 steps the loss is still falling.
    result = fitted(tmp_path / "fit", "pytorch3d_fit_textured_mesh", MESH, *quick, status=4)
    assert result["loss"]["best"] < 0.3 * result["loss"]["start"]
    assert result["parameters"]["vertex_colors"]["truth"] == {}
    assert result["parameters"]["vertex_colors"]["error"] == {"psnr_db": None}


def test_a_tutorial_without_its_mesh_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["fit", "experiment=pytorch3d_camera_position", f"hydra.run.dir={tmp_path / 'fit'}"]) == 2
    assert "scene.objects.shape.mesh is missing" in capsys.readouterr().err
