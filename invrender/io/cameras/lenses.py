"""Lenses: from config keys, and back."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import Any

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from torch import Tensor

from invrender.checks import numbers, one_of
from invrender.errors import UserError, first_line, shortened, suggestion
from invrender.io.schema import CameraConfig, LensConfig
from invrender.scene import Lens
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


def lens_keys(lens: Lens) -> dict[str, Any]:
    """The keys of `LensConfig` that give this lens back, to the last bit."""
    return {"model": lens.model, "coefficients": lens.coefficients.detach().cpu().tolist()}
