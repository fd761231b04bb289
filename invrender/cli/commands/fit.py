"""`invrender fit`: recover what is unknown in a scene from pictures."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path

from omegaconf import OmegaConf

from invrender.cli.job import DIVERGED, DONE, INTERRUPTED, RESULTS, VERDICTS, Job, check_unused, check_verbosity
from invrender.config.assemble import Experiment, assemble
from invrender.config.build import build
from invrender.config.compose import scene_options
from invrender.config.device import choose_device, repeatable
from invrender.config.origin import Origin, read_origin
from invrender.config.schema import FitConfig
from invrender.errors import UserError, naming, shown
from invrender.fitting.base import Base
from invrender.fitting.compiler import spare_compiler
from invrender.fitting.fit import Steps
from invrender.fitting.step import Step
from invrender.io.atomic import atomic_folder
from invrender.io.cameras.base import Photograph
from invrender.io.cameras.formats import read_photographs
from invrender.io.scenes import write_scene
from invrender.io.views import write_views
from invrender.record.base import Resumed, Run, follow
from invrender.record.checkpoint import BEGINNINGS, ENDS, Checkpoint, read_state, remove_records, telling_damage
from invrender.record.plan import plan_text, write_overlay
from invrender.record.recorders import recorders
from invrender.render.auto import describe as describe_renderer
from invrender.scene import CAMERA, Scene

DRY_RUN = "dry_run.png"


def run(job: Job) -> int:
    """Recover what is unknown; returns the exit status."""
    with job.lock():
        origin = read_origin(job.folder) if job.resumed else None
        if origin is None:
            check_unused(job.folder, RESULTS)
        options = scene_options(job.composed, FitConfig)
        if options.dry_run:
            check_unused(job.folder, (DRY_RUN,))
        if origin is not None:
            origin.check_inputs(job.folder)
            origin.check_config(job.composed, job.folder)
        device = choose_device(options.device if origin is None else origin.device)
        spare_compiler()
        with repeatable(options.seed, device):
            experiment = assemble(options, device, str(job.composed.choices.get("optimizer")))
            described = describe(job, options, experiment, device)
            if options.dry_run:
                show_plan(described, experiment, next(experiment.fit()))
                return DONE
            check_verbosity(options.verbosity)
            check_sampler(options, experiment)
            if origin is None:
                last = begin(job, options, experiment, described)
            else:
                described = replace(described, command=shlex.join(["invrender", "fit", *origin.arguments]))
                last = go_on(job, options, experiment, described)
            status = exit_status(last)
            return follow_up(job, options, experiment, last) if status in VERDICTS.values() else status


def check_sampler(options: FitConfig, experiment: Experiment) -> None:
    """Raise `UserError` for what can't be sampled, before anything is fitted."""
    if experiment.choice.sampler is None:
        return
    if not options.record.files:
        raise UserError("optimizer=mcmc has its draws in files; set record.files=true, or another optimizer")
    sampling = experiment.sample(experiment.problem, experiment.problem.initial(), experiment.choice.sampler)
    sampling.prior.check(sampling.tangent.flatten(sampling.raw))


def follow_up(job: Job, options: FitConfig, experiment: Experiment, last: Step) -> int:
    """Sample the posterior about an answer, if that is asked for; the exit status of both."""
    sampler, status = experiment.choice.sampler, exit_status(last)
    if sampler is None:
        return status
    from invrender.cli.sampling import sample  # takes a while to import

    problem = Base.of(experiment.problem, experiment.choice.solver.stages, last.best.meshes).problem
    origin = Origin.of("sample", list(job.arguments), job.composed, experiment.device)
    sampling = experiment.sample(problem, last.best.raw, sampler)
    drawn = sample(job.folder, sampling, options.seed, options.verbosity == "quiet", origin)
    return status or drawn


def begin(job: Job, options: FitConfig, experiment: Experiment, described: Run) -> Step:
    """Fit from the start; the last step."""
    steps = experiment.fit()
    if job.interrupted():
        raise KeyboardInterrupt
    if options.record.files:
        # Before all else, so that a run that is killed can be begun again.
        Origin.of("fit", list(job.arguments), job.composed, described.device).write(job.folder)
    return record(job, options, experiment, described, steps)


def go_on(job: Job, options: FitConfig, experiment: Experiment, described: Run) -> Step:
    """Fit from the state in the run's folder, or from the start where there is none yet; the last step."""
    saved = read_state(job.folder)
    if saved is None:
        remove_records(job.folder, (*ENDS, *BEGINNINGS))
        return record(job, options, experiment, described, experiment.fit())
    with naming(f"--resume: {job.folder}"):
        start, steps = experiment.resume(saved.state)
    return record(job, options, experiment, described, steps, saved.resumed(start))


def record(
    job: Job, options: FitConfig, experiment: Experiment, described: Run, steps: Steps, resumed: Resumed | None = None
) -> Step:
    """Take the steps and record them; the last one."""
    write = partial(write_found, photographs=read_taken(options))
    with telling_damage(job.folder) if resumed else nullcontext():
        chosen = recorders(described, options.record, experiment.most_steps, write, options.verbosity, resumed)
    if resumed is not None:
        # Of a run that was interrupted, or killed while it wrote them.
        remove_records(job.folder, ENDS)
    states = [Checkpoint(described, chosen, resumed)] if options.record.files else []
    last = follow(steps, [*chosen, *job.recorders, *states])
    if last.stopped_because == "interrupted" and states and not job.in_sweep and options.verbosity != "quiet":
        print(f"invrender fit --resume {shlex.quote(shown(job.folder))} goes on with it", flush=True)
    return last


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


def read_taken(options: FitConfig) -> list[Photograph]:
    """What the target's camera file says of its photographs; nothing for a target that is none."""
    if options.target.kind != "views":
        return []
    given = options.target.format
    file_format = build(given, "target.format", options.allow_targets) if given else None
    return read_photographs(Path(str(options.target.path)), file_format)


def write_found(folder: Path, found: Scene, photographs: Sequence[Photograph]) -> None:
    """Write a scene that was recovered, and a camera file where photographs are, whole or not at all.

    The lights are those of the first photograph, where each has its own.
    """
    with atomic_folder(folder) as unfinished:
        write_scene(unfinished, found.lit_for(next(iter(found.own_lights), CAMERA)))
        files = write_views(folder / "cameras.json", photographs, found.cameras) if photographs else {}
        for path, content in files.items():
            (unfinished / path.name).write_bytes(content)


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
