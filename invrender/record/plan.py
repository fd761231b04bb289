"""The plan of a fit, for people."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from invrender.fitting.dry_run import DryRun
from invrender.fitting.step import Step
from invrender.record.base import Run
from invrender.record.display import overlay_pictures, strip, write_png
from invrender.record.summary import table
from invrender.record.units import errors_text

# A gradient that is further off than that is worth a word.
SUSPICIOUS = 0.05
APPROXIMATE = "this renderer's is approximate, and not the derivative of its picture"


def plan_text(run: Run, plan: DryRun, start: Step, searches: bool = False) -> str:
    """Several lines: the start, the unknowns with their gradients, the stages, time and memory.

    searches: whether the fit may look for other starts, which the dry run does not.
    """
    height, width = run.target.views[0].rgb.shape[:2]
    errors = [f"{name} {errors_text(each)}" for name, each in start.errors.items()]
    steps = sum(stage.stage.steps for stage in plan.stages)
    lines = [
        f"dry run on {run.device}: the target has {count(len(run.target.views), 'view')} of {width} × {height} pixels",
        *([f"optimizer {run.optimizer_text}"] if run.optimizer_note else []),
        ", ".join([f"loss {start.loss:.3g} at the start", *errors]),
        "",
        table(gradient_rows(plan)),
        *doubts(plan),
        "",
        table(stage_rows(plan)),
        "",
        f"at most {steps} steps in about {plan.seconds:.1f} s{', not counting a search' if searches else ''}; "
        f"{plan.bytes / 1e9:.1f} GB of memory",
    ]
    return "\n".join(lines)


def count(number: int, obj: str) -> str:
    """A number of things."""
    return f"{number} {obj}" if number == 1 else f"{number} {obj}s"


def gradient_rows(plan: DryRun) -> list[list[str]]:
    """By unknown, how many numbers it has, and its gradient along a random direction."""
    rows = [["unknown", "", "numbers", "gradient", "finite differences", "apart"]]
    for name, check in plan.gradients.items():
        cells = [f"{check.analytic:.4g}", f"{check.numeric:.4g}", f"{100 * check.difference:.2g}%"]
        rows.append([name, "", str(plan.numbers[name]), *cells])
    return rows


def doubts(plan: DryRun) -> list[str]:
    """A line for each unknown whose gradient can't be trusted, or that changes nothing."""
    lines = []
    for name, check in plan.gradients.items():
        if check.analytic == check.numeric == 0:
            lines.append(f"{name} changes nothing in the pictures")
        elif check.difference > SUSPICIOUS:
            reason = (
                APPROXIMATE if plan.approximate else "the renderer may not be differentiable in it, or sigma too small"
            )
            lines.append(f"the gradient of {name} is off: {reason}")
    return lines


def stage_rows(plan: DryRun) -> list[list[str]]:
    """The stages and what they cost."""
    stages = [each.stage for each in plan.stages]
    choices = [key for key in ("losses", "unknowns") if any(getattr(stage, key) is not None for stage in stages)]
    rows = [["stage", "", "steps", "pixels", "blur", "sigma", "lr", *choices, "ms a step", "seconds"]]
    for index, planned in enumerate(plan.stages):
        height, width = planned.pixels
        stage = planned.stage
        sigma = "" if stage.sigma is None else f"{stage.sigma:g}"
        settings = [str(stage.steps), f"{width} × {height}", f"{stage.blur:g}", sigma, rate_text(stage.lr)]
        chosen = [", ".join(getattr(stage, key) or ["all"]) for key in choices]
        cost = [f"{1000 * planned.seconds_per_step:.0f}", f"{planned.seconds:.1f}"]
        rows.append([str(index), "", *settings, *chosen, *cost])
    return rows


def rate_text(rate: float | Mapping[str, float]) -> str:
    """A stage's factor on the learning rates, or its factors by unknown."""
    return ", ".join(f"{name} {each:g}" for name, each in rate.items()) if isinstance(rate, Mapping) else f"{rate:g}"


def write_overlay(path: Path, run: Run, start: Step) -> None:
    """Draw the start's outline into the target."""
    write_png(path, strip(overlay_pictures(start, run.target)))
