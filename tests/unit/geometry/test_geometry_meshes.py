from __future__ import annotations

from dataclasses import replace

import shapes
import torch

from invrender.geometry.cameras import rigid
from invrender.geometry.meshes import bounds, group_normals, world_vertices


def test_flat_normals_of_a_box_point_outwards_along_the_axes() -> None:
    box = shapes.box()
    normals = group_normals(box.vertices, box)[box.normal_faces]
    centres = box.vertices[box.faces].mean(dim=1)
    axes = centres.abs().argmax(dim=1)
    expected = torch.zeros(12, 3).double()
    expected[torch.arange(12), axes] = centres[torch.arange(12), axes].sign()
    torch.testing.assert_close(normals, expected[:, None].expand(-1, 3, -1))


def test_smooth_normals_of_a_tube_are_radial_and_know_no_seam() -> None:
    tube = shapes.tube(around=24)
    normals = group_normals(tube.vertices, tube)[tube.normal_faces]
    radial = tube.vertices[tube.faces] * shapes.doubles([1.0, 0.0, 1.0])
    assert (normals - radial).abs().max() < 0.1  # the two triangles of a side pull unevenly
    first_angle = (tube.faces % 24 == 0) & (tube.faces < 24)
    assert first_angle.sum() == 3
    shared = normals[first_angle]
    torch.testing.assert_close(shared, shared[:1].expand_as(shared))


def test_normals_weigh_faces_by_area() -> None:
    # A vertical face three times as large as the horizontal one, both with the same edge.
    vertices = shapes.doubles([[0, 0, 0], [0, 0, 1], [1, 0, 0], [0, 3, 0]])
    shape = shapes.mesh(vertices, torch.tensor([[0, 1, 2], [0, 3, 1]]))
    at_edge = group_normals(vertices, shape)[shape.normal_faces][0, 0]
    torch.testing.assert_close(at_edge, torch.nn.functional.normalize(shapes.doubles([3.0, 1.0, 0.0]), dim=0))


def test_a_face_without_area_has_no_normal_and_no_nan() -> None:
    vertices = shapes.doubles([[0, 0, 0], [1, 1, 1], [2, 2, 2]]).requires_grad_()
    normals = group_normals(vertices, shapes.mesh(vertices, torch.tensor([[0, 1, 2]])))
    assert (normals == 0).all()
    assert torch.autograd.grad(normals.sum(), vertices)[0].isfinite().all()


def test_normals_have_the_gradient_of_their_values() -> None:
    tube = shapes.tube(around=4)
    vertices = tube.vertices.clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda moved: group_normals(moved, tube), (vertices,))


def test_objects_are_placed_in_the_world() -> None:
    placed = replace(
        shapes.thing(shapes.box(0.5)),
        world_from_object=rigid(torch.eye(3).double(), shapes.doubles([1.0, 2.0, 3.0])),
    )
    torch.testing.assert_close(world_vertices(placed).mean(dim=0), shapes.doubles([1.0, 2.0, 3.0]))
    low, high = bounds({"placed": placed, "centred": shapes.thing(shapes.box(1.0))})
    torch.testing.assert_close(low, shapes.doubles([-1.0, -1.0, -1.0]))
    torch.testing.assert_close(high, shapes.doubles([1.5, 2.5, 3.5]))
