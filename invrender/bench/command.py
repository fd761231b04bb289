"""What `invrender bench` does."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from invrender.commands import DONE, INTERRUPTED, UNUSABLE, Job, check_schema, check_unused, checked_verbosity, shown
from invrender.config import BenchConfig
from invrender.errors import UserError

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from invrender.bench.trials import Run, Trial


def run_bench(config: DictConfig, job: Job) -> int:
    """`invrender bench`: many fits from random starts, and how often, how well and how fast they find the truth."""
    from omegaconf import OmegaConf

    from invrender.bench.plots import write_plot
    from invrender.bench.results import CSV, JSON, PLOT, Results, results_text, write_results
    from invrender.bench.trials import trials_of
    from invrender.sweep.work import usable_cores

    check_schema(config, BenchConfig)
    options: Any = OmegaConf.to_object(config)
    check_options(options)
    quiet = checked_verbosity(options.verbosity) == "quiet"
    check_unused(job.folder, (JSON, CSV, PLOT))
    trials = trials_of(options, job)
    if options.dry_run:
        print("\n".join(trial.command for trial in trials))
        return DONE
    jobs = min(usable_cores() if options.jobs == "auto" else int(options.jobs), len(trials))
    ended: dict[int, Run] = {}
    status = DONE
    try:
        run_all(trials, job, jobs, ended, quiet)
    except KeyboardInterrupt:
        status = INTERRUPTED
    if not ended:
        return status
    runs = [ended[number] for number in sorted(ended)]
    results = Results(job.command, options.fit, options.right, runs, usable_cores(), jobs)
    write_results(job.folder, results)
    write_plot(job.folder / PLOT, runs)
    if not quiet:
        print(results_text(results))
    print(f"results in {shown(job.folder)}", flush=True)
    if status == INTERRUPTED:
        print(f"invrender bench: interrupted after {len(runs)} of {len(trials)} fits", file=sys.stderr)
    if all(run.message is not None for run in runs):
        print(f"invrender bench: error: all fits have failed, the first with: {runs[0].message}", file=sys.stderr)
        return status or UNUSABLE
    return status


def check_options(options: BenchConfig) -> None:
    """Raise `UserError` for values out of range."""
    from invrender.checks import above, at_least, pixels

    if options.seeds < 1:
        raise UserError(f"seeds is {options.seeds}, expected 1 or more")
    if options.jobs != "auto" and not (options.jobs.isdigit() and int(options.jobs) > 0):
        raise UserError(f"jobs is {options.jobs!r}, expected auto or a number of 1 or more")
    pixels("size", options.size)
    above("right.degrees", options.right.degrees, 0)
    above("right.share", options.right.share, 0)
    at_least("right.decibels", options.right.decibels, 0)


def run_all(trials: Sequence[Trial], job: Job, jobs: int, ended: dict[int, Run], quiet: bool) -> None:
    """Run the trials, so many at a time, each in a process with one thread; their results go into ``ended``."""
    from invrender.bench.progress import Progress
    from invrender.bench.trials import failed, tried
    from invrender.sweep.processes import spread
    from invrender.sweep.work import Child

    children = [Child(threads=1) for _ in range(jobs)]
    with Progress(len(trials), quiet) as progress:

        def run(number: int, slot: int) -> None:
            try:
                found = children[slot].call(tried, trials[number], job, slot)
            except Exception as error:
                if children[slot].killed:
                    return
                found = failed(trials[number], str(error))
            ended[number] = found
            progress.ended(found)

        spread(children, range(len(trials)), run)
