"""What seeds draw: starts as far off as they say, and truths from everywhere alike."""

from __future__ import annotations

import math
from typing import Any

import pytest
import roma
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf

from invrender.bench.draws import CameraViews, Numbers, ObjectPoses, RoughViews, Together, direction
from invrender.errors import UserError
from invrender.geometry.poses import rotation_angle

CONFIG = OmegaConf.create(
    {
        "scene": {"objects": {"cube": {"rotation": [0, 25, 0], "position": [0.1, 0.2, 0.3]}}},
        "camera": {"distance": 4.0, "look_at": [0.0, -0.1, 0.0]},
    }
)
KEY = "scene.objects.cube"
seeds = st.integers(0, 2**31)


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def apart(drawn: dict[str, Any]) -> float:
    """Degrees between start and truth."""
    vectors = (torch.tensor(drawn[f"{prefix}{KEY}.rotation"]).double().deg2rad() for prefix in ("", "target."))
    return rotation_angle(*(roma.rotvec_to_rotmat(vector) for vector in vectors))


@settings(deadline=None, max_examples=30)
@given(seeds, st.floats(0, 180), st.floats(0, 0.5), st.booleans())
def test_the_start_is_turned_and_shifted_as_far_as_it_says(
    seed: int, angle: float, shift: float, upright: bool
) -> None:
    drawn = ObjectPoses("cube", angle, shift, upright)(CONFIG, seeded(seed))
    assert apart(drawn) == pytest.approx(angle, abs=1e-3)
    assert drawn[f"target.{KEY}.position"] == [0.1, 0.2, 0.3]
    assert math.dist(drawn[f"{KEY}.position"], [0.1, 0.2, 0.3]) == pytest.approx(4.0 * shift, abs=1e-5)
    assert (drawn[f"target.{KEY}.rotation"] == pytest.approx([0, 25, 0], abs=1e-5)) == upright


def test_without_an_angle_starts_are_as_far_off_as_random_rotations_are() -> None:
    draw = ObjectPoses("cube")
    random = seeded(0)
    angles = [apart(draw(CONFIG, random)) for _ in range(2000)]
    # Of uniform rotations the angle has the density (1 - cos) / pi; its mean is 90° + 360° / pi², about 126.5°.
    assert sum(angles) / len(angles) == pytest.approx(126.5, abs=2)
    assert sum(angle < 90 for angle in angles) / len(angles) == pytest.approx(0.5 - 1 / math.pi, abs=0.03)


@pytest.mark.parametrize("within", [180.0, 75.0])
def test_directions_are_uniform(within: float) -> None:
    random = seeded(1)
    drawn = torch.stack([direction(random, within) for _ in range(4000)])
    torch.testing.assert_close(drawn.norm(dim=1), torch.ones(4000).double())
    low = math.cos(math.radians(within))
    heights = (drawn[:, 2].sort().values - low) / (1 - low)
    turns = torch.atan2(drawn[:, 1], drawn[:, 0]).sort().values / (2 * math.pi) + 0.5
    even = (torch.arange(4000) + 0.5).double() / 4000
    for found in (heights, turns):
        # Kolmogorov and Smirnov's distance exceeds 1.95 / sqrt(n) once in a thousand times.
        assert float((found - even).abs().max()) < 1.95 / math.sqrt(4000)


@settings(deadline=None, max_examples=30)
@given(seeds)
def test_cameras_are_where_they_may_be(seed: int) -> None:
    drawn = CameraViews(within=60, distance=(0.5, 0.9), look_at=0.1)(CONFIG, seeded(seed))
    for prefix in ("camera", "target.camera"):
        azimuth, elevation = (math.radians(drawn[f"{prefix}.{key}"]) for key in ("azimuth", "elevation"))
        assert math.cos(elevation) * math.cos(azimuth) >= math.cos(math.radians(60)) - 1e-6
        distance = drawn[f"{prefix}.distance"]
        assert 2.0 <= distance <= 3.6
        aside = [abs(a - b) for a, b in zip(drawn[f"{prefix}.look_at"], [0, -0.1, 0], strict=True)]
        assert max(aside) <= 0.1 * distance + 1e-6
    assert drawn["camera.azimuth"] != drawn["target.camera.azimuth"]


PHOTO = OmegaConf.create(
    {
        "camera": {"look_at": [0.5, 0.0, -0.2], "fov": 40.0, "width": 96, "height": 96},
        "target": {"camera": {"width": 640, "height": 480}},
    }
)


@settings(deadline=None, max_examples=30)
@given(seeds)
def test_rough_views_show_the_object_small_and_anywhere(seed: int) -> None:
    draw = RoughViews(diameter=0.8, elevation=(10, 60), roll=(-20, 20))
    drawn = draw(PHOTO, seeded(seed))
    start, true = (
        torch.tensor(drawn[f"{prefix}camera.camera_from_world"], dtype=torch.float64) for prefix in ("", "target.")
    )
    middle = torch.tensor([0.5, 0.0, -0.2, 1.0]).double()
    focal = 240 / math.tan(math.radians(20))
    places = [pose @ middle for pose in (true, start)]
    for place in places:
        x, y = (focal * place[:2] / place[2]).tolist()
        assert abs(x) < 320
        assert abs(y) < 240
    assert 0.1 - 1e-4 <= 0.8 * focal / float(places[0][2]) / 640 <= 0.25 + 1e-4
    assert 5 - 1e-3 <= rotation_angle(start[:3, :3], true[:3, :3]) <= 40 + 1e-3
    deeper = float(places[1][2] / places[0][2])
    assert 0.8 - 1e-3 <= deeper <= 1.2 + 1e-3
    across = places[1][:2] - deeper * places[0][:2]
    assert float(across.norm()) <= 0.5 * 0.8 + 1e-3
    upwards = true[:3, :3] @ torch.tensor([0.0, 1.0, 0.0]).double()
    # The camera looks down by the elevation, and its top is up but for the roll.
    assert 10 - 0.01 <= math.degrees(math.asin(-float(upwards[2]))) <= 60 + 0.01
    assert abs(math.degrees(math.atan2(float(upwards[0]), -float(upwards[1])))) <= 20 + 0.01


def test_numbers_are_drawn_between_limits_and_from_choices() -> None:
    numbers = Numbers(
        between={"light.key.intensity": [0.2, 2.0], "light.key.position": [[-1, 1], [2, 3], [4, 4]]},
        choices={"target.noise": [0.0, 0.01]},
    )
    random = seeded(0)
    drawn = [numbers(CONFIG, random) for _ in range(400)]
    intensities = [each["light.key.intensity"] for each in drawn]
    assert 0.2 <= min(intensities) < 0.25
    assert 1.95 < max(intensities) <= 2.0
    assert sum(intensities) / len(drawn) == pytest.approx(1.1, abs=0.1)
    for x, y, z in (each["light.key.position"] for each in drawn):
        assert -1 <= x <= 1
        assert 2 <= y <= 3
        assert z == 4
    assert sum(each["target.noise"] == 0.01 for each in drawn) == pytest.approx(200, abs=50)


def test_draws_together_have_the_last_word_in_turn() -> None:
    first, second = (Numbers(choices={"a": [each], name: [each]}) for each, name in ((1, "b"), (2, "c")))
    assert Together([first, second])(CONFIG, seeded(0)) == {"a": 2, "b": 1, "c": 2}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ObjectPoses("cube", angle=200), "draw.angle is 200"),
        (lambda: ObjectPoses("ball")(CONFIG, seeded(0)), "draw.object is 'ball', but the scene has cube"),
        (lambda: CameraViews(within=0), "draw.within is 0"),
        (lambda: RoughViews(diameter=0), "draw.diameter is 0"),
        (lambda: RoughViews(diameter=1, width=(0.3, 0.1)), "draw.width is "),
        (lambda: Numbers(between={"a.b": [2, 1]}), r"draw.between.a.b has \[2, 1\], expected \[lowest, highest\]"),
        (lambda: Numbers(choices={"a.b": []}), "draw.choices.a.b is empty"),
        (lambda: CameraViews(distance=(1.2, 0.8)), "draw.distance is"),
    ],
)
def test_refusals(make: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        make()
