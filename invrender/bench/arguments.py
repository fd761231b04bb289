"""The arguments of `invrender bench`: its own, and those that are for every fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields

from invrender.config import BenchConfig
from invrender.errors import UserError
from invrender.overrides import OVERRIDE, quoted

OWN = {"bench", "hydra", *(each.name for each in fields(BenchConfig))}


def bench_arguments(arguments: Sequence[str]) -> list[str]:
    """The arguments with all overrides that the benchmark does not know as the value of its key ``fit``.

    Raises `UserError` where that is given as well.
    """
    of_fits = [each for each in arguments if is_of_fits(each)]
    if not of_fits:
        return list(arguments)
    if any(each.startswith("fit=") for each in arguments):
        raise UserError(f"fit=[…] and {of_fits[0]} are both for the fits; give one of them, or all in fit=[…]")
    packed = f"fit=[{','.join(quoted(each) for each in of_fits)}]"
    return [packed, *(each for each in arguments if not is_of_fits(each))]


def is_of_fits(argument: str) -> bool:
    """Whether an argument is an override of `invrender fit`."""
    if argument.startswith("-"):
        return False
    match = OVERRIDE.fullmatch(argument)
    if match is None:
        return argument.startswith("~")
    return match["key"].partition(".")[0].partition("@")[0].partition("/")[0] not in OWN
