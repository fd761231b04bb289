"""From tasks to fits: which there are, and how one is run."""

from __future__ import annotations

import io
import shlex
import zlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field, replace
from time import process_time
from typing import TYPE_CHECKING

from omegaconf import OmegaConf

from invrender.bench.counting import Counting, Tally
from invrender.bench.poses import pose_errors
from invrender.checks import one_of
from invrender.config.assemble import Experiment, assemble
from invrender.config.build import build
from invrender.config.compose import Composition, scene_options
from invrender.config.device import choose_device, repeatable
from invrender.config.overrides import check_override
from invrender.config.resources import configs_folder
from invrender.config.schema import BenchConfig, CaseConfig, FitConfig, TaskConfig
from invrender.errors import UserError, naming, one_line
from invrender.fitting.compiler import spare_compiler
from invrender.parameters.base import Entrywise, Pose
from invrender.record.base import follow
from invrender.sweep.work import begin

if TYPE_CHECKING:
    from invrender.fitting.problem import Problem
    from invrender.fitting.step import Step
    from invrender.scene import Target

Explain = Callable[[BaseException], str | None]

JUDGED = ("unknowns", "pose")
# Of a benchmark's fits nothing is kept but numbers.
SILENT = ("record=none", "record.bar=false", "verbosity=quiet")


@dataclass(frozen=True)
class Trial:
    """One fit of a benchmark.

    composed: the config of `invrender fit`, with what was drawn. command: repeats the fit. judged: as in the task.
    """

    task: str
    case: str
    seed: int
    composed: Composition
    command: str
    judged: str = "unknowns"


@dataclass(frozen=True)
class Run:
    """What became of a trial.

    errors_start, errors: by ``UNKNOWN.NAME``, as in ``result.json``, or ``pose.NAME`` where the task judges that; of a
    run that failed they are empty. errors_seen: of unknowns such as textures, over what the verdict calls well seen.
    optimizer: that was taken. seconds: of the fit, without loading and compiling. cpu_seconds: of the processor,
    all threads together, with what the fit compiles or loads on its way. renders: pictures rendered,
    ``differentiated`` of them with derivatives. verdict: the fit's own, None where it gives none; statuses: of each
    unknown; unseen: the unknowns
    that have a part in what it says is not determined. pulls: by how many of its standard deviations each value misses
    the truth, where the fit has error bars. message: why it failed, in a line, else None.
    """

    task: str
    case: str
    seed: int
    command: str
    errors_start: dict[str, float] = field(default_factory=dict)
    errors: dict[str, float] = field(default_factory=dict)
    errors_seen: dict[str, float] = field(default_factory=dict)
    seconds: float | None = None
    cpu_seconds: float | None = None
    iterations: int | None = None
    optimizer: str | None = None
    renders: int | None = None
    differentiated: int | None = None
    stopped_because: str | None = None
    verdict: str | None = None
    statuses: dict[str, str] = field(default_factory=dict)
    unseen: list[str] = field(default_factory=list)
    pulls: list[float] = field(default_factory=list)
    message: str | None = None


def trials_of(options: BenchConfig, whole: Composition) -> list[Trial]:
    """The fits of a benchmark, seed by seed, so that an early end leaves something of every task.

    whole: the benchmark's own config.
    Raises `UserError` where there is nothing to run, and what Hydra raises where the overrides don't go together.
    """
    if not options.tasks:
        raise UserError("tasks is empty, expected at least one task: tasks=[cube]")
    found = []
    for name, task in options.tasks.items():
        for case_name, case in (task.cases or {"": CaseConfig()}).items():
            with naming(f"tasks.{name}" + (f".cases.{case_name}" if case_name else "")):
                found += trials_of_case(options, whole, name, task, case_name, case)
    return sorted(found, key=lambda trial: trial.seed)


def trials_of_case(
    options: BenchConfig, whole: Composition, name: str, task: TaskConfig, case_name: str, case: CaseConfig
) -> list[Trial]:
    """One case with every seed; a task that draws nothing has one."""
    import torch

    one_of("judged", task.judged, JUDGED)
    for override in (*task.fit, *case.fit, *options.fit):
        check_override(override, "fit")
    sized = [f"camera.width={options.size}", f"camera.height={options.size}"]
    allowed = [f"allow_targets=[{','.join(options.allow_targets)}]"] if options.allow_targets else []
    given = [*task.fit, *case.fit, *sized, *allowed, *options.fit]
    fits = compose_fit([*given, *SILENT], whole)
    node = {**task.draw, **case.draw}
    draw = build(node, "draw", options.allow_targets) if node else None
    trials = []
    for seed in range(options.seeds if draw else 1):
        random = torch.Generator().manual_seed(zlib.crc32(f"{name} {case_name} {seed}".encode()))
        drawn = draw(fits.config, random) if draw else {}
        own = fits.config.copy()
        for key, value in drawn.items():
            OmegaConf.update(own, key, value, force_add=True)
        overrides = [*given, *(f"{key}={value}".replace(" ", "") for key, value in drawn.items())]
        command = command_of(overrides, whole)
        composed = replace(fits, config=own, overrides=overrides)
        trials.append(Trial(name, case_name, seed, composed, command, task.judged))
    return trials


def command_of(overrides: Sequence[str], whole: Composition) -> str:
    """The command of a fit, with the paths of config files in place of the options that stand for them."""
    folders = [str(source) for source in whole.sources if source != configs_folder()]
    named = [each for folder in folders for each in ("--config-dir", folder)]
    typed = []
    for override in overrides:
        key, _, value = override.partition("=")
        typed.append(f"{key}={whole.files[value]}" if value in whole.files else override)
    return shlex.join(["invrender", "fit", *named, *typed])


def compose_fit(overrides: Sequence[str], whole: Composition) -> Composition:
    """The config of `invrender fit` with these overrides; files and folders are those of the benchmark."""
    from hydra import compose
    from omegaconf import open_dict, read_write

    config = compose("fit", list(overrides), return_hydra_config=True)
    choices = dict(config.hydra.runtime.choices)
    with read_write(config), open_dict(config):
        del config["hydra"]
    return replace(whole, config=config, overrides=overrides, choices=choices)


def run_trial(trial: Trial, explain: Explain, slot: int) -> Run:
    """Run a trial, in a process of its own.

    explain: one line for an error that comes from what was given, None for a bug. slot: picks the GPU.
    """
    begin(slot)
    ends, tally = Ends(), Tally()
    try:
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            options = scene_options(trial.composed, FitConfig)
            device = choose_device(options.device)
            spare_compiler()
            with repeatable(options.seed, device):
                experiment = assemble(options, device, str(trial.composed.choices.get("optimizer")))
                began = process_time()
                follow(experiment.watch(lambda renderer: Counting(renderer, tally)).fit(), [ends])
                cpu_seconds = process_time() - began
    except Exception as error:
        return failed(trial, explain(error) or f"{type(error).__name__}: {one_line(str(error))}")
    return ends.run(trial, experiment, tally, cpu_seconds)


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

    def run(self, trial: Trial, experiment: Experiment, tally: Tally, cpu_seconds: float) -> Run:
        """What became of the trial."""
        problem = experiment.problem
        assert self.first is not None
        assert self.last is not None
        verdict, pulls = self.last.verdict, self.last.pulls
        judged = [name for name, each in problem.parameters.items() if trial.judged != "pose" or isinstance(each, Pose)]
        return Run(
            *(trial.task, trial.case, trial.seed, trial.command),
            errors_start=judged_errors(trial, self.first, problem.target),
            errors=judged_errors(trial, self.last, problem.target),
            errors_seen=errors_of_seen(self.last, problem),
            seconds=self.last.seconds,
            cpu_seconds=cpu_seconds,
            iterations=self.last.iteration,
            optimizer=experiment.choice.name,
            renders=tally.pictures,
            differentiated=tally.differentiated,
            stopped_because=self.last.stopped_because,
            verdict=None if verdict is None else verdict.status,
            statuses={} if verdict is None else {name: verdict.status_of(name) for name in judged},
            unseen=[] if verdict is None else list(dict.fromkeys(name for parts in verdict.unseen for name in parts)),
            pulls=[pull for name in judged for pull in pulls.get(name, ())],
        )


def judged_errors(trial: Trial, step: Step, target: Target) -> dict[str, float]:
    """The errors of a step that count in a trial, by ``UNKNOWN.NAME``."""
    if trial.judged == "pose" and target.truth is not None:
        return flat({"pose": pose_errors(step.scene, target.truth.scene)})
    return flat(step.errors)


def errors_of_seen(step: Step, problem: Problem) -> dict[str, float]:
    """The errors over the entries of maps that a step's verdict calls well seen, by ``UNKNOWN.NAME``."""
    coverage = {} if step.verdict is None or problem.target.truth is None else step.verdict.coverage
    found = {}
    for name, each in coverage.items():
        parameter, truth = problem.parameters[name], problem.target.truth
        if isinstance(parameter, Entrywise) and truth is not None and bool(each.is_well_seen.any()):
            found[name] = parameter.error_of(step.scene, truth, each.is_well_seen)
    return flat(found)


def flat(errors: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """Errors by ``UNKNOWN.NAME``."""
    return {f"{unknown}.{name}": error for unknown, named in errors.items() for name, error in named.items()}
