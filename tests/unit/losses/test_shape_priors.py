"""The priors on shapes: what they are of a sphere, at any scale and resolution, and their gradients."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import pytest
import shapes
import torch
from torch import Tensor

from invrender.errors import UserError
from invrender.geometry.laplacian import weld
from invrender.geometry.spheres import icosphere
from invrender.losses import BiLaplacian, EdgeLengths, Laplacian, NormalConsistency
from invrender.losses.base import Prior, is_sum_of_squares
from invrender.scene import Scene

PRIORS = {each.__name__: each for each in (Laplacian, BiLaplacian, NormalConsistency, EdgeLengths)}
ONE = torch.ones(3).double()


def sphere(subdivisions: int, radius: float = 1.0) -> Scene:
    return shapes.scene(shapes.thing(icosphere(subdivisions, -radius * ONE, radius * ONE)))


def moved(scene: Scene, change: Tensor | float) -> Scene:
    ((name, obj),) = scene.objects.items()
    return replace(scene, objects={name: replace(obj, mesh=replace(obj.mesh, vertices=obj.mesh.vertices + change))})


@pytest.mark.parametrize("scene", [sphere(3), sphere(4), sphere(3, radius=40.0)])
def test_of_a_sphere_they_are_known(scene: Scene) -> None:
    # The area is 4 π r², the diagonal of the box √12 r, and the Laplacian of a point on it twice its vector, over r².
    assert float(Laplacian()(scene, scene)) == pytest.approx(8 * math.pi / 12, rel=0.03)
    # Along the edges of the icosahedron the mesh is not even, which bends it, too: by the part along the surface.
    found = BiLaplacian().residuals(scene, scene)
    ((_, obj),) = scene.objects.items()
    normals = torch.nn.functional.normalize(weld(obj.mesh).gather(obj.mesh.vertices), dim=1)
    across = (found.values.reshape(-1, 3) * normals).sum(dim=1)
    assert float((found.weights[0] * across**2).sum()) == pytest.approx(16 * math.pi, rel=0.05)
    assert 16 * math.pi < float(found.sum_of_squares) < 3 * 16 * math.pi
    assert float(NormalConsistency()(scene, scene)) == pytest.approx(4 * math.pi / math.sqrt(3), rel=0.05)
    assert 0 < float(EdgeLengths()(scene, scene)) < 0.01


@pytest.mark.parametrize("name", PRIORS)
def test_the_gradient_is_the_finite_difference(name: str) -> None:
    start = moved(sphere(1), 0.1 * torch.randn(42, 3, generator=torch.Generator().manual_seed(0)).double())
    changes: list[Callable[[], Prior]] = [PRIORS[name]]
    if name.endswith("Laplacian"):
        changes.append(lambda: PRIORS[name](relative=True))
    for make in changes:
        prior = make()
        assert is_sum_of_squares(prior)
        change = 0.05 * torch.randn(42, 3, generator=torch.Generator().manual_seed(1)).double()
        assert torch.autograd.gradcheck(
            lambda each, prior=prior: prior(moved(start, each), start), (change.requires_grad_(),), fast_mode=True
        )


def test_what_is_relative_to_the_start_counts_what_has_changed() -> None:
    start = sphere(2)
    for prior in (Laplacian(relative=True), BiLaplacian(relative=True)):
        assert float(prior(start, start)) == 0
        assert float(prior(moved(start, 0.7), start)) < 1e-20
        assert float(prior(moved(start, 0.1 * torch.randn(162, 3).double()), start)) > 1e-3


def test_a_crease_over_a_seam_counts_and_lone_edges_do_not() -> None:
    box = shapes.scene(shapes.thing(shapes.subdivided(shapes.box(), 0)))
    assert float(NormalConsistency()(box, box)) == pytest.approx(12.0)
    flat = shapes.scene(shapes.thing(shapes.facing(1.0, 2.0, cells=2)))
    assert float(NormalConsistency()(flat, flat)) == 0


def test_it_is_about_the_objects_that_are_named() -> None:
    one, other = sphere(1).objects["object 0"], sphere(2).objects["object 0"]
    both = shapes.scene(one, other)
    parts = [float(NormalConsistency(objects=[name])(both, both)) for name in both.objects]
    assert float(NormalConsistency()(both, both)) == pytest.approx(sum(parts))
    with pytest.raises(UserError, match="objects is 'ball', expected one of object 0, object 1"):
        EdgeLengths(objects=["ball"]).check(both)
