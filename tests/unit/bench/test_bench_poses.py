"""Errors of poses as the camera sees the objects."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import tiny
import torch

from invrender.bench.poses import pose_errors
from invrender.geometry.cameras import transform
from invrender.geometry.poses import turn_about
from invrender.scene import Object, Scene

TURN = torch.tensor([0.0, math.radians(10), 0.0]).double()


def moved_object(scene: Scene, shift: torch.Tensor) -> Scene:
    def move(obj: Object) -> Object:
        return replace(obj, world_from_object=turn_about(obj.world_from_object, shift.new_zeros(3), 0 * TURN, shift))

    return replace(scene, objects={name: move(obj) for name, obj in scene.objects.items()})


def test_a_turn_about_the_object_is_no_error_of_its_position() -> None:
    truth = tiny.one_object()
    camera = truth.camera
    middle = transform(camera.camera_from_world, torch.zeros(3).double())
    turned = replace(camera, camera_from_world=turn_about(camera.camera_from_world, middle, TURN, torch.zeros(3)))
    errors = pose_errors(truth.with_camera(turned), truth)
    assert errors["rotation_deg"] == pytest.approx(10, abs=1e-4)
    assert errors["position_relative"] == pytest.approx(0, abs=1e-6)


def test_object_and_camera_that_move_together_are_where_they_were() -> None:
    truth, shift = tiny.scene(), torch.tensor([0.2, 0.1, -0.3]).double()
    moved = moved_object(truth, shift)
    errors = pose_errors(moved, truth)
    distances = [float((truth.camera.position - obj.world_from_object[:3, 3]).norm()) for obj in truth.objects.values()]
    assert errors["position_relative"] == pytest.approx(float(shift.norm()) / min(distances), rel=1e-4)
    back = truth.camera.camera_from_world.clone()
    back[:3, 3] -= back[:3, :3] @ shift
    together = moved.with_camera(replace(truth.camera, camera_from_world=back))
    assert pose_errors(together, truth) == pytest.approx({"rotation_deg": 0, "position_relative": 0}, abs=1e-5)
