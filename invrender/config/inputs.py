"""The files that a run reads, and whether they are still what they were when it began."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from invrender.config.overrides import YAML
from invrender.config.resources import configs_folder

# Files that name others: meshes their materials, those their textures, cameras their pictures.
NAMING = (".obj", ".mtl", ".gltf", ".json")
MOST_BYTES_READ = 1 << 26
# What a line of theirs has behind a keyword, and what they have in quotes.
NAMES = re.compile(
    r"^[ \t]*(?:mtllib|map_\w+|bump|disp|decal|refl|norm)[ \t]+(.*?)[ \t]*\r?$|\"([^\"\n]{1,400})\"", re.MULTILINE
)


def inputs_of(
    content: Any, choices: Mapping[str, Any], files: Iterable[Path], sources: Iterable[Path], further: Any = None
) -> set[Path]:
    """The files that a composed config names, and those that these name in turn.

    content: the config in plain containers. choices: by group, the option. files: configs that were given as files.
    sources: the folders of configs. further: other values of the config's keys.
    """
    files, own = list(files), [each for each in sources if each.resolve() != configs_folder().resolve()]
    folders = folders_of(content, [*(file.parent for file in files), *(source / "scene" for source in sources)])
    names = {*texts(content), *texts(further)}
    found = {path.resolve() for name in names for path in named(name, folders)}
    found |= {path.resolve() for source in own for path in configs_in(source, choices)}
    found |= {file.resolve() for file in files}
    return {each for path in found for each in with_named(path)}


def folders_of(content: Any, beside: Iterable[Path]) -> list[Path]:
    """Where the files of a config are: in the working folder, and in the scene's, which is relative to a config."""
    folder = (content.get("scene") or {}).get("folder") or "."
    return [Path.cwd(), *dict.fromkeys(each / str(folder) for each in beside)]


def texts(content: Any) -> Iterator[str]:
    """The strings in nested containers."""
    if isinstance(content, Mapping):
        content = list(content.values())
    if isinstance(content, str):
        yield content
    elif isinstance(content, list):
        for each in content:
            yield from texts(each)


def named(name: str, folders: Iterable[Path]) -> Iterator[Path]:
    """The files of this name in some folders."""
    for folder in folders:
        try:
            if name and (folder / name).is_file() and os.access(folder / name, os.R_OK):
                yield folder / name
        except (OSError, ValueError):
            return


def configs_in(source: Path, choices: Mapping[str, Any]) -> Iterator[Path]:
    """The chosen options of a folder of configs."""
    for group, choice in choices.items():
        for suffix in YAML:
            yield from named(f"{group}/{choice}{suffix}", [source])


def with_named(path: Path) -> set[Path]:
    """A file, and those that it names, as meshes do."""
    found, new = {path}, [path]
    while new:
        file = new.pop()
        if file.suffix.lower() in NAMING and file.stat().st_size <= MOST_BYTES_READ:
            text = file.read_text(encoding="utf-8", errors="replace")
            words = {each for pair in NAMES.findall(text) for each in (*pair, pair[0].rpartition(" ")[2]) if each}
            more = {each.resolve() for word in words for each in named(word, [file.parent])} - found
            found |= more
            new += more
    return found


def fingerprints(paths: Iterable[Path]) -> dict[str, str]:
    """The SHA-256 of files, by path."""
    return {str(path): fingerprint(path) for path in sorted(paths)}


def fingerprint(path: Path) -> str:
    """The SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def changed(inputs: Mapping[str, str]) -> Iterator[Path]:
    """The files that are not what they were, or gone."""
    for name, before in inputs.items():
        path = Path(name)
        if not path.is_file() or fingerprint(path) != before:
            yield path
