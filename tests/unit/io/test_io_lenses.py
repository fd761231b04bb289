"""Lenses in configs: what is read, written and refused."""

from __future__ import annotations

import logging
import math
from dataclasses import asdict
from typing import Any

import pytest
import torch

from invrender.errors import UserError
from invrender.io.cameras.keys import build_camera, camera_keys, without_effect
from invrender.io.schema import CameraConfig, LensConfig
from invrender.io.views import merged_camera
from invrender.scene import Camera

ORIGIN = torch.zeros(3)


def built(lens: Any, **keys: Any) -> Camera:
    return build_camera(CameraConfig(lens=lens, **keys), ORIGIN)


def test_keys_of_a_lens_come_back() -> None:
    camera = built({"model": "brown_conrady", "coefficients": [-0.1, 0.02, 0.001, -0.002, 0.003]}, fov=37)
    again = build_camera(CameraConfig(**{**asdict(CameraConfig()), **camera_keys(camera)}), ORIGIN)
    assert again.lens is not None
    assert camera.lens is not None
    assert again.lens.model == "brown_conrady"
    assert torch.equal(again.lens.coefficients, camera.lens.coefficients)
    assert built(LensConfig("division", [0.1])).lens is not None
    assert "lens" not in camera_keys(built(None))


@pytest.mark.parametrize(
    ("lens", "message"),
    [
        (
            {"model": "fisheye", "coefficients": []},
            "camera.lens.model is 'fisheye', expected one of brown_conrady, div",
        ),
        ({"model": "brown_conrady", "coefficients": [0.1]}, r"coefficients is \[0.1\], expected 4 or 5 or 8 numbers"),
        ({"model": "division"}, r"coefficients is \[\], expected one or more numbers for the model division"),
        ({"model": "equirectangular", "coefficients": [1.0]}, "expected 0 numbers for the model equirectangular"),
        ({"model": "division", "coefficients": [math.nan]}, "expected finite numbers"),
        ({"model": "division", "coefficients": ["a"]}, "'a' of type 'str' could not be converted"),
        ({"model": "division", "k1": 1}, "camera.lens has no key 'k1', expected model and coefficients"),
        ({"coefficients": [0.1]}, r"expected \{model: …, coefficients: \[…\]\}"),
        (3, r"camera.lens is 3, expected \{model"),
        (
            {"model": "brown_conrady", "coefficients": [-3, 0, 0, 0]},
            "fold the image over .* within the picture of 256x256",
        ),
        ({"model": "division", "coefficients": [9]}, "fold the image over"),
    ],
)
def test_what_is_no_lens_is_refused(lens: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        built(lens)


def test_parallel_rays_have_no_lens() -> None:
    with pytest.raises(UserError, match=r"a camera of projection orthographic has parallel ones; set camera\.lens"):
        built({"model": "division", "coefficients": [0.1]}, projection="orthographic")


def test_where_a_field_ends_in_the_picture_is_said(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="invrender.notes"):
        built({"model": "kannala_brandt", "coefficients": [-0.3, 0, 0, 0]}, focal=100.0)
        assert "nothing is drawn beyond the lens's field, which ends 70 pixels" in caplog.text
        caplog.clear()
        built({"model": "kannala_brandt", "coefficients": [0.0] * 4}, fov=200)
        built({"model": "equirectangular"})
        assert not caplog.records


def test_focal_lengths_follow_from_angles_as_lenses_have_them() -> None:
    size = {"width": 200, "height": 100}
    fisheye = built({"model": "kannala_brandt", "coefficients": [0.0] * 4}, fov=180, **size)
    assert float(fisheye.intrinsics[0, 0]) == pytest.approx(100 / math.pi)
    panorama = built({"model": "equirectangular"}, **size)
    assert panorama.intrinsics.diagonal()[:2].tolist() == pytest.approx([100 / math.pi] * 2)
    with pytest.raises(UserError, match="fov is 400, expected degrees between 0 and 360"):
        built({"model": "kannala_brandt", "coefficients": [0.0] * 4}, fov=400)
    ineffective = without_effect(CameraConfig(lens={"model": "equirectangular"}), {"fov"})
    assert ineffective is not None
    assert "the whole sphere" in ineffective


def test_a_view_may_have_a_lens_of_its_own() -> None:
    common = CameraConfig(lens={"model": "division", "coefficients": [0.1]})
    assert merged_camera(common, {"azimuth": 3.0}, "here").lens == common.lens
    own = merged_camera(common, {"lens": {"model": "equirectangular"}}, "here")
    assert own.lens == {"model": "equirectangular"}
