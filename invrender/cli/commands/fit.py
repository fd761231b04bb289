"""`invrender fit`: recover what is unknown in a scene from pictures."""

from __future__ import annotations

from pathlib import Path

from omegaconf import OmegaConf

from invrender.cli.job import DIVERGED, DONE, INTERRUPTED, RESULTS, VERDICTS, Job, check_unused, check_verbosity
from invrender.config.assemble import Experiment, assemble
from invrender.config.compose import scene_options
from invrender.config.device import choose_device, repeatable
from invrender.config.schema import FitConfig
from invrender.errors import shown
from invrender.fitting.compiler import spare_compiler
from invrender.fitting.step import Step
from invrender.io.atomic import atomic_folder
from invrender.io.scenes import write_scene
from invrender.record.base import Run, follow
from invrender.record.plan import plan_text, write_overlay
from invrender.record.recorders import recorders
from invrender.render.auto import describe as describe_renderer
from invrender.scene import Scene

DRY_RUN = "dry_run.png"


def run(job: Job) -> int:
    """Recover what is unknown; returns the exit status."""
    check_unused(job.folder, RESULTS)
    options = scene_options(job.composed, FitConfig)
    if options.dry_run:
        check_unused(job.folder, (DRY_RUN,))
    device = choose_device(options.device)
    spare_compiler()
    with repeatable(options.seed, device):
        experiment = assemble(options, device, str(job.composed.choices.get("optimizer")))
        described = describe(job, options, experiment, device)
        steps = experiment.fit()
        if options.dry_run:
            show_plan(described, experiment, next(steps))
            return DONE
        if job.interrupted():
            raise KeyboardInterrupt
        verbosity = check_verbosity(options.verbosity)
        record = recorders(described, options.record, experiment.most_steps, write_found, verbosity)
        last = follow(steps, [*record, *job.recorders])
    return exit_status(last)


def describe(job: Job, options: FitConfig, experiment: Experiment, device: str) -> Run:
    """The fit as recorders see it."""
    resolved = OmegaConf.to_container(job.composed.config, resolve=True)
    assert isinstance(resolved, dict)
    name, note = describe_renderer(str(job.composed.choices.get("renderer")), options.device)
    return Run(
        folder=job.folder,
        config={str(key): value for key, value in resolved.items()},
        given=job.composed.given(),
        command=job.command,
        parameters=experiment.problem.parameters,
        target=experiment.problem.target,
        scene=experiment.problem.scene,
        renderer=name,
        renderer_note=note,
        optimizer=experiment.choice.name,
        optimizer_note=experiment.choice.reason,
        device=device,
        seed=options.seed,
    )


def write_found(folder: Path, found: Scene) -> None:
    """Write a scene that was recovered, whole or not at all."""
    with atomic_folder(folder) as partial:
        write_scene(partial, found)


def exit_status(last: Step) -> int:
    """What the shell is told of a fit: how it ended, or else what its answer is worth."""
    ends = {"diverged": DIVERGED, "interrupted": INTERRUPTED}
    if last.stopped_because in ends:
        return ends[last.stopped_because]
    return DONE if last.verdict is None else VERDICTS[last.verdict.status]


def show_plan(run: Run, experiment: Experiment, start: Step) -> None:
    """Print what the fit would do, and draw its start over the target."""
    overlay = run.folder / DRY_RUN
    print(plan_text(run, experiment.plan(), start, experiment.searches))
    write_overlay(overlay, run, start)
    print(f"the start over the target: {shown(overlay)}")
