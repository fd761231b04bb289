"""Where the shipped configs and scenes are, and the resolvers that configs use."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import count
from pathlib import Path

from omegaconf import OmegaConf

PACKAGE = Path(__file__).resolve().parents[1]


def shipped(name: str) -> Path:
    """The folder ``name`` inside the package, where it is installed, or beside it in a checkout."""
    inside = PACKAGE / name
    return inside if inside.is_dir() else PACKAGE.parent / name


def configs_folder() -> Path:
    """The folder of the shipped Hydra groups."""
    return shipped("configs")


def options_in(folders: Iterable[Path], group: str) -> set[str]:
    """The names of a group's options in some folders of configs."""
    return {path.stem for folder in folders for path in (folder / group).glob("*.yaml")}


def scenes_folder() -> Path:
    """The folder of the shipped scenes' files."""
    return shipped("scenes")


def register_resolvers(create: bool) -> list[Path]:
    """Make ``${scenes:…}`` and ``${fresh_folder:…}`` known to OmegaConf.

    ``${scenes:teapot/target.png}`` is the path of a shipped scene's file. ``${fresh_folder:path}`` is a folder that did
    not exist, ``path`` or ``path-2``, ``path-3``…, and is made at once if ``create``, so that no two runs share it.

    Returns a list to which the folders that are made later are added, with those above them that are made, too.
    """
    made: list[Path] = []

    def fresh(path: str) -> str:
        if not create:
            return path
        made.extend(reversed([folder for folder in Path(path).parents if not folder.exists()]))
        made.append(fresh_folder(path))
        return str(made[-1])

    OmegaConf.register_new_resolver("scenes", lambda name: str(scenes_folder() / name), replace=True)
    OmegaConf.register_new_resolver("fresh_folder", fresh, use_cache=True, replace=True)
    return made


def fresh_folder(path: str) -> Path:
    """Make the folder ``path``, or the first of ``path-2``, ``path-3``… that is not there yet."""
    for number in count(1):
        folder = Path(path if number == 1 else f"{path}-{number}")
        folder.parent.mkdir(parents=True, exist_ok=True)
        try:
            folder.mkdir()
        except FileExistsError:
            continue
        return folder
    raise AssertionError("count() is endless")
