"""Camera files on the command line: read for targets and for the camera, and converted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from invrender.cli import run

POSE = [[1, 0, 0, 0], [0, -1, 0, 0], [0, 0, -1, 4], [0, 0, 0, 1]]
CAMERAS = "1 PINHOLE 24 16 30 30 12 8\n"
IMAGES = "1 0 1 0 0 0 0 4 1 a.png\n\n2 0 0 1 0 0 0 4 1 b.png\n\n"
LINE = "cameras.txt: COLMAP, camera_from_world, OpenCV's axes, the unit of the reconstruction, 2 pictures\n"
YAML = (
    "%YAML:1.0\n---\nimage_width: 48\nimage_height: 32\ncamera_matrix: !!opencv-matrix\n   rows: 3\n   cols: 3\n"
    "   dt: d\n   data: [60., 0., 23.5, 0., 60., 15.5, 0., 0., 1.]\n"
)


@pytest.fixture
def colmap(workspace: Path) -> Path:
    """A reconstruction of two pictures."""
    folder = workspace / "sparse"
    folder.mkdir()
    (folder / "cameras.txt").write_text(CAMERAS)
    (folder / "images.txt").write_text(IMAGES)
    for name in ("a.png", "b.png"):
        Image.fromarray(np.full((16, 24, 3), 90, np.uint8)).save(folder / name)
    return folder


def test_a_camera_of_several_is_chosen_by_its_picture(invrender: Any, colmap: Path) -> None:
    refused = invrender("render", "scene=box", "camera=sparse").err
    assert "which has 2 cameras: a.png, b.png; choose one with camera.picture=a.png" in refused
    shown = invrender("render", "scene=box", "camera=sparse/images.txt", "camera.picture=b.png", "--cfg", "job")
    assert shown.err == f"invrender render: note: sparse/{LINE}"
    assert "  width: 24\n  height: 16\n" in shown.out
    assert "  focal:\n  - 30.0\n  - 30.0\n" in shown.out
    assert "  camera_from_world:\n  - - -1.0\n    - 0.0\n" in shown.out
    wrong = invrender("render", "scene=box", "camera=sparse", "camera.picture=c.png").err
    assert "camera.picture is 'c.png': sparse has none of that name; known are a.png, b.png" in wrong
    assert invrender("render", "scene=box", "camera=sparse", "camera.picture=b", "output=b.png").status == 0
    swept = invrender("render", "scene=box", "-m", "camera=sparse,cfg").err
    assert "a sweep can't go over camera files" in swept


def test_a_calibration_follows_the_pictures_size(invrender: Any, workspace: Path) -> None:
    (workspace / "calibration.yaml").write_text(YAML)
    Image.fromarray(np.full((16, 24, 3), 90, np.uint8)).save("photo.png")
    given = ("scene=box", "target=photo.png", "camera=calibration.yaml", "recover=light_intensity")
    ran = invrender("fit", *given, "renderer.samples=1", "--dry-run", "hydra.run.dir=run")
    assert ran.status == 0
    assert "calibration.yaml: OpenCV, OpenCV's axes, no pose, pixel centres at whole numbers, 1 camera" in ran.err
    # What is typed counts before the file, and a file without a size asks for it.
    shown = invrender("render", "scene=box", "camera=calibration.yaml", "camera.width=99", "--cfg", "job").out
    assert "  width: 99\n  height: 32\n" in shown
    (workspace / "calibration.yaml").write_text(YAML.replace("image_", "picture_"))
    refused = invrender("render", "scene=box", "camera=calibration.yaml").err
    assert "nothing says how large the picture is that was calibrated; give camera.width and camera.height" in refused


@pytest.mark.parametrize(
    ("camera", "message"),
    [
        ({"look_at": "${oc.env:HOME}"}, "camera.look_at is '${oc.env:HOME}', expected 3 numbers"),
        ({"projection": "${oc.env:HOME}"}, "camera.projection is '${oc.env:HOME}', expected one of"),
        (
            {"focal": {"a b": "${scenes:x}"}, "width": 9, "height": 9},
            "focal is {'a b': '${scenes:x}'}, expected no keys",
        ),
        ({"width=3 ++allow_targets": ["os."]}, "a camera has no key 'width=3 ++allow_targets'"),
        ({"lens": {"model": "division", "a,b=c": [0.1]}}, "lens has no key 'a,b=c', expected model and coefficients"),
        ({"_target_": "os.getcwd"}, "a camera has no key '_target_'"),
    ],
)
def test_a_camera_plays_no_tricks(camera: Any, message: str, invrender: Any, workspace: Path) -> None:
    (workspace / "camera.json").write_text(json.dumps({"views": [camera]}))
    refused = invrender("render", "scene=box", "camera=camera.json")
    assert refused.status == 2
    assert message in refused.error
    assert str(Path.home()) not in refused.error


def test_a_target_of_other_programs_cameras(invrender: Any, colmap: Path) -> None:
    given = ("scene=box", "target=sparse", "recover=light_intensity", "renderer.samples=1")
    ran = invrender("fit", *given, "--dry-run", "hydra.run.dir=run")
    assert ran.status == 0
    assert ran.err.count(LINE) == 1


def test_convert(colmap: Path, workspace: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["convert", "sparse", "transforms.json"]) == 0
    assert capfd.readouterr() == ("transforms.json\n", f"invrender convert: note: sparse/{LINE}")
    frames = json.loads((workspace / "transforms.json").read_text())["frames"]
    assert [frame["file_path"] for frame in frames] == ["sparse/a.png", "sparse/b.png"]
    assert frames[0]["transform_matrix"] == [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 4], [0, 0, 0, 1]]
    before = (workspace / "transforms.json").read_bytes()
    assert run(["convert", "sparse", "transforms.json"]) == 2
    assert "transforms.json exists; give another name or overwrite=true" in capfd.readouterr().err
    assert (workspace / "transforms.json").read_bytes() == before
    assert run(["convert", "sparse", "transforms.json", "overwrite=true"]) == 0
    (workspace / "out").mkdir()
    assert run(["convert", "transforms.json", "out", "format=colmap_binary"]) == 0
    assert capfd.readouterr().out == "transforms.json\nout/cameras.bin\nout/images.bin\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "files is [], expected the file to read and the one to write: IN OUT"),
        (["sparse"], "files is ['sparse'], expected"),
        (["none.json", "a.json"], "files is none.json: no such camera file"),
        (["sparse", "a.csv"], "a.csv: its name is that of no format; give format=transforms"),
        (["sparse", "none/a.json"], "files: there is no folder none to write a.json to; make it first"),
        (["sparse", "a.json", "format=colmop"], "format is 'colmop', expected one of"),
        (["sparse", "a.json", "object=5"], "object is 5, which has no effect: neither sparse nor a.json is of BOP"),
    ],
)
def test_convert_refuses(colmap: Path, arguments: list[str], message: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["convert", *arguments]) == 2
    assert message in capfd.readouterr().err


def test_lights_that_are_typed_stay_where_they_are(invrender: Any, workspace: Path) -> None:
    (workspace / "tiny.obj").write_text("v 0 0 0\nv .01 0 0\nv 0 .01 0\nf 1 2 3\n")
    mesh = ("scene=mesh", "scene.objects.shape.mesh=tiny.obj", "camera.distance=0.05")
    size = ("camera.width=8", "camera.height=8")
    scaled = invrender("render", *mesh, *size, "hydra.run.dir=one").err
    assert "light.key is at [-0.01, 0.015, 0.02]: lights scale with the objects" in scaled
    assert "camera.near and far follow from the scene's size: 0.00156 and 1.56" in scaled
    assert "light.key" not in invrender("render", *mesh, *size, "light.key.position=[1,1,1]", "hydra.run.dir=two").err
