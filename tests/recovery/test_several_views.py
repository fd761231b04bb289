"""Several photographs from rough starts, by a camera of unknown focal length: rendered, and real ones of a chessboard.

Small siblings are in ``tests/unit/fitting/test_fitting_views.py``. The real photographs are not part of the project;
see ``test_real_board.py``.
"""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import roma
import torch
import yaml

import invrender
from invrender.cli import run
from invrender.geometry.cameras import transform
from invrender.geometry.poses import project_to_rotation, rotation_angle, turn_about
from invrender.io.pictures import write_picture
from invrender.scene import Camera
from invrender.targets import render_target

BOARD = Path(os.environ.get("INVRENDER_REAL_BOARD", Path(__file__).parents[3] / "shared" / "real_board"))
COUNT, SIZE = 12, 192

pytestmark = [pytest.mark.slow, pytest.mark.long]


def fitted(folder: Path, *arguments: str) -> dict[str, Any]:
    """The content of result.json of a fit."""
    run(["fit", *arguments, "record=none", "record.files=true", f"hydra.run.dir={folder}"])
    content: dict[str, Any] = json.loads((folder / "result.json").read_text())
    return content


def displaced(camera: Camera, degrees: float, share: float, random: torch.Generator) -> list[list[float]]:
    """A pose that is turned and shifted so far, in some direction."""
    axis, shift = (torch.nn.functional.normalize(torch.randn(2, 3, generator=random), dim=1)[0] for _ in range(2))
    pivot = transform(camera.camera_from_world, camera.look_at)
    moved = turn_about(camera.camera_from_world, pivot, math.radians(degrees) * axis, share * camera.distance * shift)
    moved = moved.double()
    moved[:3, :3] = project_to_rotation(moved[:3, :3])
    return [[float(each) for each in row] for row in moved]


@pytest.mark.parametrize("seed", [1, 2])
def test_twelve_photographs_with_all_poses_ten_degrees_off(seed: int, tmp_path: Path) -> None:
    """And 10%, and a focal length that is 10% too long: all within 0.1° and 0.2%, the focal length within 0.1%."""
    random = torch.Generator().manual_seed(seed)
    cameras, views = {}, []
    for number in range(COUNT):
        sides = (f"camera.azimuth={360 * number / COUNT}", f"camera.elevation={(10, 25, 40)[number % 3]}")
        scene = invrender.load_scene("vase", *sides, f"camera.width={SIZE}", f"camera.height={SIZE}")
        name = f"p{number:02d}"
        write_picture(tmp_path / f"{name}.png", render_target(scene, noise=0.01, seed=number).views[0].rgb)
        cameras[name] = scene.camera
        views.append({"picture": f"{name}.png", "camera_from_world": displaced(scene.camera, 10, 0.1, random)})
    focal = float(cameras["p00"].intrinsics[0, 0])
    shared = {"focal": [1.1 * focal] * 2, "principal": [SIZE / 2] * 2, "width": SIZE, "height": SIZE}
    (tmp_path / "cameras.json").write_text(json.dumps({**shared, "look_at": [0, 0, 0], "views": views}))
    recover = "recover=[camera_poses,camera_focal]"
    result = fitted(tmp_path / "fit", "scene=vase", f"target={tmp_path / 'cameras.json'}", recover)
    found = {name: each["value"] for name, each in result["parameters"].items()}
    assert found["camera_focal"]["focal_px"][0] == pytest.approx(focal, rel=1e-3)
    for name, camera in cameras.items():
        value = found[f"camera_poses.{name}"]
        turn = roma.rotvec_to_rotmat(torch.deg2rad(torch.tensor(value["rotation_deg"], dtype=torch.float64)))
        assert rotation_angle(turn, camera.camera_from_world[:3, :3]) < 0.1, name
        shift = (torch.tensor(value["position"]) - camera.position).norm() / camera.distance
        assert float(shift) < 0.002, name
    assert {each["status"] for each in result["verdict"]["unknowns"].values()} == {"converged"}


@pytest.mark.skipif(not (BOARD / "board.json").exists(), reason="the photographs are not here")
@pytest.mark.parametrize("scale", [0.9, 1.1])
def test_the_focal_length_of_real_photographs_is_that_of_the_calibration(scale: float, tmp_path: Path) -> None:
    """Within 0.5%, from poses that are 15° and 10% off and a focal length that is 10% off; and the verdicts say so."""
    board = json.loads((BOARD / "board.json").read_text())
    inner, (height, width) = board["intrinsics"], board["size"]
    texture = {"mesh": "board.obj", "texture": "board.png", "albedo": [0.9, 0.9, 0.9]}
    lamp = {"kind": "point", "intensity": 300.0, "position": [0, 0, -22], "falloff": "inverse_square"}
    scene = {
        "scene": {"folder": str(BOARD), "background": [0.1, 0.1, 0.1], "objects": {"board": texture}},
        "camera": {
            "width": width,
            "height": height,
            "focal": [scale * inner["fx"], scale * inner["fy"]],
            "principal": [inner["cx"], inner["cy"]],
            "look_at": [3.5, 5.0, 0.0],
        },
        "light": {"key": lamp, "ambient": {"kind": "ambient", "intensity": 0.15}},
    }
    (tmp_path / "board.yaml").write_text("# @package _global_\n" + yaml.safe_dump(scene))
    views = []
    for photo, each in board["photos"].items():
        start = np.array(each["starts"]["15deg_10pct"][0])
        start[:3, :3] = project_to_rotation(torch.from_numpy(start[:3, :3])).numpy()
        views.append({"picture": str(BOARD / photo), "camera_from_world": start.tolist()})
    (tmp_path / "cameras.json").write_text(json.dumps({"views": views}))
    files = (f"scene={tmp_path / 'board.yaml'}", f"target={tmp_path / 'cameras.json'}", "target.color_space=linear")
    result = fitted(tmp_path / "fit", "experiment=photos_uncalibrated", *files)
    focal = result["parameters"]["camera_intrinsics"]["value"]["focal_px"]
    assert focal == pytest.approx([inner["fx"], inner["fy"]], rel=5e-3)
    verdicts = result["verdict"]["unknowns"]
    assert result["verdict"]["status"] == verdicts["camera_intrinsics"]["status"] == "converged"
    assert {each["status"] for name, each in verdicts.items() if name.startswith("camera_poses.")} == {"converged"}
