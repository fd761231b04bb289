"""Camera files that can't be read, each with a line that says how to mend it."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from invrender.errors import UserError
from invrender.io.cameras.base import Photograph
from invrender.io.cameras.formats import FORMATS, format_named, read_photographs
from invrender.io.cameras.keys import build_camera
from invrender.io.pictures import Decoding
from invrender.io.schema import CameraConfig
from invrender.io.views import Reading, read_views

CAMERA = "1 PINHOLE 64 48 50 50 32 24\n"
IMAGE = "1 1 0 0 0 0 0 5 1 a.png\n\n"
POSE = [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 5], [0, 0, 0, 1]]
DATA = "   data: [50., 0., 32., 0., 50., 24., 0., 0., 1.]\n"
K = f"camera_matrix: !!opencv-matrix\n   rows: 3\n   cols: 3\n   dt: d\n{DATA}"
LENS = "distortion_coefficients: !!opencv-matrix\n   rows: 1\n   cols: {}\n   dt: d\n   data: {}\n"
BOP = {"cam_K": [50, 0, 32, 0, 50, 24, 0, 0, 1]}
SEEN = {"cam_R_m2c": [1, 0, 0, 0, 1, 0, 0, 0, 1], "cam_t_m2c": [0, 0, 5], "obj_id": 1}


@pytest.mark.parametrize(
    ("cameras", "images", "message"),
    [
        (CAMERA.replace("24", ""), IMAGE, r"line 1: PINHOLE has 4 parameters \(fx, fy, cx, cy\), but 3 are given"),
        ("1 FOV 64 48 50 50 32 24 1\n", IMAGE, "the camera model FOV is not known here; undistort"),
        (CAMERA.replace("50 50", "-50 50"), IMAGE, "the focal length is -50.0, expected a number above 0"),
        (CAMERA.replace("50 50", "nan 50"), IMAGE, "expected finite numbers"),
        (CAMERA.replace("50 50", "x 50"), IMAGE, "line 1: 'x' stands where a number is expected"),
        (CAMERA.replace("64", "64.5"), IMAGE, "line 1: '64.5' stands where a whole number"),
        (CAMERA.replace("64", "0"), IMAGE, "width is 0, expected 1 to"),
        (CAMERA + CAMERA, IMAGE, "the camera 1 stands there twice"),
        (CAMERA, IMAGE + IMAGE, "the image 1 stands there twice"),
        (CAMERA, IMAGE + IMAGE.replace("1", "2", 1), "the picture a.png stands there twice"),
        (CAMERA, IMAGE.replace("5 1", "5 2"), "image 1: there is no camera 2 in cameras.txt"),
        (CAMERA, IMAGE.replace("1 0 0 0", "0 0 0 0"), "of length 0; expected a unit quaternion"),
        (
            CAMERA,
            IMAGE.rstrip() + "\n" + IMAGE.replace("1 1", "2 1"),
            "line 2: expected the points of the image before",
        ),
        (CAMERA, "1 1 0 0 0 0 0 5 1\n\n", "it has 9 words, expected IMAGE_ID"),
        ("1 PINHOLE\n", IMAGE, "line 1: it has 2 words, expected CAMERA_ID MODEL"),
        ("2\n1 2 3\n", IMAGE, "no camera file that is known"),
        ("# Camera list\n", IMAGE, "there is no camera in it"),
    ],
)
def test_colmaps_texts(cameras: str, images: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "cameras.txt").write_text(cameras)
    (tmp_path / "images.txt").write_text(images)
    with pytest.raises(UserError, match=message):
        read_photographs(tmp_path / "cameras.txt")


def binary(count: int = 1, model: int = 1, parameters: int = 4) -> bytes:
    return struct.pack("<QIiQQ", count, 1, model, 64, 48) + struct.pack(f"<{parameters}d", *[50.0] * parameters)


def shown(name: bytes = b"a.png\0", points: int = 0) -> bytes:
    return struct.pack("<QI7dI", 1, 1, 1, 0, 0, 0, 0, 0, 5, 1) + name + struct.pack("<Q", points)


@pytest.mark.parametrize(
    ("cameras", "images", "message"),
    [
        (binary()[:-1], shown(), "cameras.bin: the file ends within camera 1 of 1; it is cut off"),
        (binary(count=2**60), shown(), "the file ends within camera 2 of"),
        (b"abc", shown(), "the file ends within its beginning"),
        (binary(model=7), shown(), "camera 1: the camera model FOV is not known"),
        (binary(model=99), shown(), "the camera model number 99 is not known"),
        (binary(parameters=5), shown(), "8 bytes are left after the last entry"),
        (binary(), shown(name=b"a.png"), "images.bin"),
        (binary(), shown(name=b"\xff\0"), "the name of image 1 of 1 is no text"),
        (binary(), shown(points=2**61), "images.bin: the file ends within image 1 of 1"),
        (binary(), shown(name=b"\0"), "image 1: it has no name"),
    ],
)
def test_colmaps_binaries(cameras: bytes, images: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "cameras.bin").write_bytes(cameras)
    (tmp_path / "images.bin").write_bytes(images)
    with pytest.raises(UserError, match=message):
        read_photographs(tmp_path)


def test_colmaps_points_are_skipped(tmp_path: Path) -> None:
    (tmp_path / "cameras.bin").write_bytes(binary())
    (tmp_path / "images.bin").write_bytes(shown(points=2) + bytes(48))
    assert [each.name for each in read_photographs(tmp_path)] == ["a.png"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (K.replace("0., 1.]", "0.]"), "camera_matrix has 8 numbers, and rows and cols say 3x3"),
        (K.replace("[50., 0.,", "[50., 2.,"), "has a skew of 2"),
        (K.replace("[50.", "[nan"), "expected finite numbers"),
        (K.replace("[50.", "[fifty"), "has 'fifty' where a number is expected"),
        (K.replace("1.]", "2.]"), r"expected \[\[fx, 0, cx\]"),
        (K.replace("[50.", "[.Nan"), "has '.Nan' where a number is expected"),
        (K + "a: &a [1]\nb: *a\n", "it has aliases"),
        (K + K, "'camera_matrix' stands there twice"),
        (K + "Camera_Matrix: 1\n", "camera_matrix stands there twice"),
        (K + LENS.format(3, [0, 0, 1]), "distortion_coefficients has 3 numbers, expected 4, 5, 8, 12, 14"),
        (K + LENS.format(12, [0] * 11 + [1]), "has s4, which are not known here"),
        (K + LENS.format(5, [0] * 5) + "fisheye_model: 1\n", "has 5 numbers, expected 4 for a fisheye"),
        (K + "image_width: 64\n", "image_height has None where a number is expected"),
        (K + "rvec: [0, 0, 0]\n", "one of rvec and tvec is missing"),
        (K + "rvec: [0, 0, 0]\ntvec: [0, 0]\n", "tvec is .*expected 3 numbers"),
        (K + "extrinsic_parameters: [1, 2, 3]\n", "has 3 numbers, expected six for each view"),
        (K + "image_names: [a.png, b.png]\n", "it has 2 pictures and 0 poses"),
        (K + "[", "not a readable YAML"),
        ("M1: !!opencv-matrix\n", "there is no camera_matrix, only 'm1'"),
    ],
)
def test_opencvs_yaml(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text(f"%YAML:1.0\n---\n{text}")
    with pytest.raises(UserError, match=message):
        read_photographs(tmp_path / "a.yml")


BOMB = '<!DOCTYPE a [<!ENTITY x "xxxxxxxx"><!ENTITY y "&x;&x;&x;">]>\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"{BOMB}<opencv_storage><a>&y;</a></opencv_storage>", "it declares a document type"),
        ("<opencv_storage><a>", "not a readable XML file"),
        ("<opencv_storage></opencv_storage>", "there is no camera_matrix, only nothing"),
        ("<opencv_storage><a>1</a><a>2</a></opencv_storage>", "a stands there twice"),
        ("<opencv_storage><camera_matrix>1 2</camera_matrix></opencv_storage>", "camera_matrix has 2 numbers"),
    ],
)
def test_opencvs_xml(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_text(f'<?xml version="1.0"?>\n{text}')
    with pytest.raises(UserError, match=message):
        read_photographs(tmp_path / "a.xml")


@pytest.mark.parametrize(
    ("cameras", "poses", "message"),
    [
        ({"0": {"cam_K": [1, 2]}}, {"0": [SEEN]}, "picture 0: cam_K is .*expected 9 numbers"),
        ({"0": BOP}, {"1": [SEEN]}, "scene_gt.json: picture 0 is missing"),
        ({"0": BOP}, {"0": [SEEN, {**SEEN, "obj_id": 5}]}, "poses of the objects 1, 5; choose one with target=bop"),
        ({"0": BOP}, {"0": [SEEN, SEEN]}, "picture 0 shows object 1 2 times"),
        ({"0": BOP}, {"0": [{**SEEN, "cam_t_m2c": None}]}, "cam_t_m2c is None, expected 3 numbers"),
        ({"0": BOP}, {"0": 3}, "picture 0 is 3, expected a list of poses"),
        ({"a": BOP}, {"a": [SEEN]}, "'a' is no picture's number"),
        ({}, {}, "with at least one picture"),
    ],
)
def test_bop(cameras: Any, poses: Any, message: str, tmp_path: Path) -> None:
    (tmp_path / "scene_camera.json").write_text(json.dumps(cameras))
    (tmp_path / "scene_gt.json").write_text(json.dumps(poses))
    with pytest.raises(UserError, match=message):
        read_photographs(tmp_path)


FRAME = {"file_path": "a.png", "transform_matrix": POSE}


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"fl_x": 50, "w": 64, "camera_angle_x": 2, "h": 48, "frames": [FRAME]}, "different cameras for a width of 64"),
        ({"fl_x": 50, "frames": [FRAME, FRAME]}, "the picture a.png stands there twice"),
        ({"fl_x": -50, "frames": [FRAME]}, "the focal length is -50.0"),
        ({"fl_x": "50", "frames": [FRAME]}, "expected 1 numbers"),
        ({"fl_x": 50, "w": 64.5, "h": 48, "frames": [FRAME]}, "width is 64.5, expected a whole number"),
        ({"fl_x": 50, "k4": 0.1, "frames": [FRAME]}, "k4 of OPENCV is 0.1, which is not known here"),
        ({"fl_x": 50, "camera_model": "FISHEYE624", "frames": [FRAME]}, "camera_model is 'FISHEYE624'"),
    ],
)
def test_transforms(document: Any, message: str, tmp_path: Path) -> None:
    (tmp_path / "transforms.json").write_text(json.dumps(document))
    with pytest.raises(UserError, match=message):
        read_photographs(tmp_path / "transforms.json")


def test_a_key_that_json_says_twice(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"views": [{"fov": 3, "fov": 4}]}')
    with pytest.raises(UserError, match="'fov' stands there twice"):
        read_photographs(tmp_path / "a.json")


def views_of(path: Path) -> None:
    read_views(path, CameraConfig(), Reading(Decoding(), torch.zeros(3), torch.zeros(3)))


def test_pictures_that_are_not_there_are_counted(tmp_path: Path) -> None:
    (tmp_path / "cameras.txt").write_text(CAMERA)
    (tmp_path / "images.txt").write_text(IMAGE + IMAGE.replace("1", "2", 1).replace("a.", "b."))
    with pytest.raises(UserError, match=r"a\.png: no such picture file \(2 of its 2 pictures are missing\)"):
        views_of(tmp_path / "cameras.txt")
    (tmp_path / "images.txt").unlink()
    with pytest.raises(UserError, match=r"line 1: it names no picture.*camera=.*cameras\.txt"):
        views_of(tmp_path / "cameras.txt")


def test_a_picture_of_another_shape_than_the_cameras(tmp_path: Path) -> None:
    (tmp_path / "cameras.txt").write_text(CAMERA)
    (tmp_path / "images.txt").write_text(IMAGE)
    Image.new("RGB", (64, 64)).save(tmp_path / "a.png")
    with pytest.raises(UserError, match=r"64x64 pixels, but .* is calibrated for 64x48"):
        views_of(tmp_path)


def test_colmaps_texts_have_no_names_with_blanks(tmp_path: Path) -> None:
    camera = {"width": 64, "height": 48, "focal": 50, "camera_from_world": POSE}
    with pytest.raises(
        UserError, match="can't hold names with blanks; rename the picture, or give format=colmap_binary"
    ):
        FORMATS["colmap"].encode([Photograph(tmp_path / "a b.png", camera=camera)], tmp_path)


def test_names_that_are_of_no_format(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="its name is that of no format; give format=transforms, "):
        format_named(None, tmp_path / "cameras.csv")
    with pytest.raises(UserError, match=r"format is 'colmop', expected one of .*; did you mean 'colmap'"):
        format_named("colmop", tmp_path)
    (tmp_path / "cameras.csv").write_text("a,b\n")
    with pytest.raises(UserError, match="no camera file that is known; expected COLMAP's"):
        read_photographs(tmp_path / "cameras.csv")


TURNED = torch.linalg.matrix_exp(torch.tensor([[0, -0.3, 0.2], [0.3, 0, -0.5], [-0.2, 0.5, 0]], dtype=torch.float64))


def posed(rotation: torch.Tensor) -> CameraConfig:
    rows = [[*row, 5.0] for row in rotation.tolist()]
    return CameraConfig(camera_from_world=[*rows, [0.0, 0.0, 0.0, 1.0]])


def test_a_rounded_pose_is_made_rigid_and_said(caplog: pytest.LogCaptureFixture) -> None:
    rounded = (TURNED * 1000).round() / 1000
    camera = build_camera(posed(rounded), torch.zeros(3))
    rotation = camera.camera_from_world[:3, :3].double()
    torch.testing.assert_close(rotation @ rotation.T, torch.eye(3).double(), atol=3e-7, rtol=0)
    torch.testing.assert_close(rotation, TURNED, atol=6e-4, rtol=0)
    assert "camera.camera_from_world is rounded" in caplog.text
    caplog.clear()
    build_camera(posed(TURNED.float().double()), torch.zeros(3))
    assert caplog.text == ""


@pytest.mark.parametrize(
    ("rotation", "message"),
    [
        (1.1 * TURNED, "not rigid.*; it scales by 1.1, divide by that"),
        (TURNED @ torch.diag(torch.tensor([1.0, 1.1, 1.0])).double(), "not rigid.*; take scale and shear out of it"),
        (TURNED @ torch.diag(torch.tensor([1.0, 1.0, -1.0])).double(), "mirrors: the determinant is -1"),
    ],
)
def test_what_is_really_not_rigid_is_refused(rotation: torch.Tensor, message: str) -> None:
    with pytest.raises(UserError, match=message):
        build_camera(posed(rotation), torch.zeros(3))
