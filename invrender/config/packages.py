"""Where in a config a file's content may go, and which options it may choose."""

from __future__ import annotations

import re

from invrender.errors import UserError, shortened

# The groups and keys of all subcommands that a file may speak of.
SECTIONS = frozenset(
    (
        *("scene", "camera", "light", "target", "recover", "renderer", "optimizer", "search", "loss", "record"),
        *("stopping", "verdict", "experiment", "seed", "device", "verbosity", "dry_run"),
        *("bench", "tasks", "seeds", "size", "fit", "jobs", "right", "lesson", "training"),
    )
)
PLACES = ("_global_", "_group_", "_here_")
KEYWORDS = re.compile(r"^(?:(?:override|optional)\s+)*")


def check_package(package: str) -> None:
    """Raise `UserError` for a package that is not a part of what invrender's schema has."""
    first, *rest = package.split(".")
    inside = rest[0] if first == "_global_" and rest else first
    if first in PLACES and not rest:
        return
    if inside not in SECTIONS or any(each.startswith("_") for each in rest):
        raise UserError(f"a file can't be put into the package {shortened(package)}, only into _global_ or a group")


def check_choice(key: str, name: object = "") -> None:
    """Raise `UserError` for an entry of a defaults list that leads anywhere but to a group of invrender.

    key: the group, with a package maybe, or the path of an option. name: the option.
    """
    told = f"defaults has {shortened(f'{key}: {name}' if name != '' else key)}"
    path, *packages = KEYWORDS.sub("", key.strip()).split("@")
    for package in packages:
        for each in package.split(":"):
            check_package(each)
    for text in (path, *([name] if isinstance(name, str) else [])):
        if "${" in text or "\\" in text or ".." in text.split("/") or "://" in text:
            raise UserError(f"{told}, which leads out of the folders of configs")
    if path.strip("/ ").split("/")[0].casefold() == "hydra":
        raise UserError(f"{told}: a file can't choose for Hydra; give it on the command line")
    if name is not None and not isinstance(name, str):
        raise UserError(f"{told}, expected the name of an option")
