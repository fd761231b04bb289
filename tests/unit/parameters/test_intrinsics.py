"""The unknown intrinsics with all their switches on, and what is known of them beforehand."""

from __future__ import annotations

from dataclasses import replace

import pytest
import tiny
import torch

from invrender.errors import UserError
from invrender.losses import KnownIntrinsics
from invrender.parameters import CameraIntrinsics
from invrender.scene import Lens, Scene, Target, Truth

ALL_ON = CameraIntrinsics(aspect=True, distortion=True)


def scene() -> Scene:
    bare = tiny.scene()
    lens = Lens(torch.tensor([-0.2, 0.05, 0.01, -0.02, 0.03], dtype=torch.float64), "brown_conrady")
    return bare.with_camera(replace(bare.camera, lens=lens))


def raw(seed: int, size: float = 0.1) -> torch.Tensor:
    start = ALL_ON.initial(scene())
    return size * torch.randn(start.shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_changes_compose() -> None:
    first, second = raw(0), raw(1)
    once = ALL_ON.apply(scene(), ALL_ON.retract(scene(), first, second)).camera
    twice = ALL_ON.apply(ALL_ON.apply(scene(), first), second).camera
    torch.testing.assert_close(once.intrinsics, twice.intrinsics)
    assert once.lens is not None
    assert twice.lens is not None
    torch.testing.assert_close(once.lens.coefficients, twice.lens.coefficients)


def test_each_part_is_what_it_is_called() -> None:
    start, moved = scene().camera, ALL_ON.apply(scene(), torch.arange(1, 10).double() / 100).camera
    scale = (moved.intrinsics / start.intrinsics).diagonal()[:2]
    torch.testing.assert_close(scale, torch.tensor([0.01, 0.03]).double().exp())
    shift = (moved.intrinsics - start.intrinsics)[:2, 2]
    torch.testing.assert_close(shift, torch.tensor([0.03, 0.04]).double() * start.intrinsics[0, 0])
    assert moved.lens is not None
    assert start.lens is not None
    assert (moved.lens.coefficients - start.lens.coefficients).tolist() == pytest.approx([0.05, 0.06, 0.07, 0.08, 0.09])


def test_values_and_errors_are_of_what_is_on() -> None:
    moved = ALL_ON.apply(scene(), raw(0, 0.01))
    assert list(ALL_ON.value(moved)) == ["focal_px", "principal_px", "coefficients"]
    shifted = CameraIntrinsics(focal=False).apply(scene(), torch.tensor([0.01, 0.0]).double())
    errors = CameraIntrinsics(focal=False).error(shifted, Truth(scene(), {}, {}))
    expected = 0.01 * float(scene().camera.intrinsics[0, 0])
    assert errors == {"displacement_px": pytest.approx(expected), "principal_px": pytest.approx(expected)}


def test_what_can_not_be_recovered_is_refused() -> None:
    with pytest.raises(UserError, match=r"the camera has no lens to start with; give camera\.lens"):
        ALL_ON.check(tiny.scene(), Target(()))
    panorama = Lens(torch.zeros(0), "equirectangular")
    with pytest.raises(UserError, match="the equirectangular lens has no coefficients"):
        ALL_ON.check(scene().with_camera(replace(scene().camera, lens=panorama)), Target(()))
    with pytest.raises(UserError, match="all false"):
        CameraIntrinsics(focal=False, principal=False)


def test_a_prior_counts_standard_deviations() -> None:
    prior = KnownIntrinsics(focal=0.1, aspect=0.2, principal=0.05, distortion=0.5)
    moved = ALL_ON.apply(scene(), torch.tensor([0.1, 0.4, 0.05, 0.1, 0.5, 0.0, -1.0, 0.0, 0.0]).double())
    found = prior.residuals(moved, scene())
    assert found.values.tolist() == pytest.approx([1, 2, 1, 2, 1, 0, -2, 0, 0])
    assert found.pixel.tolist() == [-1] * 9
    assert float(prior(moved, scene())) == pytest.approx(15)
    assert torch.autograd.gradcheck(lambda each: prior(ALL_ON.apply(scene(), each), scene()), raw(3).requires_grad_())
