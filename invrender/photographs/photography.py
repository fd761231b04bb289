"""Photography: a photograph of a known scene, in another light, before clutter, through a lens, as a JPEG file."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from invrender.errors import UserError
from invrender.images.blur import gaussian_blur
from invrender.images.color import linear_from_srgb
from invrender.images.resample import background_pixels, box_filter
from invrender.photographs import optics
from invrender.photographs.appearance import relight, reprint
from invrender.photographs.chance import Array, Random, Range, between, check_range
from invrender.photographs.clutter import draw_clutter
from invrender.photographs.occlusion import draw_occluder
from invrender.photographs.outline import box_of, rough_mask
from invrender.photographs.things import Picture, slope
from invrender.render.base import Renderer
from invrender.scene import Scene, Truth
from invrender.targets import render_target

FINE = 2  # pixels of the film for each of the photograph, in each direction
# What each key may say: least and most.
LIMITS = {
    "print": (0, 1),
    "occlusion": (0, 0.9),
    "clutter": (0, 1000),
    "distortion": (-0.2, 0.2),
    "blur": (0, 10),
    "motion": (0, 20),
    "vignetting": (0, 1),
    "gain": (0.05, 20),
    "gamma": (0.3, 3),
    "noise": (0, 1),
    "quality": (1, 100),
}


@dataclass(frozen=True)
class Photograph:
    """A photograph and the answer behind it.

    file: of JPEG. truth: the scene as it was, with its lights and prints. visible: [H, W], the share of each pixel that
    shows the objects. mask: [H, W] of 0 and 1, a rough polygon around it.
    """

    file: bytes
    truth: Truth
    visible: Array
    mask: Array

    @property
    def box(self) -> tuple[int, int, int, int]:
        """x, y, width and height in pixels, around the mask."""
        return box_of(self.mask)


@dataclass(frozen=True)
class Photography:
    """How far photographs may be from what a renderer draws: the lowest and the highest of each quantity.

    light: whether the lights are others than the scene's. print: the share of textures on which another print is.
    occlusion: the share of the object that something else covers. clutter: how many things lie about; with none the
    scene's own background is behind the object.
    distortion: Brown's k1. blur: of the lens, deviation in pixels. motion: of the camera, pixels.
    vignetting: the share of light that the corners lose. gain: of each channel. gamma: power of the response, on top of
    sRGB's. noise: deviation at white, linear. quality: of the JPEG file.
    """

    light: bool = True
    print: Range = (0.1, 0.4)
    occlusion: Range = (0.0, 0.3)
    clutter: Range = (15, 45)
    distortion: Range = (-0.01, 0.01)
    blur: Range = (0.5, 1.0)
    motion: Range = (0.0, 1.5)
    vignetting: Range = (0.0, 0.4)
    gain: Range = (0.8, 1.2)
    gamma: Range = (0.92, 1.08)
    noise: Range = (0.004, 0.02)
    quality: Range = (70, 95)

    def __post_init__(self) -> None:
        for name, (least, most) in LIMITS.items():
            check_range(name, getattr(self, name), least, most)

    def take(self, scene: Scene, renderer: Renderer | None = None, samples: int = 4, seed: int = 0) -> Photograph:
        """The photograph that the scene's own camera takes.

        samples: for each pixel in each direction. seed: draws all that is not the scene's; other seeds, other pictures.
        """
        random = np.random.default_rng(seed)
        truth = reprint(relight(scene, random) if self.light else scene, random, self.print)
        camera = scene.camera.resized(FINE * scene.camera.width, FINE * scene.camera.height)
        black = replace(truth.with_camera(camera), background=torch.zeros(3))
        drawn = render_target(black, renderer=renderer, samples=max(1, samples // FINE))
        picture = drawn.views[0].picture
        if not bool((picture["alpha"] > 0.5).any()):
            raise UserError("the true camera shows no whole pixel of the objects; put it nearer to them")
        film = self.compose(picture.rgb, picture["alpha"], truth.background, random)
        lens, sensor = self.draw_lens(random), self.draw_sensor(random)
        seen = box_filter(optics.bend(film, camera, lens), FINE)
        light = seen[..., :3] * optics.vignette(seen.shape[0], seen.shape[1], lens)
        file = optics.expose(light, sensor, random)
        assert drawn.truth is not None
        visible = seen[..., 3].numpy()
        return Photograph(file, replace(drawn.truth, scene=truth), visible, rough_mask(visible, random))

    def compose(self, rgb: Tensor, alpha: Tensor, background: Tensor, random: Random) -> Tensor:
        """The film [H, W, 4] before the lens: colours, and how much of the objects is visible.

        rgb: [H, W, 3] of the objects before black. alpha: [H, W], theirs.
        """
        film = rgb + (1 - alpha[..., None]) * self.draw_behind(alpha, background, random)
        share = between(random, self.occlusion)
        if share > 0:
            height, width = alpha.shape
            occluder = draw_occluder(random, alpha.numpy(), share)
            whole = Image.new("RGBA", (width, height))
            whole.paste(occluder.tile, occluder.place)
            front = torch.from_numpy(np.asarray(whole.getchannel("A")).astype(np.float32) / 255)
            film = torch.lerp(film, linear(whole.convert("RGB")), front[..., None])
            alpha = alpha * (1 - front)
        return torch.cat([film, alpha[..., None]], dim=-1)

    def draw_behind(self, alpha: Tensor, background: Tensor, random: Random) -> Tensor:
        """What is behind the objects, [H, W, 3]: clutter with their shadow on it, or the scene's own background."""
        height, width = alpha.shape
        count = round(between(random, self.clutter))
        if not count:
            return background_pixels(background, height, width).reshape(height, width, 3)
        clutter = linear(draw_clutter(random, width, height, count))
        lit = torch.from_numpy(slope(random, width, height, 0.3)) * (1 - 0.6 * shadow_of(alpha, random))
        return clutter * lit[..., None]

    def draw_lens(self, random: Random) -> optics.Lens:
        """A lens within the limits; lengths are in pixels of the film."""
        return optics.Lens(
            distortion=between(random, self.distortion),
            blur=FINE * between(random, self.blur),
            motion=optics.motion_of(FINE * between(random, self.motion), between(random, (0, math.pi))),
            vignetting=between(random, self.vignetting),
            center=(between(random, (0.35, 0.65)), between(random, (0.35, 0.65))),
        )

    def draw_sensor(self, random: Random) -> optics.Sensor:
        """A sensor within the limits."""
        red, green, blue = (between(random, self.gain) for _ in range(3))
        return optics.Sensor(
            gain=(red, green, blue),
            gamma=between(random, self.gamma),
            noise=between(random, self.noise),
            quality=round(between(random, self.quality)),
        )


def linear(picture: Picture) -> Tensor:
    """The linear colours [H, W, 3] of an sRGB picture of 8 bits."""
    return linear_from_srgb(torch.from_numpy(np.asarray(picture).astype(np.float32) / 255))


def shadow_of(alpha: Tensor, random: Random) -> Tensor:
    """Where the objects' shadow falls on what is behind them, [H, W] from 0 to 1: soft, and a little below."""
    wide = float(alpha.sum().sqrt())
    soft = gaussian_blur(alpha, 0.12 * wide)
    right, down = round(between(random, (-0.12, 0.12)) * wide), round(between(random, (0.03, 0.15)) * wide)
    return soft.roll((down, right), dims=(0, 1))
