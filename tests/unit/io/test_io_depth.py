"""Depth maps: units, what was not measured, sizes, orientation, and files that are none."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import OpenEXR
import pytest
import torch
from PIL import Image

from invrender.errors import UserError
from invrender.io.cameras.formats import read_photographs
from invrender.io.pictures import Decoding, depth_size, read_depth
from invrender.io.schema import CameraConfig
from invrender.io.views import Reading, read_view, read_views

UPRIGHT = Decoding(max_size=640, orientation="file")
READING = Reading(UPRIGHT, torch.zeros(3), torch.zeros(3), depth=True, depth_unit=0.001)
MILLIMETRES = np.array([[0, 1000, 1500], [2000, 65535, 1]], np.uint16)


def photograph(path: Path, width: int, height: int, orientation: int = 1) -> None:
    picture = Image.new("RGB", (width, height), (90, 90, 90))
    exif = picture.getexif()
    exif[274] = orientation
    picture.save(path, exif=exif)


def write_exr(path: Path, name: str, values: np.ndarray) -> None:
    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    OpenEXR.File(header, {name: values.astype(np.float32)}).write(str(path))


def test_whole_numbers_have_a_unit(tmp_path: Path) -> None:
    Image.fromarray(MILLIMETRES).save(tmp_path / "d.png")
    np.save(tmp_path / "d.npy", MILLIMETRES)
    for name in ("d.png", "d.npy"):
        assert depth_size(tmp_path / name, UPRIGHT) == (2, 3)
        found = read_depth(tmp_path / name, 0.001, UPRIGHT)
        torch.testing.assert_close(found, torch.tensor([[0, 1.0, 1.5], [2.0, 65.535, 0.001]]))
        with pytest.raises(UserError, match=r"target\.depth_unit is missing, and .*d\.\w+ holds whole numbers"):
            read_depth(tmp_path / name, None, UPRIGHT)


@pytest.mark.parametrize("name", ["d.npy", "Z.exr", "V.exr", "d.pfm", "d.tif"])
def test_floats_are_in_the_scenes_unit_and_what_is_no_depth_was_not_measured(tmp_path: Path, name: str) -> None:
    values = np.array([[1.5, 0.0, np.nan], [np.inf, -2.0, 1e10]], np.float32)
    path = tmp_path / name
    if path.suffix == ".npy":
        np.save(path, values[..., None])
    elif path.suffix == ".exr":
        write_exr(path, path.stem, values)
    elif path.suffix == ".pfm":
        path.write_bytes(b"Pf\n3 2\n-1.0\n" + values[::-1].astype("<f4").tobytes())
    else:
        Image.fromarray(values).save(path)
    assert read_depth(path, None, UPRIGHT).tolist() == [[1.5, 0, 0], [0, 0, 0]]
    assert float(read_depth(path, 2.0, UPRIGHT).max()) == 3.0


def test_a_depth_map_is_its_pictures(tmp_path: Path) -> None:
    photograph(tmp_path / "a.jpg", 3, 2)
    Image.fromarray(MILLIMETRES).save(tmp_path / "d.png")
    view = read_view(tmp_path / "a.jpg", None, None, READING, tmp_path / "d.png")
    assert view.picture.depth[1, 0] == 2.0
    # Where no loss compares depths the file is not looked at.
    unread = read_view(tmp_path / "a.jpg", None, None, replace(READING, depth=False), tmp_path / "none.png")
    assert "depth" not in unread.picture
    Image.fromarray(MILLIMETRES[:, :2]).save(tmp_path / "other.png")
    with pytest.raises(UserError, match=r"other\.png is 2x2 pixels, but .*a\.jpg is 3x2; .* depths have their picture"):
        read_view(tmp_path / "a.jpg", None, None, READING, tmp_path / "other.png")


def test_depth_maps_obey_the_orientation(tmp_path: Path) -> None:
    photograph(tmp_path / "a.jpg", 3, 2, orientation=6)
    Image.fromarray(MILLIMETRES).save(tmp_path / "stored.png")
    marked = Image.fromarray(MILLIMETRES)
    exif = marked.getexif()
    exif[274] = 6
    marked.save(tmp_path / "marked.png", exif=exif)
    view = read_view(tmp_path / "a.jpg", None, None, READING, tmp_path / "marked.png")
    turned = torch.from_numpy(np.rot90(MILLIMETRES, -1) * 0.001).float()
    torch.testing.assert_close(view.picture.depth, turned)
    with pytest.raises(UserError, match=r"stored\.png is 3x2 pixels, as .* before its EXIF orientation makes it 2x3"):
        read_view(tmp_path / "a.jpg", None, None, READING, tmp_path / "stored.png")
    ignoring = replace(READING, decoding=replace(UPRIGHT, orientation="ignore"))
    view = read_view(tmp_path / "a.jpg", None, None, ignoring, tmp_path / "stored.png")
    assert view.size == (2, 3)


def test_views_have_depth_maps(tmp_path: Path) -> None:
    photograph(tmp_path / "a.jpg", 6, 4)
    Image.fromarray(np.full((4, 6), 1500, np.uint16)).save(tmp_path / "d.png")
    (tmp_path / "cameras.json").write_text(json.dumps({"views": [{"picture": "a.jpg", "depth": "d.png"}]}))
    reading = replace(READING, decoding=Decoding(max_size=3))
    (view,), _ = read_views(tmp_path / "cameras.json", CameraConfig(), reading)
    torch.testing.assert_close(view.picture.depth, torch.full((2, 3), 1.5))
    frame = {"file_path": "a.jpg", "depth_file_path": "d.png", "transform_matrix": np.eye(4).tolist()}
    (tmp_path / "transforms.json").write_text(json.dumps({"camera_angle_x": 1.0, "frames": [frame]}))
    assert read_photographs(tmp_path / "transforms.json")[0].depth == tmp_path / "d.png"


def write_bad(path: Path) -> None:
    """A file that is no depth map, by its name."""
    kind = path.stem
    if kind == "eight":
        Image.fromarray(MILLIMETRES.astype(np.uint8)).save(path)
    elif kind == "colours":
        Image.new("RGB", (3, 2)).save(path)
    elif kind == "objects":
        np.save(path, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    elif kind == "cube":
        np.save(path, np.zeros((2, 3, 4)))
    elif kind == "nothing":
        np.save(path, np.array([[0.0, np.nan]]))
    elif kind == "cut":
        np.save(path, np.ones((2, 3)))
        path.write_bytes(path.read_bytes()[:-8])
    elif kind == "layers":
        header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
        OpenEXR.File(header, {name: np.ones((2, 3), np.float32) for name in ("a.X", "b.X")}).write(str(path))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("eight.png", "has 8 bits for each pixel, too few for depths: give a PNG of 16 bits"),
        ("colours.png", "has 3 channels, expected one"),
        ("objects.npy", "not a readable array"),
        ("cube.npy", r"is an array of float64 \[2, 3, 4\], expected depths \[H, W\]"),
        ("nothing.npy", "there is no number above 0 in it"),
        ("cut.npy", "not a readable array"),
        ("layers.exr", "has the channels a.X, b.X, expected one named Z"),
        ("none.png", "no such depth map"),
    ],
)
def test_files_that_are_no_depth_maps(tmp_path: Path, name: str, message: str) -> None:
    write_bad(tmp_path / name)
    with pytest.raises(UserError, match=rf"{name}:? {message}"):
        read_depth(tmp_path / name, 0.001, UPRIGHT)
