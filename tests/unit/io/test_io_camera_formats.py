"""Camera files of other programs."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from invrender.errors import UserError
from invrender.io.cameras.formats import read_photographs
from invrender.io.pictures import Decoding
from invrender.io.schema import CameraConfig
from invrender.io.views import Reading, read_views
from invrender.scene import Camera

READING = Reading(Decoding(), torch.zeros(3), torch.zeros(3))
# A camera at (0, -4, 1) that looks along +y, in a world whose z is up: OpenGL axes, camera to world.
POSE = [[1, 0, 0, 0], [0, 0, -1, -4], [0, 1, 0, 1], [0, 0, 0, 1]]


def camera_of(folder: Path, document: dict[str, Any], size: tuple[int, int] = (64, 48)) -> Camera:
    Image.new("RGB", size).save(folder / "a.png")
    (folder / "transforms.json").write_text(json.dumps(document))
    (view,), cameras = read_views(folder / "transforms.json", CameraConfig(), READING)
    return cameras[view.camera]


def test_blenders_angle_and_axes(tmp_path: Path) -> None:
    # As Blender's exports have it, without an extension.
    angle = 2 * math.atan(0.5)
    camera = camera_of(tmp_path, {"camera_angle_x": angle, "frames": [{"file_path": "./a", "transform_matrix": POSE}]})
    assert camera.position.tolist() == pytest.approx([0, -4, 1])
    assert camera.intrinsics.tolist() == [pytest.approx(row) for row in ([64, 0, 32], [0, 64, 24], [0, 0, 1])]
    # Ahead is +y, and what is above in the world is above in the picture, whose y runs down.
    rotation = camera.camera_from_world[:3, :3]
    assert (rotation @ torch.tensor([0.0, 1.0, 0.0])).tolist() == pytest.approx([0, 0, 1])
    assert (rotation @ torch.tensor([0.0, 0.0, 1.0])).tolist() == pytest.approx([0, -1, 0])


def test_nerfstudios_intrinsics_follow_the_pictures_size(tmp_path: Path) -> None:
    optics = {"fl_x": 100, "fl_y": 102, "cx": 60, "cy": 50, "w": 128, "h": 96}
    camera = camera_of(tmp_path, {**optics, "frames": [{"file_path": "a.png", "transform_matrix": POSE}]})
    assert camera.intrinsics.tolist() == [pytest.approx(row) for row in ([50, 0, 30], [0, 51, 25], [0, 0, 1])]


def test_a_bent_lens_is_the_cameras(tmp_path: Path) -> None:
    camera = camera_of(
        tmp_path, {"camera_angle_x": 1, "k1": 0.125, "k2": 0, "frames": [{"file_path": "a", "transform_matrix": POSE}]}
    )
    assert camera.lens is not None
    assert (camera.lens.model, camera.lens.coefficients.tolist()) == ("brown_conrady", [0.125, 0, 0, 0])


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"frames": []}, r"frames is \[\], expected a list of at least one frame"),
        ({"frames": [{"file_path": 3}]}, r"frames\[0\]: expected"),
        ({"frames": [{"file_path": "a"}]}, r"frames\[0\]: transform_matrix is None, expected 4x4 numbers"),
        ({"frames": [{"file_path": "a", "transform_matrix": [[0] * 4] * 4}]}, "is not rigid: .*; take scale and shear"),
        ({"frames": [{"file_path": "a", "transform_matrix": POSE}]}, "neither camera_angle_x nor fl_x"),
        ({"camera_angle_x": 4, "frames": [{"file_path": "a", "transform_matrix": POSE}]}, "expected radians between"),
        ({"other": 1}, r'expected \{"views": '),
        ([1], r'expected \{"views": '),
    ],
)
def test_what_can_not_be_read_is_named(document: object, message: str, tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    (tmp_path / "cameras.json").write_text(json.dumps(document))
    with pytest.raises(UserError, match=message):
        read_photographs(tmp_path / "cameras.json")


@pytest.mark.parametrize("name", ["/", "", "."])
def test_a_picture_without_a_name_is_refused(tmp_path: Path, name: str) -> None:
    document = {"camera_angle_x": 1, "frames": [{"file_path": name, "transform_matrix": POSE}]}
    with pytest.raises(UserError, match="no such picture file"):
        camera_of(tmp_path, document)
