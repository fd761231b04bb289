"""Losses against their formulas, written out pixel by pixel."""

from __future__ import annotations

import pytest
import tiny
import torch
from torch import Tensor

from invrender.errors import UserError
from invrender.images.color import linear_from_srgb, srgb_from_linear
from invrender.losses import Huber, MeanAbsoluteError, MeanSquaredError, Silhouette, TotalVariation
from invrender.losses.data import PictureLoss
from invrender.scene import Picture, View, view_of

SCENE = tiny.scene()


def pictures() -> tuple[Picture, View]:
    random = torch.Generator().manual_seed(0)

    def uniform(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=random, dtype=torch.float64)

    rendered = Picture({"rgb": uniform(4, 5, 3), "alpha": uniform(4, 5), "depth": uniform(4, 5)})
    return rendered, view_of(uniform(4, 5, 3), mask=uniform(4, 5), weight=uniform(4, 5))


def huber(difference: float) -> float:
    size = abs(difference)
    return 0.5 * size**2 if size <= 0.3 else 0.3 * (size - 0.15)


@pytest.mark.parametrize("where", ["everywhere", "mask", "object"])
@pytest.mark.parametrize(
    ("kind", "penalty"),
    [
        (MeanSquaredError, lambda difference: difference**2),
        (MeanAbsoluteError, abs),
        (lambda **given: Huber(delta=0.3, **given), huber),
    ],
)
def test_picture_losses_are_weighted_means(kind: type[PictureLoss], penalty: object, where: str) -> None:
    rendered, view = pictures()
    assert view.weight is not None
    assert view.mask is not None
    total = weights = 0.0
    for row in range(4):
        for column in range(5):
            share = {"everywhere": 1.0, "mask": view.mask[row, column], "object": rendered.alpha[row, column]}[where]
            weight = float(view.weight[row, column]) * float(share)
            for channel in range(3):
                difference = float(rendered.rgb[row, column, channel] - view.rgb[row, column, channel])
                total += weight * penalty(difference)  # type: ignore[operator]
                weights += weight
    found = kind(where=where)(rendered, view)  # type: ignore[arg-type]
    assert float(found) == pytest.approx(total / weights)


def test_srgb_compares_what_a_screen_shows() -> None:
    rendered, view = pictures()
    encoded = (srgb_from_linear(rendered.rgb), view_of(srgb_from_linear(view.rgb), weight=view.weight))
    expected = MeanSquaredError()(
        Picture({"rgb": encoded[0], "alpha": rendered.alpha, "depth": rendered.depth}), encoded[1]
    )
    torch.testing.assert_close(MeanSquaredError(space="srgb")(rendered, view), expected)


def test_srgb_there_and_back_and_its_gradient_at_black() -> None:
    values = torch.linspace(0, 1.5, 301, dtype=torch.float64)
    torch.testing.assert_close(linear_from_srgb(srgb_from_linear(values)), values)
    assert float(srgb_from_linear(torch.tensor(0.5))) == pytest.approx(0.7353570, abs=1e-6)
    black = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    srgb_from_linear(black).sum().backward()  # type: ignore[no-untyped-call]
    torch.testing.assert_close(black.grad, torch.full((3,), 12.92, dtype=torch.float64))


def test_nothing_to_compare_is_no_loss_and_no_nan() -> None:
    rendered, view = pictures()
    empty = view_of(view.rgb, mask=torch.zeros(4, 5, dtype=torch.float64))
    assert float(MeanSquaredError(where="mask")(rendered, empty)) == 0.0


def test_silhouette() -> None:
    rendered, view = pictures()
    assert view.weight is not None
    assert view.mask is not None
    expected = (view.weight * (rendered.alpha - view.mask) ** 2).sum() / view.weight.sum()
    torch.testing.assert_close(Silhouette()(rendered, view), expected)


def test_total_variation_counts_neighbours() -> None:
    texture = SCENE.objects["textured"].material.texture
    assert texture is not None
    steps = [abs(float(texture[i, j, c] - texture[i + 1, j, c])) for i in range(6) for j in range(9) for c in range(3)]
    steps += [abs(float(texture[i, j, c] - texture[i, j + 1, c])) for i in range(7) for j in range(8) for c in range(3)]
    assert float(TotalVariation()(SCENE, SCENE)) == pytest.approx(sum(steps) / len(steps))


@pytest.mark.parametrize("loss", [Silhouette(), MeanSquaredError(where="mask")])
def test_a_missing_mask_is_refused(loss: Silhouette | MeanSquaredError) -> None:
    with pytest.raises(UserError, match=r"target\.mask="):
        loss.check(view_of(torch.zeros(2, 2, 3)))


@pytest.mark.parametrize("name", ["mask", "weight"])
def test_a_picture_of_which_nothing_counts_is_refused(name: str) -> None:
    black = {name: torch.zeros(2, 2)}
    with pytest.raises(UserError, match="no pixel counts"):
        MeanSquaredError(where="mask").check(view_of(torch.zeros(2, 2, 3), **{"mask": torch.ones(2, 2), **black}))


@pytest.mark.parametrize("given", [{"space": "rgb"}, {"where": "here"}])
def test_options_are_checked(given: dict[str, str]) -> None:
    with pytest.raises(UserError, match="expected one of"):
        MeanSquaredError(**given)  # type: ignore[arg-type]
