"""Depths at other sizes: no surface is mixed with another one, nor with what was not measured."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from invrender.images.resample import resize_depth, resize_view
from invrender.scene import view_of


def plane(height: int, width: int, size: tuple[int, int] = (12, 18)) -> Tensor:
    """The depth of a slanted plane at the centres of pixels of a picture of (12, 18)."""
    rows = (torch.arange(height).double() + 0.5) * (size[0] / height)
    columns = (torch.arange(width).double() + 0.5) * (size[1] / width)
    return 3.0 + 0.001 * rows[:, None] - 0.002 * columns


@pytest.mark.parametrize("size", [(12, 18), (6, 9), (4, 6), (5, 7), (11, 17), (1, 1)])
def test_a_plane_stays_one(size: tuple[int, int]) -> None:
    # Cells that lie across the border of new pixels count with their own centres' depths.
    torch.testing.assert_close(resize_depth(plane(12, 18), *size), plane(*size), rtol=0, atol=2e-4)


def test_what_was_not_measured_has_no_part() -> None:
    holes = torch.rand(12, 18, generator=torch.Generator().manual_seed(0)) < 0.5
    flat = torch.where(holes, 0.0, torch.full((12, 18), 2.0).double())
    flat[:4, :4] = 0
    found = resize_depth(flat, 3, 5)
    assert set(found.reshape(-1).tolist()) <= {0.0, 2.0}
    assert found[0, 0] == 0
    assert (found > 0).sum() > 10


def test_a_step_stays_a_step() -> None:
    """Each new pixel has the depth of one of the surfaces, that at its centre."""
    depth = torch.full((9, 30), 1.0).double()
    depth[:, 13:] = 2.0
    for width in (10, 7, 4):
        found = resize_depth(depth, 3, width)
        centres = (torch.arange(width) + 0.5) * (30 / width)
        assert torch.equal(found, torch.where(centres < 13, 1.0, 2.0).double().expand(3, -1))


def test_noise_is_averaged() -> None:
    noise = 0.01 * torch.randn(64, 64, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    found = resize_depth(2 + noise, 8, 8)
    assert 0.5 < float((found - 2).std() / (0.01 / 8)) < 1.5


def test_many_rows_are_reduced_some_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    depth = plane(12, 18) * (torch.rand(12, 18, generator=torch.Generator().manual_seed(1)) < 0.8)
    whole = resize_depth(depth, 5, 7)
    monkeypatch.setattr("invrender.images.resample.AT_ONCE", 1)
    assert torch.equal(resize_depth(depth, 5, 7), whole)


def test_views_are_reduced_with_their_depths() -> None:
    depth = torch.tensor([[1.0, 0.0, 5.0, 5.0], [1.0, 0.0, 5.0, 5.0]])
    view = resize_view(view_of(torch.rand(2, 4, 3), depth=depth), 1, 2)
    assert view.picture.depth.tolist() == [[1.0, 5.0]]
