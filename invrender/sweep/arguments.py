"""The options of `invrender sweep`, which stand for keys of Hydra's sweeper and launcher."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from invrender.config.alternatives import quoted
from invrender.config.overrides import KNOWN_FLAGS, OVERRIDE, SHOWS_ONLY
from invrender.errors import UserError, suggestion
from invrender.sweep.stored import check_arguments, is_besides
from invrender.sweep.summary import NAME, read_summary

OPTIONS = ("--resume", "--jobs", "--rank", "--optimize", "--objective", "--trials")


def sweep_arguments(arguments: Sequence[str]) -> list[str]:
    """The arguments of `invrender sweep` as those of `invrender fit`.

    Raises `UserError` for an option without its value, and for a folder to resume that holds no sweep.
    """
    given, rest = parsed(arguments)
    folder = Path(given.resume or "").absolute()
    if given.resume is not None and not any(OVERRIDE.fullmatch(each) for each in rest if not is_besides(each)):
        given, rest = parsed([*arguments_so_far(Path(given.resume), rest), *arguments])
    for each in rest:
        if each.startswith("--") and each.partition("=")[0] not in KNOWN_FLAGS:
            near = suggestion(each, (*OPTIONS, *KNOWN_FLAGS)) or "; see --help"
            raise UserError(f"there is no option {each!r}{near}")
    if not given.optimize and (given.objective or given.trials is not None):
        raise UserError("--objective and --trials are of a search; give --optimize, too")
    added = ["hydra/help=sweep"]
    if not any(each.partition("=")[0] in SHOWS_ONLY for each in rest):
        added.append("-m")
    if given.resume is not None:
        added += [f"hydra.sweep.dir={quoted(str(folder))}", "hydra.sweeper.resume=true"]
    if given.optimize:
        added.append("hydra/sweeper=search")
    if given.objective:
        added.append(f"hydra.sweeper.objectives=[{','.join(given.objective)}]")
    keys = {"hydra.sweeper.trials": given.trials, "hydra.launcher.n_jobs": given.jobs, "hydra.sweeper.rank": given.rank}
    return [*rest, *added, *(f"{key}={value}" for key, value in keys.items() if value is not None)]


def arguments_so_far(folder: Path, typed: Sequence[str]) -> list[str]:
    """The arguments that a sweep began with, read as data; their paths are relative to the working folder then.

    typed: further ones, which take the place of those. Raises `UserError` where there is no sweep, where a file gives
    what no file may, and where the sweep's working folder is gone.
    """
    summary = read_summary(folder)
    found = check_arguments(summary.arguments, typed, str(folder / NAME))
    if summary.place and Path(summary.place) != Path.cwd():
        try:
            os.chdir(summary.place)
        except OSError as error:
            raise UserError(
                f"--resume: {folder} was begun in {summary.place}, which is not there ({error.strerror}); "
                "give the sweep's arguments again, with paths as they are from here"
            ) from error
    return found


def parsed(arguments: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    """The options of a sweep, and all other arguments."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("--resume", metavar="FOLDER")
    parser.add_argument("--jobs", type=int, metavar="N")
    parser.add_argument("--rank", metavar="MEASURE")
    parser.add_argument("--optimize", action="store_true")
    parser.add_argument("--objective", action="append", default=[], metavar="MEASURE")
    parser.add_argument("--trials", type=int, metavar="N")
    try:
        return parser.parse_known_args(list(arguments))
    except argparse.ArgumentError as error:
        raise UserError(f"{error.argument_name}: {error.message}; see invrender sweep --help") from error
