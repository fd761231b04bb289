"""The files that a sweep's jobs read, and whether they are still what they were when it began."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from invrender.config.inputs import changed, inputs_of
from invrender.sweep.compose import Compositions


def inputs_of_jobs(compositions: Compositions, files: Iterable[Path], master: Any) -> set[Path]:
    """The files that the composed configs name, and those that these name in turn.

    files: configs that were given as files. master: the sweep's own config, which has the folders of configs.
    """
    sources = [Path(source.path) for source in master.hydra.runtime.config_sources if source.schema == "file"]
    files = list(files)
    found: set[Path] = set()
    for composed in compositions.composed.values():
        content = OmegaConf.to_container(composed.config, resolve=False)
        tried = [compositions.parse(each).value() for each in composed.tried]
        found |= inputs_of(content, composed.choices, files, sources, tried)
    return found


def tell_changes(inputs: Mapping[str, str]) -> None:
    """Say which files are not what they were."""
    for path in changed(inputs):
        told = "has changed since this sweep began: jobs from before and from now on don't compare"
        print(
            f"{path} {told}" if path.is_file() else f"{path} was read by this sweep's jobs, and is gone",
            file=sys.stderr,
        )
