from __future__ import annotations

import math
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch

from invrender.errors import UserError
from invrender.geometry.cameras import project
from invrender.io.cameras.keys import build_camera, camera_keys, fit_to_picture, without_effect
from invrender.io.schema import CameraConfig

ORIGIN = torch.zeros(3)


@pytest.mark.parametrize(
    ("azimuth", "elevation", "position"),
    [(0, 0, [0, 0, 2]), (90, 0, [2, 0, 0]), (180, 0, [0, 0, -2]), (0, 90, [0, 2, 0]), (0, -90, [0, -2, 0])],
)
def test_orbit(azimuth: float, elevation: float, position: list[float]) -> None:
    camera = build_camera(CameraConfig(azimuth=azimuth, elevation=elevation, distance=2), ORIGIN)
    torch.testing.assert_close(camera.position, torch.tensor(position, dtype=torch.float32), atol=1e-6, rtol=0)
    pixels, depth = project(camera, ORIGIN[None])
    torch.testing.assert_close(pixels[0], torch.tensor([128.0, 128.0]), atol=1e-4, rtol=0)
    assert float(depth) == pytest.approx(2)


@pytest.mark.parametrize("azimuth", [0, 50, 200])
@pytest.mark.parametrize("pole", [90, -90])
def test_the_orbit_is_continuous_at_the_poles(azimuth: float, pole: float) -> None:
    there = build_camera(CameraConfig(azimuth=azimuth, elevation=pole), ORIGIN).camera_from_world
    near = build_camera(CameraConfig(azimuth=azimuth, elevation=pole * 0.9999), ORIGIN).camera_from_world
    torch.testing.assert_close(there, near, atol=1e-3, rtol=0)


def test_up_is_up_in_the_picture() -> None:
    camera = build_camera(CameraConfig(azimuth=30, elevation=20), ORIGIN)
    pixels, _ = project(camera, torch.tensor([[0.0, 0.5, 0.0], [0.0, 0.0, 0.0]]))
    assert pixels[0, 1] < pixels[1, 1]


def test_fov_is_across_the_shorter_side() -> None:
    for width, height in [(200, 100), (100, 200)]:
        camera = build_camera(CameraConfig(width=width, height=height, fov=90, distance=1), ORIGIN)
        assert camera.intrinsics[0, 0] == camera.intrinsics[1, 1] == pytest.approx(50)


def test_extent_is_across_the_shorter_side() -> None:
    config = CameraConfig(projection="orthographic", width=200, height=100, extent=4)
    camera = build_camera(config, ORIGIN)
    pixels, _ = project(camera, torch.tensor([[0.0, 2.0, 0.0], [4.0, 0.0, 0.0]]))
    torch.testing.assert_close(pixels, torch.tensor([[100.0, 0.0], [200.0, 50.0]]), atol=1e-4, rtol=0)


def test_calibrations_with_integer_centres_are_shifted() -> None:
    config = CameraConfig(focal=[500, 510], principal=[319.5, 239.5], pixel_centers="integer", width=640, height=480)
    matrix = build_camera(config, ORIGIN).intrinsics
    assert matrix.tolist() == [[500, 0, 320], [0, 510, 240], [0, 0, 1]]
    assert build_camera(replace(config, pixel_centers="half"), ORIGIN).intrinsics[0, 2] == 319.5


def test_the_middle_of_the_objects_is_looked_at_by_default() -> None:
    camera = build_camera(CameraConfig(), torch.tensor([1.0, 2.0, 3.0]))
    assert camera.look_at.tolist() == [1, 2, 3]
    assert camera.position.tolist() == pytest.approx([1, 2, 7])


def test_a_matrix_counts_before_a_position_before_an_orbit() -> None:
    matrix = [[1.0, 0, 0, 0], [0, -1, 0, 0], [0, 0, -1, 5], [0, 0, 0, 1]]
    config = CameraConfig(camera_from_world=matrix, position=[9.0, 0, 0], azimuth=10)
    assert build_camera(config, ORIGIN).position.tolist() == [0, 0, 5]
    assert build_camera(replace(config, camera_from_world=None), ORIGIN).position.tolist() == pytest.approx([9, 0, 0])
    assert "camera_from_world is given too" in str(without_effect(config, ["position"]))
    assert "camera_from_world is given too" in str(without_effect(config, ["azimuth"]))
    assert without_effect(config, ["look_at", "width", "camera_from_world"]) is None
    assert "position is given too" in str(without_effect(replace(config, camera_from_world=None), ["elevation"]))
    assert "focal is given too" in str(without_effect(CameraConfig(focal=5), ["fov"]))
    assert without_effect(CameraConfig(), ["fov", "azimuth"]) is None


@pytest.mark.parametrize("projection", ["perspective", "orthographic"])
def test_keys_give_the_camera_back_to_the_last_bit(projection: str) -> None:
    config = CameraConfig(projection=projection, azimuth=33.3, elevation=-12.1, fov=37, width=99, height=70, near=0.3)
    camera = build_camera(config, torch.tensor([0.1, 0.2, 0.3]))
    again = build_camera(CameraConfig(**{**asdict(CameraConfig()), **camera_keys(camera)}), ORIGIN)
    for name in ("intrinsics", "camera_from_world", "look_at", "up"):
        assert torch.equal(getattr(again, name), getattr(camera, name)), name
    assert (again.width, again.height, again.near, again.far) == (99, 70, 0.3, 100.0)
    assert again.projection == projection


def test_a_camera_takes_the_size_of_a_picture_unless_it_is_calibrated() -> None:
    path = Path("photo.png")
    assert fit_to_picture(CameraConfig(), 640, 480, path).height == 480
    with pytest.raises(UserError, match=r"photo\.png is 640x480 pixels, but camera is calibrated for 256x256"):
        fit_to_picture(CameraConfig(focal=300), 640, 480, path)


def test_position_looks_at_the_point() -> None:
    camera = build_camera(CameraConfig(position=[3.0, 4.0, 0.0], look_at=[0.0, 4.0, 0.0]), ORIGIN)
    assert float(camera.distance) == pytest.approx(3)
    assert camera.camera_from_world[2, :3].tolist() == pytest.approx([-1, 0, 0])
    assert math.isclose(float(torch.linalg.det(camera.camera_from_world)), 1, abs_tol=1e-6)


@pytest.mark.parametrize(("pixel_centers", "principal"), [("half", [20.0, 12.0]), ("integer", [19.75, 11.75])])
def test_a_calibrated_camera_follows_a_picture_of_its_shape(pixel_centers: str, principal: list[float]) -> None:
    config = CameraConfig(width=80, height=48, focal=60.0, principal=[40.0, 24.0], pixel_centers=pixel_centers)
    half = fit_to_picture(config, 40, 24, Path("photo.png"))
    assert (half.focal, half.principal, half.width, half.height) == ([30.0, 30.0], principal, 40, 24)
    whole, small = (build_camera(each, ORIGIN) for each in (config, half))
    torch.testing.assert_close(small.intrinsics, whole.resized(40, 24).intrinsics)
