"""Camera files of our own: JSON with a list of views."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from invrender.checks import numbers
from invrender.errors import UserError, shortened
from invrender.io.cameras.base import Photograph
from invrender.io.cameras.documents import holds_key, read_json, row_by_row
from invrender.io.cameras.images import name_picture

FILES = ("picture", "mask", "weight", "depth")


@dataclass(frozen=True)
class Views:
    """``{"views": [{"picture": "a.png", "mask": …, "weight": …, "depth": …, <a camera's keys>}, …], <keys of all>}``.

    Files are relative to the camera file. ``light`` has lights by name, with those of their keys that are others than
    the scene's, ``{"sun": {"direction": [0, 0, 1]}}``. A view without a picture is a camera alone.
    """

    def recognizes(self, path: Path) -> bool:
        """Whether there are views in it."""
        return holds_key(path, "views")

    def read(self, path: Path) -> list[Photograph]:
        """The photographs; what a view leaves out of its camera is what stands beside the views."""
        document = read_json(path)
        if not isinstance(document, Mapping) or not isinstance(document.get("views"), list) or not document["views"]:
            raise UserError(f'{path}: expected {{"views": [{{"picture": "a.png", …}}, …]}} with at least one view')
        common = {key: value for key, value in document.items() if key != "views"}
        return [photograph(entry, common, path, index) for index, entry in enumerate(document["views"])]

    def suits(self, path: Path) -> bool:
        """Whether it is JSON."""
        return path.suffix.lower() == ".json"

    def encode(self, photographs: Sequence[Photograph], path: Path) -> dict[Path, bytes]:
        """A line for each view, with all that is said of its camera."""
        return {path: row_by_row({"views": [entry_of(each, path.parent) for each in photographs]}, "views")}


def photograph(entry: Any, common: Mapping[str, Any], path: Path, index: int) -> Photograph:
    """One view. Raises `UserError` for other things than file names."""
    where = f"{path}: views[{index}]"
    if not isinstance(entry, Mapping):
        raise UserError(f'{where}: expected {{"picture": "a.png", …}}')
    named = {key: entry[key] for key in FILES if entry.get(key) is not None}
    for key, name in named.items():
        if not isinstance(name, str) or not name:
            raise UserError(f"{where}: {key} is {shortened(name)}, expected the name of a picture file")
    said = {**common, **entry}
    unit, lights = said.get("depth_unit"), said.get("light", {})
    if not isinstance(lights, Mapping) or not all(isinstance(each, Mapping) for each in lights.values()):
        raise UserError(
            f'{where}: light is {shortened(lights)}, expected lights by name, {{"sun": {{"intensity": 2}}}}'
        )
    return Photograph(
        **{key: path.parent / name for key, name in named.items()},
        camera={key: value for key, value in said.items() if key not in (*FILES, "depth_unit", "light")},
        lights=lights,
        where=where,
        name=named.get("picture", str(index)),
        depth_unit=None if unit is None else float(numbers(f"{where}: depth_unit", [unit], (1,))),
    )


def entry_of(photograph: Photograph, folder: Path) -> dict[str, Any]:
    """One view as it is written."""
    files = {key: getattr(photograph, key) for key in FILES}
    named = {key: name_picture(path, folder) for key, path in files.items() if path is not None}
    unit = {} if photograph.depth_unit is None else {"depth_unit": photograph.depth_unit}
    lights = {"light": dict(photograph.lights)} if photograph.lights else {}
    return {**named, **unit, **lights, **photograph.camera}
