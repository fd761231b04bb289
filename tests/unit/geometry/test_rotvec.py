"""Rotation vectors are those of RoMa, which takes as long to import as PyTorch: values and derivatives."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import roma
import torch
from torch import Tensor

from invrender.geometry import rotvec

# PyTorch compiles some formulas of its own when forward mode begins.
pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")


def vectors(*shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    """Rotation vectors of all lengths: none, tiny ones, some near π and some beyond."""
    random = torch.Generator().manual_seed(3)
    axes = torch.nn.functional.normalize(torch.randn(8, 3, generator=random, dtype=torch.float64), dim=1)
    angles = torch.tensor([0.0, 1e-9, 1e-4, 0.01, 0.5, 3.0, math.pi - 1e-6, 4.5]).double()
    return (angles[:, None] * axes).to(dtype).reshape(*shape, 3)


def matrices(*shape: int) -> Tensor:
    found: Tensor = roma.rotvec_to_rotmat(vectors(*shape))
    return found


PAIRS: dict[str, tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor], Callable[..., Tensor]]] = {
    "matrix": (rotvec.rotvec_to_rotmat, roma.rotvec_to_rotmat, vectors),
    "vector": (rotvec.rotmat_to_rotvec, roma.rotmat_to_rotvec, matrices),
    "composition": (
        lambda given: rotvec.compose_rotvecs(given, given.flip(0)),
        lambda given: roma.rotvec_composition((given, given.flip(0)), normalize=True),
        vectors,
    ),
    "distance": (
        lambda given: rotvec.rotation_distance(given, given.roll(1, 0)),
        lambda given: roma.rotmat_geodesic_distance(given, given.roll(1, 0)),
        matrices,
    ),
    "quaternion": (
        lambda given: rotvec.quaternion_to_rotmat(rotvec.rotvec_to_quaternion(given)),
        lambda given: roma.unitquat_to_rotmat(roma.rotvec_to_unitquat(given)),
        vectors,
    ),
}


@pytest.mark.parametrize("name", PAIRS)
def test_values_and_derivatives_are_those_of_roma(name: str) -> None:
    ours, theirs, make = PAIRS[name]
    for shape in ((8,), (2, 4)):
        assert torch.equal(ours(make(*shape)), theirs(make(*shape)))
    given = make(8)
    random = torch.Generator().manual_seed(4)
    direction = torch.randn(given.shape, generator=random, dtype=torch.float64)
    for both in zip(*(torch.func.jvp(each, (given,), (direction,)) for each in (ours, theirs)), strict=True):
        assert torch.equal(both[0].nan_to_num(), both[1].nan_to_num())
    cotangent = torch.randn(ours(given).shape, generator=random, dtype=torch.float64)
    pulled = [torch.func.vjp(each, given)[1](cotangent)[0].nan_to_num() for each in (ours, theirs)]
    torch.testing.assert_close(*pulled, rtol=1e-12, atol=1e-12)


def test_single_precision_and_single_vectors_are_those_of_roma() -> None:
    for vector in vectors(8, dtype=torch.float32):
        assert torch.equal(rotvec.rotvec_to_rotmat(vector), roma.rotvec_to_rotmat(vector))
        again = rotvec.rotmat_to_rotvec(rotvec.rotvec_to_rotmat(vector))
        assert torch.equal(again, roma.rotmat_to_rotvec(roma.rotvec_to_rotmat(vector)))


def test_what_is_drawn_is_what_roma_draws() -> None:
    ours, theirs = (torch.Generator().manual_seed(5) for _ in range(2))
    for _ in range(3):
        drawn = rotvec.random_rotation(ours)
        assert torch.equal(drawn, roma.random_rotmat(dtype=torch.float64, generator=theirs))


def test_the_derivative_of_a_matrix_is_that_of_finite_differences() -> None:
    for vector in vectors(8):
        if vector.norm() == 0 or vector.norm() > 1e-3:
            start = vector.clone().requires_grad_()
            assert torch.autograd.gradcheck(rotvec.rotvec_to_rotmat, start, eps=1e-7, atol=1e-6)
