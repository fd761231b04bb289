"""`invrender bench`: how often, how well and how fast fits find the truth."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from omegaconf import OmegaConf

from invrender.bench.plots import write_plot
from invrender.bench.progress import Progress
from invrender.bench.results import CSV, JSON, PLOT, Results, results_text, write_results
from invrender.bench.trials import Run, Trial, failed, run_trial, trials_of
from invrender.checks import above, at_least, pixels
from invrender.cli.job import DONE, INTERRUPTED, UNUSABLE, Job, check_unused, check_verbosity
from invrender.config.compose import check_allowed, check_schema
from invrender.config.messages import explain
from invrender.config.schema import BenchConfig
from invrender.errors import UserError, shown
from invrender.sweep.processes import spread
from invrender.sweep.work import Child, usable_cores


def run(job: Job) -> int:
    """Run many fits from random starts, and say what has come of them; returns the exit status."""
    check_schema(job.composed.config, BenchConfig)
    check_allowed(job.composed)
    options = OmegaConf.to_object(job.composed.config)
    assert isinstance(options, BenchConfig)
    check_options(options)
    quiet = check_verbosity(options.verbosity) == "quiet"
    check_unused(job.folder, (JSON, CSV, PLOT))
    trials = trials_of(options, job.composed)
    if options.dry_run:
        print("\n".join(trial.command for trial in trials))
        return DONE
    jobs = min(usable_cores() if options.jobs == "auto" else int(options.jobs), len(trials))
    ended: dict[int, Run] = {}
    status = DONE
    try:
        run_all(trials, jobs, ended, quiet)
    except KeyboardInterrupt:
        status = INTERRUPTED
    if not ended:
        return status
    runs = [ended[number] for number in sorted(ended)]
    report(job, Results(job.command, options.fit, options.right, runs, usable_cores(), jobs), quiet)
    if status == INTERRUPTED:
        print(f"invrender bench: interrupted after {len(runs)} of {len(trials)} fits", file=sys.stderr)
    if all(run.message is not None for run in runs):
        print(f"invrender bench: error: all fits have failed, the first with: {runs[0].message}", file=sys.stderr)
        return status or UNUSABLE
    return status


def report(job: Job, results: Results, quiet: bool) -> None:
    """Write the results, and print them."""
    write_results(job.folder, results)
    write_plot(job.folder / PLOT, results.runs)
    if not quiet:
        print(results_text(results))
    print(f"results in {shown(job.folder)}", flush=True)


def check_options(options: BenchConfig) -> None:
    """Raise `UserError` for values out of range."""
    if options.seeds < 1:
        raise UserError(f"seeds is {options.seeds}, expected 1 or more")
    if options.jobs != "auto" and not (options.jobs.isdigit() and int(options.jobs) > 0):
        raise UserError(f"jobs is {options.jobs!r}, expected auto or a number of 1 or more")
    pixels("size", options.size)
    above("right.degrees", options.right.degrees, 0)
    above("right.share", options.right.share, 0)
    at_least("right.decibels", options.right.decibels, 0)
    above("right.absolute", options.right.absolute, 0)


def run_all(trials: Sequence[Trial], jobs: int, ended: dict[int, Run], quiet: bool) -> None:
    """Run the trials, so many at a time, each in a process with one thread; their results go into ``ended``."""
    children = [Child(threads=1) for _ in range(jobs)]
    with Progress(len(trials), quiet) as progress:

        def run_one(number: int, slot: int) -> None:
            try:
                found = children[slot].call(run_trial, trials[number], explain, slot)
            except Exception as error:
                if children[slot].killed:
                    return
                found = failed(trials[number], str(error))
            ended[number] = found
            progress.ended(found)

        spread(children, range(len(trials)), run_one)
