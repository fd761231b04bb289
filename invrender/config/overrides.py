"""From what the user types to what Hydra understands: files as options of groups, and quoting of file names."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from invrender.checks import one_of
from invrender.config.alternatives import FUNCTION, alternatives, quoted, unquoted
from invrender.config.camera_files import with_camera_keys
from invrender.config.moved import KEYS
from invrender.config.packages import SECTIONS, check_choice, check_package
from invrender.errors import UserError, naming, shortened, suggestion

FILE_GROUPS = ("scene", "camera", "light", "renderer", "optimizer", "record", "experiment")
YAML = (".yaml", ".yml")
PICTURES = (
    *(".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp", ".gif", ".ppm", ".pgm", ".tga", ".jp2"),
    *(".exr", ".hdr", ".pic", ".pfm"),
)
FILE_KEYS = re.compile(
    r"target\.(path|mask|weight|depth)|search\.weights"
    r"|(target\.)?(scene\.(folder|picture)|light\.[^.]+\.picture)"
    r"|(target\.)?scene\.objects\.[^.]+\.(mesh|texture|vertex_colors|(maps|vertices)\.[^.]+|parts\.[^.]+\.texture)"
    r"|output|runs|hydra\.(run|sweep)\.dir"
)
# What is read as a camera file; other files that are no pictures by their name are pictures by their content.
CAMERA_FILES = (".json", ".txt", ".bin", ".xml", *YAML)
OPEN_KEYS = re.compile(r"target\.(camera|light|scene)\.")
OVERRIDE = re.compile(r"(?P<sign>\+{0,2})(?P<key>[\w./@$-]+)=(?P<value>.*)", re.DOTALL)
FLAGS = ("--help", "-h", "--hydra-help", "--version", "--resolve", "--run", "-r", "--multirun", "-m")
LONG_WITH_VALUE = ("--cfg", "--package", "--config-path", "--config-name", "--config-dir", "--info")
SHORT_WITH_VALUE = ("-c", "-p", "-cp", "-cn", "-cd", "-i")
SHORTHANDS = {
    "--quiet": "verbosity=quiet",
    "-q": "verbosity=quiet",
    "--verbose": "verbosity=verbose",
    "-v": "verbosity=verbose",
    "--dry-run": "dry_run=true",
}
KNOWN_FLAGS = (*FLAGS, *SHORTHANDS, *LONG_WITH_VALUE, *SHORT_WITH_VALUE, "--shell-completion", "-sc")
# What a group is not to be given in place of an option's name.
NO_OPTION = re.compile(r"null|true|false|[-+.\d]*", re.IGNORECASE)
SWEEPERS = ("grid", "search")
MULTIRUN = ("-m", "--multirun")
SHOWS_ONLY = ("--cfg", "-c", "--info", "-i", "--help", "-h", "--hydra-help", "--shell-completion", "-sc")
SHOWN_INFO = ("all", "config", "defaults", "defaults-tree", "plugins", "searchpath")
SHOWN_CONFIGS = ("job", "hydra", "all")
OptionsOf = Callable[[str], Collection[str]]


@dataclass(frozen=True)
class ConfigFile:
    """A YAML file that stands for an option of a group: ``name`` is the option's name."""

    group: str
    name: str
    path: Path


@dataclass
class Rewritten:
    """Arguments for Hydra, and the files that they name."""

    arguments: list[str] = field(default_factory=list)
    files: list[ConfigFile] = field(default_factory=list)


def rewrite(arguments: Sequence[str], options_of: OptionsOf, positional: str | None = None) -> Rewritten:
    """Rewrite the arguments of a subcommand.

    options_of: the names of a group's options. positional: the key that plain arguments are gathered in.

    Raises `UserError` for a file that is named but not there, and for an unknown option.
    """
    result = Rewritten()
    multirun = any(argument in MULTIRUN for argument in arguments)
    arguments = with_camera_keys(arguments, options_of("camera"), multirun)
    plain: list[str] = []
    flags: list[str] = []
    takes_value = False
    for argument in arguments:
        match = OVERRIDE.fullmatch(argument)
        if takes_value and not (flags[-1] in ("--info", "-i") and match):
            check_flag_value(flags[-1], argument)
            flags.append(argument)
            takes_value = False
        elif argument in SHORTHANDS:
            result.arguments.append(SHORTHANDS[argument])
        elif argument.startswith("-"):
            check_flag(argument)
            flags.append(argument)
            takes_value = argument in (*LONG_WITH_VALUE, *SHORT_WITH_VALUE)
        elif match is None:
            (plain if positional and not argument.startswith("~") else result.arguments).append(argument)
        else:
            result.arguments += rewrite_override(match, options_of, multirun, result.files)
    if takes_value and flags[-1] not in ("--info", "-i"):
        raise UserError(f"{flags[-1]} is the last word, expected a value after it; see --help")
    if plain:
        result.arguments.append(f"{positional}=[{','.join(quoted(each) for each in plain)}]")
    # Hydra's parser wants all overrides in one piece, and takes those after --info for its value.
    result.arguments += flags
    return result


def check_flag(argument: str) -> None:
    """Raise `UserError` for an option that Hydra has not."""
    name, equals, value = argument.partition("=")
    if name not in KNOWN_FLAGS:
        raise UserError(f"there is no option {name!r}{suggestion(name, KNOWN_FLAGS) or '; see --help'}")
    if equals:
        check_flag_value(name, value)


def check_flag_value(flag: str, value: str) -> None:
    """Raise `UserError` for what can't be shown."""
    known = SHOWN_CONFIGS if flag in ("--cfg", "-c") else SHOWN_INFO if flag in ("--info", "-i") else None
    if known is not None:
        one_of(flag, value, known)


def rewrite_override(match: re.Match[str], options_of: OptionsOf, multirun: bool, files: list[ConfigFile]) -> list[str]:
    """One override as the overrides that Hydra gets; the YAML files that it names are added to ``files``."""
    sign, key, value = match["sign"], match["key"], match["value"]
    check_chosen(key, value, options_of)
    if key in FILE_GROUPS:
        options = options_of(key)
        names, named = [], []
        for choice in choices(value, multirun, options):
            path = config_file(key, choice, options)
            names.append(choice if path is None else option_name(path))
            if path is not None:
                named.append(ConfigFile(key, names[-1], path))
        files += named
        return [f"{sign}{key}={','.join(names)}" if named else match[0]]
    if key == "target.renderer" and value in options_of("renderer"):
        return [f"+renderer@target.renderer={value}"]
    if key == "target":
        kinds = {target_kind(choice, options_of(key)) for choice in choices(value, multirun, options_of(key))}
        if len(kinds) == 1 and None not in kinds:
            return [f"{sign}target={kinds.pop()}", f"target.path={file_value(value, multirun)}"]
        return [match[0]]
    if key.endswith("scene.folder") and value and Path(value).is_dir():
        value = str(Path(value).resolve())
    if FILE_KEYS.fullmatch(key):
        value = file_value(value, multirun and not key.startswith("hydra."))
    if OPEN_KEYS.match(key) or KEYS.fullmatch(key):
        sign = "++"
    return [f"{sign}{key}={value}"]


def check_chosen(key: str, value: str, options_of: OptionsOf) -> None:
    """Raise `UserError` for a number, null or the like where a group expects the names of options."""
    if key == "hydra.mode":
        raise UserError(f"hydra.mode={value} can't be given; several runs are made by -m, or by invrender sweep")
    if key == "hydra/sweeper" and value not in SWEEPERS:
        raise UserError(
            f"{key}={value}: expected one of {', '.join(SWEEPERS)}; the other sweepers of Hydra rank nothing"
        )
    in_list = value.startswith("[") and value.endswith("]") and value[1:-1].strip()
    for each in value[1:-1].split(",") if in_list else [value]:
        if NO_OPTION.fullmatch(each.strip()) and options_of(key) and (in_list or key != "experiment"):
            raise UserError(f"{key}={value} chooses nothing, expected one of {', '.join(sorted(options_of(key)))}")


def choices(value: str, multirun: bool, options: Collection[str]) -> list[str]:
    """The alternatives of a sweep, or the single value; quotes are taken off."""
    return alternatives(value, options) if multirun else [unquoted(value)]


def config_file(group: str, value: str, options: Collection[str]) -> Path | None:
    """The YAML file that ``value`` names, None for anything else, such as an option of the group."""
    if value in options or value in ("", "null"):
        return None
    path = Path(value)
    if group == "scene" and path.is_dir():
        if not (path / "scene.yaml").is_file():
            raise UserError(f"scene={value} is a folder without a scene.yaml")
        return path / "scene.yaml"
    if path.suffix.lower() not in YAML:
        if path.is_file():
            raise UserError(f"{group}={value} is a file, expected a YAML file or one of {', '.join(sorted(options))}")
        if len(path.parts) > 1 and (path.is_absolute() or Path(path.parts[0]).is_dir()):
            raise UserError(f"{group}={value}: no such file or folder in {Path.cwd()}")
        return None
    if not path.is_file():
        raise UserError(f"{group}={value}: no such file in {Path.cwd()}")
    return path


def target_kind(value: str, options: Collection[str]) -> str | None:
    """The option of the group target that reads the file ``value``, None where it names no file."""
    if value in options or value in ("", "null"):
        return None
    path = Path(value)
    if path.is_dir() or path.suffix.lower() in CAMERA_FILES:
        return "views"
    return "image" if path.suffix.lower() in PICTURES or path.is_file() else None


def file_value(value: str, multirun: bool) -> str:
    """A file name as a value for Hydra; lists, quoted texts, interpolations and null are left as they are."""
    if Path(value).exists() and value:
        return quoted(value)
    if multirun and len(found := alternatives(value)) > 1:
        return ",".join(file_value(each, multirun=False) for each in found)
    if multirun and FUNCTION.fullmatch(value):
        return value if found == [value] else quoted(found[0])
    special = value in ("", "null") or "${" in value or (value[0], value[-1]) in (("'", "'"), ('"', '"'), ("[", "]"))
    return value if special else quoted(value)


def option_name(path: Path) -> str:
    """A name for a file as an option of a group: Hydra's grammar takes it, and every file has its own."""
    digest = hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:8]
    return f"file-{digest}"


def check_override(override: str, where: str) -> None:
    """Raise `UserError` for an override that no file may have: all but keys and options of invrender's own.

    where: names the list that it is in.
    """
    match = OVERRIDE.fullmatch(override.removeprefix("~") if "=" in override else f"{override.removeprefix('~')}=")
    key, *packages = re.split("[@:]", match["key"]) if match else [""]
    if match is None or re.split(r"[./]", key)[0] not in SECTIONS:
        raise UserError(f"{where} has {shortened(override)}: no key of a fit, or one for the command line alone")
    with naming(where):
        for package in packages:
            check_package(package)
        for each in match["value"].split(",") if "." not in key else ():
            if not is_file(each):
                check_choice(key, each)


def is_file(value: str) -> bool:
    """Whether a group's value names a file that is checked when it is read, and no option."""
    return unquoted(value).lower().endswith((*CAMERA_FILES, *PICTURES)) or Path(unquoted(value)).exists()
