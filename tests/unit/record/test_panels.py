"""Pictures for screens."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from invrender.record.display import difference_picture, difference_pictures, shown, srgb_picture, strip
from invrender.record.inferno import INFERNO
from invrender.record.panels import BOXES, MARGIN, panel, resized, step_panel, tile_size


def test_linear_colours_become_srgb_and_odd_ones_are_clipped() -> None:
    linear = torch.tensor([[[0.0, 0.21586, 1.0], [-1.0, 7.0, torch.nan]]])
    assert srgb_picture(linear).tolist() == [[[0, 128, 255], [0, 255, 0]]]


def test_difference_is_black_where_there_is_none_and_grows_brighter() -> None:
    target = np.full((1, 4, 3), 100, dtype=np.uint8)
    rendered = target.copy()
    rendered[0, 1, 0] += 10
    rendered[0, 2, 1] -= 30
    rendered[0, 3, 2] += 150
    brightness = difference_picture(target, rendered).astype(int).sum(axis=-1)[0]
    assert brightness[0] < 10
    assert (np.diff(brightness) > 40).all()


def test_a_reduced_rendering_is_compared_with_a_reduced_target(make_fit) -> None:
    fit = make_fit()
    coarse = fit.step(5)
    (difference,) = difference_pictures(coarse, fit.run.target)
    assert difference.shape == (8, 12, 3)


def test_at_most_four_views_with_the_first_and_the_last() -> None:
    assert shown(range(3)) == [0, 1, 2]
    assert shown(range(11)) == [0, 3, 6, 10]


def test_strip_keeps_pixels() -> None:
    small, large = np.full((2, 3, 3), 9, dtype=np.uint8), np.full((4, 5, 3), 7, dtype=np.uint8)
    both = strip([small, large])
    assert both.shape == (4, 3 + 4 + 5, 3)
    assert (both[:2, :3] == 9).all()
    assert (both[2:, :7] == 0).all()
    assert (both[:, 7:] == 7).all()


@pytest.mark.parametrize(
    ("shape", "size"),
    [((16, 24), (160, 240)), ((256, 256), (256, 256)), ((300, 600), (128, 256)), ((1, 5000), (1, 256))],
)
def test_tiny_pictures_grow_by_whole_numbers_and_large_ones_shrink(shape, size) -> None:
    assert tile_size(np.zeros((*shape, 3), dtype=np.uint8), BOXES[1]) == size


def test_enlarged_pixels_stay_sharp() -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (4, 6, 3), dtype=np.uint8)
    large = resized(pixels, 40, 60)
    assert (large == pixels.repeat(10, axis=0).repeat(10, axis=1)).all()


def test_a_panel_shows_its_pictures_and_its_caption() -> None:
    red, green, blue = (np.full((8, 8, 3), color, dtype=np.uint8) for color in ((255, 0, 0), (0, 255, 0), (0, 0, 255)))
    plain = panel([red], [green], [blue], [""])
    for index, color in enumerate(((255, 0, 0), (0, 255, 0), (0, 0, 255))):
        assert tuple(plain[150, MARGIN + 128 + index * (256 + MARGIN)]) == color
    written = panel([red], [green], [blue], ["iteration 12"])
    changed = (plain != written).any(axis=-1)
    assert changed.sum() > 100
    rows, columns = np.nonzero(changed)
    assert rows.min() > 22 + 256
    assert columns.max() < MARGIN + 256


def test_long_captions_stay_in_their_column() -> None:
    tiles = [np.zeros((8, 8, 3), dtype=np.uint8)]
    blank, written = (panel(tiles, tiles, tiles, [text]) for text in ("", "camera_pose " * 40))
    columns = np.nonzero((blank != written).any(axis=(0, 2)))[0]
    assert columns.max() < MARGIN + 256 + 2


@pytest.mark.parametrize("views", [1, 2, 3, 4, 6])
def test_all_panels_of_a_fit_have_one_size(make_fit, views: int) -> None:
    fit = make_fit(views=views)
    panels = [step_panel(fit.step(*which), fit.run.target) for which in ((0,), (3,), (20,), (20, "finished"))]
    assert len({p.shape for p in panels}) == 1
    assert panels[0].dtype == np.uint8
    assert max(panels[0].shape) < 1000
    assert not (panels[0] == panels[1]).all()


def test_views_of_different_sizes_share_a_panel(make_fit) -> None:
    fit = make_fit(views=2)
    views = fit.run.target.views
    wide = replace(views[1], picture=views[1].picture.with_channels(rgb=torch.zeros(4, 40, 3)))
    step = fit.step(0)
    target = replace(fit.run.target, views=(views[0], wide))
    rendered = (step.rendered[0], step.rendered[0].with_channels(rgb=torch.ones(4, 40, 3)))
    drawn = step_panel(replace(step, show=lambda _: rendered), target)
    assert drawn.shape[1] == 3 * 216 + 4 * MARGIN, "as wide as the wider of the two"


def test_the_colours_of_differences_are_those_of_matplotlib() -> None:
    import matplotlib

    table = 255 * matplotlib.colormaps["inferno"](np.arange(256))[:, :3]
    assert np.array_equal(INFERNO, table.round().astype(np.uint8))
