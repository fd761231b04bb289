"""The visual hull: a surface between corners that is closed and where it should be, and what masks leave of a box."""

from __future__ import annotations

import numpy as np
import pytest
import shapes
import torch
import trimesh

from invrender.errors import UserError
from invrender.geometry.hull import carve, march
from invrender.render.base import Shot
from invrender.render.hard import HardRenderer


def test_a_ball_is_closed_and_where_it_is() -> None:
    axes = np.linspace(-1.3, 1.3, 27)
    x, y, z = np.meshgrid(axes, axes, axes, indexing="ij")
    points, faces = march(1 - np.sqrt(x**2 + y**2 + z**2))
    found = trimesh.Trimesh(-1.3 + 0.1 * points, faces, process=False)
    assert found.is_watertight
    assert found.is_winding_consistent
    assert found.volume == pytest.approx(4 / 3 * np.pi, rel=0.02)
    assert np.abs(np.linalg.norm(found.vertices, axis=1) - 1).max() < 0.02


def test_any_values_have_a_closed_surface() -> None:
    values = np.random.default_rng(0).normal(size=(9, 8, 7))
    values[[0, -1]] = values[:, [0, -1]] = values[:, :, [0, -1]] = -1
    points, faces = march(values)
    found = trimesh.Trimesh(points, faces, process=False)
    assert found.is_watertight
    assert found.is_winding_consistent
    # Each corner's part of space is a polyhedron about it: as many as are above 0, about one cube each.
    assert found.volume == pytest.approx((values > 0).sum(), rel=0.4)


def test_masks_from_three_sides_leave_a_box_and_those_that_end_at_the_border_go_on() -> None:
    ground = shapes.scene(shapes.thing(shapes.box()))
    sides = [(4.0, 0.0, 0.0), (0.0, 4.0, 0.01), (0.0, 0.0, 4.0)]
    cameras = [shapes.camera(64, 64, 24.0, place, (0.0, 0.0, 0.0), projection="orthographic") for place in sides]
    masks = [HardRenderer(samples=4).render([Shot(ground, each)], frozenset(("alpha",)))[0].alpha for each in cameras]
    vertices, faces = carve(cameras, masks, torch.zeros(3), 1.0, 40)
    found = trimesh.Trimesh(vertices.numpy(), faces.numpy(), process=False)
    (true,) = (obj.mesh.vertices for obj in ground.objects.values())
    assert found.is_watertight
    assert found.bounds == pytest.approx(np.stack([true.amin(dim=0), true.amax(dim=0)]), abs=0.08)
    # Half a picture tells half: the other half of the box stays, as far as the others let it.
    halves = [cameras[0].framed((0.0, 0.0, 0.5, 1.0), 32, 64), *cameras[1:]]
    again, _ = carve(halves, [masks[0][:, :32], *masks[1:]], torch.zeros(3), 1.0, 40)
    assert again.amin(dim=0).numpy() == pytest.approx(vertices.amin(dim=0).numpy(), abs=0.05)
    with pytest.raises(UserError, match="nothing lies within all masks"):
        carve(cameras, [torch.zeros_like(each) for each in masks], torch.zeros(3), 1.0, 40)
