"""Picture files as camera files name them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from invrender.errors import UserError, shown
from invrender.io.cameras.base import Photograph

EXTENSIONS = ("", ".png", ".jpg", ".jpeg")


def find_picture(folder: Path, name: str, among: Sequence[str] = (".",), extensions: Sequence[str] = ("",)) -> Path:
    """The file that a camera file in ``folder`` names: in the first of the folders ``among`` where it is.

    extensions: that its name may leave out. A file that is nowhere is one that would be beside the camera file.
    """
    candidates = (folder / each / f"{name}{extension}" for each in among for extension in extensions)
    return next((each for each in candidates if each.is_file()), folder / name)


def name_picture(path: Path, folder: Path, among: Sequence[str] = (".",)) -> str:
    """A name by which `find_picture` finds the file ``path`` again."""
    path = path.resolve()
    for each in among:
        base = (folder / each).resolve()
        if path.is_relative_to(base):
            name = path.relative_to(base).as_posix()
            if find_picture(folder, name, among).resolve() == path:
                return name
    return Path(os.path.relpath(path, folder.resolve())).as_posix()


def check_pictures(photographs: Sequence[Photograph], path: Path) -> None:
    """Raise `UserError` where a camera file names no pictures, or such as are not there."""
    for each in photographs:
        if each.picture is None:
            where = each.where or path
            raise UserError(f"{where}: it names no picture, expected one; camera={shown(path)} takes the camera alone")
    named = [each.picture for each in photographs if each.picture is not None]
    missing = [each for each in named if not each.is_file()]
    if missing:
        others = f" ({len(missing)} of its {len(named)} pictures are missing)" if len(missing) > 1 else ""
        raise UserError(
            f"{path}: it names {missing[0]}: no such picture file{others}; put the pictures there, or correct the file"
        )


def check_unique(names: Sequence[str], path: Path, what: str = "the picture") -> None:
    """Raise `UserError` for a name that stands there twice."""
    twice = next((name for index, name in enumerate(names) if name in names[:index]), None)
    if twice is not None:
        raise UserError(f"{path}: {what} {twice} stands there twice; take one of them out")
