"""What a case is, and the seeds that cases are made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from fuzz.mutation import changed
from fuzz.oracle import Fault, check_command, watch

SEEDS = Path(__file__).parent / "seeds"
# Stands in files for the working folder, which has another name each time.
HERE = b"/the/working/folder"


@dataclass
class Case:
    """One input. files: by their names in the working folder. arguments: of the program; empty for a function."""

    kind: str
    files: dict[str, bytes]
    check: Callable[[Path], Fault | None]
    arguments: list[str] = field(default_factory=list)

    def run(self, folder: Path) -> Fault | None:
        """Write the files, and say what is wrong, in a folder that is the working folder."""
        for name, content in {**(common() if self.arguments else {}), **self.files}.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content.replace(HERE, str(folder).encode()))
        return watch(lambda: self.check(folder))


@cache
def common() -> dict[str, bytes]:
    """What commands find: the scene ``box``, its files, and pictures."""
    meshes = {f"cfg/meshes/{name}": content for name, content in seeds("meshes").items() if name.startswith("cube.")}
    return {**meshes, **dict(seeds("pictures")), "cfg/scene/box.yaml": (SEEDS / "scene.yaml").read_bytes()}


@cache
def seeds(folder: str) -> Mapping[str, bytes]:
    """By name, the content of the files in a folder of seeds."""
    return {path.name: path.read_bytes() for path in sorted((SEEDS / folder).iterdir())}


def command(kind: str, files: dict[str, bytes], *arguments: str) -> Case:
    """A case that runs the program."""
    given = list(arguments)
    return Case(kind, files, lambda folder: check_command(given, folder), given)


def many_changes(tree: Any, random: Random) -> Any:
    """A tree with one fault or a few."""
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        tree = changed(tree, random)
    return tree
