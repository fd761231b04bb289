"""Arguments from a file, which anybody may have written: what they may say, and what only a person may type."""

from __future__ import annotations

import re
from collections.abc import Sequence

from invrender.config.messages import EXTRAS
from invrender.config.overrides import MULTIRUN, SWEEPERS, check_override
from invrender.errors import UserError

LAUNCHERS = ("processes", *EXTRAS)
# Keys of Hydra's own node that decide about numbers and order, and their values.
HYDRA = re.compile(
    r"hydra\.sweep\.dir=.*"
    rf"|hydra/launcher=({'|'.join(LAUNCHERS)})"
    rf"|hydra/sweeper=({'|'.join(SWEEPERS)})"
    r"|hydra\.launcher\.(n_jobs|timeout_min|cpus_per_task|gpus_per_node|tasks_per_node|nodes|mem_gb|partition)=[\w.:-]*"
    r"|hydra\.sweeper\.(rank|trials|prune|warmup|parallel|seed|objectives)=[\w.,\[\] -]*",
    re.DOTALL,
)
OPTIONS = ("--optimize", "--quiet", "-q", "--verbose", "-v", *MULTIRUN)
FOLDER_OPTIONS = ("--config-dir", "-cd")
OPTIONS_WITH_VALUE = ("--jobs", "--rank", "--objective", "--trials", *FOLDER_OPTIONS)
VALUE = re.compile(r"[\w.-]*")


def check_arguments(arguments: Sequence[str], typed: Sequence[str], source: str) -> list[str]:
    """The arguments of `invrender sweep` that a file repeats, without those that were typed anew.

    Raises `UserError` for those that no file may give: keys of Hydra's, classes, ``allow_targets``, other options.
    """
    anew = {key_of(each) for each in typed}
    kept: list[str] = []
    expects = ""
    for each in arguments:
        option, equals, value = each.partition("=")
        if expects:
            check_value(expects, each, source)
            expects = ""
        elif option in OPTIONS_WITH_VALUE:
            expects = "" if equals else option
            check_value(option, value, source)
        elif each.startswith("-") and each not in OPTIONS:
            raise UserError(f"{source} gives the option {option}, which counts on the command line alone")
        elif key_of(each) in anew:
            continue
        elif each not in OPTIONS:
            check_overrides([each], source)
        kept.append(each)
    return kept


def check_value(option: str, value: str, source: str) -> None:
    """Raise `UserError` for a value of an option that is neither a number nor a name."""
    if option not in FOLDER_OPTIONS and not VALUE.fullmatch(value):
        raise UserError(f"{source} gives {option} {value!r}, expected a number or a name")


def check_overrides(overrides: Sequence[str], source: str) -> None:
    """Raise `UserError` for overrides that no file may give: keys of Hydra's, classes, ``allow_targets``."""
    for each in overrides:
        if HYDRA.fullmatch(each):
            continue
        if "_target_" in each or is_besides(each):
            shown = each if len(each) <= 80 else f"{each[:77]}..."
            raise UserError(
                f"{source} gives {shown}, which counts on the command line alone: "
                "type it there if you know where the file comes from"
            )
        check_override(each, source)


def is_besides(override: str) -> bool:
    """Whether an override is about how a sweep runs, and not about what its jobs are."""
    key = key_of(override)
    return key.startswith("hydra") or key == "allow_targets"


def key_of(override: str) -> str:
    """The key or group of an override, without signs and package."""
    return re.split(r"[=@]", override.lstrip("+~"), maxsplit=1)[0]
