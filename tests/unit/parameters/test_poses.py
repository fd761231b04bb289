"""Poses to look at, and poses that look alike, of the unknowns that have them."""

from __future__ import annotations

from dataclasses import replace

import pytest
import shapes
import tiny
import torch
from torch import Tensor

from invrender import parameters
from invrender.geometry.cameras import project
from invrender.geometry.meshes import world_vertices
from invrender.parameters import CameraPose, CameraPosition, ObjectPose
from invrender.parameters.base import Pose
from invrender.scene import Scene, Truth, view_of

POSES: list[Pose] = [CameraPose(), CameraPosition(), ObjectPose(object="painted")]


def displaced(pose: Pose, scene: Scene, size: float) -> Tensor:
    raw = pose.initial(scene)
    return size * torch.randn(raw.shape, generator=torch.Generator().manual_seed(0), dtype=raw.dtype)


def test_these_are_all_poses() -> None:
    found = [kind for name in parameters.__all__ if isinstance(kind := getattr(parameters, name), type)]
    assert {kind for kind in found if hasattr(kind, "sample_poses")} == {type(pose) for pose in POSES}
    assert all(isinstance(pose, Pose) for pose in POSES)


@pytest.mark.parametrize("pose", POSES)
def test_some_pose_of_everywhere_is_near_any(pose: Pose) -> None:
    scene = tiny.scene()
    truth = Truth(pose.apply(scene, displaced(pose, scene, 0.8)), {}, {})
    every = pose.sample_poses(scene, 600)
    errors = [pose.error(pose.apply(scene, raw), truth)["rotation_deg"] for raw in every]
    assert 560 <= len(every) <= 640
    assert min(errors) < 30 < 120 < max(errors)


@pytest.mark.parametrize("pose", [CameraPose(max_rotation=40), ObjectPose(object="painted", max_rotation=40)])
def test_everywhere_stays_within_the_range_of_rotations(pose: Pose) -> None:
    scene = tiny.scene()
    angles = [
        pose.error(pose.apply(scene, raw), Truth(scene, {}, {}))["rotation_deg"]
        for raw in pose.sample_poses(scene, 600)
    ]
    assert 30 < max(angles) <= 40.001


def test_everywhere_stays_within_the_range_of_shifts() -> None:
    scene = tiny.scene()
    every = CameraPosition(max_shift=0.7).sample_poses(scene, 600)
    assert len(every) > 5
    assert 0.6 < every.norm(dim=1).max() <= 0.7


@pytest.mark.parametrize("pose", [CameraPose(), CameraPosition(), ObjectPose()])
def test_slopes_of_pixels_are_differences(pose: Pose) -> None:
    scene = shapes.scene(shapes.thing(shapes.box(0.5)), view=shapes.camera(position=(2.0, 1.5, 3.0)))
    scene = pose.apply(scene, displaced(pose, scene, 0.1))
    view = view_of(torch.zeros(12, 16, 3).double())

    def corners(scene: Scene) -> tuple[Tensor, Tensor]:
        return project(view.frame(scene), world_vertices(next(iter(scene.objects.values()))))

    pixels, depths = corners(scene)
    zero = pose.initial(scene)
    found = pose.slopes(scene, view, pixels, depths)
    steps = 1e-5 * torch.eye(len(zero)).double()
    ends = [[corners(pose.apply(scene, sign * step))[0] for sign in (1, -1)] for step in steps]
    wanted = torch.stack([(after - before) / 2e-5 for after, before in ends], dim=-1)
    assert found.shape == (len(pixels), 2, len(zero))
    assert torch.allclose(found, wanted, atol=1e-6)


@pytest.mark.parametrize("pose", [CameraPose(), ObjectPose()])
def test_a_lookalike_of_a_cube_shows_the_cube_where_it_was(pose: Pose) -> None:
    seen = shapes.camera(position=(2.0, 1.5, 3.0), target=(0.0, 0.0, 0.0))
    scene = shapes.scene(shapes.thing(shapes.box(0.5)), view=seen)
    scene = pose.apply(scene, displaced(pose, scene, 0.1))

    def corners(scene: Scene) -> Tensor:
        (thing,) = scene.objects.values()
        return project(scene.camera, world_vertices(thing).unique(dim=0))[0]

    before = corners(scene)
    same = 0
    for change in pose.symmetries(scene):
        # The unknowns turn about the centre of the cube.
        after = corners(pose.apply(scene, change))
        same += float(torch.cdist(after, before).amin(dim=1).max()) < 1e-6
    assert same == 21


def test_from_the_other_sides_a_camera_sees_its_point_from_as_high_and_as_far() -> None:
    scene, pose = tiny.scene(), CameraPosition()
    scene = scene.with_camera(replace(scene.camera, up=torch.tensor([0.0, 2.0, 0.0]).double()))
    values = [pose.value(pose.apply(scene, change)) for change in pose.symmetries(scene)]
    before = pose.value(scene)
    assert [each["elevation_deg"] for each in values] == pytest.approx([before["elevation_deg"]] * 3)
    assert [each["distance"] for each in values] == pytest.approx([before["distance"]] * 3)
    turns = sorted((float(each["azimuth_deg"]) - float(before["azimuth_deg"])) % 360 for each in values)
    assert turns == pytest.approx([90, 180, 270])
