from __future__ import annotations

import math

import pytest
import shapes
import torch

from invrender.geometry.cameras import look_at, transform
from invrender.geometry.poses import rotation_angle, turn_about


def some_pose() -> torch.Tensor:
    return look_at(shapes.doubles([1.0, 2.0, 3.0]), torch.zeros(3).double(), shapes.doubles([0.0, 1.0, 0.0]))


def test_turning_leaves_the_pivot_where_it_is() -> None:
    pivot = shapes.doubles([0.3, -0.1, 2.0])
    pose = turn_about(torch.eye(4).double(), pivot, shapes.doubles([0.4, -0.9, 0.2]), torch.zeros(3).double())
    torch.testing.assert_close(transform(pose, pivot), pivot)
    assert rotation_angle(pose[:3, :3], torch.eye(3).double()) == pytest.approx(math.degrees(math.sqrt(1.01)))


def test_the_shift_is_in_the_targets_frame() -> None:
    shift = shapes.doubles([1.0, 2.0, 3.0])
    pose = turn_about(some_pose(), torch.zeros(3).double(), torch.zeros(3).double(), shift)
    torch.testing.assert_close(pose[:3, 3] - some_pose()[:3, 3], shift)


def test_turning_has_a_gradient_at_rest() -> None:
    rotation, shift = torch.zeros(3).double().requires_grad_(), torch.zeros(3).double().requires_grad_()
    pivot = shapes.doubles([0.1, 0.2, 0.3])
    assert torch.autograd.gradcheck(lambda turn, move: turn_about(some_pose(), pivot, turn, move), (rotation, shift))


@pytest.mark.parametrize("degrees", [0.0, 1e-3, 30.0, 179.9])
def test_rotation_angle_is_in_degrees(degrees: float) -> None:
    turn = shapes.doubles([0.0, math.radians(degrees), 0.0])
    pose = turn_about(some_pose(), torch.zeros(3).double(), turn, torch.zeros(3).double())
    assert rotation_angle(pose[:3, :3], some_pose()[:3, :3]) == pytest.approx(degrees, abs=1e-5)
