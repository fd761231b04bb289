"""The configs of a sweep's jobs: composed once for what is chosen, then changed for the values of each job."""

from __future__ import annotations

import copy
import gc
import pickle
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, OmegaConf, open_dict, read_write


@dataclass(frozen=True)
class Change:
    """A simple value of a config, by its key. anew: whether the key may be a new one."""

    key: str
    value: Any
    anew: bool

    @classmethod
    def of(cls, override: Override) -> Change:
        """What an override sets."""
        return cls(override.key_or_group, override.value(), override.is_force_add())

    def to(self, config: DictConfig) -> None:
        """Set the value as Hydra does. Raises `OmegaConfBaseException` for a key that is not there or a wrong value."""
        OmegaConf.update(config, self.key, self.value, merge=True, force_add=self.anew)


@dataclass
class Composed:
    """A config composed of all that a job has besides simple values.

    config: of the task. content: the same, pickled. hydra: what Hydra keeps, pickled. choices: by group, the option.
    tried: changes that are known to go.
    """

    config: DictConfig
    content: bytes
    hydra: bytes
    choices: dict[str, Any]
    tried: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Changed:
    """A job's configs, which are made where it runs.

    content, hydra: see `Composed`. changes: the simple values among ``overrides``, which are all of the job's.
    """

    folder: Path
    content: bytes
    hydra: bytes
    changes: Sequence[Change]
    overrides: Sequence[str]

    def configs(self) -> tuple[DictConfig, DictConfig]:
        """See `Prepared`. What Hydra keeps, which no job may write to, is the same object for one job after another."""
        with without_collecting():
            config = pickle.loads(self.content)
        for each in self.changes:
            each.to(config)
        hydra = unpickled(self.hydra)
        with read_write(hydra), open_dict(hydra):
            node: Any = hydra.hydra
            node.runtime.output_dir = str(self.folder)
            node.sweep.dir, node.sweep.subdir = str(self.folder.parent), self.folder.name
            node.overrides.task = list(self.overrides)
            node.job.override_dirname = ",".join(sorted(self.overrides))
        return config, hydra


@contextmanager
def without_collecting() -> Iterator[None]:
    """Where many objects are made and none is dropped: looking for what is dropped takes two thirds of the time."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


@lru_cache(maxsize=1)
def unpickled(content: bytes) -> Any:
    """The object that was pickled, the same one as the last time where that was of the same bytes."""
    return pickle.loads(content)


class Compositions:
    """Composes configs of jobs as Hydra does, which takes it a tenth of a second, once for all jobs with equal choices.

    loader, master: as Hydra gives them to sweepers.
    """

    def __init__(self, loader: ConfigLoader, master: DictConfig) -> None:
        self.loader = loader
        self.master = master
        self.parser = OverridesParser.create(config_loader=loader)
        self.parsed: dict[str, Override] = {}
        self.groups: dict[str, bool] = {}
        self.composed: dict[tuple[str, ...], Composed] = {}

    def check(self, overrides: Sequence[str]) -> Composed:
        """Raise what Hydra raises for overrides that don't go together; what was composed."""
        choices, changes = self.split(overrides)
        base = self.base(choices)
        for each in changes:
            if each not in base.tried:
                Change.of(self.parse(each)).to(base.config)
                base.tried.add(each)
        return base

    def prepared(self, overrides: Sequence[str], folder: Path) -> Changed:
        """A job that is ready to run in ``folder``. Raises as `check` does."""
        base = self.check(overrides)
        changes = [Change.of(self.parse(each)) for each in self.split(overrides)[1]]
        return Changed(folder, base.content, base.hydra, changes, overrides)

    def split(self, overrides: Sequence[str]) -> tuple[tuple[str, ...], list[str]]:
        """Overrides as those that choose and those that change values; what comes before an addition stays there."""
        simple = [self.is_change(self.parse(each)) for each in overrides]
        settled = max((i for i, each in enumerate(overrides) if self.is_addition(self.parse(each))), default=-1)
        changes = [each for i, each in enumerate(overrides) if simple[i] and i > settled]
        return tuple(each for i, each in enumerate(overrides) if not simple[i] or i <= settled), changes

    def parse(self, override: str) -> Override:
        """One override as Hydra understands it."""
        if override not in self.parsed:
            self.parsed[override] = self.parser.parse_overrides([override])[0]
        return self.parsed[override]

    def is_change(self, override: Override) -> bool:
        """Whether an override sets a value, and no more."""
        plain = override.type is not None and not override.is_delete() and not override.is_add()
        return plain and override.package is None and not self.is_choice(override)

    def is_addition(self, override: Override) -> bool:
        """Whether an override adds or deletes a value, whose place among the others counts."""
        return (override.is_delete() or override.is_add()) and not self.is_choice(override)

    def is_choice(self, override: Override) -> bool:
        """Whether an override is of a group of configs, or of Hydra itself."""
        key = override.key_or_group
        if key not in self.groups:
            self.groups[key] = key.startswith("hydra.") or bool(self.loader.get_group_options(key))
        return self.groups[key]

    def base(self, choices: tuple[str, ...]) -> Composed:
        """What is composed of these choices."""
        if choices not in self.composed:
            given = [*choices, "hydra.sweep.dir=.", "hydra.sweep.subdir='0'"]
            whole = self.loader.load_sweep_config(self.master, given)
            config, hydra = copy.deepcopy(whole), OmegaConf.masked_copy(whole, ["hydra"])
            with read_write(config), open_dict(config):
                del config["hydra"]
            self.composed[choices] = Composed(
                config, pickle.dumps(config), pickle.dumps(hydra), dict(whole.hydra.runtime.choices)
            )
        return self.composed[choices]
