"""The files of a scene."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from invrender.errors import UserError

T = TypeVar("T")


@dataclass(frozen=True)
class Folder:
    """Where the files of a scene are: first in its own folder, then in the working directory.

    known: what was read of them, by folder and by what was asked.
    """

    path: Path
    known: dict[Hashable, Any] = field(default_factory=dict)

    def once(self, key: Hashable, read: Callable[[], T]) -> T:
        """``read()``, or what it was for this key and folder before."""
        asked = (self.path, key)
        if asked not in self.known:
            self.known[asked] = read()
        found: T = self.known[asked]
        return found

    def find(self, name: str, key: str) -> Path:
        """The file ``name``. Raises `UserError` where it is in neither place."""
        for candidate in (self.path / name, Path.cwd() / name):
            if candidate.is_file():
                return candidate
        raise UserError(f"{key} is {name!r}: no such file in {self.path} or in the working directory")
