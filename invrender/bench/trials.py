"""From tasks to fits: which there are, and how one is run."""

from __future__ import annotations

import io
import shlex
import zlib
from collections.abc import Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, OmegaConf

from invrender.commands import Job, run_fit
from invrender.config import BenchConfig, CaseConfig, TaskConfig, build
from invrender.errors import UserError, naming
from invrender.messages import explain
from invrender.overrides import one_line
from invrender.resources import configs_folder
from invrender.sweep.work import begin

if TYPE_CHECKING:
    from invrender.fitting.step import Step

# Of a benchmark's fits nothing is kept but numbers.
SILENT = ("record=none", "record.bar=false", "verbosity=quiet")


@dataclass(frozen=True)
class Trial:
    """One fit of a benchmark.

    overrides: of `invrender fit`, those that were drawn among them. config: composed of them. choices: by group, the
    option. command: repeats the fit.
    """

    task: str
    case: str
    seed: int
    overrides: list[str]
    config: DictConfig
    choices: Mapping[str, Any]
    command: str


@dataclass(frozen=True)
class Run:
    """What became of a trial.

    errors_start, errors: by ``UNKNOWN.NAME``, as in ``result.json``; of a run that failed they are empty.
    seconds: of the fit, without loading and compiling. renders: pictures rendered, ``differentiated`` of them with
    derivatives. verdict: the fit's own, None where it gives none. pulls: by how many of its standard deviations each
    value misses the truth, where the fit has error bars. message: why it failed, in a line, else None.
    """

    task: str
    case: str
    seed: int
    command: str
    errors_start: dict[str, float] = field(default_factory=dict)
    errors: dict[str, float] = field(default_factory=dict)
    seconds: float | None = None
    iterations: int | None = None
    renders: int | None = None
    differentiated: int | None = None
    stopped_because: str | None = None
    verdict: str | None = None
    pulls: list[float] = field(default_factory=list)
    message: str | None = None


def trials_of(options: BenchConfig, job: Job) -> list[Trial]:
    """The fits of a benchmark, seed by seed, so that an early end leaves something of every task.

    Raises `UserError` where there is nothing to run, and what Hydra raises where the overrides don't go together.
    """
    if not options.tasks:
        raise UserError("tasks is empty, expected at least one task: tasks=[cube]")
    found = []
    for name, task in options.tasks.items():
        for case_name, case in (task.cases or {"": CaseConfig()}).items():
            with naming(f"tasks.{name}" + (f".cases.{case_name}" if case_name else "")):
                found += trials_of_case(options, job, name, task, case_name, case)
    return sorted(found, key=lambda trial: trial.seed)


def trials_of_case(
    options: BenchConfig, job: Job, name: str, task: TaskConfig, case_name: str, case: CaseConfig
) -> list[Trial]:
    """One case with every seed; a task that draws nothing has one."""
    import torch

    sized = [f"camera.width={options.size}", f"camera.height={options.size}"]
    allowed = [f"allow_targets=[{','.join(options.allow_targets)}]"] if options.allow_targets else []
    given = [*task.fit, *case.fit, *sized, *allowed, *options.fit]
    config, choices = composed([*given, *SILENT])
    node = {**task.draw, **case.draw}
    draw = build(node, "draw", options.allow_targets) if node else None
    trials = []
    for seed in range(options.seeds if draw else 1):
        random = torch.Generator().manual_seed(zlib.crc32(f"{name} {case_name} {seed}".encode()))
        drawn = draw(config, random) if draw else {}
        own = config.copy()
        for key, value in drawn.items():
            OmegaConf.update(own, key, value, force_add=True)
        overrides = [*given, *(f"{key}={value}".replace(" ", "") for key, value in drawn.items())]
        trials.append(Trial(name, case_name, seed, overrides, own, choices, command_of(overrides, job)))
    return trials


def command_of(overrides: Sequence[str], job: Job) -> str:
    """The command of a fit, with the paths of config files in place of the options that stand for them."""
    folders = [str(source) for source in job.sources if source != configs_folder()]
    named = [each for folder in folders for each in ("--config-dir", folder)]
    typed = []
    for override in overrides:
        key, _, value = override.partition("=")
        typed.append(f"{key}={job.files[value]}" if value in job.files else override)
    return shlex.join(["invrender", "fit", *named, *typed])


def composed(overrides: Sequence[str]) -> tuple[DictConfig, Mapping[str, Any]]:
    """The config of `invrender fit` with these overrides, and by group the option that was chosen."""
    from hydra import compose
    from omegaconf import open_dict, read_write

    config = compose("fit", list(overrides), return_hydra_config=True)
    choices = dict(config.hydra.runtime.choices)
    with read_write(config), open_dict(config):
        del config["hydra"]
    return config, choices


def tried(trial: Trial, job: Job, slot: int) -> Run:
    """Run a trial, in a process of its own. job: of the whole benchmark. slot: picks the GPU."""
    from invrender.bench.counting import Counting, Tally

    begin(slot)
    ends, tally = Ends(), Tally()
    own = replace(
        job,
        command=trial.command,
        overrides=trial.overrides,
        choices=trial.choices,
        recorders=[ends],
        watched=partial(Counting, tally=tally),
    )
    try:
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            run_fit(trial.config, own)
    except Exception as error:
        return failed(trial, explain(error, lambda group: ()) or f"{type(error).__name__}: {one_line(str(error))}")
    return ends.run(trial, tally.pictures, tally.differentiated)


def failed(trial: Trial, message: str) -> Run:
    """What became of a trial that failed."""
    return Run(trial.task, trial.case, trial.seed, trial.command, message=message)


@dataclass
class Ends:
    """A recorder that keeps the first step of a fit and the last."""

    first: Step | None = None
    last: Step | None = None

    def step(self, step: Step) -> None:
        """Keep the step."""
        self.first = self.first or step
        self.last = step

    def close(self) -> None:
        """Nothing is open."""

    def run(self, trial: Trial, renders: int, differentiated: int) -> Run:
        """What became of the trial."""
        assert self.first is not None
        assert self.last is not None
        return Run(
            *(trial.task, trial.case, trial.seed, trial.command),
            errors_start=flat(self.first.errors),
            errors=flat(self.last.errors),
            seconds=self.last.seconds,
            iterations=self.last.iteration,
            renders=renders,
            differentiated=differentiated,
            stopped_because=self.last.stopped_because,
            verdict=None if self.last.verdict is None else self.last.verdict.status,
            pulls=[pull for pulls in self.last.pulls.values() for pull in pulls],
        )


def flat(errors: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """Errors by ``UNKNOWN.NAME``."""
    return {f"{unknown}.{name}": error for unknown, named in errors.items() for name, error in named.items()}
