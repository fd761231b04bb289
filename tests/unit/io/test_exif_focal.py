"""The focal length that photographs tell in their EXIF data."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from PIL.TiffImagePlugin import IFDRational

from invrender.io.cameras.keys import fit_to_picture, intrinsics
from invrender.io.pictures.focal import BLOCK, exif_focal
from invrender.io.schema import CameraConfig

FOCAL, FOCAL_35, WIDTH, HEIGHT, PLANE_X, PLANE_UNIT = 0x920A, 0xA405, 0xA002, 0xA003, 0xA20E, 0xA210


def photo(folder: Path, size: tuple[int, int] = (400, 300), **tags: Any) -> Path:
    exif = Image.Exif()
    exif.get_ifd(BLOCK).update({globals()[name]: value for name, value in tags.items()})
    Image.new("RGB", size).save(folder / "photo.jpg", exif=exif)
    return folder / "photo.jpg"


def test_the_equivalent_for_35_mm_film_is_of_the_diagonal(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = photo(tmp_path, FOCAL_35=26)
    config = fit_to_picture(CameraConfig(), 400, 300, path)
    assert config.fov == pytest.approx(math.degrees(2 * math.atan(0.6 * math.hypot(36, 24) / 2 / 26)))
    assert float(intrinsics(config, "camera")[0, 0]) == pytest.approx(500 / math.hypot(36, 24) * 26)
    told = "its EXIF data say 26 mm as on 35 mm film, so that camera.fov is 53.06; set camera.fov to give another"
    assert caplog.messages == [f"{path}: {told}"]


@pytest.mark.parametrize(("unit", "resolution"), [(2, 5080.0), (3, 2000.0), (4, 200.0)])
def test_the_resolution_of_the_sensor_is_of_the_picture_as_it_was_taken(
    unit: int, resolution: float, tmp_path: Path
) -> None:
    # 200 pixels for each millimetre, of a picture that was reduced to a tenth.
    tags = {"FOCAL": IFDRational(50, 1), "PLANE_X": IFDRational(resolution), "PLANE_UNIT": unit}
    path = photo(tmp_path, WIDTH=4000, HEIGHT=3000, **tags)
    found = exif_focal(path, 400, 300)
    assert found is not None
    assert found.pixels == pytest.approx(50 * 200 / 10)
    upright = exif_focal(path, 300, 400)
    assert upright is not None
    assert upright.pixels == found.pixels


def test_a_picture_that_was_cut_has_lost_it(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert exif_focal(photo(tmp_path, FOCAL_35=26, WIDTH=4000, HEIGHT=2000), 400, 300) is None
    assert "4000x2000 pixels, so that it was cut" in caplog.text


@pytest.mark.parametrize("tags", [{}, {"FOCAL_35": 0}, {"FOCAL": IFDRational(0, 0), "PLANE_X": 1.0}, {"FOCAL": 4.0}])
def test_data_that_say_nothing(tags: dict[str, Any], tmp_path: Path) -> None:
    path = photo(tmp_path, **tags)
    assert exif_focal(path, 400, 300) is None
    assert float(intrinsics(fit_to_picture(CameraConfig(), 400, 300, path), "camera")[0, 0]) == pytest.approx(
        150 / math.tan(math.radians(20))
    )


@pytest.mark.parametrize("given", [{"fov": 40.0}, {"focal": 300.0}, {"projection": "orthographic"}])
def test_what_somebody_has_given_counts(given: dict[str, Any], tmp_path: Path) -> None:
    path = photo(tmp_path, FOCAL_35=26)
    config = CameraConfig(width=400, height=300, **given)
    assert fit_to_picture(config, 400, 300, path) == config


def test_files_that_pillow_has_not(tmp_path: Path) -> None:
    (tmp_path / "a.exr").write_bytes(b"v/1\x01")
    assert exif_focal(tmp_path / "a.exr", 4, 3) is None
