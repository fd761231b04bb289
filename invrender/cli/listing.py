"""What there is to choose from, one line each."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path


def listing(group: str, folders: Iterable[Path]) -> str:
    """The options of a group with what their files say of themselves; of several files the first folder's counts."""
    paths = {path.stem: path for folder in reversed([*folders]) for path in sorted((folder / group).glob("*.yaml"))}
    width = max(map(len, paths), default=0)
    return "\n".join(f"{name:<{width}}  {described(path)}".rstrip() for name, path in sorted(paths.items()))


def described(path: Path) -> str:
    """The first comment of a YAML file that is not for Hydra."""
    comments = re.findall(r"^# (?!@package)(.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return comments[0] if comments else ""
