"""`invrender sample`: sample the posterior about a fit's answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from invrender.cli.job import Job, check_runs, check_unused, check_verbosity
from invrender.cli.resuming import SAMPLING
from invrender.cli.sampling import sample
from invrender.config.build import build
from invrender.config.compose import check_allowed
from invrender.config.device import repeatable
from invrender.config.origin import Origin, read_origin
from invrender.config.runs import read_answered
from invrender.errors import UserError, shown
from invrender.fitting.state import stamp
from invrender.io.lock import FolderLock
from invrender.record.posterior import FILES, read_checkpoint


def run(job: Job) -> int:
    """Sample a posterior; returns the exit status."""
    check_allowed(job.composed)
    config: Any = job.composed.config
    quiet = check_verbosity(config.verbosity) == "quiet"
    folders = check_runs(config.runs)
    if len(folders) != 1:
        raise UserError(f"runs has {len(folders)} folders, expected that of one fit: invrender sample outputs/fit/RUN")
    [folder] = folders
    answered = read_answered(folder, list(config.allow_targets))
    with FolderLock(folder).hold():
        check_unused(folder, FILES)
        settings: Any = read_settings(folder) if job.resumed else config
        if not job.resumed:
            check_fresh(folder)
        sampler = build(settings.get("sampler") or settings.optimizer.sampler, "sampler", list(config.allow_targets))
        with repeatable(int(settings.seed), answered.experiment.device):
            sampling = answered.experiment.sample(answered.problem, answered.raw, sampler)
            if job.resumed:
                state = read_checkpoint(folder / SAMPLING, stamp(sampling.problem))
                return sample(folder, sampling, int(settings.seed), quiet, state=state)
            origin = Origin.of("sample", list(job.arguments), job.composed, answered.experiment.device)
            return sample(folder, sampling, int(settings.seed), quiet, origin)


def read_settings(folder: Path) -> Any:
    """The config that a sampling in a run's folder began with: of `invrender sample`, or of the fit before it."""
    return OmegaConf.create(read_origin(folder / SAMPLING, "sample").config)


def check_fresh(folder: Path) -> None:
    """Raise `UserError` where a sampling was cut off."""
    if (folder / SAMPLING).exists():
        raise UserError(
            f"{shown(folder)} has a sampling that was cut off: invrender sample --resume {shown(folder)} goes on with "
            f"it; or remove {shown(folder / SAMPLING)}"
        )
