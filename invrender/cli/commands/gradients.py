"""`invrender gradients`: estimators of one gradient, side by side, against finite differences."""

from __future__ import annotations

import sys
from collections.abc import Callable

from invrender.cli.job import DONE, Job, check_unused, check_verbosity
from invrender.config.compose import scene_options
from invrender.config.device import choose_device, repeatable
from invrender.config.gradients import assemble_gradients
from invrender.config.schema import GradientsConfig
from invrender.errors import shown
from invrender.gradients.measure import compare
from invrender.gradients.page import write_events, write_gradients_page
from invrender.gradients.results import CSV, JSON, comparison_text, write_results
from invrender.gradients.sheet import picture_sheet
from invrender.record.display import write_png

SHEET, PAGE = "gradients.png", "gradients.html"


def run(job: Job) -> int:
    """Compare the gradients, and write what was found; returns the exit status."""
    check_unused(job.folder, (JSON, CSV, SHEET, PAGE, "events.out.tfevents.*"))
    options = scene_options(job.composed, GradientsConfig)
    device = choose_device(options.device)
    quiet = check_verbosity(options.verbosity) == "quiet"
    with repeatable(options.seed, device):
        given = assemble_gradients(options, device)
        tell = quiet_or_counted(quiet, options.shifts + len(given.estimators))
        found = compare(
            given.scene, given.unknown, given.directions, given.estimators, options.shifts, options.fine, tell
        )
    sheet = picture_sheet(found)
    write_png(job.folder / SHEET, sheet, optimize=True)
    write_gradients_page(job.folder / PAGE, found, job.command)
    write_events(job.folder, found, sheet)
    write_results(job.folder, found, job.command, options.shifts, options.fine)
    if not quiet:
        print(comparison_text(found))
    print(f"side by side: {shown(job.folder / SHEET)}", flush=True)
    return DONE


def quiet_or_counted(quiet: bool, total: int) -> Callable[[str], None]:
    """What says on the terminal what is measured next."""
    count = iter(range(1, total + 1))

    def tell(what: str) -> None:
        if not quiet:
            print(f"{next(count)}/{total} {what}", file=sys.stderr, flush=True)

    return tell
