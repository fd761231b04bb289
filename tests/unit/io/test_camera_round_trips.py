"""Camera files written and read again: to the last bit, in each format and from each to each."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import roma
import torch
from PIL import Image

from invrender.errors import UserError
from invrender.io.cameras.base import Photograph
from invrender.io.cameras.formats import FORMATS, format_named, read_photographs
from invrender.io.cameras.keys import build_camera
from invrender.io.schema import CameraConfig

FILES = {
    "transforms": "transforms.json",
    "bop": "scene_camera.json",
    "colmap_binary": "cameras.bin",
    "colmap": "images.txt",
    "opencv": "camera.yaml",
    "opencv_xml": "camera.xml",
    "native": "views.json",
}
SEVERAL = sorted(FILES.keys() - {"opencv", "opencv_xml"})
BROWN = {"model": "brown_conrady", "coefficients": [0.1, -0.021, 1e-5, 0.3 / 7]}
LENSES: dict[str, list[dict[str, Any]]] = {
    "transforms": [BROWN, {"model": "brown_conrady", "coefficients": [0.1, -0.021, 1e-5, 0.3 / 7, 0.007]}],
    "colmap": [BROWN, {"model": "brown_conrady", "coefficients": [0.1, 0, 0, 0, 0.2, 0, -0.3, 1 / 3]}],
    "opencv": [BROWN, {"model": "brown_conrady", "coefficients": [0.1, 0, 0, 0, 0.2]}],
    "native": [BROWN, {"model": "equirectangular", "coefficients": []}],
    "bop": [],
}
LENSES["colmap"].append({"model": "division", "coefficients": [-1 / 3]})
for each in ("transforms", "colmap", "opencv", "native"):
    LENSES[each].append({"model": "kannala_brandt", "coefficients": [0.01, -0.002, 1 / 7, 0.0]})
LENSES |= {"colmap_binary": LENSES["colmap"], "opencv_xml": LENSES["opencv"]}


def drawn(folder: Path, count: int, seed: int = 0, lens: dict[str, Any] | None = None) -> list[Photograph]:
    """Photographs by cameras of any pose, each with all of its digits."""
    generator = torch.Generator().manual_seed(seed)
    rotations = roma.unitquat_to_rotmat(
        torch.nn.functional.normalize(torch.randn(count, 4, generator=generator, dtype=torch.float64), dim=1)
    )
    poses = torch.eye(4, dtype=torch.float64).repeat(count, 1, 1)
    poses[:, :3, :3] = rotations
    poses[:, :3, 3] = 10 * torch.randn(count, 3, generator=generator, dtype=torch.float64)
    optics = {"width": 640, "height": 480, "focal": [1e3 / 3, 1e3 / 3.1], "principal": [319.9, 1e3 / 4.3]}
    (folder / "rgb").mkdir(exist_ok=True)
    Image.new("L", (640, 480)).save(stored := io.BytesIO(), "PNG")
    picture = stored.getvalue()
    found = []
    for index, pose in enumerate(poses.tolist()):
        name = folder / "rgb" / f"{index:06d}.png"
        name.write_bytes(picture)
        bent = {} if lens is None else {"lens": lens}
        found.append(Photograph(name, camera={**optics, **bent, "camera_from_world": pose}))
    return found


def write(name: str, photographs: Sequence[Photograph], folder: Path) -> dict[Path, bytes]:
    contents = FORMATS[name].encode(photographs, folder / FILES[name])
    for path, content in contents.items():
        path.write_bytes(content)
    return contents


@pytest.mark.parametrize("name", FILES)
def test_written_read_and_written_again(name: str, tmp_path: Path) -> None:
    photographs = drawn(tmp_path, 12)
    first = write(name, photographs, tmp_path)
    read = read_photographs(tmp_path / FILES[name])
    assert [each.picture.resolve() for each in read if each.picture] == [each.picture for each in photographs]
    second = write(name, read, tmp_path)
    assert second == first
    again = read_photographs(tmp_path / FILES[name])
    assert [(each.camera, each.picture) for each in again] == [(each.camera, each.picture) for each in read]
    for one, other in zip(photographs, read, strict=True):
        pose, known = (torch.tensor(each.camera["camera_from_world"], dtype=torch.float64) for each in (other, one))
        torch.testing.assert_close(pose, known, atol=1e-14, rtol=1e-14)
        assert other.camera["focal"] == one.camera["focal"]


@pytest.mark.parametrize("name", FILES)
def test_files_are_recognized_by_what_is_in_them(name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert format_named(None, tmp_path / FILES[name]) is FORMATS[name]
    write(name, drawn(tmp_path, 2), tmp_path)
    read_photographs(tmp_path / FILES[name])
    told = {"transforms": "OpenGL's axes", "bop": "object 1, millimetres"}
    lines = [line for line in caplog.messages if told.get(name, "OpenCV's axes") in line]
    assert [line.endswith(", 2 pictures") for line in lines] == ([] if name == "native" else [True])


@pytest.mark.parametrize(("name", "lens"), [(name, lens) for name in FILES for lens in LENSES[name]])
def test_lenses_are_kept(name: str, lens: dict[str, Any], tmp_path: Path) -> None:
    write(name, drawn(tmp_path, 2, lens=lens), tmp_path)
    assert [each.camera["lens"] for each in read_photographs(tmp_path / FILES[name])] == [lens, lens]


@pytest.mark.parametrize("name", ["transforms", "colmap", "colmap_binary"])
def test_panoramas_are_whole_spheres(name: str, tmp_path: Path) -> None:
    (photograph,) = drawn(tmp_path, 1)
    whole = {
        **photograph.camera,
        "focal": [640 / (2 * math.pi), 480 / math.pi],
        "principal": [320, 240],
        "lens": {"model": "equirectangular", "coefficients": []},
    }
    first = write(name, [Photograph(photograph.picture, camera=whole)], tmp_path)
    (read,) = read_photographs(tmp_path / FILES[name])
    assert {key: read.camera[key] for key in ("focal", "principal", "lens")} == {
        key: whole[key] for key in ("focal", "principal", "lens")
    }
    assert write(name, [read], tmp_path) == first
    with pytest.raises(UserError, match="a part of an equirectangular picture"):
        FORMATS[name].encode([Photograph(camera={**whole, "focal": [90.0, 90.0]})], tmp_path / FILES[name])


@pytest.mark.parametrize(
    ("name", "lens"),
    [
        ("transforms", {"model": "division", "coefficients": [0.1]}),
        ("transforms", {"model": "brown_conrady", "coefficients": [0, 0, 0, 0, 0, 1, 0, 0]}),
        ("colmap", {"model": "division", "coefficients": [0.1, 0.2]}),
        ("opencv", {"model": "division", "coefficients": [0.1]}),
        ("bop", BROWN),
    ],
)
def test_a_lens_that_a_format_has_not_is_refused_by_name(name: str, lens: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(UserError, match=rf"{lens['model']}.*"):
        FORMATS[name].encode(drawn(tmp_path, 1, lens=lens), tmp_path / FILES[name])


@pytest.mark.parametrize(("source", "target"), [*pairwise([*FILES, next(iter(FILES))])])
def test_from_each_format_to_the_next(source: str, target: str, tmp_path: Path) -> None:
    known = drawn(tmp_path, 2, seed=3)
    write(source, known, tmp_path)
    write(target, read_photographs(tmp_path / FILES[source]), tmp_path)
    for one, other in zip(known, read_photographs(tmp_path / FILES[target]), strict=True):
        keys = {"width": 640, "height": 480, **other.camera}
        found, wanted = (
            build_camera(CameraConfig(**{**keys, "up": [0.0, 1.0, 0.0]}), torch.zeros(3)) for keys in (keys, one.camera)
        )
        torch.testing.assert_close(found.intrinsics, wanted.intrinsics, atol=1e-4, rtol=1e-6)
        torch.testing.assert_close(found.camera_from_world, wanted.camera_from_world, atol=1e-5, rtol=1e-6)


@pytest.mark.parametrize("name", SEVERAL)
def test_pictures_of_several_cameras(name: str, tmp_path: Path) -> None:
    one, other = drawn(tmp_path, 2)
    longer = Photograph(other.picture, camera={**other.camera, "focal": [500.0, 500.0]})
    first = write(name, [one, longer], tmp_path)
    read = read_photographs(tmp_path / FILES[name])
    assert [each.camera["focal"] for each in read] == [one.camera["focal"], [500.0, 500.0]]
    assert write(name, read, tmp_path) == first


@pytest.mark.parametrize("name", ["opencv", "opencv_xml"])
def test_several_cameras_are_no_calibration(name: str, tmp_path: Path) -> None:
    one, other = drawn(tmp_path, 2)
    longer = Photograph(other.picture, camera={**other.camera, "focal": [500.0, 500.0]})
    with pytest.raises(UserError, match="has one camera, and these are several"):
        FORMATS[name].encode([one, longer], tmp_path / FILES[name])


@pytest.mark.parametrize("name", ["opencv", "opencv_xml", "colmap", "colmap_binary", "native", "bop"])
def test_a_calibration_alone(name: str, tmp_path: Path) -> None:
    camera = {"width": 640, "height": 480, "focal": [600.5, 601.25], "principal": [320.25, 239.75]}
    first = write(name, [Photograph(camera=camera, where="here")], tmp_path)
    (read,) = read_photographs(tmp_path / FILES[name])
    assert "camera_from_world" not in read.camera
    assert write(name, [read], tmp_path) == first


def test_angles_of_view_and_orbits_are_written_as_pixels_and_poses(tmp_path: Path) -> None:
    camera = {"width": 100, "height": 80, "fov": 60, "azimuth": 90, "distance": 3, "look_at": [0, 0, 0]}
    write("colmap", [Photograph(tmp_path / "a.png", camera=camera)], tmp_path)
    (read,) = read_photographs(tmp_path / "cameras.txt")
    assert read.camera["focal"][0] == pytest.approx(40 * 3**0.5)
    pose = torch.tensor(read.camera["camera_from_world"], dtype=torch.float64)
    torch.testing.assert_close(-pose[:3, :3].T @ pose[:3, 3], torch.tensor([3.0, 0, 0]).double(), atol=1e-12, rtol=0)


def test_units_of_depth_and_masks_are_kept(tmp_path: Path) -> None:
    (photograph,) = drawn(tmp_path, 1)
    for name in ("mask_visib/000000_000000.png", "depth/000000.png"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).touch()
    write("bop", [Photograph(photograph.picture, camera=photograph.camera, depth_unit=0.1)], tmp_path)
    (read,) = read_photographs(tmp_path)
    assert (read.depth_unit, read.mask) == (0.1, tmp_path / "mask_visib/000000_000000.png")
    write("native", [read], tmp_path)
    (again,) = read_photographs(tmp_path / "views.json")
    assert (again.depth_unit, again.mask, again.depth) == (0.1, read.mask, read.depth)
    assert again.camera == read.camera


def test_pictures_are_found_where_projects_have_them(tmp_path: Path) -> None:
    model = tmp_path / "sparse" / "0"
    model.mkdir(parents=True)
    (tmp_path / "images").mkdir()
    photographs = [
        Photograph(tmp_path / "images" / f"{name}.png", camera=each.camera)
        for name, each in zip("ab", drawn(tmp_path, 2), strict=True)
    ]
    for each in photographs:
        assert each.picture is not None
        Image.new("RGB", (64, 48)).save(each.picture)
    contents = FORMATS["colmap"].encode(photographs, model / "cameras.txt")
    assert b" 1 a.png\n" in contents[model / "images.txt"]
    for path, content in contents.items():
        path.write_bytes(content)
    for place in (model / "images.txt", model, tmp_path):
        assert [each.picture.resolve() for each in read_photographs(place) if each.picture] == [
            each.picture for each in photographs
        ]
