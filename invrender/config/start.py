"""The place of a start that is not known otherwise: where the views look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from invrender.config.schema import FitConfig
from invrender.errors import UserError, naming, note
from invrender.geometry.hull import carve
from invrender.geometry.spheres import find_region
from invrender.io.cameras.base import CameraFormat
from invrender.io.pictures import Decoding
from invrender.io.schema import ObjectConfig
from invrender.io.starts import HULL, SPHERE
from invrender.io.views import Reading, read_views
from invrender.scene import Scene, View

# The masks' areas are measured in pictures of so many pixels at most, and the scene's own camera is so many radii away.
SMALL, AWAY = 160, 4.0
FEWEST, MOST = 8, 256


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
    if spheres := [name for name in unplaced if config.scene.objects[name].mesh == SPHERE]:
        note(f"{', '.join(spheres)}: a sphere of radius {radius:.3g} at [{at}], where the views look")
    camera = replace(config.camera, distance=AWAY * radius) if config.camera.position is None else config.camera
    return replace(config, scene=replace(config.scene, objects={**config.scene.objects, **objects}), camera=camera)


def is_unplaced(config: ObjectConfig) -> bool:
    """Whether an object is a sphere, or a hull in whose place one stands, of which nothing says where it is."""
    places = (config.box, config.position, config.scale, config.world_from_object)
    return config.mesh in (SPHERE, HULL) and all(each is None for each in places)


def check_hulls(config: FitConfig) -> None:
    """Raise `UserError` for a hull without views whose masks it is of."""
    for name, each in config.scene.objects.items():
        if each.mesh == HULL and config.target.kind != "views":
            raise UserError(
                f"scene.objects.{name}.mesh is {HULL}, that of the masks of several photographs; "
                "give target=cameras.json, or scene=sphere"
            )


def carve_hulls(config: FitConfig, scene: Scene, views: Sequence[View]) -> Scene:
    """The scene with hulls of the views' masks in place of the spheres that stood for them.

    Raises `UserError` for views without a mask, for such as have nothing in common, and for useless numbers of cells.
    """
    objects = dict(scene.objects)
    for name in (name for name, each in config.scene.objects.items() if each.mesh == HULL):
        key, cells = f"scene.objects.{name}", config.scene.objects[name].cells
        if not FEWEST <= cells <= MOST:
            raise UserError(f"{key}.cells is {cells}, expected {FEWEST} to {MOST}")
        masks = {view.camera: view.mask for view in views}
        missing = [camera for camera, mask in masks.items() if mask is None]
        if missing:
            raise UserError(
                f"{key}.mesh is {HULL}, which needs masks, and {missing[0]} has none; name one for each view"
            )
        given = [mask for mask in masks.values() if mask is not None]
        cameras = [scene.cameras[camera] for camera in masks]
        with naming(f"{key}.mesh is {HULL}"):
            vertices, faces = carve(cameras, given, *find_region(cameras, given), cells)
        obj = objects[name]
        values = {key: each.mean(dim=0).expand(len(vertices), -1) for key, each in obj.material.vertex_values.items()}
        objects[name] = obj.with_surface(vertices.to(obj.mesh.vertices), faces, **values)
        note(f"{name}: the hull of {len(given)} masks, {len(faces):,} faces")
    return replace(scene, objects=objects)
