"""The measures that a sweep is asked to rank by or to search for, checked before its first job."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from omegaconf import DictConfig

from invrender.sweep.compose import Changed, Composed, Compositions
from invrender.sweep.summary import check_known
from invrender.sweep.work import Child, Task, begin

ALWAYS = ("loss", "seconds")


def check_measures(asked: Mapping[str, str | None], task: Task, compositions: Compositions) -> None:
    """Raise `UserError` for a measure that no job will have.

    asked: by who asks. Where the first jobs can't tell what they measure, they will say why themselves.
    """
    wanted = {name: measure for name, measure in asked.items() if measure is not None and measure not in ALWAYS}
    if not wanted:
        return
    known = known_measures(task, compositions)
    if known is not None:
        for name, measure in wanted.items():
            check_known(name, measure, known)


def known_measures(task: Task, compositions: Compositions) -> list[str] | None:
    """The measures of the jobs, one for each kind of target and set of unknowns; None where a job can't tell."""
    kinds: dict[tuple[str, ...], Composed] = {}
    for composed in compositions.composed.values():
        kinds.setdefault((str(composed.config.target.kind), *map(str, composed.config.recover)), composed)
    child = Child(threads=1)
    try:
        found = [child.call(measures_of, task, example(each)) for each in kinds.values()]
    except Exception:
        return None
    finally:
        child.kill()
    return list(dict.fromkeys([*(measure for each in found for measure in each), *ALWAYS]))


def example(composed: Composed) -> Changed:
    """A job of what is composed, which has no folder."""
    return Changed(Path("not", "there"), composed.content, composed.hydra, [], [])


def measures_of(task: Task, job: Changed) -> list[str]:
    """In a child: the errors that a job will tell."""
    from hydra.core.hydra_config import HydraConfig
    from hydra.core.utils import setup_globals

    begin(slot=0)
    setup_globals()
    config: DictConfig
    config, hydra = job.configs()
    HydraConfig.instance().set_config(hydra)
    return task.measures(config)
