"""Resizing and blurring pictures, and the pyramid that is made of them."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from invrender.errors import UserError
from invrender.fitting.schedule import Stage, blur_rendering, blur_view, clip_picture, shrink_view
from invrender.images.blur import convolve, gaussian_blur, gaussian_kernel, local_contrast, window_mean
from invrender.images.resample import area_weights, background_pixels, box_filter, resize_area
from invrender.scene import Picture, view_of


def noise(*shape: int) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.mark.parametrize("size", [(6, 8), (5, 7), (1, 1), (12, 16), (17, 30)])
def test_resizing_keeps_the_mean(size: tuple[int, int]) -> None:
    picture = noise(12, 16, 3)
    resized = resize_area(picture, *size)
    assert resized.shape == (*size, 3)
    torch.testing.assert_close(resized.mean(dim=(0, 1)), picture.mean(dim=(0, 1)))


def test_resizing_by_a_whole_factor_is_a_box_filter() -> None:
    picture = noise(12, 9)
    torch.testing.assert_close(resize_area(picture, 4, 3), box_filter(picture, 3))
    by_hand = torch.stack(
        [torch.stack([picture[i : i + 3, j : j + 3].mean() for j in (0, 3, 6)]) for i in (0, 3, 6, 9)]
    )
    torch.testing.assert_close(box_filter(picture, 3), by_hand)
    assert torch.equal(resize_area(picture, 12, 9), picture)


def test_area_weights_share_cells_that_straddle() -> None:
    torch.testing.assert_close(area_weights(3, 2), torch.tensor([[2, 1, 0], [0, 1, 2]]).double() / 3)
    torch.testing.assert_close(area_weights(7, 4).sum(dim=1), torch.ones(4).double())


def test_backgrounds_are_colours_or_pictures() -> None:
    color = torch.tensor([0.1, 0.2, 0.3]).double()
    assert torch.equal(background_pixels(color, 2, 3), color.expand(6, 3))
    picture = noise(4, 6, 3)
    torch.testing.assert_close(background_pixels(picture, 2, 3), box_filter(picture, 2).reshape(6, 3))


@pytest.mark.parametrize("deviation", [0.8, 1.0, 2.5])
def test_a_blur_keeps_constants_and_sums(deviation: float) -> None:
    assert float(gaussian_kernel(deviation).sum()) == pytest.approx(1)
    flat = torch.full((5, 7, 3), 0.4).double()
    torch.testing.assert_close(gaussian_blur(flat, deviation), flat)
    spot = torch.zeros(41, 41).double()
    spot[20, 20] = 1
    blurred = gaussian_blur(spot, deviation)
    assert float(blurred.sum()) == pytest.approx(1)
    offsets = torch.arange(41).double() - 20
    measured = float((blurred.sum(dim=0) * offsets**2).sum()) ** 0.5
    assert measured == pytest.approx(deviation, rel=0.03)  # cut off at three deviations
    torch.testing.assert_close(blurred, blurred.T)


def test_no_blur_is_the_picture_itself() -> None:
    picture = noise(4, 5, 3)
    assert gaussian_blur(picture, 0.0) is picture


def test_blur_and_resizing_have_the_gradients_of_their_values() -> None:
    picture = noise(5, 4, 3).requires_grad_()
    assert torch.autograd.gradcheck(lambda each: gaussian_blur(each, 0.8), (picture,))
    assert torch.autograd.gradcheck(lambda each: resize_area(each, 3, 3), (picture,))


def test_a_blur_treats_channels_alike_and_apart() -> None:
    picture = noise(6, 7, 3)
    together = gaussian_blur(picture, 1.2)
    apart = torch.stack([gaussian_blur(picture[..., channel], 1.2) for channel in range(3)], dim=-1)
    torch.testing.assert_close(together, apart)


def test_a_view_and_a_rendering_are_reduced_and_blurred_alike() -> None:
    view = view_of(noise(8, 6, 3), mask=noise(8, 6), weight=noise(8, 6))
    half = shrink_view(view, 3)
    assert half.mask is not None and half.weight is not None
    assert half.rgb.shape == (4, 3, 3)
    torch.testing.assert_close(half.mask, box_filter(noise(8, 6), 2))
    torch.testing.assert_close(half.weight, box_filter(noise(8, 6), 2))
    assert shrink_view(view, None) is view and shrink_view(view, 6) is view and shrink_view(view, 100) is view
    assert shrink_view(view, 1).rgb.shape == (1, 1, 3)

    rendered = blur_rendering(Picture({"rgb": view.rgb, "alpha": noise(8, 6), "depth": noise(8, 6)}), 1.5)
    blurred = blur_view(view, 1.5)
    assert blurred.mask is not None
    assert torch.equal(blurred.rgb, rendered.rgb)
    assert torch.equal(blurred.mask, rendered.alpha)
    assert torch.equal(rendered.depth, noise(8, 6))
    assert blurred.weight is view.weight


def test_what_is_burnt_out_in_part_is_a_lower_bound_when_shrink_view() -> None:
    rgb = noise(8, 6, 3)
    ceiling = torch.full_like(rgb, torch.inf)
    ceiling[3, 2, 1] = rgb[3, 2, 1] = 1
    half = shrink_view(view_of(rgb, ceiling=ceiling), 3)
    assert half.ceiling is not None
    assert half.ceiling.isfinite().nonzero().tolist() == [[1, 1, 1]]
    assert half.ceiling[1, 1, 1] == half.rgb[1, 1, 1]
    assert shrink_view(view_of(rgb), 3).ceiling is None
    assert blur_view(half, 1.5).ceiling is half.ceiling


def test_renderings_are_shown_as_the_picture_can_show_them() -> None:
    # At the top 1 says at least; below it a value is what it is.
    wanted = torch.tensor([[[1.0, 0.5, 1.0]]], dtype=torch.float64)
    view = view_of(wanted, ceiling=torch.where(wanted == 1, wanted, torch.inf))
    rgb = torch.tensor([[[3.0, 3.0, 0.9]]], dtype=torch.float64, requires_grad=True)
    alpha = torch.ones(1, 1).double()
    shown = clip_picture(Picture({"rgb": rgb, "alpha": alpha, "depth": alpha}), view).rgb
    assert shown.tolist() == [[[1.0, 3.0, 0.9]]]
    (slopes,) = torch.autograd.grad(shown.sum(), rgb)
    assert slopes.tolist() == [[[0.0, 1.0, 1.0]]]
    # A rendering that is right stays free to become brighter or darker.
    right = wanted.clone().requires_grad_()
    (slopes,) = torch.autograd.grad(
        clip_picture(Picture({"rgb": right, "alpha": alpha, "depth": alpha}), view).rgb.sum(), right
    )
    assert slopes.tolist() == [[[1.0, 1.0, 1.0]]]
    without = Picture({"alpha": alpha, "depth": alpha})
    assert clip_picture(without, view) is without


@pytest.mark.parametrize(("key", "value"), [("steps", 0), ("size", 0), ("blur", -1.0), ("sigma", -1.0), ("lr", 0.0)])
def test_a_stage_names_what_is_wrong(key: str, value: float) -> None:
    settings = {"steps": 1, key: value}
    with pytest.raises(UserError, match=f"^stages: {key} is {value}, expected"):
        Stage(**settings)  # type: ignore[arg-type]


@pytest.mark.parametrize("shape", [(30, 41), (30, 41, 3)])
def test_long_blurs_are_what_sums_of_shifted_pictures_are(shape: tuple[int, ...]) -> None:
    random = torch.Generator().manual_seed(0)
    picture, cotangent = (torch.rand(*shape, generator=random, dtype=torch.float64) for _ in range(2))
    taps = gaussian_kernel(4.0).tolist()

    def slow(given: torch.Tensor) -> torch.Tensor:
        return convolve(convolve(given, taps, 0), taps, 1)

    found, expected = ([], [])
    for blur, results in ((lambda given: gaussian_blur(given, 4.0), found), (slow, expected)):
        leaf = picture.clone().requires_grad_()
        blurred = blur(leaf)
        results += [blurred.detach(), *torch.autograd.grad(blurred, leaf, cotangent)]
    torch.testing.assert_close(found, expected)


def test_local_contrast_heeds_what_has_weights_alone() -> None:
    """Only the box around it is computed; within it, and at the picture's border, nothing else is found by that."""
    random = torch.Generator().manual_seed(0)
    values = torch.rand(40, 52, 3, generator=random, dtype=torch.float64)
    for rows, columns in ((slice(9, 23), slice(17, 30)), (slice(0, 40), slice(31, 52)), (slice(0, 0), slice(0, 0))):
        weights = torch.zeros(40, 52, dtype=torch.float64)
        weights[rows, columns] = torch.rand(weights[rows, columns].shape, generator=random, dtype=torch.float64)
        for deviation in (1.5, 6.0):
            mean = window_mean(weights, deviation)
            rest = values - mean(values)
            whole = rest / torch.sqrt(mean(rest.square().sum(-1, keepdim=True)) + 0.02**2)
            found = local_contrast(values, weights, deviation, 0.02)
            assert (weights[..., None] * (found - whole)).abs().max() < 1e-12
            assert found.shape == values.shape
            assert local_contrast(values[..., 0], weights, deviation, 0.02).shape == weights.shape
