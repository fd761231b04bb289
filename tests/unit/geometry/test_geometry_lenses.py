"""Lenses: their inverses, their derivatives, and where their fields end."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import shapes
import torch
from torch import Tensor

from invrender.geometry.cameras import project, rays, unproject
from invrender.geometry.fields import find_field, may_be_seen, widest_angle
from invrender.geometry.lenses import film
from invrender.scene import Camera, Lens, LensModel, Projection

BENT: list[tuple[LensModel, list[float]]] = [
    ("brown_conrady", [-0.21, 0.07, 0.004, -0.003]),
    ("brown_conrady", [0.31, -0.12, 0.002, 0.005, 0.04]),
    ("brown_conrady", [0.31, -0.12, 0.002, 0.005, 0.04, 0.27, -0.08, 0.015]),
    ("division", [-0.3]),
    ("division", [0.12, -0.05, 0.02]),
    ("kannala_brandt", [0.08, -0.02, 0.006, -0.001]),
    ("equirectangular", []),
]


def lens_of(model: LensModel, coefficients: list[float]) -> Lens:
    return Lens(torch.tensor(coefficients, dtype=torch.float64), model)


def looking(model: LensModel, coefficients: list[float], focal: float = 20.0) -> Camera:
    """A camera at the origin whose frame is the world's."""
    view = shapes.camera(30, 24, focal)
    return replace(view, camera_from_world=torch.eye(4).double(), lens=lens_of(model, coefficients))


def around(limit: float) -> Tensor:
    """Rays [N, 3] in all directions up to an angle from the axis, on the axis too."""
    angle = torch.linspace(0, limit, 8).double()
    turn = torch.arange(8).double()
    return torch.stack([angle.sin() * turn.cos(), angle.sin() * turn.sin(), angle.cos()], dim=1)


@pytest.mark.parametrize(("model", "coefficients"), BENT)
def test_rays_go_through_the_points_that_are_drawn(model: LensModel, coefficients: list[float]) -> None:
    view = looking(model, coefficients)
    seen = around(min(0.98 * find_field(view.lens).limit, 1.4 if model in ("brown_conrady", "division") else 3.0))
    pixels, _ = project(view, 2.5 * seen)
    assert pixels[0].tolist() == [15.0, 12.0]
    found = torch.nn.functional.normalize(rays(view, pixels), dim=1)
    torch.testing.assert_close(found, seen, rtol=0, atol=1e-10)


@pytest.mark.parametrize(("model", "coefficients"), BENT)
def test_points_are_found_again_from_pixels_and_depths(model: LensModel, coefficients: list[float]) -> None:
    view = looking(model, coefficients)
    points = 2.5 * around(0.6) + 0.01
    torch.testing.assert_close(unproject(view, *project(view, points)), points, rtol=0, atol=1e-9)


@pytest.mark.parametrize("projection", ["perspective", "orthographic"])
def test_points_are_found_again_without_a_lens(projection: Projection) -> None:
    view = shapes.camera(30, 24, 20.0, position=(1.0, 0.5, 2.0), target=(0.0, 0.2, 0.0), projection=projection)
    points = torch.rand(9, 3, generator=torch.Generator().manual_seed(0)).double() - 0.5
    torch.testing.assert_close(unproject(view, *project(view, points)), points, rtol=0, atol=1e-10)


@pytest.mark.parametrize(("model", "coefficients"), BENT)
def test_derivatives_are_differences(model: LensModel, coefficients: list[float]) -> None:
    points = 1.7 * around(0.6) + 0.01
    given = torch.tensor(coefficients, dtype=torch.float64).requires_grad_()
    inputs = [given, points.requires_grad_()] if coefficients else [points.requires_grad_()]
    assert torch.autograd.gradcheck(
        lambda *each: film(Lens(each[0] if coefficients else given, model), each[-1]), inputs, check_forward_ad=True
    )


@pytest.mark.parametrize(("model", "coefficients"), BENT)
def test_derivatives_of_rays_are_differences(model: LensModel, coefficients: list[float]) -> None:
    view, random = looking(model, coefficients), torch.Generator().manual_seed(0)
    leaves = [project(view, around(0.5)[1:])[0], torch.tensor(coefficients, dtype=torch.float64)]
    directions = [torch.randn(each.shape, generator=random, dtype=torch.float64) for each in leaves]
    cotangent = torch.randn(7, 3, generator=random, dtype=torch.float64)

    def response(share: Tensor) -> Tensor:
        pixels, given = (each + share * way for each, way in zip(leaves, directions, strict=True))
        return (rays(replace(view, lens=Lens(given, model)), pixels) * cotangent).sum()

    at = torch.zeros((), dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(response(at), at)
    difference = (response(torch.tensor(1e-6)) - response(torch.tensor(-1e-6))) / 2e-6
    assert float(slope) == pytest.approx(float(difference), rel=1e-6)


def test_lenses_without_coefficients_are_pinholes_or_equidistant() -> None:
    seen = around(1.2)
    flat = seen[:, :2] / seen[:, 2:]
    for model in ("brown_conrady", "division"):
        torch.testing.assert_close(film(lens_of(model, [0.0] * 4), seen)[0], flat, rtol=0, atol=1e-14)
    angle = torch.linspace(0, 1.2, 8).double()
    torch.testing.assert_close(film(lens_of("kannala_brandt", [0.0] * 4), seen)[0].norm(dim=1), angle)


def test_division_is_fitzgibbons() -> None:
    coefficients = [0.12, -0.05, 0.02]
    seen = around(0.6)
    place, _ = film(lens_of("division", coefficients), seen)
    squared = place.square().sum(dim=1, keepdim=True)
    divisor = 1 + sum(k * squared ** (power + 1) for power, k in enumerate(coefficients))
    torch.testing.assert_close(place / divisor, seen[:, :2] / seen[:, 2:], rtol=0, atol=1e-12)


def test_a_panorama_shows_longitudes_and_latitudes() -> None:
    view = replace(looking("equirectangular", []), intrinsics=shapes.pinhole(10.0, 0.0, 0.0))
    seen = shapes.doubles([[1, 0, 0], [-1, 0, 1], [0, 1, 1], [1, 0, -1]])
    turn = math.pi / 4
    torch.testing.assert_close(
        project(view, seen)[0], 10 * shapes.doubles([[2 * turn, 0], [-turn, 0], [0, turn], [3 * turn, 0]])
    )


@pytest.mark.parametrize(
    ("model", "coefficients", "limit"),
    [
        ("brown_conrady", [-0.3, 0.0, 0.0, 0.0], math.atan(math.sqrt(1 / 0.9))),  # 1 − 3 · 0.3 r² = 0
        ("brown_conrady", [0.0, 0.0, 0.0, 0.0], math.pi / 2),
        ("brown_conrady", [0.0, 0.0, 0.06, 0.08], math.atan(1 / 0.6)),  # 1 − 6 · 0.1 r = 0
        ("brown_conrady", [0.0, 0.0, 0.0, 0.0, 0.0, -0.25, 0.0, 0.0], math.atan(2.0)),  # the divisor is 0
        ("division", [0.25], math.atan(1.0)),  # r = d / (1 + d² / 4) has its largest value, 1, at d = 2
        ("division", [-0.5], math.pi / 2),
        ("kannala_brandt", [-0.2, 0.0, 0.0, 0.0], math.sqrt(1 / 0.6)),  # 1 − 3 · 0.2 θ² = 0
        ("kannala_brandt", [0.1, 0.0, 0.0, 0.0], math.pi),
        ("equirectangular", [], math.pi),
    ],
)
def test_fields_end_where_the_image_folds(model: LensModel, coefficients: list[float], limit: float) -> None:
    assert find_field(lens_of(model, coefficients)).limit == pytest.approx(limit, abs=2e-3)


def test_decentred_fields_end_where_a_determinant_vanishes() -> None:
    lens = lens_of("brown_conrady", [-0.12, 0.01, 0.03, -0.05])
    limit = find_field(lens).limit

    def least(angle: float) -> float:
        turn = torch.linspace(0, 2 * math.pi, 721).double()
        places = math.tan(angle) * torch.stack([turn.cos(), turn.sin()], dim=1)

        def drawn(at: Tensor) -> Tensor:
            return film(lens, torch.cat([at, torch.ones_like(at[:, :1])], dim=1))[0]

        axes = [torch.eye(2).double()[column].expand_as(places) for column in range(2)]
        across, down = (torch.func.jvp(drawn, (places,), (axis,))[1] for axis in axes)
        return float((across[:, 0] * down[:, 1] - across[:, 1] * down[:, 0]).min())

    assert least(limit) > 0 > least(limit + 1e-3)


def test_nothing_is_seen_beyond_the_field() -> None:
    view = looking("kannala_brandt", [-0.2, 0.0, 0.0, 0.0], focal=10.0)
    radius = 10 * math.sqrt(1 / 0.6) * 2 / 3
    found = rays(view, shapes.doubles([[15 + radius - 0.1, 12], [15 + radius + 0.1, 12], [15.0, 12.0]]))
    assert found.isnan().all(dim=1).tolist() == [False, True, False]


def test_a_picture_of_another_size_shows_the_same() -> None:
    view = looking("brown_conrady", [-0.2, 0.05, 0.01, 0.02])
    points = around(0.5)
    larger = view.resized(60, 96)
    torch.testing.assert_close(project(larger, points)[0], project(view, points)[0] * shapes.doubles([2.0, 4.0]))


def test_what_is_beside_the_picture_can_not_be_seen() -> None:
    view = looking("kannala_brandt", [0.0] * 4, focal=20.0)
    widest = widest_angle(view, find_field(view.lens))
    assert math.hypot(15, 12) / 20 < widest < 1.2 * math.hypot(15, 12) / 20
    small = 0.05 * shapes.doubles([[0, 0, 0], [1, 0, 0], [0, 1, 0]])
    turned = [shapes.doubles([math.sin(angle), 0.0, math.cos(angle)]) + small for angle in (0.0, 1.0, 1.3, 3.0)]
    wall = 40 * shapes.doubles([[-1, -1, 0], [1, -1, 0], [0, 1, 0]]) + shapes.doubles([0, 0, 1])
    assert may_be_seen(torch.stack([*turned, wall]), widest).tolist() == [True, True, False, False, True]
