"""`--resume FOLDER`: from what a run's folder tells to the arguments that the run began with."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from invrender.config.alternatives import quoted
from invrender.config.files import INTERPOLATION
from invrender.config.origin import FOLDER, NAME, has_origin, read_origin
from invrender.config.overrides import SHORTHANDS
from invrender.errors import UserError, shown
from invrender.sweep.stored import FOLDER_OPTIONS, check_overrides, key_of

OPTION = "--resume"
# The commands that have it.
RESUMABLE = ("fit", "sample", "train")
PLACE = "hydra.run.dir"
SAMPLING = "sampling"
WORDS = ("--quiet", "-q", "--verbose", "-v")


class Finished(Exception):
    """There is nothing left to do."""


def resumes(arguments: Sequence[str]) -> bool:
    """Whether these arguments go on with a run."""
    return any(each.partition("=")[0] == OPTION for each in arguments)


def arguments_to_resume(command: str, arguments: Sequence[str]) -> list[str]:
    """The arguments that a command's run began with, in the folder that their paths are relative to.

    The folder that it writes in is the same.

    Raises `Finished` where the run has come to its end, and `UserError` where there is none that can be gone on with,
    where its folder gives what no file may, and for further arguments that would make it another run.
    """
    if command == "sample":
        return arguments_to_go_on(arguments)
    folder, typed = split(arguments)
    if not has_origin(folder) and (folder / "result.json").is_file():
        raise Finished(f"{shown(folder)} is finished, and nothing is left to do")
    origin = read_origin(folder, command)
    recorded = [each for each in origin.arguments if key_of(each) != PLACE]
    for each in typed:
        if each not in (*WORDS, *recorded):
            raise UserError(f"--resume goes on with a run as it began, and {each} may make it another; begin a new run")
    check_recorded(recorded, typed, str(folder / FOLDER / NAME))
    go_to(origin.place, folder)
    words = [each for each in typed if each in WORDS]
    kept = [each for each in recorded if not (words and is_verbosity(each))]
    return [*kept, *words, f"{PLACE}={quoted(str(folder))}"]


def arguments_to_go_on(arguments: Sequence[str]) -> list[str]:
    """The arguments of `invrender sample` that go on in a fit's folder, in the folder that its paths are relative to.

    Raises `UserError` where there is no sampling to go on with, and for arguments that would make it another.
    """
    folder, typed = split(arguments)
    if not has_origin(folder / SAMPLING) and (folder / "samples.csv").is_file():
        raise Finished(f"{shown(folder)} is sampled, and nothing is left to do")
    origin = read_origin(folder / SAMPLING, "sample")
    if others := [each for each in typed if each not in WORDS]:
        raise UserError(f"--resume goes on with a sampling as it began, and {others[0]} may make it another")
    go_to(origin.place, folder)
    return [f"runs=[{quoted(str(folder))}]", *typed]


def split(arguments: Sequence[str]) -> tuple[Path, list[str]]:
    """The folder given with --resume, absolute, and all other arguments. Raises `UserError` where none is given."""
    index = next(i for i, each in enumerate(arguments) if each.partition("=")[0] == OPTION)
    _, equals, name = arguments[index].partition("=")
    rest = [*arguments[:index], *arguments[index + 1 :]]
    if not equals:
        name = rest.pop(index) if index < len(rest) else ""
    if not name or name.startswith("-"):
        raise UserError("--resume: expected the folder of a run after it, as in --resume outputs/fit/RUN")
    return Path(name).absolute(), rest


def check_recorded(recorded: Sequence[str], typed: Sequence[str], source: str) -> None:
    """Raise `UserError` for recorded arguments that no file may give; those that were typed again are known."""
    expects_folder = False
    for each in recorded:
        option, equals, _ = each.partition("=")
        if expects_folder or each in typed or each in SHORTHANDS:
            expects_folder = False
        elif option in FOLDER_OPTIONS:
            expects_folder = not equals
        elif each.startswith("-"):
            raise UserError(f"{source} gives the option {option}, which counts on the command line alone")
        elif "${" in INTERPOLATION.sub("", each):
            raise UserError(
                f"{source} gives {each}, which is more than a value; type it again if you know where it comes from"
            )
        else:
            check_overrides([each], source)


def is_verbosity(argument: str) -> bool:
    """Whether an argument says how much the run is to tell."""
    return argument in WORDS or key_of(argument) == "verbosity"


def go_to(place: str, folder: Path) -> None:
    """Make the folder that a run began in the working folder. Raises `UserError` where it is gone."""
    try:
        os.chdir(place)
    except (OSError, ValueError) as error:
        raise UserError(f"--resume: {folder} was begun in {place}, which is not there; begin a new run") from error
