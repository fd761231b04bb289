"""The examples of the formats' own documentation, and of the programs themselves where they are installed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from invrender.geometry.lenses import film
from invrender.io.cameras.base import Photograph
from invrender.io.cameras.formats import FORMATS, read_photographs
from invrender.scene import Lens

CAMERAS = """\
# Camera list with one line of data per camera:
#   CAMERA_ID, MODEL, WIDTH, HEIGHT, PARAMS[]
# Number of cameras: 3
1 SIMPLE_PINHOLE 3072 2304 2559.81 1536 1152
2 PINHOLE 3072 2304 2560.56 2560.56 1536 1152
3 SIMPLE_RADIAL 3072 2304 2559.69 1536 1152 -0.0218531
"""
IMAGES = """\
# Image list with two lines of data per image:
#   IMAGE_ID, QW, QX, QY, QZ, TX, TY, TZ, CAMERA_ID, NAME
#   POINTS2D[] as (X, Y, POINT3D_ID)
# Number of images: 2, mean observations per image: 2
1 0.851773 0.0165051 0.503764 -0.142941 -0.737434 1.02973 3.74354 1 P1180141.JPG
2362.39 248.498 58396 1784.7 268.254 59027 1784.7 268.254 -1
2 0.851773 0.0165051 0.503764 -0.142941 -0.737434 1.02973 3.74354 3 P1180142.JPG
1190.83 663.957 23056 1258.77 640.354 59070
"""
NERFSTUDIO = {
    "camera_model": "OPENCV_FISHEYE",
    "fl_x": 1072.0,
    "fl_y": 1068.0,
    "cx": 1504.0,
    "cy": 1000.0,
    "w": 3008,
    "h": 2000,
    "k1": 0.0312,
    "k2": 0.0051,
    "k3": 0.0006,
    "k4": -0.0001,
    "p1": -6.47e-5,
    "p2": -1.37e-7,
    "frames": [
        {
            "file_path": "images/frame_00001.jpeg",
            "transform_matrix": [
                [1.0, 0.0, 0.0, 0.0],
                [0.0, 1.0, 0.0, 0.0],
                [0.0, 0.0, 1.0, 0.0],
                [0.0, 0.0, 0.0, 1.0],
            ],
            "depth_file_path": "depth/0001.png",
            "mask_path": "masks/mask.png",
        }
    ],
}
YAML = """\
%YAML:1.0
---
calibration_time: "Fri 18 Feb 2011 11:53:51 AM"
nrOfFrames: 25
image_Width: 640
image_Height: 480
board_Width: 9
board_Height: 6
camera_matrix: !!opencv-matrix
   rows: 3
   cols: 3
   dt: d
   data: [ 6.5746697944293521e+002, 0., 3.1950000000000000e+002, 0.,
       6.5746697944293521e+002, 2.3950000000000000e+002, 0., 0., 1. ]
distortion_coefficients: !!opencv-matrix
   rows: 5
   cols: 1
   dt: d
   data: [ -4.1802327176423804e-001, 5.0715244063187526e-001, 0., 0.,
       -5.7843597214487474e-001 ]
"""
XML = """\
<?xml version="1.0"?>
<opencv_storage>
<calibration_time>"Fri 18 Feb 2011 11:53:51 AM"</calibration_time>
<image_Width>640</image_Width>
<image_Height>480</image_Height>
<camera_matrix type_id="opencv-matrix">
<rows>3</rows>
<cols>3</cols>
<dt>d</dt>
<data>
 6.5746697944293521e+002 0. 3.1950000000000000e+002 0.
 6.5746697944293521e+002 2.3950000000000000e+002 0. 0. 1.</data></camera_matrix>
<distortion_coefficients type_id="opencv-matrix">
<rows>5</rows>
<cols>1</cols>
<dt>d</dt>
<data>
 -4.1802327176423804e-001 5.0715244063187526e-001 0. 0.
 -5.7843597214487474e-001</data></distortion_coefficients>
</opencv_storage>
"""
BOP_CAMERA = {"0": {"cam_K": [572.4114, 0.0, 325.2611, 0.0, 573.57043, 242.04899, 0.0, 0.0, 1.0], "depth_scale": 1.0}}
BOP_POSE = {
    "cam_R_m2c": [
        *(0.09630630, 0.99404401, 0.05100790),
        *(0.57332098, -0.01350810, -0.81922001),
        *(-0.81365103, 0.10814000, -0.57120699),
    ],
    "cam_t_m2c": [-105.3577515, -117.52119142, 1014.8770132],
    "obj_id": 1,
}


def test_colmap(tmp_path: Path) -> None:
    (tmp_path / "cameras.txt").write_text(CAMERAS)
    (tmp_path / "images.txt").write_text(IMAGES)
    first, second = read_photographs(tmp_path)
    assert (first.name, second.name) == ("P1180141.JPG", "P1180142.JPG")
    assert first.camera["focal"] == [2559.81, 2559.81]
    assert first.camera["principal"] == [1536, 1152]
    assert second.camera["lens"] == {"model": "brown_conrady", "coefficients": [-0.0218531, 0, 0, 0]}
    # R(q) by hand, of w, x, y, z; the translation is as it stands.
    w, x, y, z = (torch.tensor([0.851773, 0.0165051, 0.503764, -0.142941]).double()).tolist()
    pose = torch.tensor(first.camera["camera_from_world"], dtype=torch.float64)
    across = torch.tensor([1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)]).double()
    torch.testing.assert_close(pose[0, :3], across, atol=1e-5, rtol=0)
    assert pose[:3, 3].tolist() == [-0.737434, 1.02973, 3.74354]


def test_colmaps_cameras_alone(tmp_path: Path) -> None:
    (tmp_path / "cameras.txt").write_text(CAMERAS)
    assert [each.name for each in read_photographs(tmp_path / "cameras.txt")] == ["1", "2", "3"]


def test_nerfstudio(tmp_path: Path) -> None:
    (tmp_path / "transforms.json").write_text(json.dumps(NERFSTUDIO))
    (read,) = read_photographs(tmp_path / "transforms.json")
    assert read.camera["lens"] == {"model": "kannala_brandt", "coefficients": [0.0312, 0.0051, 0.0006, -0.0001]}
    assert read.camera["focal"] == [1072.0, 1068.0]
    assert (read.mask, read.depth) == (tmp_path / "masks/mask.png", tmp_path / "depth/0001.png")
    assert read.camera["camera_from_world"] == [[1, 0, 0, 0], [0, -1, 0, 0], [0, 0, -1, 0], [0, 0, 0, 1]]


@pytest.mark.parametrize(("name", "text"), [("camera.yml", YAML), ("camera.xml", XML)])
def test_opencv(name: str, text: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    (read,) = read_photographs(tmp_path / name)
    assert read.camera == {
        "width": 640,
        "height": 480,
        "focal": [657.46697944293521] * 2,
        "principal": [319.5, 239.5],
        "pixel_centers": "integer",
        "lens": {
            "model": "brown_conrady",
            "coefficients": [-0.41802327176423804, 0.50715244063187526, 0, 0, -0.57843597214487474],
        },
    }


def test_ros(tmp_path: Path) -> None:
    matrix = "camera_matrix:\n  rows: 3\n  cols: 3\n  data: [600.0, 0.0, 320.0, 0.0, 601.0, 240.0, 0.0, 0.0, 1.0]\n"
    lens = "distortion_model: equidistant\ndistortion_coefficients:\n  rows: 1\n  cols: 4\n  data: [0.1, 0, 0, 0.01]\n"
    (tmp_path / "a.yaml").write_text(f"image_width: 640\nimage_height: 480\ncamera_name: head\n{matrix}{lens}")
    (read,) = read_photographs(tmp_path / "a.yaml")
    assert read.camera["lens"] == {"model": "kannala_brandt", "coefficients": [0.1, 0, 0, 0.01]}


def test_bop(tmp_path: Path) -> None:
    (tmp_path / "scene_camera.json").write_text(json.dumps(BOP_CAMERA))
    (tmp_path / "scene_gt.json").write_text(json.dumps({"0": [BOP_POSE]}))
    for place in (tmp_path, tmp_path / "scene_gt.json"):
        (read,) = read_photographs(place)
        assert read.picture == tmp_path / "rgb" / "000000.png"
        assert read.camera["pixel_centers"] == "integer"
        assert read.camera["focal"] == [572.4114, 573.57043]
        assert [row[3] for row in read.camera["camera_from_world"]][:3] == BOP_POSE["cam_t_m2c"]
        assert read.depth_unit == 1.0


def test_bops_data_sets_camera(tmp_path: Path) -> None:
    given = {"cx": 312.9, "cy": 241.3, "depth_scale": 0.1, "fx": 1066.8, "fy": 1067.5, "height": 480, "width": 640}
    (tmp_path / "camera.json").write_text(json.dumps(given))
    (read,) = read_photographs(tmp_path / "camera.json")
    assert read.camera["focal"] == [1066.8, 1067.5]
    assert (read.camera["width"], read.camera["height"]) == (640, 480)


POINTS = torch.tensor([[0.1, -0.2, 1.0], [-0.4, 0.3, 1.5], [0.5, 0.5, 2.0]]).double()
PARAMETERS: dict[str, list[float]] = {
    "SIMPLE_PINHOLE": [500.5, 320.25, 240.75],
    "PINHOLE": [500.5, 502.0, 320.25, 240.75],
    "SIMPLE_RADIAL": [500.5, 320.25, 240.75, -0.1],
    "RADIAL": [500.5, 320.25, 240.75, -0.1, 0.02],
    "OPENCV": [500.5, 502.0, 320.25, 240.75, -0.1, 0.02, 0.001, -0.002],
    "OPENCV_FISHEYE": [500.5, 502.0, 320.25, 240.75, -0.1, 0.02, 0.001, -0.002],
    "FULL_OPENCV": [500.5, 502.0, 320.25, 240.75, -0.1, 0.02, 0.001, -0.002, 0.01, 0.02, 0.03, 0.04],
    "SIMPLE_RADIAL_FISHEYE": [500.5, 320.25, 240.75, -0.1],
    "RADIAL_FISHEYE": [500.5, 320.25, 240.75, -0.1, 0.02],
    "SIMPLE_DIVISION": [500.5, 320.25, 240.75, -0.1],
    "DIVISION": [500.5, 502.0, 320.25, 240.75, -0.1],
    "SIMPLE_FISHEYE": [500.5, 320.25, 240.75],
    "FISHEYE": [500.5, 502.0, 320.25, 240.75],
    "EQUIRECTANGULAR": [640, 480],
}


@pytest.mark.parametrize("model", PARAMETERS)
@pytest.mark.parametrize("write", ["write_text", "write_binary"])
def test_colmap_itself_says_the_same(model: str, write: str, tmp_path: Path) -> None:
    pycolmap = pytest.importorskip("pycolmap")
    reconstruction = pycolmap.Reconstruction()
    camera = pycolmap.Camera(model=model, width=640, height=480, params=PARAMETERS[model], camera_id=7)
    reconstruction.add_camera_with_trivial_rig(camera)
    quaternion = torch.nn.functional.normalize(torch.tensor([0.1, -0.7, 0.3, 0.64]).double(), dim=0)  # x, y, z, w
    pose = pycolmap.Rigid3d(pycolmap.Rotation3d(quaternion.numpy()), [0.1, 1 / 3, 5.0])
    image = pycolmap.Image(name="a b.png", camera_id=7, image_id=3)
    reconstruction.add_image_with_trivial_frame(image, pose)
    getattr(reconstruction, write)(str(tmp_path))
    (read,) = read_photographs(tmp_path)
    found = torch.tensor(read.camera["camera_from_world"], dtype=torch.float64)
    torch.testing.assert_close(found[:3], torch.tensor(pose.matrix()), atol=1e-15, rtol=0)
    for point in POINTS:
        ours = pixel(read.camera, point)
        torch.testing.assert_close(ours, torch.tensor(camera.img_from_cam(point.numpy())), atol=1e-6, rtol=0)
    # Written by us, it is the same camera to COLMAP.
    contents = FORMATS["colmap"].encode([Photograph(camera=read.camera)], tmp_path)
    words = contents[tmp_path / "cameras.txt"].decode().splitlines()[-1].split()
    again = pycolmap.Camera(model=words[1], width=int(words[2]), height=int(words[3]), params=[*map(float, words[4:])])
    for point in POINTS.numpy():
        assert again.img_from_cam(point).tolist() == pytest.approx(camera.img_from_cam(point).tolist(), abs=1e-12)


def pixel(camera: Mapping[str, Any], point: torch.Tensor) -> torch.Tensor:
    """Where a camera's keys say that a point [3] in its frame is seen, [2]."""
    lens = camera.get("lens")
    place = point[:2] / point[2]
    if lens is not None:
        place, _ = film(Lens(torch.tensor(lens["coefficients"], dtype=torch.float64), lens["model"]), point)
    return place * torch.tensor(camera["focal"]).double() + torch.tensor(camera["principal"]).double()


@pytest.mark.parametrize("kind", ["text", "binary"])
def test_colmap_itself_reads_what_is_written(kind: str, tmp_path: Path) -> None:
    pycolmap = pytest.importorskip("pycolmap")
    pose = [[0.0, -1.0, 0.0, 1 / 3], [1.0, 0.0, 0.0, 2.0], [0.0, 0.0, 1.0, 5.0], [0.0, 0.0, 0.0, 1.0]]
    camera = {"width": 640, "height": 480, "focal": [500.5, 502.0], "principal": [320.25, 240.75]}
    name = "a.png" if kind == "text" else "a b.png"
    photograph = Photograph(tmp_path / name, camera={**camera, "camera_from_world": pose})
    for path, content in (
        FORMATS["colmap" if kind == "text" else "colmap_binary"].encode([photograph], tmp_path).items()
    ):
        path.write_bytes(content)
    empty = "points3D.txt" if kind == "text" else "points3D.bin"
    (tmp_path / empty).write_bytes(b"" if kind == "text" else bytes(8))
    read = pycolmap.Reconstruction(str(tmp_path))
    (image,) = read.images.values()
    assert image.name == name
    assert image.cam_from_world().matrix().tolist() == [pytest.approx(row, abs=1e-15) for row in pose[:3]]
    assert image.camera.params.tolist() == [500.5, 502.0, 320.25, 240.75]
    assert (image.camera.width, image.camera.height) == (640, 480)


@pytest.mark.parametrize("name", ["camera.yaml", "camera.xml"])
def test_opencv_itself_reads_what_is_written(name: str, tmp_path: Path) -> None:
    cv2 = pytest.importorskip("cv2")
    camera = {
        "width": 640,
        "height": 480,
        "focal": [1e3 / 3, 1e3 / 3.1],
        "principal": [319.9, 1e3 / 4.3],
        "lens": {"model": "brown_conrady", "coefficients": [0.1, -0.021, 1e-5, 0.3 / 7]},
        "pixel_centers": "integer",
        "camera_from_world": [[0, -1, 0, 1 / 3], [1, 0, 0, 2], [0, 0, 1, 5], [0, 0, 0, 1]],
    }
    photograph = Photograph(tmp_path / "a & b.png", camera=camera)
    chosen = FORMATS["opencv" if name.endswith("yaml") else "opencv_xml"]
    (tmp_path / name).write_bytes(chosen.encode([photograph], tmp_path / name)[tmp_path / name])
    storage = cv2.FileStorage(str(tmp_path / name), cv2.FILE_STORAGE_READ)
    matrix = storage.getNode("camera_matrix").mat()
    assert matrix.tolist() == [[1e3 / 3, 0, 319.9], [0, 1e3 / 3.1, 1e3 / 4.3], [0, 0, 1]]
    assert storage.getNode("distortion_coefficients").mat().ravel().tolist() == [0.1, -0.021, 1e-5, 0.3 / 7]
    row = storage.getNode("extrinsic_parameters").mat()[0]
    rotation, _ = cv2.Rodrigues(row[:3])
    torch.testing.assert_close(
        torch.tensor(rotation), torch.tensor(camera["camera_from_world"]).double()[:3, :3], atol=1e-15, rtol=0
    )
    assert row[3:].tolist() == [1 / 3, 2, 5]
    assert storage.getNode("image_names").at(0).string() == "a & b.png"
    assert storage.getNode("image_width").real() == 640
