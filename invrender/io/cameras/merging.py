"""Cameras of which some keys are given anew: by a camera file, or by the views of a rendered target."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from invrender.errors import UserError, first_line, suggestion
from invrender.io.cameras.keys import ORBIT, without_effect
from invrender.io.schema import CameraConfig, LightConfig, literal

PLACES = frozenset(("camera_from_world", "position", *ORBIT))


def replaced_by(given: Mapping[str, Any]) -> dict[str, Any]:
    """The keys that a place, optics or a lens given anew take the place of, which are null then."""
    replaced: dict[str, Any] = {}
    if {"position", *ORBIT} & given.keys():
        replaced |= {"camera_from_world": None}
    if {*ORBIT} & given.keys():
        replaced |= {"position": None}
    if {"fov", "extent"} & given.keys():
        replaced |= {"focal": None, "principal": None}
    if "lens" in given:
        replaced |= {"lens": None}
    return replaced


def merged_camera(camera: CameraConfig, given: Mapping[str, Any], where: str) -> CameraConfig:
    """``camera`` with some keys given anew; a place or optics given anew replace those of ``camera`` whole.

    Raises `UserError` for keys that a camera has not or that change nothing.
    """
    known = {field.name for field in fields(CameraConfig)}
    for key in given:
        if key not in known:
            raise UserError(f"{where}: a camera has no key {key!r}{suggestion(key, known)}")
    replaced = replaced_by(given)
    try:
        base = OmegaConf.structured(CameraConfig(**literal({**vars(camera), **replaced})))
        merged = OmegaConf.to_object(OmegaConf.merge(base, literal(dict(given))))
    except (OmegaConfBaseException, OverflowError, RecursionError) as error:
        raise UserError(f"{where}: {first_line(error)}") from error
    assert isinstance(merged, CameraConfig)
    ineffective = without_effect(merged, given.keys())
    if ineffective:
        raise UserError(f"{where}: {ineffective}")
    return merged


def merged_light(light: LightConfig, given: Mapping[str, Any], where: str) -> LightConfig:
    """``light`` with some keys given anew. Raises `UserError` for keys that a light has not."""
    known = {field.name for field in fields(LightConfig)}
    for key in given:
        if key not in known:
            raise UserError(f"{where}: a light has no key {key!r}{suggestion(key, known)}")
    try:
        base = OmegaConf.structured(LightConfig(**literal(vars(light))))
        merged = OmegaConf.to_object(OmegaConf.merge(base, literal(dict(given))))
    except (OmegaConfBaseException, OverflowError, RecursionError) as error:
        raise UserError(f"{where}: {first_line(error)}") from error
    assert isinstance(merged, LightConfig)
    return merged
