"""Lights: built from config, and as its keys."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from invrender import checks
from invrender.errors import UserError, note
from invrender.geometry.harmonics import project
from invrender.io.folder import Folder
from invrender.io.pictures import LINEAR, Decoding, picture_size, read_picture
from invrender.io.schema import LightConfig
from invrender.scene import AmbientLight, DirectionalLight, Falloff, HarmonicLight, Light, PointLight

KINDS = ("ambient", "directional", "point", "sh", "environment")
SHADOWED = ("directional", "point")
# Keys that go with one kind alone.
OF_KINDS = (
    ("position", "point"),
    ("direction", "directional"),
    ("falloff", "point"),
    ("coefficients", "sh"),
    ("picture", "environment"),
    ("rotation", "environment"),
)
FALLOFFS: tuple[Falloff, ...] = ("none", "inverse_square")
# Nine harmonics show nothing finer.
WIDEST = 512


def build_light(config: LightConfig, files: Folder, key: str) -> Light:
    """The light that ``config`` describes."""
    kind = checks.one_of(f"{key}.kind", config.kind, KINDS)
    for name, wanted in OF_KINDS:
        if kind != wanted and getattr(config, name) is not None:
            raise UserError(
                f"{key}.{name} has no effect on a light of kind {kind}; set {key}.{name}=null or the kind {wanted}"
            )
    if config.shadows and kind not in SHADOWED:
        raise UserError(
            f"{key}.shadows has no effect on a light of kind {kind}, which comes from everywhere; "
            f"set {key}.shadows=false"
        )
    color = checks.color(f"{key}.color", config.color)
    intensity = torch.tensor(checks.at_least(f"{key}.intensity", config.intensity, 0), dtype=torch.float32)
    if kind == "ambient":
        return AmbientLight(color, intensity)
    if kind == "sh":
        if config.coefficients is None:
            raise UserError(f"{key}.coefficients is missing, expected [9, 3] numbers, a colour for each harmonic")
        coefficients = checks.numbers(f"{key}.coefficients", config.coefficients, (9, 3)).float()
        return HarmonicLight(color * coefficients, intensity)
    if kind == "environment":
        return HarmonicLight(color * read_environment(config, files, key), intensity)
    if kind == "directional":
        if config.direction is None:
            raise UserError(f"{key}.direction is missing, expected the direction towards the light, [x, y, z]")
        direction = checks.numbers(f"{key}.direction", config.direction, (3,))
        if float(direction.norm()) == 0:
            raise UserError(f"{key}.direction is {config.direction}, expected a vector that is not zero")
        return DirectionalLight(color, intensity, (direction / direction.norm()).float(), config.shadows)
    if config.position is None:
        raise UserError(f"{key}.position is missing, expected where the point light is, [x, y, z]")
    falloff = checks.one_of(f"{key}.falloff", config.falloff or "none", FALLOFFS)
    position = checks.numbers(f"{key}.position", config.position, (3,)).float()
    fading: Falloff = "none" if falloff == "none" else "inverse_square"
    return PointLight(color, intensity, position, fading, config.shadows)


def read_environment(config: LightConfig, files: Folder, key: str) -> Tensor:
    """The coefficients [9, 3] of the light of a picture of the whole sphere."""
    if config.picture is None or config.picture == "???":
        raise UserError(
            f"{key}.picture is missing, expected a picture of the whole sphere, as in {key}.picture=SKY.hdr"
        )
    path = files.find(config.picture, f"{key}.picture")
    radiance = read_picture(path, Decoding(max_size=WIDEST)).rgb
    height, width = radiance.shape[:2]
    if abs(width - 2 * height) > 1:
        stored = " x ".join(str(side) for side in reversed(picture_size(path)))
        raise UserError(f"{key}.picture is {path} of {stored} pixels, expected the whole sphere, twice as wide as high")
    if not bool((radiance >= 0).all()):
        raise UserError(f"{key}.picture is {path}, which has values below 0, expected radiance of 0 or more")
    if path.suffix.lower() not in LINEAR:
        note(f"{path}: a picture of 8 or 16 bits shows lamps and the sun too dark; give HDR or EXR for their light")
    note(f"{path}: its nine harmonics light the scene: right on diffuse surfaces, too blurred in smooth ones")
    rotation = config.rotation or 0.0
    if not checks.is_finite(rotation):
        raise UserError(f"{key}.rotation is {rotation}, expected finite degrees")
    return project(radiance, math.radians(rotation))


def light_keys(light: Light) -> dict[str, Any]:
    """The keys of `LightConfig` that give this light back."""
    if isinstance(light, HarmonicLight):
        return {"kind": "sh", "coefficients": listed(light.coefficients), "intensity": float(light.intensity)}
    keys: dict[str, Any] = {"color": listed(light.color), "intensity": float(light.intensity)}
    if isinstance(light, PointLight | DirectionalLight) and light.shadows:
        keys["shadows"] = True
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
