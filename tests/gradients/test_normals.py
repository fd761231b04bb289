"""Normals that a mesh has of its own: their values in the world and their gradients in the pose."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from invrender.geometry.meshes import group_normals, world_normals, world_vertices
from invrender.scene import Mesh, Object, phong


def given(seed: int = 0) -> Object:
    """A mesh in float64 with normals of its own, in a pose that turns, moves, scales and shears."""
    generator = torch.Generator().manual_seed(seed)

    def random(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=generator, dtype=torch.float64) - 0.5

    faces = torch.tensor([[0, 1, 2], [2, 1, 3], [3, 4, 0]])
    pose = torch.eye(4, dtype=torch.float64)
    pose[:3] += random(3, 4)
    material = phong(torch.ones(3).double(), torch.zeros(3).double(), torch.tensor(1.0).double())
    return Object(Mesh(random(5, 3), faces, faces, normals=random(5, 3)), material, pose)


def test_normals_turn_as_the_faces_do() -> None:
    thing = given()
    flat = torch.arange(9).reshape(3, 3)
    computed = replace(thing.mesh, normal_faces=flat, normals=None)
    own = replace(computed, normals=3 * group_normals(thing.mesh.vertices, computed))
    for pose in (thing.world_from_object, thing.world_from_object @ torch.diag(torch.tensor([-1.0, 2, 1, 1]).double())):
        one, other = (Object(mesh, thing.material, pose) for mesh in (computed, own))
        torch.testing.assert_close(
            world_normals(world_vertices(other), other), world_normals(world_vertices(one), one), atol=1e-12, rtol=0
        )


def test_normals_have_the_gradient_of_the_pose() -> None:
    thing = given()

    def normals(pose: Tensor) -> Tensor:
        placed = replace(thing, world_from_object=pose)
        return world_normals(world_vertices(placed), placed)

    pose = thing.world_from_object.clone().requires_grad_()
    assert torch.autograd.gradcheck(normals, (pose,))
    assert torch.autograd.gradcheck(normals, (pose,), check_forward_ad=True, check_backward_ad=False)
