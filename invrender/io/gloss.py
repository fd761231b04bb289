"""The keys of a scene file that make an object's material principled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from invrender import checks
from invrender.errors import UserError, naming
from invrender.io.arrays import read_array
from invrender.io.folder import Folder
from invrender.io.looks import Look, normal_factor, spread
from invrender.io.meshes import MeshFile
from invrender.io.pictures import read_map, read_picture
from invrender.io.schema import ObjectConfig, VerticesConfig
from invrender.scene import PRINCIPLED, Material, Model, Property, principled

BLANK = "blank"
MODELS: tuple[Model, ...] = ("phong", "principled")
FACTORS = ("roughness", "metallic", "emission", "normal_scale")


def choose_model(config: ObjectConfig, file: MeshFile, key: str) -> Model:
    """The model of an object's material: what the config says, what its keys mean, or what the mesh file has.

    Raises `UserError` where keys of both models are given.
    """
    given = [name for name in FACTORS if getattr(config, name) is not None]
    given += [f"maps.{name}" for name in named(config.maps)] + [f"vertices.{name}" for name in named(config.vertices)]
    shiny = any(value != 0 for value in config.specular)
    model = config.model
    if model is None:
        known = any(part.gloss is not None for part in file.parts)
        model = "principled" if given or (known and not shiny) else "phong"
    checks.one_of(f"{key}.model", model, MODELS)
    if model == "phong" and given:
        raise UserError(f"{key}.{given[0]} has no effect on a material of model phong; set {key}.model=principled")
    if model == "principled" and shiny:
        raise UserError(
            f"{key}.specular has no effect on a material of model principled, whose highlights follow from roughness; "
            f"set {key}.specular=[0,0,0]"
        )
    return "principled" if model == "principled" else "phong"


def named(kind: VerticesConfig) -> dict[str, str]:
    """The files that are given, by property."""
    return {name: given for name, given in vars(kind).items() if given is not None}


def glossy_looks(config: ObjectConfig, looks: Sequence[Look], files: Folder, key: str) -> list[Look]:
    """Looks with what the config says of gloss, in place of the mesh file's factors and maps."""
    maps = {name: read_layer(config, name, given, files, key) for name, given in named(config.maps).items()}
    return [glossy_look(config, look, maps, key) for look in looks]


def glossy_look(config: ObjectConfig, look: Look, maps: Mapping[str, Tensor | None], key: str) -> Look:
    """One look with the config's factors and maps; None is a map that is the factor all over."""
    found = dict(look.properties)
    for name in ("roughness", "metallic", "emission"):
        own = found.get(name, Property(torch.tensor(PRINCIPLED[name])))
        value = getattr(config, name)
        given = value is not None or name in named(config.vertices)
        if value is not None:
            own = replace(own, factor=check_factor(name, value, key))
        elif name in maps and maps[name] is not None and not given:
            own = replace(own, factor=torch.ones_like(own.factor))
        found[name] = own if name not in maps else with_map(own, maps[name], config, key)
    if maps.get("normal") is not None:
        found["normal"] = Property(normal_factor(1.0), maps["normal"])
    if config.normal_scale is not None:
        if "normal" not in found:
            raise UserError(f"{key}.normal_scale has no effect: there is no map of normals; set {key}.maps.normal=FILE")
        scale = checks.at_least(f"{key}.normal_scale", config.normal_scale, 0)
        found["normal"] = replace(found["normal"], factor=normal_factor(scale))
    return Look(found, look.wrap)


def with_map(own: Property, texture: Tensor | None, config: ObjectConfig, key: str) -> Property:
    """A property with a map, or with one that is its factor all over."""
    if texture is not None:
        return replace(own, texture=texture)
    return spread(own, *texture_size(config.texture_size or [], f"{key}.texture_size"))


def read_layer(config: ObjectConfig, name: str, given: str, files: Folder, key: str) -> Tensor | None:
    """The map of a property that the config names; None for one that is blank."""
    own = f"{key}.maps.{name}"
    if given == BLANK:
        if config.texture_size is None:
            raise UserError(f"{own} is {BLANK}, which needs a size: set {key}.texture_size=[256,256]")
        if name == "normal":
            raise UserError(f"{own} is {BLANK}, expected a file: a map of normals has no other start")
        return None
    path = files.find(given, own)
    with naming(own):
        return files.once((path, name), lambda: read_picture(path).rgb if name == "emission" else read_map(path, name))


def check_factor(name: str, value: float | Sequence[float], key: str) -> Tensor:
    """A factor [C] that the config gives."""
    if isinstance(value, Sequence):
        return checks.color(f"{key}.{name}", value)
    if not 0 <= value <= 1:
        raise UserError(f"{key}.{name} is {value:g}, expected a number from 0 to 1")
    return torch.tensor([value], dtype=torch.float32)


def glossy_material(
    config: ObjectConfig, properties: Mapping[str, Property], file: MeshFile, files: Folder, key: str
) -> Material:
    """The principled material of these properties, with the config's values of vertices."""
    found = {name: properties.get(name, Property(torch.tensor(values))) for name, values in PRINCIPLED.items()}
    for name, given in named(config.vertices).items():
        count, channels = len(file.mesh.vertices), len(PRINCIPLED[name])
        values = vertex_values(given, count, channels, files, f"{key}.vertices.{name}")
        ones = getattr(config, name) is None
        factor = torch.ones_like(found[name].factor) if ones else found[name].factor
        found[name] = replace(found[name], factor=factor, vertex=values)
    for name in ("roughness", "metallic"):
        found[name] = replace(found[name], factor=found[name].factor.reshape(()))
    normal = found["normal"] if "normal" in properties else None
    return principled(found["albedo"], found["roughness"], found["metallic"], found["emission"], normal)


def vertex_values(given: str, count: int, channels: int, files: Folder, key: str) -> Tensor:
    """Values [V, C] of vertices from a .npy that the config names."""
    path = files.find(given, key)
    with naming(key):
        array = read_array(path)
    values = torch.from_numpy(array.astype(np.float64)).float()
    if array.shape != (count, channels) or not bool(values.isfinite().all()):
        raise UserError(f"{key} is {path} of shape {array.shape}, expected finite numbers of {(count, channels)}")
    return values


def texture_size(given: list[int], key: str) -> tuple[int, int]:
    """[height, width], checked."""
    if len(given) != 2:
        raise UserError(f"{key} is {given}, expected [height, width]")
    return checks.pixels(key, given[0]), checks.pixels(key, given[1])
