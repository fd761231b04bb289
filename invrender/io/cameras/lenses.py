"""Lenses: from config keys, and back."""

from __future__ import annotations

import math
from dataclasses import asdict, fields
from typing import Any

import torch
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from torch import Tensor

from invrender.checks import numbers, one_of
from invrender.errors import UserError, first_line, note, shortened, suggestion
from invrender.geometry.cameras import rays
from invrender.geometry.fields import find_field
from invrender.io.schema import CameraConfig, LensConfig
from invrender.scene import Camera, Lens
from invrender.scene.lens import COUNTS


def build_lens(config: CameraConfig, key: str) -> Lens:
    """The lens of a camera. Raises `UserError` where it can't be one, or the camera is orthographic."""
    lens = read_keys(config.lens, key)
    if config.projection != "perspective":
        raise UserError(
            f"{key} bends rays through one point, and a camera of projection {config.projection} has parallel ones; "
            f"set {key}=null or projection=perspective"
        )
    one_of(f"{key}.model", lens.model, tuple(COUNTS))
    model = next(each for each in COUNTS if each == lens.model)
    return Lens(coefficients(lens, COUNTS[model], key).float(), model)


def read_keys(given: Any, key: str) -> LensConfig:
    """The keys of a lens. Raises `UserError` for others, and without a model."""
    if isinstance(given, LensConfig):
        given = asdict(given)
    names = [each.name for each in fields(LensConfig)]
    if not isinstance(given, dict) or "model" not in given:
        raise UserError(f"{key} is {shortened(given)}, expected {{model: …, coefficients: […]}}")
    for name in given:
        if name not in names:
            raise UserError(f"{key} has no key {name!r}, expected {' and '.join(names)}{suggestion(name, names)}")
    try:
        read = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(LensConfig), given))
    except (OmegaConfBaseException, OverflowError, RecursionError) as error:
        raise UserError(f"{key}: {first_line(error)}") from error
    assert isinstance(read, LensConfig)
    return read


def coefficients(lens: LensConfig, counts: tuple[int, ...] | None, key: str) -> Tensor:
    """The coefficients [K], float64, as many as the model takes."""
    given = lens.coefficients
    if len(given) not in counts if counts is not None else not given:
        expected = "one or more" if counts is None else " or ".join(str(count) for count in counts)
        raise UserError(
            f"{key}.coefficients is {shortened(given)}, expected {expected} numbers for the model {lens.model}; "
            "fill up with zeros, or choose another model"
        )
    return numbers(f"{key}.coefficients", given, (len(given),))


def check_field(camera: Camera, key: str) -> None:
    """Say where a lens's field ends within the picture; raise `UserError` where that is no lens's.

    Fisheyes have a circle of light. A flat picture that folds over before its sides have coefficients that were not
    meant for it; before its corners, they were fitted to points further inside.
    """
    lens = camera.lens
    if lens is None or lens.model == "equirectangular":
        return
    width, height = camera.width, camera.height
    x, y = camera.intrinsics[:2, 2].tolist()
    sides = torch.tensor([[0, y], [width, y], [x, 0], [x, height]])
    corners = torch.tensor([[0, 0], [width, 0], [0, height], [width, height]], dtype=torch.float32)
    beyond_sides, beyond = (bool(rays(camera, each).isnan().any()) for each in (sides, torch.cat([sides, corners])))
    if not beyond:
        return
    field = find_field(lens)
    radius = float(field.radii[-1] * camera.intrinsics[:2, :2].abs().max())
    where = f"{radius:.0f} pixels from the principal point, {math.degrees(field.limit):.1f}° from the axis"
    if beyond_sides and lens.model != "kannala_brandt":
        raise UserError(
            f"{key}.coefficients fold the image over {where}, within the picture of {width}x{height}; "
            "check their order and the focal length, or use fewer of them"
        )
    note(f"{key}: nothing is drawn beyond the lens's field, which ends {where}")


def lens_keys(lens: Lens) -> dict[str, Any]:
    """The keys of `LensConfig` that give this lens back, to the last bit."""
    return {"model": lens.model, "coefficients": lens.coefficients.detach().cpu().tolist()}
