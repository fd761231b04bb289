"""Whole scenes: built from config, and written so that they can be built again."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import roma
import torch
import yaml
from torch import Tensor

from invrender import checks
from invrender.errors import UserError
from invrender.geometry.cameras import rigid as rigid_transform
from invrender.geometry.meshes import bounds
from invrender.io.cameras import build_camera, camera_keys
from invrender.io.meshes import MeshFile, read_meshes, write_obj
from invrender.io.pictures import Decoding, read_picture, write_picture
from invrender.io.schema import LightConfig, ObjectConfig, SceneConfig, SceneFile
from invrender.io.visibility import check_visible
from invrender.pixels import resize_area
from invrender.scene import (
    CAMERA,
    AmbientLight,
    DirectionalLight,
    Falloff,
    Light,
    Material,
    Object,
    PointLight,
    Scene,
    phong,
)

FALLOFFS: tuple[Falloff, ...] = ("none", "inverse_square")
PLACES = ("position", "rotation", "scale")


@dataclass(frozen=True)
class Folder:
    """Where the files of a scene are: first in its own folder, then in the working directory."""

    path: Path

    def find(self, name: str, key: str) -> Path:
        """The file ``name``. Raises `UserError` where it is in neither place."""
        for candidate in (self.path / name, Path.cwd() / name):
            if candidate.is_file():
                return candidate
        raise UserError(f"{key} is {name!r}: no such file in {self.path} or in the working directory")


def build_scene(config: SceneFile, folder: Path, key: str = "") -> Scene:
    """The scene that ``config`` describes.

    folder: where the scene's files are. key: a prefix for the keys in messages, such as "target.".

    Raises `UserError` for files and values that can't be used, and where the camera sees no object.
    """
    if not config.scene.objects:
        raise UserError(
            f"{key}scene.objects is empty, expected at least one object; give a scene, for example scene=teapot"
        )
    files = Folder(folder)
    objects: dict[str, Object] = {}
    for name, item in config.scene.objects.items():
        objects |= build_objects(name, item, files, f"{key}scene.objects.{name}")
    low, high = bounds(objects)
    scene = Scene(
        objects=objects,
        cameras={CAMERA: build_camera(config.camera, (low + high) / 2, f"{key}camera")},
        lights={name: build_light(light, f"{key}light.{name}") for name, light in config.light.items()},
        background=build_background(config.scene, files, f"{key}scene"),
    )
    check_visible(scene, scene.camera, f"{key}camera")
    return scene


def build_objects(name: str, config: ObjectConfig, files: Folder, key: str) -> dict[str, Object]:
    """The objects of one mesh file, by name; ``name`` itself where there is one, ``name.1``, ``name.2``… where more."""
    if config.mesh == "???":
        raise UserError(f"{key}.mesh is missing, expected a mesh file")
    if not 0 <= config.crease <= 180:
        raise UserError(f"{key}.crease is {config.crease}, expected degrees from 0 (flat) to 180 (smooth)")
    path = files.find(config.mesh, f"{key}.mesh")
    found = read_meshes(path, config.crease)
    world_from_object = placement(config, key).float()
    names = [name] if len(found) == 1 else [f"{name}.{index + 1}" for index in range(len(found))]
    return {
        each: Object(file.mesh, build_material(config, file, files, key), world_from_object)
        for each, file in zip(names, found, strict=True)
    }


BLANK = "blank"


def build_material(config: ObjectConfig, file: MeshFile, files: Folder, key: str) -> Material:
    """The material: the config's word counts before the mesh file's."""
    if config.albedo is not None:
        albedo = checks.color(f"{key}.albedo", config.albedo)
    else:
        albedo = torch.ones(3) if file.color is None else file.color
    texture = None if config.texture == BLANK else file.texture
    if config.texture not in (None, BLANK):
        texture = read_picture(files.find(config.texture, f"{key}.texture")).rgb
    if config.texture_size is not None:
        height, width = texture_size(config.texture_size, f"{key}.texture_size")
        if texture is None:
            texture, albedo = albedo.expand(height, width, 3).contiguous(), torch.ones(3)
        else:
            texture = resize_area(texture, height, width)
    elif config.texture == BLANK:
        raise UserError(f"{key}.texture is {BLANK}, which needs a size: set {key}.texture_size=[256,256]")
    if texture is not None and file.mesh.uv is None:
        raise UserError(
            f"{key} has a texture, but {config.mesh} has no texture coordinates (UV); unwrap it, or leave it out"
        )
    shininess = checks.at_least(f"{key}.shininess", config.shininess, 0)
    return phong(
        albedo=albedo,
        specular=checks.color(f"{key}.specular", config.specular),
        shininess=torch.tensor(shininess, dtype=torch.float32),
        texture=texture,
        vertex_colors=vertex_colors(config, file, files, key),
    )


def texture_size(given: list[int], key: str) -> tuple[int, int]:
    """[height, width], checked."""
    if len(given) != 2:
        raise UserError(f"{key} is {given}, expected [height, width]")
    return checks.pixels(key, given[0]), checks.pixels(key, given[1])


def vertex_colors(config: ObjectConfig, file: MeshFile, files: Folder, key: str) -> Tensor | None:
    """Linear colours [V, 3] from the config's .npy or the mesh file."""
    if config.vertex_colors is None:
        return file.vertex_colors
    if config.vertex_colors == "white":
        return torch.ones_like(file.mesh.vertices)
    path = files.find(config.vertex_colors, f"{key}.vertex_colors")
    try:
        values = torch.from_numpy(np.load(path, allow_pickle=False).astype(np.float32))
    except (ValueError, OSError) as error:
        raise UserError(f"{key}.vertex_colors is {path}: not a readable .npy file") from error
    expected = (file.mesh.vertices.shape[0], 3)
    if tuple(values.shape) != expected or not bool(values.isfinite().all()):
        raise UserError(
            f"{key}.vertex_colors is {path} of shape {tuple(values.shape)}, expected finite numbers of {expected}"
        )
    return values


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


def build_light(config: LightConfig, key: str) -> Light:
    """The light that ``config`` describes."""
    kind = checks.one_of(f"{key}.kind", config.kind, ("ambient", "directional", "point"))
    for name, wanted in (("position", "point"), ("direction", "directional"), ("falloff", "point")):
        if kind != wanted and getattr(config, name) is not None:
            raise UserError(
                f"{key}.{name} has no effect on a light of kind {kind}; set {key}.{name}=null or the kind {wanted}"
            )
    color = checks.color(f"{key}.color", config.color)
    intensity = torch.tensor(checks.at_least(f"{key}.intensity", config.intensity, 0), dtype=torch.float32)
    if kind == "ambient":
        return AmbientLight(color, intensity)
    if kind == "directional":
        if config.direction is None:
            raise UserError(f"{key}.direction is missing, expected the direction towards the light, [x, y, z]")
        direction = checks.numbers(f"{key}.direction", config.direction, (3,))
        if float(direction.norm()) == 0:
            raise UserError(f"{key}.direction is {config.direction}, expected a vector that is not zero")
        return DirectionalLight(color, intensity, (direction / direction.norm()).float())
    if config.position is None:
        raise UserError(f"{key}.position is missing, expected where the point light is, [x, y, z]")
    falloff = checks.one_of(f"{key}.falloff", config.falloff or "none", FALLOFFS)
    position = checks.numbers(f"{key}.position", config.position, (3,)).float()
    return PointLight(color, intensity, position, "none" if falloff == "none" else "inverse_square")


def build_background(config: SceneConfig, files: Folder, key: str) -> Tensor:
    """A colour [3] or a picture [H, W, 3], linear."""
    if config.picture is not None:
        return read_picture(files.find(config.picture, f"{key}.picture"), Decoding(orientation="file")).rgb
    return checks.color(f"{key}.background", config.background)


def write_scene(folder: Path, scene: Scene, config: SceneFile) -> None:
    """Write a scene into ``folder`` (made if need be): scene.yaml and the files that it names.

    config: what the scene was built from; supplies the creases, which a scene no longer knows. Textures and a
    background picture are rounded to 8 bits unless they have values above 1; all else comes back to the last bit.
    """
    folder.mkdir(parents=True, exist_ok=True)
    objects = {
        name: write_object(folder, name, thing, crease_of(name, config)) for name, thing in scene.objects.items()
    }
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
    file = f"{name}.png" if float(rgb.max()) <= 1 else f"{name}.exr"
    write_picture(folder / file, rgb)
    return file


def write_object(folder: Path, name: str, thing: Object, crease: float) -> dict[str, Any]:
    """Write an object's files, and return its keys."""
    material = thing.material
    safe = name.replace("/", "_")
    write_obj(folder / f"{safe}.obj", thing.mesh)
    keys: dict[str, Any] = {"mesh": f"{safe}.obj"}
    if material.texture is not None:
        keys["texture"] = write_colors(folder, safe, material.texture)
    if material.vertex_colors is not None:
        np.save(folder / f"{safe}.npy", material.vertex_colors.detach().cpu().numpy())
        keys["vertex_colors"] = f"{safe}.npy"
    return keys | {
        "albedo": listed(material.albedo),
        "specular": listed(material.specular),
        "shininess": float(material.shininess),
        "crease": crease,
        "world_from_object": listed(thing.world_from_object),
    }


def crease_of(name: str, config: SceneFile) -> float:
    """The crease angle that the object ``name`` was built with; ``name.2`` belongs to the config's ``name``."""
    objects = config.scene.objects
    return (objects[name] if name in objects else objects[name.rpartition(".")[0]]).crease


def light_keys(light: Light) -> dict[str, Any]:
    """The keys of `LightConfig` that give this light back."""
    keys = {"color": listed(light.color), "intensity": float(light.intensity)}
    match light:
        case AmbientLight():
            return {"kind": "ambient", **keys}
        case DirectionalLight():
            return {"kind": "directional", **keys, "direction": listed(light.direction)}
        case PointLight():
            return {"kind": "point", **keys, "position": listed(light.position), "falloff": light.falloff}


def listed(values: Tensor) -> Any:
    """A tensor as nested lists."""
    return values.detach().cpu().tolist()
