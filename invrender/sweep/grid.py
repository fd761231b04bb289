"""From the arguments of a sweep to its jobs: every combination of the values with commas between them."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override

from invrender.errors import UserError
from invrender.sweep.summary import Job


def grid(overrides: Sequence[Override]) -> tuple[list[str], list[Job]]:
    """The swept keys and the jobs. The last argument varies fastest.

    Raises `UserError` for an interval, which only a search can draw from.
    """
    alternatives: dict[str, list[str]] = {}
    swept = []
    for override in overrides:
        key = override.get_key_element()
        if override.is_sweep_override() and not override.is_discrete_sweep():
            raise UserError(f"{override.input_line}: an interval has no end of values; search in it with --optimize")
        if override.is_sweep_override():
            alternatives[key] = list(override.sweep_string_iterator())
            swept.append(key)
        elif override.is_delete() and override.value() is None:
            alternatives[key] = []
        else:
            alternatives[key] = [override.get_value_element_as_str()]
    pairs = [[(key, value) for value in values] or [(key, None)] for key, values in alternatives.items()]
    jobs = [job(number, dict(chosen), swept) for number, chosen in enumerate(itertools.product(*pairs))]
    return swept, jobs


def job(number: int, chosen: dict[str, str | None], swept: Sequence[str]) -> Job:
    """A job of these keys and values; a key without a value is one to be deleted."""
    overrides = [key if value is None else f"{key}={value}" for key, value in chosen.items()]
    return Job(number, overrides, {key: str(chosen[key]) for key in swept})


def parsed(arguments: Sequence[str], loader: ConfigLoader) -> list[Override]:
    """The arguments as Hydra understands them."""
    return OverridesParser.create(config_loader=loader).parse_overrides(list(arguments))
