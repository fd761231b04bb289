"""What went wrong, in one line for the person who gave the words."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hydra.errors import ConfigCompositionException, HydraException, MissingConfigException, OverrideParseException
from omegaconf import OmegaConf
from omegaconf.errors import ConfigAttributeError, ConfigKeyError, MissingMandatoryValue, OmegaConfBaseException
from yaml import YAMLError

from invrender.config.overrides import OptionsOf
from invrender.errors import UserError, one_line, suggestion

MOST_CHARACTERS = 1000
# Launchers by the extra that they come with.
EXTRAS = {"joblib": "joblib", "submitit_local": "submitit", "submitit_slurm": "submitit", "ray": "ray"}
AUTO = "invrender.render.auto.automatic"
EXPECTED = (UserError, HydraException, OmegaConfBaseException, OSError, YAMLError)


def explain(error: BaseException, options_of: OptionsOf = lambda group: ()) -> str | None:
    """One line for an error that comes from what was given; None for one that is a bug.

    options_of: the names of a group's options.
    """
    told = account(error, options_of)
    return None if told is None else bounded(told)


def bounded(told: str) -> str:
    """A message without its middle where it is long: the key stands at its beginning, and the mend at its end."""
    if len(told) <= MOST_CHARACTERS:
        return told
    return f"{told[: MOST_CHARACTERS // 2]}…{told[-MOST_CHARACTERS // 2 :]}"


def account(error: BaseException, options_of: OptionsOf) -> str | None:
    """`explain`, of any length."""
    for cause in chain(error):
        if isinstance(cause, UserError):
            return one_line(str(cause))
    if is_out_of_memory(error):
        return (
            "there is not enough memory; give smaller pictures (camera.width and height, target.max_size), "
            "fewer samples or less blur"
        )
    if not isinstance(error, EXPECTED):
        return None
    if isinstance(error, MissingConfigException):
        return missing_config(error, options_of)
    if isinstance(error, OverrideParseException):
        reason = re.split(r"\s*See https?://", error.message)[0]
        return one_line(
            f"{error.override!r} is not an override: {reason}; put quotes around a value with special signs"
        )
    for cause in chain(error):
        if isinstance(cause, OSError) and cause.strerror:
            return os_error(cause)
    for cause in chain(error):
        if isinstance(cause, (ConfigAttributeError, ConfigKeyError)) and cause.full_key:
            return unknown_key(cause)
        if isinstance(cause, MissingMandatoryValue) and not cause.full_key:
            return "an entry of a defaults list is ???, expected the name of a file, or none of it"
        if isinstance(cause, MissingMandatoryValue):
            return f"{cause.full_key} is missing, expected a value; give {cause.full_key}=…"
    for cause in chain(error):
        if isinstance(cause, OmegaConfBaseException):
            return one_line(f"{cause.full_key or 'config'}: {cause.msg or cause}".partition("\n")[0])
    if isinstance(error, ConfigCompositionException):
        return composition(str(error))
    return one_line(str(error))


def chain(error: BaseException) -> Iterator[BaseException]:
    """The error and what caused it; Hydra does not always say so when it wraps an error."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or (cause.__context__ if isinstance(cause, HydraException) else None)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether the computer or the GPU has no memory left; PyTorch says so in its own ways."""
    told = str(error)
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and ("out of memory" in told or "can't allocate memory" in told)
    )


def os_error(error: OSError) -> str:
    """An error of files and folders."""
    where = f"{error.filename}: " if error.filename else ""
    return f"{where}{error.strerror}"


def missing_config(error: MissingConfigException, options_of: OptionsOf) -> str:
    """A group has no such option, or there is no such config."""
    group, _, option = (error.missing_cfg_file or "").rpartition("/")
    options = sorted(options_of(group)) if group else []
    if group == "hydra/launcher":
        if option in EXTRAS:
            return f"{group}={option} is not installed; pip install 'invrender[{EXTRAS[option]}]'"
        options = sorted({*options, *EXTRAS})
    if not options:
        return one_line(re.split(r"Config search path|Available options", str(error))[0])
    return f"{group} has no option {option!r}{suggestion(option, options)}; known are {', '.join(options)}"


def unknown_key(error: OmegaConfBaseException) -> str:
    """A key that is not there."""
    key = str(error.full_key)
    parent, _, name = key.rpartition(".")
    siblings = [str(each) for each in error.parent_node] if OmegaConf.is_dict(error.parent_node) else []
    siblings = [each for each in siblings if each != "hydra"]
    where = f"{parent} has no key {name!r}" if parent else f"there is no key or group {name!r}"
    if key in ("scene.scene", "scene.camera", "scene.light"):
        return f"{where}; begin the scene's file with the line # @package _global_"
    near = suggestion(name, siblings)
    target = error.parent_node["_target_"] if "_target_" in siblings else None
    if not near and target == AUTO:
        return f"{where}: auto has those that all soft renderers have; choose renderer=embedded or renderer=pytorch3d"
    if not near and target is not None:
        return f"{where}; if {target} takes it, add it with +{key}=…"
    if parent and not siblings:
        return f"{where}; add it with +{key}=…"
    return f"{where}{near}" if near or not siblings else f"{where}; known are {', '.join(siblings)}"


def composition(message: str) -> str:
    """Hydra's account of a failed composition, without its advice about other keys."""
    override = re.match(r"Could not override '([^']+)'\.\s*No match in the defaults list", message)
    if override:
        group = override[1].partition("@")[0]
        return (
            f"{group}=… can't be chosen: nothing in these configs has a default for it; give single keys, {group}.KEY=…"
        )
    return one_line(re.sub(r"To append to your[^\n]*|See https?://\S+", "", message))
