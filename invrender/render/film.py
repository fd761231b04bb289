"""The film: many shots as one picture of fine pixels, which are averaged in the end."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import groupby

import torch
from torch import Tensor

from invrender.images.resample import background_pixels, box_filter
from invrender.render.base import Shot
from invrender.render.raster.cells import bend
from invrender.render.shading.lights import cast_shadows, number_kinds
from invrender.render.shading.operations import PLAIN, Operations
from invrender.render.shading.surfaces import Surfaces
from invrender.scene import Camera, Picture, Scene

Pixels = Mapping[str, Tensor]
"""Channels of a batch's fine pixels, [P, …] each, one picture after the other; depth is 0 where nothing is."""


@dataclass(frozen=True)
class Batch:
    """Shots of one size, projection and kinds of lights, their cameras at ``samples`` times the resolution."""

    shots: Sequence[Shot]
    samples: int

    @property
    def cameras(self) -> list[Camera]:
        """The camera of each shot."""
        return [shot.camera for shot in self.shots]

    @property
    def scenes(self) -> list[Scene]:
        """The scene of each shot."""
        return [shot.scene for shot in self.shots]

    @property
    def device(self) -> torch.device:
        """Where the scenes are."""
        return self.shots[0].scene.background.device

    def surfaces(self, mipmaps: bool = False, shaded: bool = True, operations: Operations = PLAIN) -> Surfaces:
        """What the scenes show, cut into cells where lenses bend it; the arguments are those of `Surfaces.of`.

        operations: what shaders work on it with.
        """
        return replace(bend(Surfaces.of(self.shots, mipmaps, shaded), self.cameras), operations=operations)

    @cached_property
    def background(self) -> Tensor:
        """The background behind each pixel, [P, 3]."""
        height, width = self.shots[0].camera.height, self.shots[0].camera.width
        found = [background_pixels(scene.background, height, width) for scene in self.scenes]
        return found[0] if len(found) == 1 else torch.cat(found)


def expose(shots: Sequence[Shot], samples: int, draw: Callable[[Batch], Pixels]) -> list[Picture]:
    """The pictures of shots whose fine pixels ``draw`` finds together where they are alike."""
    found: list[Picture] = []
    for _, group in groupby(shots, likeness):
        alike = list(group)
        camera = alike[0].camera
        height, width = camera.height * samples, camera.width * samples
        batch = Batch([replace(shot, camera=shot.camera.resized(width, height)) for shot in alike], samples)
        pixels = draw(batch)
        found += [develop(pixels, number, height, width, samples) for number in range(len(alike))]
    return found


def likeness(shot: Shot) -> Hashable:
    """What shots of one batch have in common."""
    camera = shot.camera
    lights = number_kinds(shot.scene), cast_shadows(shot.scene)
    return camera.width, camera.height, camera.projection, camera.near, camera.far, *lights


def develop(pixels: Pixels, number: int, height: int, width: int, samples: int) -> Picture:
    """One of the pictures, ``height`` × ``width`` fine pixels, from the fine pixels of all."""
    size = height * width
    own = slice(number * size, (number + 1) * size)
    fine = {name: part(values, own).reshape(height, width, *values.shape[1:]) for name, values in pixels.items()}
    return average(fine, samples)


def average(fine: Pixels, samples: int) -> Picture:
    """The picture of which each pixel is the mean of ``samples`` × ``samples`` fine ones, [samples H, samples W, …]."""
    means = {name: mean_depth if name == "depth" else box_filter for name in fine}
    return Picture({name: means[name](values, samples) for name, values in fine.items()})


def part(values: Tensor, own: slice) -> Tensor:
    """Some of the fine pixels; all of them without a slice, whose gradient would be copied."""
    return values if own == slice(0, len(values)) else values[own]


def mean_depth(depth: Tensor, samples: int) -> Tensor:
    """The mean depth over the fine pixels at which something is, from [f H, f W] to [H, W]."""
    if samples == 1:
        return depth
    seen = box_filter((depth > 0).to(depth), samples)
    return box_filter(depth, samples) / torch.where(seen > 0, seen, torch.ones_like(seen))
