"""What is measured of gradients, and along what."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import tiny
import torch

from invrender.errors import UserError
from invrender.gradients.colors import color_bar, signed_colors
from invrender.gradients.directions import (
    POSE,
    Directions,
    farthest_movement,
    screen_points,
    shifted,
    sub_pixel_offsets,
)
from invrender.gradients.estimators import Estimator, difference_images
from invrender.gradients.measure import Agreement, compare
from invrender.parameters import CameraPose, LightIntensity, ObjectPose, Texture
from invrender.render.approximate.renderer import ApproximateRenderer
from invrender.render.edge import EdgeRenderer
from invrender.render.hard import HardRenderer
from invrender.render.soft import SoftRenderer
from invrender.scene import Picture


class Constant(HardRenderer):
    """A renderer of pictures without a gradient."""

    def render(self, *arguments: Any) -> list[Picture]:
        with torch.no_grad():
            return super().render(*arguments)


def test_agreement_tells_bias_from_variance() -> None:
    truth = torch.tensor([1.0, -2.0]).double().expand(4, 3, 2)
    assert Agreement.of(truth, truth) == Agreement(0.0, 0.0, pytest.approx(1.0))
    assert Agreement.of(3 * truth, truth) == Agreement(pytest.approx(2.0), pytest.approx(0.0), pytest.approx(1.0))
    sign = torch.tensor([1.0, -1.0, 1.0, -1.0])[:, None, None]
    found = Agreement.of(truth * (1 + 0.5 * sign), truth)
    assert (found.bias, found.variance) == (pytest.approx(0.0), pytest.approx(0.25))
    assert found.deviation == pytest.approx(0.5)
    # Directions count alike, whatever their units: half of them are wrong by all that they are.
    assert Agreement.of(truth * torch.tensor([1.0, 0.0]), truth).bias == pytest.approx(math.sqrt(0.5))
    assert Agreement.of(-truth, truth).cosine == pytest.approx(-1.0)
    assert math.isnan(Agreement.of(truth[:1], truth[:1]).variance)


def test_a_unit_of_a_pose_moves_the_farthest_vertex_by_a_pixel() -> None:
    scene = tiny.one_object(24)
    found = Directions.of(CameraPose(), scene)
    assert found.names == list(POSE) and found.moving
    for raw in found.raw:
        assert float(farthest_movement(found.parameter, scene, raw)) == pytest.approx(1.0, rel=0.02)
    moved = found.scene_at(scene, torch.eye(6).double()[4])
    assert not torch.equal(moved.camera.camera_from_world, scene.camera.camera_from_world)


def test_what_does_not_move_is_measured_in_learning_rates() -> None:
    scene = tiny.one_object(24)
    light = Directions.of(LightIntensity(lr=0.3), scene)
    assert light.names == ["number 0", "number 1", "number 2"] and not light.moving
    torch.testing.assert_close(light.raw, 0.3 * torch.eye(3).double())
    texture = Directions.of(Texture(), scene)
    assert texture.names == ["random direction"] and not texture.moving
    chosen = Directions.of(ObjectPose(object="textured"), scene, [5, 0])
    assert chosen.names == ["shift z", "rotation x"] and len(chosen.raw) == 2
    with pytest.raises(UserError, match="numbers has 6, and the unknown has 6: expected 0 to 5"):
        Directions.of(CameraPose(), scene, [6])


def test_shifts_move_the_picture_by_parts_of_a_pixel() -> None:
    scene = tiny.one_object(16)
    moved = screen_points(shifted(scene, (0.25, 0.75)))[0] - screen_points(scene)[0]
    torch.testing.assert_close(moved, torch.tensor([0.25, 0.75]).double().expand_as(moved))
    offsets = sub_pixel_offsets(16)
    assert offsets[0] == (0.0, 0.0)
    assert all(0 <= each < 1 for pair in offsets for each in pair)
    # One in each quarter of the pixel, and again.
    assert {(int(2 * x), int(2 * y)) for x, y in offsets} == {(0, 0), (0, 1), (1, 0), (1, 1)}


def test_derivative_images_agree_with_differences_of_a_smooth_picture() -> None:
    scene = tiny.one_object(12)
    directions = Directions.of(CameraPose(), scene, [1, 3])
    estimator = Estimator("soft", SoftRenderer(sigma=1e-2, gamma=1e-2, mipmaps=False))
    images = estimator.images(scene, directions)
    assert images.shape == (2, 12, 12)
    differences = difference_images(estimator.draw, scene, directions, 1e-5)
    torch.testing.assert_close(images, differences, rtol=1e-4, atol=1e-7)


def test_images_of_a_loss_dependent_estimator_are_halves_of_what_two_losses_hear() -> None:
    scene = tiny.one_object(12)
    directions = Directions.of(CameraPose(), scene, [3])
    renderer = ApproximateRenderer("nmr")
    images = Estimator("nmr", renderer).images(scene, directions)
    asked = torch.full((1, 12, 12, 3), 1 / 3).double()
    brighter, darker = (Estimator("nmr", renderer).gradients(scene, directions, sign * asked)[0] for sign in (1, -1))
    torch.testing.assert_close(images.sum(), ((brighter - darker) / 2).squeeze())


def test_estimators_are_held_against_finite_differences() -> None:
    scene = tiny.scene(24)
    directions = Directions.of(CameraPose(), scene)
    estimators = [Estimator(rule, ApproximateRenderer(rule), samples=2) for rule in ("opendr", "drtk", "nmr")]
    estimators.insert(0, Estimator("edge", EdgeRenderer(), samples=2))
    told: list[str] = []
    found = compare(scene, "camera_pose", directions, estimators, shifts=2, fine=8, tell=told.append)
    edge, opendr, drtk, nmr = (each.agreement for each in found.measured)
    assert edge.bias < 0.15 and edge.cosine > 0.99
    assert all(each.bias < 0.3 and 0.97 < each.cosine < edge.cosine for each in (opendr, drtk))
    # Its gradients are sums over pixels far away, each over its distance.
    assert nmr.bias > 2 and nmr.cosine > 0.5
    assert told == ["finite differences 1/2", "finite differences 2/2", "edge", "opendr", "drtk", "nmr"]
    assert found.images.shape == (6, 24, 24) and 0 < found.scale <= float(found.images.abs().max())


def test_an_estimator_without_a_gradient_is_refused() -> None:
    scene = tiny.scene(12)
    pose = Directions.of(CameraPose(), scene)
    Estimator("edge", EdgeRenderer()).check(scene, "camera_pose", pose)
    with pytest.raises(UserError, match=r"it has no gradient for recover\.camera_pose, for its edges"):
        Estimator("hard", HardRenderer()).check(scene, "camera_pose", pose)
    light = Directions.of(LightIntensity(), scene)
    Estimator("hard", HardRenderer()).check(scene, "light_intensity", light)
    with pytest.raises(UserError, match=r"it has no gradient for recover\.light_intensity; leave it out"):
        Estimator("constant", Constant()).check(scene, "light_intensity", light)


def test_signed_values_are_red_above_and_blue_below_zero() -> None:
    colors = signed_colors(torch.tensor([[-5.0, -0.3, 0.0, 0.3, 5.0]]), scale=1.0).astype(int)[0]
    red, blue = colors[:, 0], colors[:, 2]
    assert list(np.sign(red - blue)) == [-1, -1, 0, 1, 1]
    assert colors[2].min() >= 250
    assert colors[0].sum() < colors[1].sum() < colors[2].sum() > colors[3].sum() > colors[4].sum()
    assert np.array_equal(color_bar(5, 2)[0], color_bar(5, 1)[0])
