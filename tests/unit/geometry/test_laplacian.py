"""The smoothing of vertices: its sparse factor is the dense inverse, and its length that of the surface."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import shapes
import torch
from torch import Tensor

from invrender.geometry.laplacian import roughen, smooth, weld
from invrender.geometry.spheres import icosphere
from invrender.scene import Mesh

ONE = torch.ones(3).double()


def sphere(subdivisions: int, radius: float = 1.0) -> Mesh:
    return icosphere(subdivisions, -radius * ONE, radius * ONE)


def slow_inverse(mesh: Mesh, length: float) -> Tensor:
    """(I + λ L)⁻¹, from the edges one by one."""
    places = [tuple(vertex.tolist()) for vertex in mesh.vertices]
    order = sorted(set(places))
    matrix = torch.eye(len(order)).double()
    lam = length**2 * len(order) / math.sqrt(3)
    joined = set()
    for face in mesh.faces.tolist():
        for a, b in ((0, 1), (1, 2), (2, 0)):
            joined.add(frozenset((order.index(places[face[a]]), order.index(places[face[b]]))))
    for one, other in map(tuple, joined):
        matrix[one, one] += lam
        matrix[other, other] += lam
        matrix[one, other] -= lam
        matrix[other, one] -= lam
    return matrix.inverse()


@pytest.mark.parametrize("mesh", [shapes.box(), shapes.tube(5), shapes.subdivided(shapes.box(), 1), sphere(1)])
def test_it_is_the_dense_inverse_also_over_seams(mesh: Mesh) -> None:
    count = weld(mesh).count
    assert count == len({tuple(each.tolist()) for each in mesh.vertices})
    values = torch.randn(count, 3, generator=torch.Generator().manual_seed(0)).double()
    expected = slow_inverse(mesh, 0.4) @ values
    torch.testing.assert_close(smooth(mesh, values, 0.4), expected, rtol=0, atol=1e-12)
    torch.testing.assert_close(roughen(mesh, expected, 0.4), values, rtol=0, atol=1e-11)


def test_it_is_differentiated_backwards_forwards_and_in_many_directions() -> None:
    mesh = sphere(0)
    values = torch.randn(12, 2).double().requires_grad_()
    for options in ({}, {"check_forward_ad": True, "check_backward_ad": False}):
        assert torch.autograd.gradcheck(lambda each: smooth(mesh, each, 0.3), (values,), **options)
    jacobian = torch.func.jacfwd(lambda each: smooth(mesh, each, 0.3))(values.detach())
    expected = torch.einsum("ij,kl->ikjl", slow_inverse(mesh, 0.3), torch.eye(2).double())
    torch.testing.assert_close(jacobian, expected, rtol=0, atol=1e-12)


def test_a_wave_falls_alike_at_every_resolution_and_scale() -> None:
    # On a sphere of radius r a coordinate is an eigenvector of the Laplacian, of -2 / r², and the area is 4 π r².
    length = 0.3
    expected = 1 / (1 + length**2 * 4 * math.pi * 2)
    for mesh in (sphere(2), sphere(3), sphere(4), sphere(3, radius=50.0)):
        places = weld(mesh).gather(mesh.vertices).double()
        gain = (smooth(mesh, places, length) * places).sum() / places.square().sum()
        assert float(gain) == pytest.approx(expected, rel=0.03)


def test_vertices_that_no_face_names_stay_and_constants_are_kept() -> None:
    mesh = sphere(1)
    lonely = replace(mesh, vertices=torch.cat([mesh.vertices, 9 * torch.ones(1, 3).double()]))
    values = torch.zeros(43, 1).double()
    values[42] = 1.0
    assert torch.equal(smooth(lonely, values, 0.5), values)
    torch.testing.assert_close(smooth(mesh, torch.ones(42, 1).double(), 0.5), torch.ones(42, 1).double())
