"""Folders that a run has made and not filled."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from invrender.config.alternatives import unquoted
from invrender.config.overrides import OVERRIDE

FOLDERS = ("hydra.run.dir", "hydra.sweep.dir")


@dataclass
class Leftovers:
    """made: folders that were not there before, those above first; others may add to the list."""

    made: list[Path]

    def expect(self, arguments: Sequence[str]) -> None:
        """Take note of the folders that the arguments name and that are not there yet."""
        for match in filter(None, map(OVERRIDE.fullmatch, arguments)):
            if match["key"] in FOLDERS:
                path = Path(unquoted(match["value"]))
                self.made += [each for each in (*reversed(path.parents), path) if not each.exists()]

    def remove(self) -> None:
        """Remove the folders that are empty, and those in them."""
        for folder in reversed(self.made):
            for each in folder.glob("*/"):
                with suppress(OSError):
                    each.rmdir()
            # Hydra's own record of a sweep says nothing where no job has.
            if [path.name for path in folder.glob("*")] == ["multirun.yaml"]:
                (folder / "multirun.yaml").unlink()
            with suppress(OSError):
                folder.rmdir()
