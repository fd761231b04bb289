"""From our conventions to PyTorch3D's: axes, NDC and lights. Pure functions that don't need PyTorch3D.

PyTorch3D's camera axes are x left, y up, z forward, and its transforms multiply row vectors. Its NDC has x left, y up,
the origin in the middle of the picture, and ±1 at the ends of the shorter side; the centres of pixels lie half a pixel
inside the picture's edge, as ours do.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from invrender.scene import AmbientLight, Camera, DirectionalLight, HarmonicLight, Light, PointLight


def view_from_world(camera_from_world: Tensor) -> tuple[Tensor, Tensor]:
    """R [3, 3] and T [3] of PyTorch3D, x_view = x_world R + T, from ``camera_from_world`` [4, 4] with OpenCV axes."""
    flipped = camera_from_world[:3] * camera_from_world.new_tensor([[-1.0], [-1.0], [1.0]])
    return flipped[:, :3].T, flipped[:, 3]


def ndc_from_view(camera: Camera) -> Tensor:
    """K [4, 4] of PyTorch3D's cameras, which multiplies column vectors of view space and is followed by x / w.

    Half the shorter side in pixels is 1. The depth row is PyTorch3D's: 1 / z of a perspective camera, z of an
    orthographic one.
    """
    half = min(camera.height, camera.width) / 2
    x, y = camera.intrinsics[:2] / half
    zero, one = torch.zeros_like(x[0]), torch.ones_like(x[0])
    shift_x, shift_y = camera.width / 2 / half - x[2], camera.height / 2 / half - y[2]
    if camera.projection == "orthographic":
        rows = [[x[0], x[1], zero, shift_x], [y[0], y[1], zero, shift_y], [zero, zero, one, zero]]
        last = [zero, zero, zero, one]
    else:
        rows = [[x[0], x[1], shift_x, zero], [y[0], y[1], shift_y, zero], [zero, zero, zero, one]]
        last = [zero, zero, one, zero]
    return torch.stack([torch.stack(row) for row in [*rows, last]])


@dataclass(frozen=True)
class SingleLight:
    """What PyTorch3D's light classes hold: [3] each, and where a point light is or a directional one comes from.

    kind: "point" (place is its position), "directional" (place points towards the light) or "ambient" (no place).
    """

    kind: str
    ambient: Tensor
    radiance: Tensor
    place: Tensor | None


def single_light(lights: list[Light], like: Tensor) -> SingleLight | None:
    """The lights as one of PyTorch3D's; None where they are more than that, or fade with the distance.

    PyTorch3D's shaders know one point or directional light with an ambient part, and no falloff.
    """
    ambient = like.new_zeros(3)
    others: list[PointLight | DirectionalLight] = []
    for light in lights:
        if isinstance(light, AmbientLight):
            ambient = ambient + light.color * light.intensity
        elif not isinstance(light, HarmonicLight):  # which `Capabilities.check_scene` refuses
            others.append(light)
    if not others:
        return SingleLight("ambient", ambient, like.new_zeros(3), None)
    if len(others) > 1:
        return None
    (light,) = others
    radiance = light.color * light.intensity
    if isinstance(light, DirectionalLight):
        return SingleLight("directional", ambient, radiance, light.direction)
    return SingleLight("point", ambient, radiance, light.position) if light.falloff == "none" else None
