"""What a fit found, as a table for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from invrender.record.units import errors_text, name_and_unit, value_text

if TYPE_CHECKING:
    from invrender.fit import Step
    from invrender.record.base import Run

REASONS = {
    "finished": "all steps are done",
    "tolerance": "the loss is within the tolerance",
    "no_improvement": "the loss has stopped falling",
    "budget": "the time is up",
    "diverged": "the numbers have diverged; the best scene before that is kept",
    "interrupted": "interrupted; the best scene is kept",
}


def summary(run: Run, start: Step, last: Step, total_steps: int) -> str:
    """Several lines: why the fit stopped, and by unknown its start, what was found, the truth and the errors."""
    reason = REASONS.get(last.stopped_because or "", last.stopped_because)
    milliseconds = 1000 * last.seconds / max(1, last.iteration)
    loss = f"loss {start.loss:.3g} at the start, {last.loss:.3g} now"
    steps = f"{last.iteration} of {total_steps} steps in {last.seconds:.1f} s, {milliseconds:.0f} ms each"
    return f"{reason}: {steps}\n{loss}\n\n{table(rows_of(run, start, last))}\n"


def rows_of(run: Run, start: Step, last: Step) -> list[list[str]]:
    """The table's rows, the heading first. Errors stand in the first row of their unknown."""
    truth = run.target.truth
    known = truth is not None
    rows = [["unknown", "", "start", "found", *(["truth", "error at start", "error"] if known else [])]]
    for unknown, parameter in run.parameters.items():
        found = parameter.value(last.scene)
        before = parameter.value(run.scene)
        true = {} if truth is None else parameter.value(truth.scene)
        errors = [errors_text(start.errors[unknown]), errors_text(last.errors[unknown])] if known else []
        name = unknown
        for key, value in (found or {"": None}).items():
            values = [before.get(key), value, *([true.get(key)] if known else [])]
            rows.append([name, name_and_unit(key)[0], *(value_text(key, number) for number in values), *errors])
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
