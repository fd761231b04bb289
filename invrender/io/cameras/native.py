"""Camera files of our own: JSON with a list of views."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from invrender.errors import UserError, shortened
from invrender.io.cameras.base import Photograph
from invrender.io.cameras.documents import read_json

FILES = ("picture", "mask", "weight", "depth")


@dataclass(frozen=True)
class Views:
    """``{"views": [{"picture": "a.png", "mask": …, "weight": …, "depth": …, <a camera's keys>}, …], <keys of all>}``.

    Files are relative to the camera file.
    """

    def recognizes(self, path: Path) -> bool:
        """Whether there are views in it."""
        document = read_json(path)
        return isinstance(document, Mapping) and "views" in document

    def read(self, path: Path) -> list[Photograph]:
        """The photographs; what a view leaves out of its camera is what stands beside the views."""
        document = read_json(path)
        if not isinstance(document, Mapping) or not isinstance(document.get("views"), list) or not document["views"]:
            raise UserError(f'{path}: expected {{"views": [{{"picture": "a.png", …}}, …]}} with at least one view')
        common = {key: value for key, value in document.items() if key != "views"}
        return [photograph(entry, common, path, index) for index, entry in enumerate(document["views"])]


def photograph(entry: Any, common: Mapping[str, Any], path: Path, index: int) -> Photograph:
    """One view. Raises `UserError` for other things than file names, and without a picture."""
    where = f"{path}: views[{index}]"
    if not isinstance(entry, Mapping) or not isinstance(entry.get("picture"), str):
        raise UserError(f'{where}: expected {{"picture": "a.png", …}}')
    named = {key: entry[key] for key in FILES if entry.get(key) is not None}
    for key, name in named.items():
        if not isinstance(name, str) or not name:
            raise UserError(f"{where}: {key} is {shortened(name)}, expected the name of a picture file")
    files = {key: path.parent / name for key, name in named.items()}
    camera = {key: value for key, value in {**common, **entry}.items() if key not in FILES}
    return Photograph(**files, camera=camera, where=where)
