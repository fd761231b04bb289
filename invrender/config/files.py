"""Config files, read as what they are: from elsewhere.

A file may set what the schema of invrender has, and of Hydra's own node the parameters of a sweep. It runs no code, and
is of bounded size, whatever is in it. ``docs/security.md`` promises so.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from hydra.core.config_store import ConfigStore
from omegaconf import DictConfig, OmegaConf

from invrender.config.overrides import ConfigFile, check_override
from invrender.config.packages import check_choice, check_package
from invrender.errors import UserError, naming, one_line, shortened

MOST_BYTES = 2**20
MOST_VALUES = 50_000
MOST_LEVELS = 60
MOST_FILES = 2000
MOST_INTERPOLATIONS = 64

# What a YAML file of a scene or an experiment has keys and values for, and not a number or a list.
MAPPINGS = ("scene", "scene.objects", "camera", "light", "target", "recover", "loss", "record", "stopping", "optimizer")
# What the command line alone may say: whose classes are called, and what is overwritten.
TYPED = ("allow_targets", "output", "overwrite", "runs", "port", "open")
SWEEPER = ("params", "rank", "trials", "objectives", "prune", "warmup", "parallel", "seed")
HEADER = re.compile(r"\s*#[#\s]*@\s*package\s+(\S+)")
UNWRITABLE = re.compile("[\0\ud800-\udfff]")
# Another key's value, and a shipped file.
INTERPOLATION = re.compile(r"\$\{(?:[A-Za-z_][\w.-]*|scenes:[\w./ -]+)\}")


def store(files: Sequence[ConfigFile]) -> None:
    """Make the files known to Hydra. Raises `UserError` for a broken one, and for one that says what no file may."""
    for file in files:
        node, package = load(file.path)
        ConfigStore.instance().store(file.name, node, group=file.group, package=package, provider=str(file.path))


def load(path: Path) -> tuple[DictConfig, str | None]:
    """A YAML file as Hydra reads it: the config, with its ``defaults``, and its ``# @package``."""
    text = read_text(path)
    try:
        check_size(text)
        node = OmegaConf.create(text)
    except UserError as error:
        raise UserError(f"{path}: {error}") from error
    except Exception as error:
        raise UserError(f"{path}: not a readable YAML file ({one_line(str(error))[:300]})") from error
    if not isinstance(node, DictConfig) or node.is_empty():
        raise UserError(f"{path}: expected keys and values in this YAML file, as in a shipped config")
    with naming(str(path)):
        check_content(OmegaConf.to_container(node, resolve=False), packages(text))
    if "defaults" in node:
        node.defaults = [by_path(entry) for entry in node.defaults]
    return node, next(iter(packages(text)), None)


def check_folder(folder: Path) -> None:
    """Raise `UserError` where a file in a folder of configs says what no file may.

    Files that are no YAML are left for Hydra to complain of, if they are ever asked for.
    """
    for path in yaml_files(folder):
        if path.relative_to(folder).parts[0] in ("hydra", "hydra.yaml"):
            raise UserError(
                f"{path}: a folder of configs has nothing for Hydra itself; give hydra.… on the command line"
            )
        text = read_text(path)
        with naming(str(path)):
            try:
                check_size(text)
                node = OmegaConf.to_container(OmegaConf.create(text), resolve=False)
            except (yaml.YAMLError, ValueError):
                continue
            check_content(node, packages(text))


def yaml_files(folder: Path) -> Iterator[Path]:
    """The YAML files that Hydra would find in a folder, links followed. Raises `UserError` for too large a folder."""
    for count, (inside, _, names) in enumerate(os.walk(folder, followlinks=True)):
        if max(count, len(names)) >= MOST_FILES:
            raise UserError(f"--config-dir: {folder} has more than {MOST_FILES} files or folders; give one of configs")
        yield from (Path(inside) / name for name in names if name.endswith(".yaml"))


def read_text(path: Path) -> str:
    """What is in a file. Raises `UserError` for a device, and for what is too long to be a config."""
    if not path.is_file():
        raise UserError(f"{path}: not a file, expected a YAML file")
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise UserError(f"{path}: more than {MOST_BYTES} bytes, expected a YAML file as a person writes it")
        return content.decode("utf-8")
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: not a readable YAML file ({one_line(str(error))})") from error


def check_size(text: str) -> None:
    """Raise `UserError` for YAML that is nested deeply, or that aliases (``*name``) make large; reads no further."""
    total, sizes = 0, dict[str, int]()
    # Of each collection that is open, its anchor and how many values there were before it.
    opened: list[tuple[str | None, int]] = []
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.AliasEvent):
            total += sizes.get(str(event.anchor), MOST_VALUES)
        elif isinstance(event, yaml.ScalarEvent):
            total += 1
        elif isinstance(event, yaml.CollectionStartEvent):
            opened.append((event.anchor, total))
            total += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, before = opened.pop()
            if anchor is not None:
                sizes[anchor] = total - before
        if len(opened) > MOST_LEVELS or total > MOST_VALUES:
            told = f"more than {MOST_VALUES} values, or {MOST_LEVELS} levels, when its aliases are written out"
            raise UserError(f"{told}; expected a YAML file as a person writes it")


def packages(text: str) -> list[str]:
    """Every ``# @package`` of a file, also those that Hydra would not look at."""
    return [match[1] for match in map(HEADER.match, text.splitlines()) if match]


def check_content(node: Any, headers: Sequence[str]) -> None:
    """Raise `UserError` for what a file may not say. node: plain containers, with interpolations unresolved."""
    for header in headers:
        check_package(header)
    if not isinstance(node, dict):
        return
    check_characters(node)
    for text in strings(node):
        if "$" in text and "${" in INTERPOLATION.sub("", text):
            raise UserError(f"{shortened(text)} is more than another key's value: a file may have ${{KEY}} and no more")
    if sum(text.count("${") for text in strings(node)) > MOST_INTERPOLATIONS:
        raise UserError(f"more than {MOST_INTERPOLATIONS} values taken from other keys; write them out")
    for key in TYPED:
        if key in node:
            raise UserError(f"{key} counts on the command line alone; take it out of the file")
    check_hydra(node.get("hydra", {}))
    check_defaults(node.get("defaults", []))
    check_mappings(node)


def check_characters(node: Any) -> None:
    """Raise `UserError` for a text with a character that no file can be written with."""
    for text in strings(node):
        if UNWRITABLE.search(text):
            raise UserError(f"{shortened(text)} has a character that no name can have")


def strings(node: Any) -> Iterator[str]:
    """All texts in nested containers, keys too."""
    if isinstance(node, dict):
        for key, value in node.items():
            yield from strings(key)
            yield from strings(value)
    elif isinstance(node, list):
        for value in node:
            yield from strings(value)
    elif isinstance(node, str):
        yield node


def check_hydra(node: Any) -> None:
    """Raise `UserError` for anything in Hydra's node but the parameters of a sweep."""
    for key, value in node.items() if isinstance(node, dict) else [("", node)]:
        if key != "sweeper" or not isinstance(value, dict):
            raise UserError(f"a file can't set {f'hydra.{key}'.strip('.')}; give it on the command line")
        for name in value:
            if name not in SWEEPER:
                raise UserError(f"a file can't set hydra.sweeper.{name}, only {', '.join(SWEEPER)}")
        params = value.get("params") or {}
        if not isinstance(params, dict):
            raise UserError(f"hydra.sweeper.params is {shortened(params)}, expected keys and values")
        for name, each in params.items():
            check_override(f"{name}={each}", "hydra.sweeper.params")


def check_defaults(entries: Any) -> None:
    """Raise `UserError` for a ``defaults`` that is no list, or that leads out of the folders of configs."""
    if not isinstance(entries, list):
        raise UserError(f"defaults is {shortened(entries)}, expected a list")
    for entry in entries:
        if isinstance(entry, str):
            check_choice(entry)
        elif isinstance(entry, Mapping) and len(entry) == 1:
            ((group, names),) = entry.items()
            for name in names if isinstance(names, list) else [names]:
                check_choice(f"{group}", name)
        else:
            raise UserError(f"defaults has {shortened(entry)}, expected GROUP: OPTION")


def check_mappings(given: dict[Any, Any]) -> None:
    """Raise `UserError` for a list or a number where a scene or an experiment has keys and values."""
    if isinstance(given.get("scene"), dict):
        given = {**given, "scene.objects": given["scene"].get("objects")}
    for key in MAPPINGS:
        if isinstance(given.get(key), (list, int, float)):
            raise UserError(f"{key} is {shortened(given[key])}, expected keys and values")


def by_path(entry: Any) -> Any:
    """A scene among the defaults as the file that it is: as a choice it would be overridden by the file at hand."""
    if isinstance(entry, DictConfig) and list(entry) in (["scene"], ["/scene"]):
        return f"/scene/{next(iter(entry.values()))}"
    return entry
