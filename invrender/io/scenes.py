"""Whole scenes: built from config, and written so that they can be built again."""

from __future__ import annotations

import math
from collections.abc import Hashable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import roma
import torch
import yaml
from torch import Tensor

from invrender import checks
from invrender.errors import UserError, note
from invrender.geometry.cameras import rigid as rigid_transform
from invrender.geometry.meshes import bounds
from invrender.io.cameras.depths import say_depths
from invrender.io.cameras.keys import build_camera, camera_keys
from invrender.io.folder import Folder
from invrender.io.lights import build_light, light_keys, listed
from invrender.io.meshes import write_obj
from invrender.io.meshes.welding import by_first_use
from invrender.io.pictures import Decoding, read_picture, write_map, write_picture
from invrender.io.schema import ObjectConfig, SceneConfig, SceneFile
from invrender.io.surfaces import build_surface
from invrender.io.visibility import check_visible
from invrender.scene import (
    CAMERA,
    Light,
    Material,
    Object,
    PointLight,
    Scene,
)

# A value that 8 bits round to 1.
ROUNDED = 1e-3
PLACES = ("position", "rotation", "scale")


def build_scene(config: SceneFile, folder: Path, key: str = "", read: dict[Hashable, Any] | None = None) -> Scene:
    """The scene that ``config`` describes.

    folder: where the scene's files are. key: a prefix for the keys in messages, such as "target.". read: what scenes
    before have read of files, which they share with this one; what this one reads is added.

    Raises `UserError` for files and values that can't be used, and where the camera sees no object.
    """
    if not config.scene.objects:
        raise UserError(
            f"{key}scene.objects is empty, expected at least one object; give a scene, for example scene=teapot"
        )
    files = Folder(folder, {} if read is None else read)
    objects: dict[str, Object] = {}
    for name, item in config.scene.objects.items():
        objects[name] = build_object(item, files, f"{key}scene.objects.{name}")
    low, high = bounds(objects)
    camera = build_camera(config.camera, (low + high) / 2, f"{key}camera", radius_of(low, high))
    lights = {name: build_light(light, files, f"{key}light.{name}") for name, light in config.light.items()}
    scene = Scene(
        objects=objects,
        cameras={CAMERA: camera},
        lights=place_lights(lights, config.scene.light_unit, objects, key),
        background=build_background(config.scene, files, f"{key}scene"),
    )
    check_visible(scene, scene.camera, f"{key}camera")
    say_depths(camera, config.camera, f"{key}camera")
    return scene


def build_object(config: ObjectConfig, files: Folder, key: str) -> Object:
    """One object. Objects of the same files that look alike share their mesh and material."""
    if config.mesh == "???":
        raise UserError(f"{key}.mesh is missing, expected a mesh file")
    if config.crease is not None and not 0 <= config.crease <= 180:
        raise UserError(f"{key}.crease is {config.crease}, expected degrees from 0 (flat) to 180 (smooth)")
    looks = replace(config, position=None, rotation=None, scale=None, world_from_object=None)
    mesh, material = files.once(repr(looks), lambda: build_surface(config, files, key))
    return Object(mesh, material, placement(config, key).float())


def placement(config: ObjectConfig, key: str) -> Tensor:
    """world_from_object [4, 4], float64."""
    if config.world_from_object is not None:
        for name in PLACES:
            if getattr(config, name) is not None:
                raise UserError(
                    f"{key}.{name} has no effect, for world_from_object is given too; set one of them to null"
                )
        matrix = checks.numbers(f"{key}.world_from_object", config.world_from_object, (4, 4))
        if abs(float(torch.linalg.det(matrix[:3, :3]))) < 1e-12:
            raise UserError(f"{key}.world_from_object flattens the object: its upper left 3x3 part has no inverse")
        return matrix
    rotation = checks.numbers(
        f"{key}.rotation", [0.0, 0.0, 0.0] if config.rotation is None else config.rotation, (3,)
    ) * (math.pi / 180)
    position = checks.numbers(f"{key}.position", [0.0, 0.0, 0.0] if config.position is None else config.position, (3,))
    scale = checks.above(f"{key}.scale", 1.0 if config.scale is None else config.scale, 0)
    return rigid_transform(scale * roma.rotvec_to_rotmat(rotation), position)


def radius_of(low: Tensor, high: Tensor) -> float:
    """Half the diagonal of a box between two corners [3]."""
    return float((high - low).norm()) / 2


def place_lights(
    lights: dict[str, Light], unit: float | None, objects: dict[str, Object], key: str
) -> dict[str, Light]:
    """Point lights with their positions in the unit of lights; None is half the longest side of the largest object.

    That is the same however objects are turned and moved, so that a start has the lights of its truth. A light that
    fades with the square of the distance is as much brighter as it is further away.
    """
    if unit is None:
        unit = max(map(longest_side, objects.values())) / 2
    if checks.above(f"{key}scene.light_unit", unit, 0) == 1:
        return lights
    placed: dict[str, Light] = {}
    for name, light in lights.items():
        if isinstance(light, PointLight):
            factor = unit**2 if light.falloff == "inverse_square" else 1.0
            light = replace(light, position=unit * light.position, intensity=factor * light.intensity)
            at = ", ".join(f"{each:.3g}" for each in light.position.tolist())
            note(f"{key}light.{name} is at [{at}]: lights scale with the objects, unless scene.light_unit=1 is set")
        placed[name] = light
    return placed


def longest_side(obj: Object) -> float:
    """The longest side of the box around a mesh in its own frame, in the world's unit."""
    sides = obj.mesh.vertices.amax(dim=0) - obj.mesh.vertices.amin(dim=0)
    scale = torch.linalg.det(obj.world_from_object[:3, :3].double()).abs() ** (1 / 3)
    return float(scale * sides.max())


def build_background(config: SceneConfig, files: Folder, key: str) -> Tensor:
    """A colour [3] or a picture [H, W, 3], linear."""
    if config.picture is not None:
        return read_picture(files.find(config.picture, f"{key}.picture"), Decoding(orientation="file")).rgb
    return checks.color(f"{key}.background", config.background)


def write_scene(folder: Path, scene: Scene) -> None:
    """Write a scene into ``folder`` (made if need be): scene.yaml and the files that it names.

    Textures and a background picture are rounded to 8 bits unless they have values above 1; all else comes back to the
    last bit.
    """
    folder.mkdir(parents=True, exist_ok=True)
    objects = {name: write_object(folder, name, obj) for name, obj in scene.objects.items()}
    if scene.background.ndim == 1:
        behind: dict[str, Any] = {"background": listed(scene.background)}
    else:
        behind = {"picture": write_colors(folder, "background", scene.background)}
    document = {
        "scene": {**behind, "objects": objects},
        "camera": camera_keys(scene.camera),
        "light": {name: light_keys(light) for name, light in scene.lights.items()},
    }
    text = yaml.safe_dump(document, sort_keys=False, default_flow_style=None, width=120)
    (folder / "scene.yaml").write_text("# @package _global_\n" + text, encoding="utf-8")


def write_colors(folder: Path, name: str, rgb: Tensor) -> str:
    """Write linear colours [H, W, 3], as PNG or, where that would clip them, as EXR; returns the file's name."""
    file = f"{name}.png" if float(rgb.max()) <= 1 + ROUNDED else f"{name}.exr"
    write_picture(folder / file, rgb)
    return file


def write_object(folder: Path, name: str, obj: Object) -> dict[str, Any]:
    """Write an object's files, and return its keys."""
    obj = in_order_of_use(obj)
    material = obj.material
    safe = name.replace("/", "_")
    write_obj(folder / f"{safe}.obj", obj.mesh)
    keys: dict[str, Any] = {"mesh": f"{safe}.obj"}
    if material.texture is not None:
        keys["texture"] = write_colors(folder, safe, material.texture)
    if material.vertex_colors is not None:
        keys["vertex_colors"] = write_vertex_values(folder, safe, material.vertex_colors)
    model = (
        {"specular": listed(material.specular), "shininess": float(material.shininess)}
        if (material.model == "phong")
        else gloss_keys(folder, safe, material)
    )
    placed = {"world_from_object": listed(obj.world_from_object)}
    return keys | {"model": material.model, "albedo": listed(material.albedo)} | model | placed


def in_order_of_use(obj: Object) -> Object:
    """The object with its vertices in the order in which faces name them, which is that of meshes that are read.

    Values of vertices have files of their own, and would else be those of others.
    """
    faces = obj.mesh.faces
    numbers, original = by_first_use(faces.reshape(-1).cpu().numpy())
    order = torch.from_numpy(original).to(faces.device)
    mesh = replace(
        obj.mesh, vertices=obj.mesh.vertices[order], faces=torch.from_numpy(numbers).to(faces).view_as(faces)
    )
    properties = {
        name: each if each.vertex is None else replace(each, vertex=each.vertex[order])
        for name, each in obj.material.properties.items()
    }
    return replace(obj, mesh=mesh, material=replace(obj.material, properties=properties))


def gloss_keys(folder: Path, safe: str, material: Material) -> dict[str, Any]:
    """The keys of what a principled material has beside albedo; their files are written."""
    keys: dict[str, Any] = {name: listed(material[name].factor) for name in ("roughness", "metallic", "emission")}
    maps: dict[str, str] = {}
    vertices: dict[str, str] = {}
    for name, each in material.properties.items():
        if name == "albedo":
            continue
        if each.texture is not None and name == "emission":
            maps[name] = write_colors(folder, f"{safe}_{name}", each.texture)
        elif each.texture is not None:
            maps[name] = f"{safe}_{name}.png"
            write_map(folder / maps[name], name, each.texture)
        if each.vertex is not None:
            vertices[name] = write_vertex_values(folder, f"{safe}_{name}", each.vertex)
    if "normal" in material.properties:
        keys["normal_scale"] = float(material["normal"].factor[0])
    return keys | {"maps": maps, "vertices": vertices}


def write_vertex_values(folder: Path, name: str, values: Tensor) -> str:
    """Write values [V, C] of vertices; returns the file's name."""
    np.save(folder / f"{name}.npy", values.detach().cpu().numpy())
    return f"{name}.npy"
