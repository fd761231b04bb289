"""Optics: a lens that bends, blurs and darkens, and a sensor with noise and a response of its own."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import grid_sample

from invrender.images.blur import gaussian_blur
from invrender.images.color import srgb_from_linear
from invrender.photographs.chance import Random
from invrender.scene import Camera

SMEARS = 7  # pictures of which a moving camera's is the mean
ROUNDS = 8  # of the fixed point of a distortion


@dataclass(frozen=True)
class Lens:
    """distortion: Brown's k1. blur: deviation in pixels. motion: [2], so many pixels across and down.

    vignetting: the share of light that the corners lose. center: [2], where most of it arrives, as shares of the
    picture's sides.
    """

    distortion: float
    blur: float
    motion: tuple[float, float]
    vignetting: float
    center: tuple[float, float]


@dataclass(frozen=True)
class Sensor:
    """gain: [3], by channel. gamma: power of the response, on top of sRGB's. noise: deviation at white, linear.

    quality: of the JPEG file, from 0 to 100.
    """

    gain: tuple[float, float, float]
    gamma: float
    noise: float
    quality: int


def bend(film: Tensor, camera: Camera, lens: Lens) -> Tensor:
    """Channels [H, W, C] on a film as the lens bends them, with what the camera moved while it was open.

    camera: of the film's size. Where a pixel lies at distance r from the principal point, at focal length 1, it shows
    what would be at r' with r = r' (1 + k1 r'²), the first radial term of Brown, *Decentering distortion of lenses*,
    1966.
    """
    height, width = film.shape[:2]
    matrix = camera.intrinsics
    y, x = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
    seen = torch.stack([(x - matrix[0, 2]) / matrix[0, 0], (y - matrix[1, 2]) / matrix[1, 1]], dim=-1)
    straight = undistort(seen, lens.distortion)
    places = straight * matrix.diagonal()[:2] + matrix[:2, 2]
    size = torch.tensor([width, height])
    total = torch.zeros_like(film)
    for step in range(SMEARS):
        moved = places + (step / (SMEARS - 1) - 0.5) * torch.tensor(lens.motion)
        sampled = grid_sample(
            film.movedim(-1, 0)[None], (2 * moved / size - 1)[None], padding_mode="reflection", align_corners=False
        )
        total += sampled[0].movedim(0, -1) / SMEARS
    return gaussian_blur(total, lens.blur)


def undistort(points: Tensor, distortion: float) -> Tensor:
    """The points [..., 2] at focal length 1 that Brown's k1 moves to the given ones."""
    found = points
    for _ in range(ROUNDS):
        found = points / (1 + distortion * (found**2).sum(dim=-1, keepdim=True))
    return found


def vignette(height: int, width: int, lens: Lens) -> Tensor:
    """The share of light [H, W, 1] that arrives: less towards the corners, smoothly."""
    y, x = torch.meshgrid(torch.linspace(0, 1, height), torch.linspace(0, 1, width), indexing="ij")
    squared = (x - lens.center[0]) ** 2 + (y - lens.center[1]) ** 2
    return (1 - lens.vignetting * squared / 0.5).clamp(min=0)[..., None]


def expose(light: Tensor, sensor: Sensor, random: Random) -> bytes:
    """The JPEG file of linear light [H, W, 3].

    The noise's variance is that of photons, in proportion to the light, and a tenth of white's that is always there, as
    in Foi et al., *Practical Poissonian-Gaussian noise modeling and fitting for single-image raw-data*, 2008.
    """
    exposed = light * torch.tensor(sensor.gain)
    drawn = torch.from_numpy(random.normal(size=tuple(light.shape)).astype(np.float32))
    noisy = exposed + sensor.noise * drawn * (exposed.clamp(min=0) + 0.1).sqrt()
    encoded = srgb_from_linear(noisy.clamp(0, 1)) ** sensor.gamma
    file = io.BytesIO()
    levels = (255 * encoded).round().to(torch.uint8).numpy()
    Image.fromarray(levels).save(file, "JPEG", quality=sensor.quality)
    return file.getvalue()


def motion_of(length: float, turn: float) -> tuple[float, float]:
    """A motion so many pixels long, in a direction in radians."""
    return length * math.cos(turn), length * math.sin(turn)
