from __future__ import annotations

import math

import pytest
import shapes
import torch

from invrender.geometry.cameras import look_at, project, rigid, transform
from invrender.scene import Camera


@pytest.mark.parametrize("up", [[0.0, 1.0, 0.0], [0.3, -0.2, 1.0], [0.0, 5.0, 0.0]])
def test_look_at_centres_its_target_and_keeps_up_upwards(up: list[float]) -> None:
    position, target = shapes.doubles([1.0, 2.0, 3.0]), shapes.doubles([-0.5, 0.4, 0.2])
    camera_from_world = look_at(position, target, shapes.doubles(up))
    rotation = camera_from_world[:3, :3]
    torch.testing.assert_close(rotation @ rotation.T, torch.eye(3).double())
    assert float(torch.linalg.det(rotation)) == pytest.approx(1)
    torch.testing.assert_close(transform(camera_from_world, position), torch.zeros(3).double())
    distance = float((target - position).norm())
    torch.testing.assert_close(transform(camera_from_world, target), shapes.doubles([0.0, 0.0, distance]))
    across, down, _ = (rotation @ shapes.doubles(up)).tolist()
    assert across == pytest.approx(0, abs=1e-12) and down < 0


@pytest.mark.parametrize("target", [[0.0, 1.0, 0.0], [0.0, -4.0, 0.0], [1e-9, 2.0, 0.0]])
def test_look_at_along_up_is_still_rigid(target: list[float]) -> None:
    seen = shapes.doubles(target).requires_grad_()
    camera_from_world = look_at(torch.zeros(3).double(), seen, shapes.doubles([0.0, 1.0, 0.0]))
    rotation = camera_from_world[:3, :3]
    torch.testing.assert_close(rotation @ rotation.T, torch.eye(3).double())
    assert float(torch.linalg.det(rotation.detach())) == pytest.approx(1)
    assert torch.autograd.grad(rotation.sum(), seen)[0].isfinite().all()


def test_look_at_has_the_gradient_of_its_values() -> None:
    position, target, up = (
        shapes.doubles(values).requires_grad_() for values in ([1.0, 2.0, 3.0], [0.2, 0.1, 0.0], [0.1, 1.0, 0.2])
    )
    assert torch.autograd.gradcheck(look_at, (position, target, up))


def test_axes_follow_opencv() -> None:
    view = shapes.camera(width=40, height=20, focal=10.0)
    pixels, depth = project(view, shapes.doubles([[0.0, 0.0, -2.0], [1.0, 0.0, -2.0], [0.0, 1.0, -2.0]]))
    torch.testing.assert_close(pixels, shapes.doubles([[20.0, 10.0], [25.0, 10.0], [20.0, 5.0]]))
    torch.testing.assert_close(depth, shapes.doubles([2.0, 2.0, 2.0]))


def test_an_orthographic_camera_ignores_depth() -> None:
    view = shapes.camera(width=40, height=20, focal=4.0, projection="orthographic")
    pixels, depth = project(view, shapes.doubles([[1.0, 1.0, -2.0], [1.0, 1.0, 3.0]]))
    torch.testing.assert_close(pixels, shapes.doubles([[24.0, 6.0], [24.0, 6.0]]))
    torch.testing.assert_close(depth, shapes.doubles([2.0, -3.0]))


def test_position_and_distance_undo_look_at() -> None:
    view = shapes.camera(position=(1.0, -2.0, 0.5), target=(1.0, 1.0, 4.5))
    torch.testing.assert_close(view.position, shapes.doubles([1.0, -2.0, 0.5]))
    assert float(view.distance) == pytest.approx(5)


def test_a_resized_camera_sees_the_same_directions() -> None:
    view = shapes.camera(width=30, height=20, focal=25.0)
    larger = view.resized(60, 80)
    assert (larger.width, larger.height) == (60, 80)
    points = shapes.doubles([[0.3, -0.2, -2.0], [-1.0, 0.4, -5.0]])
    torch.testing.assert_close(project(larger, points)[0], project(view, points)[0] * shapes.doubles([2.0, 4.0]))


def test_the_field_of_view_spans_the_picture() -> None:
    half = math.radians(35)
    view: Camera = shapes.camera(width=64, height=32, focal=32 / math.tan(half))
    edges = shapes.doubles([[-math.tan(half), 0.0, -1.0], [math.tan(half), 0.0, -1.0]])
    torch.testing.assert_close(project(view, edges)[0], shapes.doubles([[0.0, 16.0], [64.0, 16.0]]))


def test_rigid_moves_points_by_rotation_then_translation() -> None:
    quarter = shapes.doubles([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    moved = transform(rigid(quarter, shapes.doubles([10.0, 0.0, 0.0])), shapes.doubles([[1.0, 2.0, 3.0]]))
    torch.testing.assert_close(moved, shapes.doubles([[8.0, 1.0, 3.0]]))
