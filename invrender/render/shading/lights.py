"""Lights and cameras as flat tensors: the form in which surfaces are shaded."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from invrender.constants import Constants, constant, numbers
from invrender.scene import AmbientLight, Camera, DirectionalLight, HarmonicLight, Light, PointLight, Scene

DIRECTIONAL, POINT, INVERSE_SQUARE = range(3)

packed_lights: Constants[tuple[Tensor, Tensor, Tensor]] = Constants()


def known_lights(scene: Scene) -> tuple[Tensor, Tensor, Tensor]:
    """As `pack_lights`; where no light changes they are packed once."""
    lights = list(scene.lights.values())
    tensors = [each for light in lights for each in vars(light).values() if isinstance(each, Tensor)]
    if not tensors or not constant(*tensors):
        return pack_lights(scene)
    kinds = tuple(number_kind(light) for light in lights)
    setting = kinds, scene.background.dtype, scene.background.device
    return packed_lights.get(lambda: pack_lights(scene), tensors[0], *tensors[1:], setting=setting)


def pack_lights(scene: Scene) -> tuple[Tensor, Tensor, Tensor]:
    """The ambient radiance [3], the other lights [L, 6] and their kinds [L]."""
    ambient = scene.background.new_zeros(3)
    rows = []
    for light in scene.lights.values():
        if isinstance(light, HarmonicLight):
            continue
        radiance = light.color * light.intensity
        if isinstance(light, AmbientLight):
            ambient = ambient + radiance
        elif isinstance(light, DirectionalLight):
            rows.append(torch.cat([radiance, torch.nn.functional.normalize(light.direction, dim=0, eps=1e-6)]))
        else:
            rows.append(torch.cat([radiance, light.position]))
    found = torch.stack(rows) if rows else ambient.new_zeros(0, 6)
    return ambient, found, numbers(number_kinds(scene), ambient, torch.int64)


def stack_harmonics(scenes: Sequence[Scene]) -> Tensor | None:
    """The coefficients [B, 9, 3] of the light from everywhere in each scene; None where no scene has any."""
    found = []
    for scene in scenes:
        lights = [each for each in scene.lights.values() if isinstance(each, HarmonicLight)]
        none = scene.background.new_zeros(9, 3)
        found.append(sum((each.coefficients * each.intensity for each in lights), start=none))
    lit = any(isinstance(each, HarmonicLight) for scene in scenes for each in scene.lights.values())
    return torch.stack(found) if lit else None


def number_kinds(scene: Scene) -> tuple[int, ...]:
    """The kinds of a scene's lights in their order, without those from everywhere."""
    return tuple(kind for light in scene.lights.values() if (kind := number_kind(light)) >= 0)


def number_kind(light: Light) -> int:
    """How `Surfaces` numbers a light's kind; −1 for light from everywhere, which is added up."""
    if isinstance(light, PointLight):
        return INVERSE_SQUARE if light.falloff == "inverse_square" else POINT
    return DIRECTIONAL if isinstance(light, DirectionalLight) else -1


def eye(camera: Camera) -> Tensor:
    """The centre [3] of a perspective camera, the unit direction [3] towards an orthographic one; world frame."""
    return -camera.camera_from_world[2, :3] if camera.projection == "orthographic" else camera.position


def cast_shadows(scene: Scene) -> tuple[bool, ...]:
    """Which of a scene's lights cast shadows, in the order of `number_kinds`; nothing where none does."""
    found = [each.shadows for each in scene.lights.values() if isinstance(each, PointLight | DirectionalLight)]
    return tuple(found) if any(found) else ()
