"""A composed config, and what Hydra says of where it comes from."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from omegaconf import DictConfig, OmegaConf

from invrender.config.files import strings
from invrender.errors import UserError, shortened, suggestion
from invrender.io.schema import literal

if TYPE_CHECKING:
    from invrender.io.schema import SceneFile

KEY = re.compile(r"\$\{([A-Za-z_][\w.-]*)\}")
Options = TypeVar("Options", bound="SceneFile")


@dataclass(frozen=True)
class Composition:
    """A config as Hydra has composed it.

    overrides: what was given for it on the command line. choices: by group, the option. files: config files that stand
    for options, by the option's name. sources: the folders of configs, in order of search.
    """

    config: DictConfig
    overrides: Sequence[str]
    choices: Mapping[str, Any]
    files: Mapping[str, Path]
    sources: Sequence[Path]

    def given(self) -> dict[str, str]:
        """By key, what was typed."""
        return dict(each.lstrip("+").split("=", 1) for each in self.overrides if "=" in each and each[0] != "~")


def scene_options(composed: Composition, schema: type[Options]) -> Options:
    """The config as an object of its schema; its scene's folder is made absolute, in the config too.

    Raises `UserError` for a primary config without the schema, for keys of the camera that change nothing, and for
    ``allow_targets`` that is not from the command line.
    """
    from invrender.io.cameras.keys import without_effect

    check_schema(composed.config, schema)
    check_allowed(composed)
    given = composed.given()
    folder = (scene_file(composed).parent / (composed.config.scene.folder or ".")).resolve()
    composed.config.scene.folder = literal(str(folder))
    if composed.config.scene.light_unit is None and places_lights(composed, given):
        composed.config.scene.light_unit = 1.0
    options = OmegaConf.to_object(composed.config)
    assert isinstance(options, schema)
    keys = [key.removeprefix("camera.") for key in given if key.startswith("camera.")]
    ineffective = without_effect(options.camera, keys)
    if ineffective:
        raise UserError(f"camera.{ineffective}")
    return options


def places_lights(composed: Composition, given: Mapping[str, str]) -> bool:
    """Whether somebody has given lights positions of their own, which count in the world's unit."""
    typed = (key.removeprefix("target.").split(".") for key in given)
    return composed.choices.get("light") in composed.files or any(
        key[0] == "light" and (len(key) < 3 or key[2] == "position") for key in typed
    )


def check_schema(config: DictConfig, schema: type[Any]) -> None:
    """Raise `UserError` for a primary config without the schema."""
    if OmegaConf.get_type(config) is not schema:
        command = schema.__name__.removesuffix("Config").lower()
        raise UserError(f"--config-name names a config without the schema; begin it with defaults: [{command}, _self_]")


def check_keys(node: Any, key: str = "") -> None:
    """Raise `UserError` for a key that the schema has not: ``+key=value`` adds one without asking."""
    if not isinstance(node, DictConfig) or node._is_none() or node._is_missing() or node._is_interpolation():
        return
    kind = OmegaConf.get_type(node)
    known = [each.name for each in fields(kind)] if is_dataclass(kind) else None
    for name in map(str, node):
        if known is not None and name not in known:
            where = f"{key} has no key" if key else "there is no key or group"
            raise UserError(f"{where} {name!r}{suggestion(name, known) or '; known are ' + ', '.join(known)}")
        check_keys(node._get_node(name), f"{key}.{name}".strip("."))


def check_interpolations(config: DictConfig) -> None:
    """Raise `UserError` where one interpolation leads to the next: a few lines of them could fill the memory.

    So it does where one leads to keys, which may be those of another thing.
    """
    plain = OmegaConf.to_container(config, resolve=False)
    found = {key for text in strings(plain) for key in KEY.findall(text)}
    for key in found:
        target: Any = plain
        for part in key.split("."):
            target = target.get(part) if isinstance(target, dict) else None
        if isinstance(target, dict):
            raise UserError(f"${{{key}}} has keys of its own; name the key that has the value itself")
        for text in strings(target):
            if KEY.search(text):
                raise UserError(f"${{{key}}} leads to {shortened(text)}; name the key that has the value itself")


def check_allowed(composed: Composition) -> None:
    """Raise `UserError` where something else than the command line allows targets."""
    if composed.config.allow_targets and "allow_targets" not in composed.given():
        raise UserError("allow_targets is set in a config file, where it does not count; give it on the command line")


def scene_file(composed: Composition) -> Path:
    """The YAML that the scene's folder is relative to: the scene's own, or the one it builds on that says more.

    That is the first of them that names the folder or a mesh.
    """
    choice: str | None = str(composed.choices.get("scene"))
    first = None
    while choice is not None:
        path = config_path(choice, composed)
        if path is None:
            break
        content = read_plain(path)
        scene = keys_of(content.get("scene"))
        if scene.get("folder") or any("mesh" in keys_of(item) for item in keys_of(scene.get("objects")).values()):
            return path
        first = first or path
        choice = base_scene(content.get("defaults") or ())
    return first or Path("scene.yaml")


def config_path(choice: str, composed: Composition) -> Path | None:
    """The YAML of an option of the group scene, None where it comes from no file."""
    if choice in composed.files:
        return composed.files[choice]
    paths = (source / "scene" / f"{choice}.yaml" for source in composed.sources)
    return next((path for path in paths if path.is_file()), None)


def read_plain(path: Path) -> dict[str, Any]:
    """A YAML file that Hydra has read already, as plain containers."""
    content = OmegaConf.to_container(OmegaConf.load(path), resolve=False)
    return {str(key): value for key, value in content.items()} if isinstance(content, dict) else {}


def keys_of(value: Any) -> dict[Any, Any]:
    """What has keys, empty for all else: a value may be missing (``???``), and what else is wrong is told elsewhere."""
    return value if isinstance(value, dict) else {}


def base_scene(defaults: Sequence[Any]) -> str | None:
    """The scene that a scene's defaults list builds on."""
    for entry in defaults:
        group, name = next(iter(entry.items())) if isinstance(entry, dict) else ("", entry)
        path = f"{group}/{name}".partition("@")[0].strip("/").removeprefix("scene/")
        if "/" not in path and path != "_self_":
            return path
    return None
