"""``camera=FILE`` for files of cameras: the keys of one camera in place of the file."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from invrender.config.alternatives import alternatives, quoted, unquoted
from invrender.errors import UserError, shortened

if TYPE_CHECKING:
    from invrender.io.cameras.base import Photograph

CHOICE = "camera.picture"
YAML = (".yaml", ".yml")
# What a calibration has and a config has not.
OF_OPENCV = re.compile(rb"!!opencv-matrix|^\"?camera_?matrix\"?\s*:", re.MULTILINE | re.IGNORECASE)
MOST_BYTES = 2**20
SHOWN = 8


def with_camera_keys(arguments: Sequence[str], options: Collection[str], multirun: bool) -> list[str]:
    """The arguments with the camera's keys in place of ``camera=FILE`` and ``camera.picture=NAME``.

    options: of the group camera. Raises `UserError` where a file can't be read, has several cameras of which none is
    chosen, and where a sweep goes over several.
    """
    given = dict(each.split("=", 1) for each in arguments if "=" in each and not each.startswith("-"))
    value = given.get("camera")
    names = [] if not value else alternatives(value, options) if multirun else [unquoted(value)]
    files = [name for name in names if name not in options and is_camera_file(Path(name))]
    if not files:
        return list(arguments)
    if len(names) > 1:
        raise UserError(f"camera={value}: a sweep can't go over camera files; run them one after the other")
    keys = camera_keys_of(Path(files[0]), given.get(CHOICE), given.keys())
    found: list[str] = []
    for argument in arguments:
        key = argument.partition("=")[0]
        found += keys if key == "camera" else [] if key == CHOICE else [argument]
    return found


def is_camera_file(path: Path) -> bool:
    """Whether a path is a file or a folder of cameras, and no config of ours."""
    if path.suffix.lower() not in YAML:
        return path.exists()
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return bool(OF_OPENCV.search(file.read(MOST_BYTES)))


def camera_keys_of(path: Path, chosen: str | None, typed: Collection[str]) -> list[str]:
    """Overrides for the camera of a file. typed: the keys that somebody has given, which count before the file.

    Raises `UserError` for keys that a camera has not, and for values of the wrong type: files are not to be trusted.
    """
    from invrender.io.cameras.formats import read_photographs
    from invrender.io.cameras.lenses import read_keys
    from invrender.io.cameras.merging import merged_camera, replaced_by
    from invrender.io.schema import CameraConfig

    photograph = choose(read_photographs(path, key="camera"), path, chosen)
    where = photograph.where or str(path)
    keys = dict(photograph.camera)
    if merged_camera(CameraConfig(), keys, where).lens is not None:
        read_keys(keys["lens"], f"{where}: lens")
    for key, value in keys.items():
        if isinstance(value, Mapping) and key != "lens":
            raise UserError(f"{where}: {key} is {shortened(value)}, expected no keys in it")
    if "focal" in keys and not {"width", "height"} <= keys.keys():
        keys = {**picture_sides(photograph, path, typed), **keys}
    anew = {**replaced_by(keys), **keys}
    return [f"++camera.{key}={hydra_value(value)}" for key, value in anew.items() if f"camera.{key}" not in typed]


def choose(photographs: Sequence[Photograph], path: Path, chosen: str | None) -> Photograph:
    """The photograph of a name. Raises `UserError` where there is none, or there are several and no name."""
    names = [each.name or (each.picture.name if each.picture else str(index)) for index, each in enumerate(photographs)]
    if chosen is None and len(photographs) == 1:
        return photographs[0]
    told = ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")
    if chosen is None:
        raise UserError(
            f"camera is {path}, which has {len(names)} cameras: {told}; choose one with {CHOICE}={names[0]}"
        )
    wanted = unquoted(chosen)
    found = [each for each, name in zip(photographs, names, strict=True) if wanted in (name, Path(name).name)]
    found = found or [each for each, name in zip(photographs, names, strict=True) if wanted == Path(name).stem]
    if len(found) != 1:
        told = f"{len(found)} of that name" if found else f"none of that name; known are {told}"
        raise UserError(f"{CHOICE} is {shortened(wanted)}: {path} has {told}")
    return found[0]


def picture_sides(photograph: Photograph, path: Path, typed: Collection[str]) -> Mapping[str, int]:
    """Width and height of the picture that a camera took. Raises `UserError` where nothing says them."""
    from invrender.io.pictures import Decoding, picture_size

    if {"camera.width", "camera.height"} <= set(typed):
        return {}
    if photograph.picture is None or not photograph.picture.is_file():
        raise UserError(
            f"{path}: nothing says how large the picture is that was calibrated; give camera.width and camera.height"
        )
    height, width = picture_size(photograph.picture, Decoding(orientation="file"))
    return {"width": width, "height": height}


def hydra_value(value: Any) -> str:
    """A value as Hydra reads it."""
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{key}:{hydra_value(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(hydra_value, value)) + "]"
    return "null" if value is None else quoted(value) if isinstance(value, str) else str(value)
