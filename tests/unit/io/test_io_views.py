from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from invrender.errors import UserError
from invrender.io.schema import CameraConfig
from invrender.io.views import Reading, read_view, read_views, reduced_view

READING = Reading("srgb", 640, torch.tensor([0.0, 1.0, 0.0]), torch.tensor([1.0, 0.0, 0.0]))
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
        cameras(tmp_path, document), CameraConfig(), Reading("srgb", 50, torch.zeros(3), torch.zeros(3))
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
    view = reduced_view(read_view(tmp_path / "a.png", tmp_path / "m.png", tmp_path / "m.png", READING), 1)
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
        ({"mask": "a.png"}, 'expected {"picture"'),
    ],
)
def test_views_that_can_not_be_used(tmp_path: Path, entry: dict[str, object], message: str) -> None:
    picture(tmp_path / "a.png", 64, 48)
    with pytest.raises(UserError, match=message):
        read_views(cameras(tmp_path, {"views": [entry]}), CameraConfig(), READING)
