"""Drawn photographs: what is in their way is as strong as it says, and without it they are renderings."""

from __future__ import annotations

import io
import math
from dataclasses import replace

import numpy as np
import pytest
import tiny
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from invrender.errors import UserError
from invrender.geometry.cameras import project
from invrender.images.color import linear_from_srgb
from invrender.photographs import optics
from invrender.photographs.appearance import patches, relight
from invrender.photographs.chance import Array, octaves_of_noise
from invrender.photographs.clutter import LYING, STANDING, draw_clutter
from invrender.photographs.occlusion import KINDS, covered_share, draw_occluder
from invrender.photographs.outline import box_of, rough_mask
from invrender.photographs.photography import Photography
from invrender.photographs.things import hand
from invrender.scene import Scene
from invrender.targets import render_target

CLEAN = Photography(
    light=False,
    **dict.fromkeys(("print", "occlusion", "clutter", "distortion", "blur", "motion", "vignetting", "noise"), (0, 0)),
    **dict.fromkeys(("gain", "gamma"), (1, 1)),
    quality=(100, 100),
)


def scene(size: int = 48) -> Scene:
    return tiny.one_object(size).to(dtype=torch.float32)


def decode(file: bytes) -> Tensor:
    """A JPEG file's sRGB values [H, W, 3]."""
    return torch.from_numpy(np.asarray(Image.open(io.BytesIO(file)), dtype=np.float32) / 255)


def blob(size: int = 100) -> Array:
    image = Image.new("L", (size, size))
    ImageDraw.Draw(image).ellipse((30, 40, 70, 60), fill=1)
    return np.asarray(image).astype(np.float32)


def seeded(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_without_what_is_in_the_way_it_is_the_rendering() -> None:
    plain = replace(scene(), objects={"one": replace(scene().objects["textured"])})
    photograph = CLEAN.take(plain, samples=4)
    wanted = render_target(photograph.truth.scene, samples=4).views[0]
    assert wanted.mask is not None
    difference = (linear_from_srgb(decode(photograph.file)) - wanted.rgb).abs()
    assert float(difference.mean()) < 0.01
    torch.testing.assert_close(torch.from_numpy(photograph.visible), wanted.mask, atol=1e-5, rtol=0)


def test_a_seed_repeats_and_another_one_differs() -> None:
    first, again, other = (Photography().take(scene(), seed=seed) for seed in (5, 5, 6))
    assert first.file == again.file != other.file
    assert np.array_equal(first.mask, again.mask)
    assert decode(first.file).shape == (48, 48, 3)
    assert torch.equal(first.truth.scene.camera.camera_from_world, scene().camera.camera_from_world)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"gain": (2, 1)}, r"gain is \(2, 1\), expected \[lowest, highest\]"),
        ({"occlusion": (0, 1.5)}, "occlusion is"),
        ({"quality": "high"}, "quality is high"),
    ],
)
def test_refusals(changes: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        replace(CLEAN, **changes)


def test_other_lights_have_the_same_names_and_are_on_the_cameras_side() -> None:
    before = tiny.scene().to(dtype=torch.float32)
    after = relight(before, seeded())
    assert [type(light) for light in after.lights.values()] == [type(light) for light in before.lights.values()]
    assert list(after.lights) == list(before.lights)
    outwards = before.camera.position - before.camera.look_at
    for name in ("lamp", "key"):
        towards = after.lights[name].position - before.camera.look_at  # type: ignore[union-attr]
        cosine = float(towards @ outwards / towards.norm() / outwards.norm())
        assert cosine >= math.cos(math.radians(70.1))


def test_another_print_covers_its_share() -> None:
    assert patches(seeded(), 64, 64, 0.3).mean() == pytest.approx(0.3, abs=0.04)
    printed = replace(CLEAN, print=(0.3, 0.3)).take(scene()).truth.scene.objects["textured"].material.texture
    assert printed is not None
    assert not torch.allclose(printed, scene().objects["textured"].material.texture)  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", range(8))
def test_what_comes_before_the_object_covers_its_share(seed: int) -> None:
    alpha = blob()
    occluder = draw_occluder(seeded(seed), alpha, 0.2)
    assert covered_share(occluder.tile, occluder.place, alpha) == pytest.approx(0.2, abs=0.03)


def test_every_thing_can_be_drawn_small_and_shows() -> None:
    for thing in {*STANDING, *LYING, *KINDS, hand}:
        tile = thing(seeded(), 8)
        assert tile.mode == "RGBA"
        assert np.asarray(tile.getchannel("A")).mean() > 30
    canvas = np.asarray(draw_clutter(seeded(), 64, 48, 12))
    assert canvas.shape == (48, 64, 3)
    assert canvas.std() > 10


def test_noise_has_mean_zero_and_deviation_one() -> None:
    field = octaves_of_noise(seeded(), 32, 48, 16, stretch=3)
    assert field.shape == (32, 48)
    assert (float(field.mean()), float(field.std())) == pytest.approx((0, 1), abs=1e-3)


@pytest.mark.parametrize("distortion", [-0.2, 0.2])
def test_a_point_lands_where_browns_formula_has_it(distortion: float) -> None:
    camera = replace(scene(), lights={}).camera.resized(64, 64)
    film = torch.zeros(64, 64, 1)
    film[8, 50] = 1
    lens = optics.Lens(distortion, blur=0, motion=(0, 0), vignetting=0, center=(0.5, 0.5))
    bent = optics.bend(film, camera, lens)[..., 0]
    rows, columns = torch.meshgrid(torch.arange(64) + 0.5, torch.arange(64) + 0.5, indexing="ij")
    found = torch.stack([(bent * columns).sum(), (bent * rows).sum()]) / bent.sum()
    focal, center = camera.intrinsics.diagonal()[:2], camera.intrinsics[:2, 2]
    straight = (torch.tensor([50.5, 8.5]) - center) / focal
    wanted = straight * (1 + distortion * straight.square().sum()) * focal + center
    torch.testing.assert_close(found, wanted, atol=0.15, rtol=0)
    assert float((wanted - torch.tensor([50.5, 8.5])).norm()) > 0.8


def test_motion_smears_along_its_direction() -> None:
    film = torch.zeros(21, 21, 1)
    film[10, 10] = 1
    lens = optics.Lens(0.0, blur=0, motion=(4.0, 0.0), vignetting=0, center=(0.5, 0.5))
    smeared = optics.bend(film, scene(21).camera, lens)[..., 0]
    assert smeared[10].nonzero().numel() >= 4
    torch.testing.assert_close(smeared[10].sum(), smeared.sum())
    torch.testing.assert_close(smeared.sum(), torch.tensor(1.0), atol=1e-4, rtol=0)


def test_corners_lose_light() -> None:
    lens = optics.Lens(0.0, blur=0, motion=(0.0, 0.0), vignetting=0.3, center=(0.5, 0.5))
    share = optics.vignette(31, 41, lens)[..., 0]
    assert float(share[15, 20]) == pytest.approx(1)
    assert float(share[0, 0]) == pytest.approx(0.7, abs=1e-5)


def test_the_sensor_has_its_gain_gamma_and_noise() -> None:
    light = torch.full((64, 64, 3), 0.25)
    sensor = optics.Sensor(gain=(0.8, 1.0, 1.2), gamma=1.0, noise=0.0, quality=100)
    exposed = linear_from_srgb(decode(optics.expose(light, sensor, seeded()))).mean(dim=(0, 1))
    torch.testing.assert_close(exposed, torch.tensor([0.2, 0.25, 0.3]), atol=0.004, rtol=0)
    noisy = linear_from_srgb(decode(optics.expose(light, replace(sensor, noise=0.05), seeded())))
    # JPEG keeps the colours of pairs of pixels only; green is most of what it keeps of each.
    assert float(noisy[..., 1].std()) == pytest.approx(0.05 * 0.35**0.5, rel=0.35)
    darker = decode(optics.expose(light, replace(sensor, gamma=1.1), seeded()))
    assert float(darker[..., 1].mean()) == pytest.approx(0.5371**1.1, abs=0.01)


def test_a_rough_mask_holds_what_is_visible() -> None:
    alpha = blob()
    mask = rough_mask(alpha, seeded())
    assert (mask * alpha).sum() >= 0.99 * alpha.sum()
    assert alpha.sum() < mask.sum() < 2.2 * alpha.sum()
    x, y, width, height = box_of(mask)
    assert mask[y : y + height, x : x + width].sum() == mask.sum()
    assert mask[y].any()
    assert mask[:, x + width - 1].any()


def test_the_photograph_shows_the_object_where_it_is() -> None:
    photograph = replace(CLEAN, occlusion=(0.2, 0.2), clutter=(5, 5)).take(scene(), seed=1)
    clean = CLEAN.take(scene())
    assert photograph.visible.sum() == pytest.approx(0.8 * clean.visible.sum(), rel=0.05)
    pixels, _ = project(scene().camera, scene().objects["textured"].mesh.vertices)
    x, y, width, height = clean.box
    low, high = pixels.amin(dim=0), pixels.amax(dim=0)
    assert x < float(low[0]) < float(high[0]) < x + width
    assert y < float(low[1]) < float(high[1]) < y + height
