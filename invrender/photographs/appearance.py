"""Appearance: the scene as it is in another light, and with another print."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import roma
import torch
from PIL import Image
from torch import Tensor

from invrender.images.color import linear_from_srgb, srgb_from_linear
from invrender.photographs import things
from invrender.photographs.chance import Array, Random, Range, between, octaves_of_noise, sphere_direction, vivid_color
from invrender.scene import AmbientLight, DirectionalLight, Light, Object, PointLight, Scene

LAMP_WITHIN = 70.0  # degrees between the lamp and the camera, seen from the object
LAMP_REACH = (0.6, 2.5)  # its distance, in the camera's
KEY, AMBIENT = (0.4, 0.9), (0.15, 0.35)  # what arrives at the object
TINT = 0.15  # of lights: warm or cold
GLOSS = (0.5, 2.0)  # factor on the strength and the exponent of highlights


def relight(scene: Scene, random: Random) -> Scene:
    """The scene whose lights are others, by the same names: another place, colour, intensity and falloff."""
    return replace(scene, lights={name: another_light(light, scene, random) for name, light in scene.lights.items()})


def another_light(light: Light, scene: Scene, random: Random) -> Light:
    """A light of the same kind, on the camera's side of what it looks at."""
    color = tint(random)
    if isinstance(light, AmbientLight):
        return AmbientLight(color, torch.tensor(between(random, AMBIENT)))
    camera, arriving = scene.camera, between(random, KEY)
    outwards = camera.position - camera.look_at
    axis = torch.linalg.cross(outwards, sphere_direction(random))
    angle = math.radians(between(random, (5, LAMP_WITHIN)))
    direction = roma.rotvec_to_rotmat(angle * axis / axis.norm()) @ outwards / outwards.norm()
    if isinstance(light, DirectionalLight):
        return DirectionalLight(color, torch.tensor(arriving), direction)
    reach = float(camera.distance) * between(random, LAMP_REACH)
    position = camera.look_at + reach * direction
    if random.random() < 0.5:
        return PointLight(color, torch.tensor(arriving * reach**2), position, "inverse_square")
    return PointLight(color, torch.tensor(arriving), position)


def tint(random: Random) -> Tensor:
    """The colour [3] of a warm or a cold light."""
    warmth = between(random, (-TINT, TINT))
    return torch.tensor([1 + warmth, 1.0, 1 - warmth])


def reprint(scene: Scene, random: Random, share: Range) -> Scene:
    """The scene whose objects have another print on a share of their textures, and another gloss."""
    return replace(
        scene, objects={name: another_look(obj, random, between(random, share)) for name, obj in scene.objects.items()}
    )


def another_look(obj: Object, random: Random, share: float) -> Object:
    """An object with another print on a share of its texture, if it has one, and another gloss; as it is for none."""
    if share == 0:
        return obj
    material = obj.material
    for name in ("specular", "shininess") if material.model == "phong" else ():
        material = material.with_property(name, factor=material[name].factor * between(random, GLOSS))
    if material.texture is not None:
        height, width = material.texture.shape[:2]
        cover = torch.from_numpy(patches(random, height, width, share))[..., None]
        other = torch.from_numpy(print_of(random, height, width).astype(np.float32) / 255)
        texture = torch.lerp(srgb_from_linear(material.texture), other, cover.to(material.texture) * 0.85)
        material = material.with_property("albedo", texture=linear_from_srgb(texture.clamp(0, 1)))
    return replace(obj, material=material)


def patches(random: Random, height: int, width: int, share: float) -> Array:
    """Where another print is, [height, width] from 0 to 1: a share of all, in a few regions with soft edges."""
    field = octaves_of_noise(random, height, width, width / 3, count=2)
    level = np.quantile(field, 1 - share)
    return (0.5 + (field - level) / 0.1).clip(0, 1).astype(np.float32)


def print_of(random: Random, height: int, width: int) -> Array:
    """Another print, [height, width, 3], sRGB from 0 to 255: labels and words on a ground of several colours."""
    canvas = Image.new("RGB", (width, height), vivid_color(random))
    side = max(things.FEWEST, width // 4)
    for top in range(0, height, side):
        for left in range(0, width, side):
            canvas.paste(things.label(random, side, side), (left, top))
    return np.asarray(canvas).astype(np.float32)
