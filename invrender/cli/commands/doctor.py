"""`invrender doctor`: what may be wrong with fits; without any, what is installed and which renderers work."""

from __future__ import annotations

from pathlib import Path

from invrender.cli.doctor import findings, works
from invrender.cli.job import DONE, UNUSABLE, Job, check_runs
from invrender.config.compose import check_allowed
from invrender.config.runs import read_run
from invrender.errors import shown
from invrender.fitting.judge.diagnosis import diagnose, draw_trials
from invrender.record.diagnosis import NAME, diagnosis_lines, write_sheet
from invrender.record.report import NAME as REPORT
from invrender.record.report import write_report
from invrender.render.hard import HardRenderer


def run(job: Job) -> int:
    """Examine fits, or print a line for each thing that was found; returns the exit status."""
    check_allowed(job.composed)
    runs = job.composed.config.runs
    for folder in check_runs(runs):
        examine(folder, list(job.composed.config.allow_targets))
    if runs:
        return DONE
    for name, told in findings():
        print(f"{name:<20}{told}", flush=True)
    return DONE if works() else UNUSABLE


def examine(folder: Path, allow: list[str]) -> None:
    """Say what may be wrong with a fit, and draw it."""
    stored = read_run(folder, allow)
    renderer = HardRenderer()
    scenes = {"start": stored.start, **({} if stored.answer is None else {"answer": stored.answer})}
    diagnosis = diagnose(scenes, stored.target.views, renderer)
    write_sheet(folder / NAME, diagnosis, draw_trials(diagnosis, scenes, stored.target.views[0], renderer))
    for line in diagnosis_lines(diagnosis):
        print(line)
    if (folder / REPORT).is_file():
        write_report(folder)
    print(f"each over the picture: {shown(folder / NAME)}")
