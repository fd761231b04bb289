"""What a fit found, as a table for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from invrender.record.units import deviation_text, errors_text, name_and_unit, value_text
from invrender.record.verdicts import SHOWN, coverage_lines, deviation, differing, other_rows, status_words, verdict_of

if TYPE_CHECKING:
    from invrender.fitting.step import Step
    from invrender.record.base import Run

REASONS = {
    "finished": "all stages are done",
    "tolerance": "the loss is within the tolerance",
    "no_improvement": "the loss has stopped falling",
    "budget": "the time is up",
    "diverged": "the numbers have diverged; the best scene before that is kept",
    "interrupted": "interrupted; the best scene is kept",
}


def summary(run: Run, start: Step, last: Step, total_steps: int) -> str:
    """Several lines: why the fit stopped, by unknown what was found, its error bars and errors, and the verdict."""
    reason = REASONS.get(last.stopped_because or "", last.stopped_because)
    lines = [
        f"{reason}: {last.iteration} of {total_steps} steps in {last.seconds:.1f} s",
        f"loss {start.loss:.3g} at the start, {last.loss:.3g} now",
        "",
        table(rows_of(run, start, last)),
        *gauge_lines(run),
        *verdict_lines(run, last),
        "",
    ]
    return "\n".join(lines)


def gauge_lines(run: Run) -> list[str]:
    """The convention for what the pictures leave open; no lines where they tell everything."""
    from invrender.fitting.scale_ambiguity import ScaleAmbiguity

    return [] if ScaleAmbiguity.find(run.scene, run.parameters) is None else ["", ScaleAmbiguity.TEXT]


def verdict_lines(run: Run, last: Step) -> list[str]:
    """What is to be thought of the answer, what may help, and other answers; no lines without a verdict."""
    verdict = verdict_of(run, last)
    if verdict is None:
        return []
    lines = ["", f"{status_words(verdict['status'])}: {verdict['reason']}"]
    lines += [f"{name} is {words}: {reason}" for name, words, reason in differing(verdict)]
    lines += coverage_lines(verdict)
    if verdict["advice"] is not None:
        lines.append(verdict["advice"])
    if verdict["others"]:
        lines += ["", table(other_rows(verdict["others"]))]
    if len(verdict["others"]) > SHOWN:
        lines.append(f"and {len(verdict['others']) - SHOWN} more in result.json")
    return lines


def rows_of(run: Run, start: Step, last: Step) -> list[list[str]]:
    """The table's rows, the heading first. Errors stand in the first row of their unknown."""
    truth = run.target.truth
    known = truth is not None
    deviations = {unknown: deviation(last, unknown) or {} for unknown in run.parameters}
    certain = any(deviations.values())
    heading = ["unknown", "", "start", "found", *(["±"] if certain else [])]
    rows = [[*heading, *(["truth", "error at start", "error"] if known else [])]]
    for unknown, parameter in run.parameters.items():
        found = parameter.value(last.scene)
        before = parameter.value(run.scene)
        true = {} if truth is None else parameter.value(truth.scene)
        errors = [errors_text(start.errors[unknown]), errors_text(last.errors[unknown])] if known else []
        name = unknown
        for key, value in (found or {"": None}).items():
            shown = [value_text(key, before.get(key)), value_text(key, value)]
            shown += [deviation_text(key, deviations[unknown].get(key))] if certain else []
            shown += [value_text(key, true.get(key))] if known else []
            rows.append([name, name_and_unit(key)[0], *shown, *errors])
            name, errors = "", [""] * len(errors)
    return rows


def table(rows: Sequence[Sequence[str]]) -> str:
    """Rows of equal length in aligned columns: the first two to the left, the others to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]

    def line(row: Sequence[str]) -> str:
        cells = [
            cell.ljust(width) if i < 2 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        return "  ".join(cells).rstrip()

    return "\n".join(line(row) for row in rows)
