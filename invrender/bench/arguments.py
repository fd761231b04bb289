"""The arguments of `invrender bench`: its own, and those that are for every fit."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import fields

from invrender.config.alternatives import quoted
from invrender.config.overrides import OVERRIDE
from invrender.config.schema import BenchConfig
from invrender.errors import UserError

# query: what Hydra is asked for a shell's completions.
OWN = {"bench", "hydra", "query", *(each.name for each in fields(BenchConfig))}


def bench_arguments(arguments: Sequence[str]) -> list[str]:
    """The arguments with all overrides that the benchmark does not know as the value of its key ``fit``.

    arguments: as `invrender.overrides.rewrite` gives them, options and their values last. Raises `UserError` where
    ``fit`` is given as well.
    """
    count = next((index for index, each in enumerate(arguments) if each.startswith("-")), len(arguments))
    overrides, options = arguments[:count], arguments[count:]
    of_fits = [each for each in overrides if is_of_fits(each)]
    own = [each for each in overrides if each not in of_fits]
    if not of_fits:
        return list(arguments)
    if any(each.startswith("fit=") for each in own):
        raise UserError(f"fit=[…] and {of_fits[0]} are both for the fits; give one of them, or all in fit=[…]")
    return [*own, f"fit=[{','.join(quoted(each) for each in of_fits)}]", *options]


def is_of_fits(override: str) -> bool:
    """Whether an override is one of `invrender fit`."""
    match = OVERRIDE.fullmatch(override)
    if match is None:
        return override.startswith("~")
    return re.split(r"[./@]", match["key"])[0] not in OWN
