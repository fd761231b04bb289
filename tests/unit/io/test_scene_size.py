"""What follows from how large a scene is: the depths that cameras draw, and where lights are."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from invrender.errors import UserError
from invrender.io.cameras.depths import FAR, NEAR, depths_around
from invrender.io.scenes import build_scene
from invrender.io.schema import CameraConfig, LightConfig, ObjectConfig, SceneConfig, SceneFile
from invrender.render.base import render_scene
from invrender.render.hard import HardRenderer
from invrender.scene import Scene

CORNERS = [(x, y, z) for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]
FACES = ["1 2 4 3", "5 7 8 6", "1 5 6 2", "3 4 8 7", "1 3 7 5", "2 6 8 4"]


def scene_of(folder: Path, size: float, unit: float | None, falloff: str = "none", far: float | None = None) -> Scene:
    """A cube of two units' edges, times ``size`` and off the middle, seen from four times its half away."""
    lines = [f"v {' '.join(str(size * (each + 0.5)) for each in corner)}" for corner in CORNERS]
    (folder / "cube.obj").write_text("\n".join([*lines, *(f"f {face}" for face in FACES)]))
    light = LightConfig(
        kind="point", position=[-2.0, 3.0, 4.0], falloff=falloff, intensity=0.9 if falloff == "none" else 9
    )
    camera = CameraConfig(width=24, height=24, azimuth=30, elevation=20, distance=4 * size, far=far)
    objects = {"cube": ObjectConfig(mesh="cube.obj")}
    return build_scene(SceneFile(SceneConfig(light_unit=unit, objects=objects), camera, {"key": light}), folder)


@pytest.mark.parametrize("falloff", ["none", "inverse_square"])
def test_scenes_of_any_size_look_alike(falloff: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with torch.no_grad():
        usual = render_scene(HardRenderer(samples=1), scene_of(tmp_path, 1.0, None, falloff))
        assert float(usual.rgb.max()) > 0.2
        for size in (1e-3, 200.0):
            scene = scene_of(tmp_path, size, None, falloff)
            drawn = render_scene(HardRenderer(samples=1), scene)
            torch.testing.assert_close(drawn.rgb, usual.rgb, atol=2e-5, rtol=1e-4)
            assert 0.7 * NEAR * size < scene.camera.near < 1.42 * NEAR * size
            assert scene.camera.far == pytest.approx(FAR / NEAR * scene.camera.near)
    assert "camera.near and far follow from the scene's size: 25.6 and 2.56e+04" in caplog.text
    assert "light.key is at [-400, 600, 800]: lights scale with the objects" in caplog.text


def test_lights_of_other_scenes_are_where_they_are_said_to_be(tmp_path: Path) -> None:
    scene = scene_of(tmp_path, 200.0, 1.0)
    assert getattr(scene.lights["key"], "position").tolist() == [-2, 3, 4]  # noqa: B009
    with pytest.raises(UserError, match=r"scene\.light_unit is 0, expected a number above 0"):
        scene_of(tmp_path, 1.0, 0)


@pytest.mark.parametrize(
    ("middle", "radius"), [(4.0, 1.7), (0.5, 0.2), (1.2, 1.15), (0.0, 5.0), (-3.0, 1.0), (60.0, 40.0), (0.0, 0.0)]
)
def test_scenes_of_the_usual_size_have_the_usual_depths(middle: float, radius: float) -> None:
    assert depths_around(middle, radius) == (NEAR, FAR)


@pytest.mark.parametrize(("middle", "radius"), [(1e3, 10.0), (0.05, 0.02), (0.0, 0.3), (90.0, 20.0), (5.0, 200.0)])
def test_objects_lie_between_the_depths(middle: float, radius: float) -> None:
    near, far = depths_around(middle, radius)
    assert 0 < near < far
    assert far > middle + radius
    assert near < middle - radius or near <= 0.01 * max(middle, radius)


def test_depths_that_are_given_count(tmp_path: Path) -> None:
    assert scene_of(tmp_path, 200.0, 1.0, far=5000.0).camera.far == 5000
    with pytest.raises(UserError, match=r"camera\.far is 3.0, expected a number above camera\.near, which is 25.6"):
        scene_of(tmp_path, 200.0, 1.0, far=3.0)
