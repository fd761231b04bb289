"""Targets with a known truth."""

from __future__ import annotations

import pytest
import tiny
import torch

from invrender.parameters import CameraPose
from invrender.targets import render_target


def test_edges_are_hard_and_supersampled() -> None:
    mask = render_target(tiny.scene(), samples=4).views[0].mask
    assert mask is not None
    sixteenths = mask * 16
    torch.testing.assert_close(sixteenths, sixteenths.round())
    assert ((mask > 0) & (mask < 1)).sum() > 10


def test_noise_is_gaussian_and_repeats_with_its_seed() -> None:
    clean, first, again, other = (
        render_target(tiny.scene(64), noise=noise, seed=seed).views[0].rgb
        for noise, seed in ((0.0, 0), (0.02, 1), (0.02, 1), (0.02, 2))
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert float((first - clean).std()) == pytest.approx(0.02, rel=0.05)
    assert abs(float((first - clean).mean())) < 0.001


def test_knows_which_colours_its_views_show() -> None:
    truth = tiny.scene()
    one = render_target(truth).truth
    behind = CameraPose().apply(truth, torch.tensor([0, 3.0, 0, 0, 0, 0]).double()).camera
    two = render_target(truth.with_camera(behind, "behind"), ["camera", "behind"]).truth
    assert one is not None
    assert two is not None
    seen, all_seen = one.seen_texels["textured"], two.seen_texels["textured"]
    assert 0 < seen.sum() < all_seen.sum() <= seen.numel()
    assert (all_seen | ~seen).all()
    assert list(one.seen_vertices) == ["painted"]

    # A texel that is not seen can change without a trace; a seen one can't.
    texture = truth.objects["textured"].material.texture
    assert texture is not None
    before = render_target(truth).views[0].rgb
    texture[~seen] = 0.99
    assert torch.equal(render_target(truth).views[0].rgb, before)
    row, column = seen.nonzero()[0]
    texture[row, column] = 0.99
    assert not torch.equal(render_target(truth).views[0].rgb, before)


def test_views_carry_their_cameras() -> None:
    truth = tiny.scene()
    assert render_target(truth).views[0].camera == "camera"
    named = truth.with_camera(truth.camera, "other")
    assert render_target(named, ["other"]).views[0].camera == "other"
