"""The place of a start that is not known otherwise: where the views look."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch

from invrender.config.schema import FitConfig
from invrender.errors import note
from invrender.geometry.spheres import find_region
from invrender.io.cameras.base import CameraFormat
from invrender.io.pictures import Decoding
from invrender.io.schema import ObjectConfig
from invrender.io.starts import SPHERE
from invrender.io.views import Reading, read_views

# The masks' areas are measured in pictures of so many pixels at most, and the scene's own camera is so many radii away.
SMALL, AWAY = 160, 4.0


def place_spheres(config: FitConfig, decoding: Decoding, file_format: CameraFormat | None) -> FitConfig:
    """The config with its spheres that have no place where the views of its target look, and its own camera there.

    As it is where all have one. Raises `UserError` for views that can't be read.
    """
    unplaced = [name for name, each in config.scene.objects.items() if is_unplaced(each)]
    if not unplaced:
        return config
    reading = Reading(replace(decoding, max_size=SMALL), torch.zeros(3), torch.zeros(3))
    views, cameras = read_views(Path(str(config.target.path)), config.camera, reading, file_format)
    center, radius = find_region(list(cameras.values()), [view.mask for view in views])
    box = [(center + sign * radius).tolist() for sign in (-1, 1)]
    objects = {name: replace(config.scene.objects[name], box=box) for name in unplaced}
    at = ", ".join(f"{each:.3g}" for each in center.tolist())
    note(f"{', '.join(unplaced)}: a sphere of radius {radius:.3g} at [{at}], where the views look")
    camera = replace(config.camera, distance=AWAY * radius) if config.camera.position is None else config.camera
    return replace(config, scene=replace(config.scene, objects={**config.scene.objects, **objects}), camera=camera)


def is_unplaced(config: ObjectConfig) -> bool:
    """Whether an object is a sphere of which nothing says where it is."""
    places = (config.box, config.position, config.scale, config.world_from_object)
    return config.mesh == SPHERE and all(each is None for each in places)
