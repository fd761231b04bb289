"""How a run began: all that is needed to begin it again, kept in its folder as data."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from invrender import __version__
from invrender.config.compose import Composition
from invrender.config.inputs import changed, fingerprints, inputs_of
from invrender.errors import UserError, shortened, shown
from invrender.io.atomic import atomic_write, is_own, read_own
from invrender.typed import make_typed

FOLDER = "state"
NAME = "run.json"
FORMAT = 2
# Keys that may differ where a run goes on: what it says, not what it does.
FREE = ("verbosity", "allow_targets")


@dataclass(frozen=True)
class Origin:
    """How a run began.

    command: fit, sample or train. arguments: of the command. place: the working folder that paths in them are
    relative to. device: cpu or cuda.
    config: composed of them, resolved, in plain containers. inputs: the SHA-256 of every file that was read, by path.
    program, format: the versions of invrender and of what it keeps.
    """

    command: str
    arguments: list[str]
    place: str
    device: str
    config: dict[str, Any]
    inputs: dict[str, str]
    program: str = __version__
    format: int = FORMAT

    @classmethod
    def of(cls, command: str, arguments: list[str], composed: Composition, device: str) -> Origin:
        """That of a command's run that begins here and now."""
        config = plain_config(composed)
        inputs = inputs_of(config, composed.choices, composed.files.values(), composed.sources)
        return cls(command, arguments, str(Path.cwd()), device, config, fingerprints(inputs))

    def write(self, folder: Path) -> None:
        """Keep it in a run's folder."""
        (folder / FOLDER).mkdir(parents=True, exist_ok=True)
        with atomic_write(folder / FOLDER / NAME) as partial:
            partial.write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")

    def check_inputs(self, folder: Path) -> None:
        """Raise `UserError` where a file is not what it was."""
        for path in changed(self.inputs):
            told = "has changed since then" if path.is_file() else "is gone"
            raise UserError(f"--resume: {folder} was begun with {path}, which {told}; begin a new run")

    def check_config(self, composed: Composition, folder: Path) -> None:
        """Raise `UserError` where the same arguments make another config now."""
        for key, before, now in differences(self.config, plain_config(composed)):
            if key.partition(".")[0] not in FREE:
                told = f"{key} was {shortened(before)} there and is {shortened(now)} now"
                raise UserError(f"--resume: {folder} holds another run: {told}; begin a new one")


def plain_config(composed: Composition) -> dict[str, Any]:
    """A config resolved, as JSON has it."""
    config: dict[str, Any] = json.loads(json.dumps(OmegaConf.to_container(composed.config, resolve=True)))
    return config


def differences(before: Any, now: Any, key: str = "") -> Iterator[tuple[str, Any, Any]]:
    """The keys whose values differ, with both."""
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        for name in dict.fromkeys((*before, *now)):
            yield from differences(before.get(name), now.get(name), f"{key}.{name}".strip("."))
    # As texts, so that NaN is what it was.
    elif json.dumps(before) != json.dumps(now):
        yield key, before, now


def has_origin(folder: Path) -> bool:
    """Whether a run's folder says how the run began, as one that has not finished does."""
    return is_own(folder / FOLDER / NAME)


def can_go_on(folder: Path) -> bool:
    """Whether the run in a folder was begun by this version, with files that are what they were."""
    try:
        read_origin(folder).check_inputs(folder)
    except UserError:
        return False
    return True


def read_origin(folder: Path, command: str = "fit") -> Origin:
    """How a command's run in a folder began.

    Raises `UserError` where the folder does not tell, or another version or another command's run does.
    """
    path = folder / FOLDER / NAME
    if not folder.is_dir():
        raise UserError(f"--resume: there is no folder {folder}; give the folder of a run")
    for each in (*folder.glob("*"), *folder.glob(f"{FOLDER}/*")):
        if each.is_symlink():
            raise UserError(
                f"--resume: {each} is a link to what may be another's; remove it, or put the file itself there"
            )
    try:
        content = json.loads(read_own(path))
        version = content["program"], content["format"]
        if version != (__version__, FORMAT):
            told = f"of invrender {shortened(version[0])}, format {shortened(version[1])}"
            raise UserError(
                f"--resume: {path} is {told}, and this is {__version__!r}, format {FORMAT}; begin a new run"
            )
        found = make_typed(Origin, {each.name: content[each.name] for each in fields(Origin)})
    except FileNotFoundError as error:
        raise UserError(f"--resume: {folder} holds no state of a run, for {path} is not there") from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise UserError(f"--resume: {path} is cut off or damaged; begin a new run") from error
    if found.command != command:
        told = f"{shown(folder)} is of invrender {shortened(found.command)}"
        raise UserError(f"--resume: {told}, and this is invrender {command}; name the other command")
    return found
