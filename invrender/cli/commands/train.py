"""`invrender train`: a network that learns through the renderer."""

from __future__ import annotations

import shlex
from contextlib import nullcontext
from typing import Any

from omegaconf import OmegaConf

from invrender.cli.job import DIVERGED, DONE, INTERRUPTED, RESULTS, Job, check_unused, check_verbosity
from invrender.config.assemble import chain
from invrender.config.compose import scene_options
from invrender.config.device import choose_device, repeatable
from invrender.config.origin import Origin, read_origin
from invrender.config.schema import TrainConfig
from invrender.config.training import assemble_training
from invrender.errors import naming, shown
from invrender.fitting.compiler import spare_compiler
from invrender.learning.records import (
    BEGINNINGS,
    ENDS,
    TrainingBoard,
    TrainingCheckpoint,
    TrainingConsole,
    TrainingFiles,
    TrainingRun,
)
from invrender.learning.training import Steps, TrainingState, TrainingStep, train
from invrender.record.base import Recording, follow
from invrender.record.checkpoint import read_content, remove_records, telling_damage

STATUSES = {"finished": DONE, "diverged": DIVERGED, "interrupted": INTERRUPTED}


def run(job: Job) -> int:
    """Teach a network; returns the exit status."""
    with job.lock():
        origin = read_origin(job.folder, "train") if job.resumed else None
        if origin is None:
            check_unused(job.folder, (*RESULTS, *ENDS))
        options = scene_options(job.composed, TrainConfig)
        if origin is not None:
            origin.check_inputs(job.folder)
            origin.check_config(job.composed, job.folder)
        check_verbosity(options.verbosity)
        device = choose_device(options.device if origin is None else origin.device)
        spare_compiler()
        with repeatable(options.seed, device):
            last = begin(job, options, device) if origin is None else go_on(job, options, device, origin)
    if last.stopped_because == "interrupted" and options.record.files and options.verbosity != "quiet":
        print(f"invrender train --resume {shlex.quote(shown(job.folder))} goes on with it", flush=True)
    return STATUSES[str(last.stopped_because)]


def begin(job: Job, options: TrainConfig, device: str) -> TrainingStep:
    """Train from the start; the last step."""
    learner = assemble_training(options, device)
    steps = train(learner, options.training)
    first = next(steps)
    if options.record.files:
        # Before all else, so that a run that is killed can be begun again.
        Origin.of("train", list(job.arguments), job.composed, device).write(job.folder)
    return record(options, describe(job, options, device, job.command), chain(first, steps))


def go_on(job: Job, options: TrainConfig, device: str, origin: Origin) -> TrainingStep:
    """Train from the state in the run's folder, or from the start where there is none yet; the last step."""
    described = describe(job, options, device, shlex.join(["invrender", "train", *origin.arguments]))
    learner = assemble_training(options, device)
    with telling_damage(job.folder):
        content = read_content(job.folder)
        state = None if content is None else TrainingState.from_plain(content["state"])
    if state is None:
        remove_records(job.folder, (*ENDS, *BEGINNINGS))
        return record(options, described, train(learner, options.training))
    with naming(f"--resume: {job.folder}"):
        steps = train(learner, options.training, state)
    return record(options, described, steps, content)


def describe(job: Job, options: TrainConfig, device: str, command: str) -> TrainingRun:
    """The training as recorders see it."""
    config: Any = OmegaConf.to_container(job.composed.config, resolve=True)
    return TrainingRun(job.folder, config, command, device, options.seed)


def record(options: TrainConfig, run: TrainingRun, steps: Steps, resumed: dict[str, Any] | None = None) -> TrainingStep:
    """Take the steps and record them; the last one. resumed: what was kept of a training that goes on."""
    with telling_damage(run.folder) if resumed else nullcontext():
        chosen = recorders(options, run, resumed)
    if resumed is not None:
        # Of a run that was interrupted, or killed while it wrote them.
        remove_records(run.folder, ENDS)
    kept = [TrainingCheckpoint(run.folder, chosen, resumed is not None)] if options.record.files else []
    return follow(steps, [*chosen, *kept])


def recorders(options: TrainConfig, run: TrainingRun, resumed: dict[str, Any] | None) -> list[Recording[TrainingStep]]:
    """The recorders that the options ask for."""
    memories = None if resumed is None else resumed["memories"]
    iteration = None if resumed is None else int(resumed["iteration"])
    wanted = options.record
    console = TrainingConsole(run, options.training.steps, options.verbosity, wanted.bar, iteration)
    chosen: list[Recording[TrainingStep]] = [console]
    if wanted.files:
        chosen.append(TrainingFiles(run, memories))
    if wanted.tensorboard:
        chosen.append(TrainingBoard(run, memories, iteration or 0))
    return chosen
