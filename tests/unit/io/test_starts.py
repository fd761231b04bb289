"""Meshes that no file has: grids of heights from files, and what is refused; and lights of single views."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import imageio.v3 as iio
import numpy as np
import pytest
import torch

from invrender.errors import UserError
from invrender.geometry.grids import find_grid
from invrender.io.folder import Folder
from invrender.io.schema import LightConfig, ObjectConfig
from invrender.io.starts import make_start
from invrender.io.views import read_own_lights
from invrender.scene import DirectionalLight

BOX = [[0, 0, 10], [4, 2, 20]]


def made(folder: Path, **keys: Any) -> Any:
    return make_start(ObjectConfig(mesh="grid", **keys), Folder(folder), "ground").mesh


def test_heights_come_from_arrays_and_pictures_as_they_are_or_into_a_box(tmp_path: Path) -> None:
    heights = np.arange(12.0).reshape(3, 4)
    np.save(tmp_path / "land.npy", heights)
    iio.imwrite(tmp_path / "land.png", heights.astype(np.uint16))
    for name in ("land.npy", "land.png"):
        mesh = made(tmp_path, heights=name)
        grid = find_grid(mesh)
        assert grid.heights(mesh).tolist() == heights.tolist()
        assert float(grid.x[-1] - grid.x[0]) == 2.0
        inside = made(tmp_path, heights=name, box=BOX)
        assert inside.vertices.amin(dim=0).tolist() == BOX[0]
        assert inside.vertices.amax(dim=0).tolist() == BOX[1]
    coarse = made(tmp_path, heights="land.npy", grid=[3, 2])
    assert find_grid(coarse).heights(coarse)[0].tolist() == [0.5, 2.5]
    flat = made(tmp_path, grid=[2, 5], box=BOX)
    assert flat.vertices[:, 2].tolist() == [15.0] * 10


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({}, r"ground\.grid is missing, expected how many heights there are"),
        ({"grid": [1, 9]}, r"ground\.grid is \[1, 9\], expected 2 or more each"),
        ({"grid": [3]}, r"ground\.grid is \[3\], expected \[rows, columns\]"),
        ({"grid": [3, 3], "box": [[0, 0, 0], [0, 1, 1]]}, "expected a lower and an upper corner"),
        ({"heights": "nowhere.npy"}, "no such file"),
        ({"heights": "colors.png"}, "has 3 channels, expected one: heights alone"),
        ({"heights": "holes.npy"}, "numbers that are not finite"),
    ],
)
def test_what_makes_no_grid_is_refused(keys: dict[str, Any], message: str, tmp_path: Path) -> None:
    iio.imwrite(tmp_path / "colors.png", np.zeros((4, 4, 3), np.uint8))
    np.save(tmp_path / "holes.npy", np.array([[0.0, np.nan], [1.0, 2.0]]))
    with pytest.raises(UserError, match=message):
        made(tmp_path, **keys)


def test_a_sphere_has_no_heights(tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=r"ground\.heights has no effect on mesh=sphere; set it to null, or .*mesh=grid"
    ):
        make_start(ObjectConfig(mesh="sphere", heights="land.npy"), Folder(tmp_path), "ground")


def lamps(folder: Path, lights: Any) -> dict[str, dict[str, Any]]:
    iio.imwrite(folder / "a.png", np.zeros((4, 4, 3), np.uint8))
    views = [{"picture": "a.png", "light": lights}, {"picture": "a.png"}]
    (folder / "views.json").write_text(json.dumps({"views": views}))
    sun = LightConfig(kind="directional", direction=[0, 0, 1], intensity=0.5)
    return read_own_lights(folder / "views.json", {"sun": sun}, folder)


def test_a_view_says_what_is_other_light_in_it(tmp_path: Path) -> None:
    own = lamps(tmp_path, {"sun": {"direction": [2, 0, 0]}})
    assert list(own) == ["a"]
    sun = own["a"]["sun"]
    assert isinstance(sun, DirectionalLight)
    torch.testing.assert_close(sun.direction, torch.tensor([1.0, 0.0, 0.0]))
    assert float(sun.intensity) == 0.5


@pytest.mark.parametrize(
    ("lights", "message"),
    [
        ({"moon": {"intensity": 1}}, "the scene has no such light, only sun"),
        ({"sun": {"brightness": 1}}, "a light has no key 'brightness'"),
        ({"sun": {"direction": [0, 0, 0]}}, "expected a vector that is not zero"),
        ([1, 2], "expected lights by name"),
        ({"sun": 3}, "expected lights by name"),
    ],
)
def test_other_lights_are_refused(lights: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=message):
        lamps(tmp_path, lights)
