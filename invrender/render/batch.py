"""Many scenes as one: their pixels one after the other, at a multiple of the resolution that is averaged in the end."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import groupby

import torch
from torch import Tensor

from invrender.pixels import background_pixels, box_filter
from invrender.render.base import Rendered
from invrender.render.surfaces import kind_of
from invrender.scene import Camera, Scene


@dataclass(frozen=True)
class Batch:
    """Scenes of one size, projection and kinds of lights, their cameras at ``samples`` times the resolution."""

    scenes: Sequence[Scene]
    samples: int

    @property
    def cameras(self) -> list[Camera]:
        """The camera of each scene."""
        return [scene.camera for scene in self.scenes]

    @cached_property
    def background(self) -> Tensor:
        """The background behind each pixel, [P, 3]."""
        height, width = self.scenes[0].camera.height, self.scenes[0].camera.width
        found = [background_pixels(scene.background, height, width) for scene in self.scenes]
        return found[0] if len(found) == 1 else torch.cat(found)


@dataclass(frozen=True)
class Pixels:
    """The pixels of a batch: rgb [P, 3] over the background or None, alpha [P], and depth [P], 0 where nothing is.

    alpha and depth have no entries where they were not asked for.
    """

    rgb: Tensor | None
    alpha: Tensor
    depth: Tensor


def in_batches(scenes: Sequence[Scene], samples: int, pixels: Callable[[Batch], Pixels]) -> tuple[Rendered, ...]:
    """The pictures of scenes whose fine pixels are rendered together where they are alike."""
    found: list[Rendered] = []
    for _, group in groupby(scenes, likeness):
        alike = list(group)
        camera = alike[0].camera
        height, width = camera.height * samples, camera.width * samples
        batch = Batch([replace(scene, camera=scene.camera.resized(width, height)) for scene in alike], samples)
        found += pictures(pixels(batch), len(alike), height, width, samples)
    return tuple(found)


def likeness(scene: Scene) -> Hashable:
    """What scenes of one batch have in common."""
    camera = scene.camera
    kinds = tuple(kind for light in scene.lights.values() if (kind := kind_of(light)) >= 0)
    return camera.width, camera.height, camera.projection, camera.near, camera.far, kinds


def pictures(pixels: Pixels, count: int, height: int, width: int, samples: int) -> list[Rendered]:
    """Pictures from their fine pixels."""
    size = height * width
    found = []
    for number in range(count):
        own = slice(number * size, (number + 1) * size)
        rgb = pixels.alpha.new_zeros(0) if pixels.rgb is None else picture_of(pixels.rgb, own, height, samples)
        alpha = picture_of(pixels.alpha, own, height, samples)
        found.append(Rendered(rgb, alpha, depth_of(pixels.depth, own, height, samples)))
    return found


def picture_of(values: Tensor, own: slice, height: int, samples: int) -> Tensor:
    """The mean over fine pixels [P, …] of one picture, [H, W, …]; without entries where there are none."""
    return box_filter(part(values, own).reshape(height, -1, *values.shape[1:]), samples) if len(values) else values


def part(values: Tensor, own: slice) -> Tensor:
    """Some of the fine pixels; all of them without a slice, whose gradient would be copied."""
    return values if own == slice(0, len(values)) else values[own]


def depth_of(depth: Tensor, own: slice, height: int, samples: int) -> Tensor:
    """The mean depth [H, W] over the fine pixels at which something is."""
    if depth.shape[0] == 0:
        return depth
    depth = part(depth, own).reshape(height, -1)
    if samples == 1:
        return depth
    seen = box_filter((depth > 0).to(depth), samples)
    return box_filter(depth, samples) / torch.where(seen > 0, seen, torch.ones_like(seen))
