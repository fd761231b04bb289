from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from invrender.errors import UserError
from invrender.io.pictures import Decoding, write_picture
from invrender.io.schema import CameraConfig
from invrender.io.views import Reading, read_view, read_views

DECODING = Decoding(max_size=640, orientation="file", marks_clipped=True)
READING = Reading(DECODING, torch.tensor([0.0, 1.0, 0.0]), torch.tensor([1.0, 0.0, 0.0]))
MATRIX = [[1.0, 0, 0, 0], [0, -1, 0, 0], [0, 0, -1, 5], [0, 0, 0, 1]]


def picture(path: Path, width: int, height: int) -> None:
    Image.fromarray(np.full((height, width, 3), 255, np.uint8)).save(path)


def cameras(folder: Path, document: object) -> Path:
    path = folder / "cameras.json"
    path.write_text(json.dumps(document))
    return path


def test_views_have_their_cameras(tmp_path: Path) -> None:
    picture(tmp_path / "a.png", 64, 48)
    picture(tmp_path / "b.png", 32, 32)
    Image.new("L", (32, 32), 255).save(tmp_path / "m.png")
    document = {
        "near": 0.5,
        "views": [
            {"picture": "a.png", "focal": [60, 61], "principal": [31, 23], "camera_from_world": MATRIX},
            {"picture": "b.png", "mask": "m.png", "azimuth": 90, "distance": 3},
        ],
    }
    (one, two), taken_by = read_views(cameras(tmp_path, document), CameraConfig(position=[7.0, 7.0, 7.0]), READING)
    first, second = taken_by[one.camera], taken_by[two.camera]
    assert first.intrinsics.tolist() == [[60, 0, 31], [0, 61, 23], [0, 0, 1]]
    assert first.position.tolist() == [0, 0, 5]
    assert (first.width, first.height, first.near) == (64, 48, 0.5)
    assert one.mask is None
    assert second.position.tolist() == pytest.approx([4, 0, 0], abs=1e-6)
    assert (second.width, second.height) == (32, 32)
    assert two.mask is not None


def test_intrinsics_follow_a_reduced_picture(tmp_path: Path) -> None:
    picture(tmp_path / "a.png", 100, 50)
    document = {"views": [{"picture": "a.png", "focal": 80, "principal": [40, 20], "camera_from_world": MATRIX}]}
    (view,), taken_by = read_views(
        cameras(tmp_path, document), CameraConfig(), Reading(Decoding(max_size=50), torch.zeros(3), torch.zeros(3))
    )
    assert view.rgb.shape == (25, 50, 3)
    assert taken_by[view.camera].intrinsics.tolist() == [[40, 0, 20], [0, 40, 10], [0, 0, 1]]
    assert (taken_by[view.camera].width, taken_by[view.camera].height) == (50, 25)


def test_transparent_pixels_show_the_background(tmp_path: Path) -> None:
    Image.new("RGBA", (2, 2), (255, 255, 255, 0)).save(tmp_path / "a.png")
    view = read_view(tmp_path / "a.png", None, None, READING)
    assert view.mask is not None
    assert float(view.mask.max()) == 0
    assert view.rgb[0, 0].tolist() == [0, 1, 0]


def test_masks_and_weights_are_reduced_too(tmp_path: Path) -> None:
    picture(tmp_path / "a.png", 4, 4)
    Image.fromarray(np.array([[0, 255], [0, 255]], np.uint8)).resize((4, 4), Image.Resampling.NEAREST).save(
        tmp_path / "m.png"
    )
    reading = replace(READING, decoding=Decoding(max_size=1))
    view = read_view(tmp_path / "a.png", tmp_path / "m.png", tmp_path / "m.png", reading)
    assert view.mask is not None
    assert view.weight is not None
    assert view.mask.tolist() == [[0.5]]
    assert view.weight.tolist() == [[0.5]]


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"picture": "a.png", "focl": 3}, "a camera has no key 'focl'; did you mean 'focal'?"),
        ({"picture": "a.png", "fov": "wide"}, "views\\[0\\]: Value 'wide'"),
        ({"picture": "a.png", "focal": 60, "width": 640, "height": 300}, "calibrated for 640x300"),
        ({"picture": "a.png", "camera_from_world": MATRIX, "azimuth": 3}, "azimuth has no effect"),
        ({"picture": "none.png"}, "no such picture file"),
        ({"mask": "a.png"}, r"views\[0\]: it names no picture, expected one"),
    ],
)
def test_views_that_can_not_be_used(tmp_path: Path, entry: dict[str, object], message: str) -> None:
    picture(tmp_path / "a.png", 64, 48)
    with pytest.raises(UserError, match=message):
        read_views(cameras(tmp_path, {"views": [entry]}), CameraConfig(), READING)


def photograph(path: Path, width: int, height: int, orientation: int) -> None:
    picture_of_noise = Image.fromarray(np.random.default_rng(0).integers(0, 255, (height, width, 3), np.uint8))
    exif = picture_of_noise.getexif()
    exif[274] = orientation
    picture_of_noise.save(path, exif=exif)


@pytest.mark.parametrize("orientation", ["file", "ignore"])
def test_views_obey_the_orientation(tmp_path: Path, orientation: str) -> None:
    photograph(tmp_path / "a.png", 64, 32, 6)
    reading = replace(READING, decoding=replace(DECODING, orientation=orientation, max_size=16))
    (view,), taken_by = read_views(cameras(tmp_path, {"views": [{"picture": "a.png"}]}), CameraConfig(), reading)
    size = (taken_by[view.camera].height, taken_by[view.camera].width)
    assert size == view.rgb.shape[:2] == ((16, 8) if orientation == "file" else (8, 16))


def test_masks_are_of_the_upright_size(tmp_path: Path) -> None:
    photograph(tmp_path / "a.png", 64, 32, 6)
    Image.new("L", (32, 64), 255).save(tmp_path / "upright.png")
    assert read_view(tmp_path / "a.png", tmp_path / "upright.png", None, READING).mask is not None
    Image.new("L", (64, 32), 255).save(tmp_path / "stored.png")
    message = (
        r"stored\.png is 64x32 pixels, as .*a\.png is before its EXIF orientation makes it 32x64; "
        r"turn the mask, weights or depths upright, or set target\.orientation=ignore"
    )
    for mask, weight in (("stored.png", None), (None, "stored.png")):
        with pytest.raises(UserError, match=message):
            read_view(tmp_path / "a.png", mask and tmp_path / mask, weight and tmp_path / weight, READING)
    ignoring = replace(READING, decoding=replace(DECODING, orientation="ignore"))
    assert read_view(tmp_path / "a.png", tmp_path / "stored.png", None, ignoring).mask is not None
    photograph(tmp_path / "with_mark.png", 64, 32, 6)
    assert read_view(tmp_path / "a.png", tmp_path / "with_mark.png", None, READING).mask is not None
    Image.new("L", (30, 30), 255).save(tmp_path / "other.png")
    with pytest.raises(UserError, match=r"other\.png is 30x30 pixels, but .*a\.png is 32x64"):
        read_view(tmp_path / "a.png", tmp_path / "other.png", None, READING)


def test_what_is_burnt_out_has_a_ceiling(tmp_path: Path) -> None:
    # On a green background, so that half of what is laid over it shows 1 in green.
    values = np.full((2, 2, 4), 255, np.uint8)
    values[0, 0, 0] = 100
    values[1, :, 3] = (0, 51)
    Image.fromarray(values).save(tmp_path / "a.png")
    view = read_view(tmp_path / "a.png", None, None, READING)
    assert view.ceiling is not None
    expected = view.rgb.clone()
    expected[0, 0, 0] = expected[1, 0] = torch.inf
    assert torch.equal(view.ceiling, expected)
    exactly = replace(READING, decoding=replace(DECODING, marks_clipped=False))
    assert read_view(tmp_path / "a.png", None, None, exactly).ceiling is None


def test_a_mask_of_floats_has_no_more_than_one(tmp_path: Path) -> None:
    picture(tmp_path / "a.png", 4, 4)
    write_picture(tmp_path / "twos.exr", torch.full((4, 4, 3), 2.0))
    with pytest.raises(UserError, match=r"twos\.exr has values up to 2, expected a mask of 0 to 1"):
        read_view(tmp_path / "a.png", tmp_path / "twos.exr", None, READING)
    view = read_view(tmp_path / "a.png", None, tmp_path / "twos.exr", READING)
    assert view.weight is not None
    assert float(view.weight.min()) == 2
