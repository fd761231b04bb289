"""The arguments of a sweep: what is swept, what is the same for all jobs, and the jobs of a grid."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override

from invrender.errors import UserError
from invrender.sweep.summary import Job


@dataclass(frozen=True)
class Overrides:
    """By key, in the order given; of a key that is given twice the last counts."""

    by_key: dict[str, Override]

    @classmethod
    def parsed(cls, arguments: Sequence[str], loader: ConfigLoader) -> Overrides:
        """The arguments as Hydra understands them."""
        overrides = OverridesParser.create(config_loader=loader).parse_overrides(list(arguments))
        return cls({override.get_key_element(): override for override in overrides})

    def swept(self) -> dict[str, Override]:
        """Those with several values."""
        return {key: override for key, override in self.by_key.items() if override.is_sweep_override()}

    def grid(self) -> list[Job]:
        """Every combination of the values; the last key varies fastest.

        Raises `UserError` for an interval, which only a search can draw from.
        """
        swept = self.swept()
        for override in swept.values():
            if not override.is_discrete_sweep():
                raise UserError(f"{override.input_line}: an interval has no end of values; search it with --optimize")
        combinations = itertools.product(*(each.sweep_string_iterator() for each in swept.values()))
        return [self.job(number, dict(zip(swept, values, strict=True))) for number, values in enumerate(combinations)]

    def job(self, number: int, values: dict[str, str]) -> Job:
        """The job with these values of the swept keys; how much the sweep says does not concern its jobs."""
        kept = {key: override for key, override in self.by_key.items() if key != "verbosity"}
        given = [f"{key}={values[key]}" if key in values else argument(key, each) for key, each in kept.items()]
        return Job(number, given, values)


def argument(key: str, override: Override) -> str:
    """An override of one value as it is typed; one that deletes a key has none."""
    return key if override.is_delete() and override.value() is None else f"{key}={override.get_value_element_as_str()}"
