"""The losses of photographs: what they heed, and what not."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from invrender.errors import UserError
from invrender.images.color import linear_from_srgb
from invrender.losses import Correlation, Separation, Silhouette
from invrender.scene import Picture, View, view_of

HEIGHT, WIDTH = 40, 48
INSIDE = (slice(8, 32), slice(10, 38))


def pattern() -> Tensor:
    """Colours [H, W, 3], sRGB-encoded, of stripes in three directions."""
    rows, columns = torch.meshgrid(torch.arange(HEIGHT).double(), torch.arange(WIDTH).double(), indexing="ij")
    return torch.stack(
        [0.4 + 0.1 * torch.sin(0.9 * rows + shift) * torch.cos(0.6 * columns + 2 * shift) for shift in (0.0, 1.0, 2.5)],
        dim=-1,
    )


def silhouette() -> Tensor:
    alpha = torch.zeros(HEIGHT, WIDTH).double()
    alpha[INSIDE] = 1
    return alpha


def shown(colors: Tensor) -> Picture:
    return Picture({"rgb": linear_from_srgb(colors), "alpha": silhouette()})


def photograph(colors: Tensor, **given: Tensor) -> View:
    return view_of(linear_from_srgb(colors), **given)


def clutter() -> Tensor:
    return 0.2 + 0.6 * torch.rand(HEIGHT, WIDTH, 3, generator=torch.Generator().manual_seed(0)).double()


def test_correlation_is_nothing_for_the_same_pattern_in_another_exposure_and_white_balance() -> None:
    tint = torch.tensor([1.3, 1.0, 0.8]).double()
    found = float(Correlation(floor=1e-3)(shown(pattern()), photograph(0.1 + tint * pattern())))
    other = float(Correlation(floor=1e-3)(shown(pattern()), photograph(clutter())))
    assert found < 0.01
    assert other > 0.4


def test_correlation_heeds_nothing_around_the_object() -> None:
    around = torch.where(silhouette()[..., None] > 0, pattern(), clutter())
    loss = Correlation()
    found, without = (float(loss(shown(pattern()), photograph(each))) for each in (around, pattern()))
    assert found == pytest.approx(without, abs=1e-12)


def test_what_lies_before_the_object_pulls_no_more_than_an_outlier() -> None:
    # An eighth of the object is hidden.
    hidden = pattern()
    hidden[8:32, 10:13] = 0.9
    loss = Correlation(outlier=0.5)
    found = float(loss(shown(pattern()), photograph(hidden)))
    # The windows around it are misled, too.
    assert 0 < found < 0.5**2 / 2


def test_a_mask_and_weights_say_where_the_object_is_compared() -> None:
    hidden = pattern()
    hidden[8:32, 10:20] = 0.9
    given = torch.ones(HEIGHT, WIDTH).double()
    given[:, :20] = 0
    loss = Correlation()
    for kind in ("mask", "weight"):
        assert float(loss(shown(pattern()), photograph(hidden, **{kind: given}))) < 0.01


def test_where_no_object_is_shown_correlation_is_the_most_that_it_can_be() -> None:
    nothing = shown(pattern()).with_channels(alpha=torch.zeros(HEIGHT, WIDTH).double())
    assert float(Correlation(outlier=0.5)(nothing, photograph(pattern()))) == 0.25


def test_where_the_background_counts_more_of_an_object_explains_more() -> None:
    loss = Correlation(outlier=0.5, background=0.8)
    half = silhouette()
    half[:, 24:] = 0
    parts = [shown(pattern()).with_channels(alpha=each) for each in (silhouette(), half, torch.zeros_like(half))]
    whole, some, nothing = (float(loss(each, photograph(pattern()))) for each in parts)
    wrong = float(loss(parts[0], photograph(clutter())))
    assert nothing == pytest.approx(0.8 * 0.25)
    assert whole == pytest.approx(nothing - 0.8 * 0.25 * float(silhouette().mean()), abs=1e-6)
    assert some == pytest.approx((whole + nothing) / 2, abs=1e-3)
    assert whole < 0.8 * nothing < wrong


def test_separation_is_least_where_the_silhouette_is_that_of_the_object() -> None:
    red, grey = torch.tensor([0.7, 0.1, 0.1]).double(), torch.tensor([0.5, 0.5, 0.45]).double()
    noise = 0.05 * torch.randn(HEIGHT, WIDTH, 3, generator=torch.Generator().manual_seed(1)).double()
    view = photograph((torch.where(silhouette()[..., None] > 0, red, grey) + noise).clamp(0, 1))

    def loss(right: int) -> float:
        moved = silhouette().roll(right, dims=1)
        return float(Separation()(Picture({"alpha": moved}), view))

    found = [loss(right) for right in (-6, -3, 0, 3, 6)]
    assert found[2] < 0.005
    assert found[0] > found[1] > found[2] < found[3] < found[4]


def test_separation_pulls_a_silhouette_to_the_object() -> None:
    view = photograph(torch.where(silhouette()[..., None] > 0, 0.8, 0.2).expand(-1, -1, 3).double())
    alpha = silhouette().roll(4, dims=1).requires_grad_()
    Separation()(Picture({"alpha": alpha}), view).backward()
    assert alpha.grad is not None
    # More of it on the left, where the object is, and less on the right.
    assert float(alpha.grad[8:32, 10:14].max()) < 0
    assert float(alpha.grad[8:32, 38:42].min()) > 0


def test_a_silhouette_that_needs_no_mask_counts_nothing_without_one() -> None:
    loss = Silhouette(needs_mask=False)
    loss.check(photograph(pattern()))
    assert float(loss(shown(pattern()), photograph(pattern()))) == 0
    mask = silhouette()
    mask[INSIDE] = 0.5
    assert float(loss(shown(pattern()), photograph(pattern(), mask=mask))) > 0


@pytest.mark.parametrize(
    "given",
    [{"outlier": 0.0}, {"inside": 1.5}, {"windows": (0.0,)}, {"windows": ()}, {"floor": -1.0}, {"background": 2.0}],
)
def test_options_of_correlation_are_checked(given: dict[str, float]) -> None:
    with pytest.raises(UserError, match=next(iter(given))):
        Correlation(**given)  # type: ignore[arg-type]
