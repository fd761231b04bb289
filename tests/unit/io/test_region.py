"""Regions of interest: around a mask, a box or the start, at the photograph's own resolution."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny
import torch
from PIL import Image

from invrender.errors import UserError
from invrender.geometry.cameras import project
from invrender.geometry.meshes import world_vertices
from invrender.images.crop import crop_background, crop_view
from invrender.io.pictures import Decoding
from invrender.io.region import Region
from invrender.io.views import Reading, read_focused_view, whole_size
from invrender.render.base import Quality, Shot
from invrender.render.hard import HardRenderer
from invrender.scene import view_of

SCENE = tiny.scene(64)
POINTS = torch.cat([world_vertices(obj) for obj in SCENE.objects.values()])


def reading(region: Region, most: int) -> Reading:
    return Reading(Decoding(max_size=most), torch.zeros(3), torch.zeros(3), region=region)


def noise(path: Path, width: int, height: int) -> np.ndarray:
    pixels = np.random.default_rng(0).integers(0, 255, (height, width, 3), np.uint8)
    Image.fromarray(pixels).save(path)
    return pixels


def test_a_window_of_a_camera_draws_that_part_of_its_picture() -> None:
    picture = torch.rand(64, 64, 3, generator=torch.Generator().manual_seed(0)).double()
    scene = replace(SCENE, background=picture)
    whole = HardRenderer().render([Shot(scene, scene.camera)], quality=Quality(samples=1))[0]
    view = crop_view(view_of(whole.rgb, mask=whole.alpha), (12, 20, 32, 24))
    shot = Shot(crop_background(scene, view.window, view.size), scene.camera.framed(view.window, 32, 24))
    part = HardRenderer().render([shot], quality=Quality(samples=1))[0]
    torch.testing.assert_close(part.rgb, view.rgb, atol=1e-9, rtol=0)
    assert view.mask is not None
    assert torch.equal(part.alpha, view.mask)


def test_around_a_box_the_photograph_has_its_own_resolution(tmp_path: Path) -> None:
    pixels = noise(tmp_path / "a.png", 400, 300)
    region = Region(POINTS, box=[100, 80, 40, 20], margin=0.25)
    view = read_focused_view(tmp_path / "a.png", None, None, reading(region, 60), SCENE.camera)
    height, width = view.size
    assert (height, width) == (40, 60)
    assert whole_size(view) == (300, 400)
    x, y = round(view.window[0] * 400), round(view.window[1] * 300)
    assert (x, y) == (90, 70)
    expected = Image.fromarray(pixels).crop((x, y, x + width, y + height))
    assert Image.fromarray((encoded(view.rgb) * 255).round().astype(np.uint8)).tobytes() == expected.tobytes()


def encoded(rgb: torch.Tensor) -> np.ndarray:
    from invrender.images.color import srgb_from_linear

    return srgb_from_linear(rgb).numpy()


def test_around_a_mask(tmp_path: Path) -> None:
    noise(tmp_path / "a.png", 80, 60)
    mask = np.zeros((60, 80), np.uint8)
    mask[20:40, 30:50] = 255
    Image.fromarray(mask).save(tmp_path / "m.png")
    view = read_focused_view(tmp_path / "a.png", tmp_path / "m.png", None, reading(Region(POINTS), 80), SCENE.camera)
    assert view.mask is not None
    assert int(view.mask.sum()) == 400
    assert view.size == (30, 30)


def test_around_what_the_start_shows() -> None:
    view = view_of(torch.zeros(64, 64, 3).double())
    found, _ = Region(POINTS).find(view, (64, 64), SCENE.camera)
    pixels, _ = project(SCENE.camera, POINTS)
    assert found is not None
    x, y, width, height = found
    assert (pixels[:, 0].clamp(0, 64) >= x).all()
    assert (pixels[:, 0].clamp(0, 64) <= x + width).all()
    assert (pixels[:, 1].clamp(0, 64) >= y).all()
    assert (pixels[:, 1].clamp(0, 64) <= y + height).all()
    assert width * height < 64 * 64


@pytest.mark.parametrize("box", [[1, 2, 3], [0, 0, 0, 5], [60, 0, 10, 5], [-1, 0, 5, 5]])
def test_a_box_must_lie_in_the_photograph(box: list[float]) -> None:
    view = view_of(torch.zeros(64, 64, 3).double())
    with pytest.raises(UserError, match=r"target\.box is .* expected \[x, y, width, height\]"):
        Region(POINTS, box=box).find(view, (64, 64), SCENE.camera)
