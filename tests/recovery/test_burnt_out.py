"""Pictures in which the light is too bright for the file: what is burnt out says "at least", and truths are found."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from invrender.cli import run
from invrender.io.pictures import read_picture

FIT = ["scene=vase", "optimizer=lm", "record=none", "record.files=true"]
BRIGHTNESSES = (1.0, 1.3, 1.6, 2.0, 2.5)


def photographed(path: Path, brightness: float, *given: str) -> None:
    assert run(["render", "scene=vase", f"light.key.intensity={brightness}", *given, f"output={path}"]) == 0


def fitted(folder: Path, photo: Path, *arguments: str, status: int = 0) -> dict[str, Any]:
    """Run a fit and return its result.json."""
    given = [*FIT, f"target={photo}", *arguments, f"hydra.run.dir={folder}"]
    assert run(["fit", *given]) == status
    result: dict[str, Any] = json.loads((folder / "result.json").read_text())
    return result


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("brightness", BRIGHTNESSES)
def test_the_truth_lies_within_two_error_bars(tmp_path: Path, brightness: float) -> None:
    photographed(tmp_path / "photo.png", brightness)
    result = fitted(tmp_path / "fit", tmp_path / "photo.png", "recover=light_intensity")
    light = result["parameters"]["light_intensity"]
    assert light["deviation"]["key"] < 0.001
    assert abs(light["value"]["key"] - brightness) < 2 * light["deviation"]["key"]
    assert result["verdict"]["status"] == "converged"
    assert result["verdict"]["burnt_out"] > (0.1 if brightness > 1 else 0)


def test_a_start_that_is_much_too_bright_comes_down(tmp_path: Path) -> None:
    photographed(tmp_path / "photo.png", 1.6)
    result = fitted(tmp_path / "fit", tmp_path / "photo.png", "recover=light_intensity", "light.key.intensity=40")
    assert result["parameters"]["light_intensity"]["value"]["key"] == pytest.approx(1.6, rel=1e-3)


def test_pictures_that_were_reduced_and_files_with_losses(tmp_path: Path) -> None:
    photographed(tmp_path / "photo.png", 2.0)
    result = fitted(tmp_path / "small", tmp_path / "photo.png", "recover=light_intensity", "target.max_size=100")
    assert result["parameters"]["light_intensity"]["value"]["key"] == pytest.approx(2.0, rel=0.003)
    with Image.open(tmp_path / "photo.png") as picture:
        picture.save(tmp_path / "photo.jpg", quality=92)
    result = fitted(tmp_path / "lossy", tmp_path / "photo.jpg", "recover=light_intensity")
    # As if it were exact it is 1.5.
    assert result["parameters"]["light_intensity"]["value"]["key"] == pytest.approx(2.0, rel=0.05)


def test_exactly_is_wrong_and_floats_are_right(tmp_path: Path) -> None:
    photographed(tmp_path / "photo.png", 2.0)
    result = fitted(tmp_path / "exact", tmp_path / "photo.png", "recover=light_intensity", "target.clipped=exact")
    assert result["parameters"]["light_intensity"]["value"]["key"] < 1.6
    assert result["verdict"]["burnt_out"] == 0
    photographed(tmp_path / "photo.exr", 2.0)
    result = fitted(tmp_path / "floats", tmp_path / "photo.exr", "recover=light_intensity")
    assert result["parameters"]["light_intensity"]["value"]["key"] == pytest.approx(2.0, rel=3e-4)
    assert result["verdict"]["burnt_out"] == 0


def only(brightness: float) -> list[Any]:
    """All brightnesses, of which the others take long."""
    return [each if each == brightness else pytest.param(each, marks=pytest.mark.long) for each in BRIGHTNESSES]


@pytest.mark.parametrize("brightness", only(2.0))
def test_a_pose_beside_a_bright_light(tmp_path: Path, brightness: float) -> None:
    photographed(tmp_path / "photo.png", brightness)
    start = ("camera.azimuth=30", "camera.elevation=10", "recover=[camera_pose,light_intensity]")
    result = fitted(tmp_path / "fit", tmp_path / "photo.png", *start)
    pose, light = (result["parameters"][name] for name in ("camera_pose", "light_intensity"))
    assert light["value"]["key"] == pytest.approx(brightness, rel=1e-3)
    # Azimuth 20 and elevation 15 at distance 3.6, about the vase's middle.
    assert pose["value"]["position"] == pytest.approx([1.1893, 0.9317, 3.2676], abs=2e-3)
    assert result["verdict"]["status"] == "converged"


@pytest.mark.parametrize("brightness", only(2.0))
def test_a_texture_below_a_bright_light(tmp_path: Path, brightness: float) -> None:
    """Where it is burnt out, too: the texels there are seen from the side as well, in pixels that are not."""
    given = ("camera.width=96", "camera.height=96", "scene.objects.vase.texture_size=[16,16]")
    photographed(tmp_path / "photo.png", brightness, *given)
    photographed(tmp_path / "truth.exr", brightness, *given)
    bright = f"light.key.intensity={brightness}"
    unknown = ("scene.objects.vase.texture=blank", "recover=texture", "optimizer=adam", bright)
    fitted(tmp_path / "fit", tmp_path / "photo.png", *given, *unknown)
    assert run(["render", f"scene={tmp_path / 'fit' / 'recovered'}", f"output={tmp_path / 'found.exr'}"]) == 0
    truth, found = (read_picture(tmp_path / name).rgb for name in ("truth.exr", "found.exr"))
    burnt = truth > 0.995
    # As if it were exact it is 0.006 and, for a light of 2, -0.18.
    assert float((found - truth)[~burnt].square().mean().sqrt()) < 0.003
    if brightness >= 2:
        assert abs(float((found - truth)[burnt].mean())) < 0.02
